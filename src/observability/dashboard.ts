import { createHash } from 'node:crypto';
import { DASHBOARD_SCRIPT } from './dashboard-script.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d9dee3; --card: #f6f8fa; --good: #116329; --bad: #a40e26; --mark: #0b5cad; --back: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf0; --soft: #9aa6b2; --line: #333b44; --card: #1b2026; --good: #57d28a; --bad: #ff8b94; --mark: #72b4ff; --back: #12161a; } }
body { margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 1.5rem 0 .25rem; font-size: 1rem; }
p { margin: .25rem 0; color: var(--soft); } .good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
#silent { color: var(--back); background: var(--bad); padding: .5rem .75rem; border-radius: .4rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .5rem; }
dl div { background: var(--card); border-radius: .4rem; padding: .5rem .75rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; background: var(--card); border-radius: .4rem; } polyline { fill: none; stroke: var(--mark); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
text { fill: var(--soft); font-size: 10px; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .75rem .2rem 0; text-align: left; overflow-wrap: break-word; }
th { color: var(--soft); font-size: .85rem; font-weight: 400; } td { border-top: 1px solid var(--line); }
.decisions :is(th, td):last-child, .positions :is(th, td):not(:first-child) { text-align: right; }
`;

const figure = (id: string, title: string): string => `<div><dt>${title}</dt><dd id="${id}">-</dd></div>`;

function table(id: string, titles: readonly string[]): string {
  const head = titles.map((title) => `<th scope="col">${title}</th>`).join('');
  return `<table class="${id}"><thead><tr>${head}</tr></thead><tbody id="${id}"></tbody></table>`;
}

/** The page: self-contained, read-only, and empty until its script has asked for the state of the run. */
export const DASHBOARD_HTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>sametape</title><style>${STYLE}</style></head><body>
<h1 id="name">sametape</h1><p id="what">starting</p><p id="time"></p><p id="health" role="status"></p><p id="silent" role="alert" hidden></p>
<dl>${figure('equity', 'equity')}${figure('today', 'since last close')}${figure('drawdown', 'drawdown')}${figure('cash', 'cash')}${figure('gross', 'gross exposure')}${figure('net', 'net exposure')}${figure('working', 'orders at work')}${figure('fills', 'fills')}${figure('fees', 'fees')}${figure('cycles', 'cycles')}</dl>
<h2>Equity since this page was opened</h2>
<svg viewBox="0 0 600 120" role="img" aria-label="equity since this page was opened"><polyline id="line" points=""></polyline><text id="high" x="4" y="11"></text><text id="low" x="4" y="117"></text></svg>
<h2>Open alerts</h2>${table('alerts', ['severity', 'alert', 'what', 'since', 'seen'])}<p id="quiet">none</p>
<h2>Positions</h2>${table('positions', ['symbol', 'shares', 'value'])}<p id="flat">none</p>
<h2>Decisions, the most frequent reasons</h2>${table('decisions', ['decision', 'reason', 'times'])}
<p>This page only reads. Commands go through <code>sametape ctl</code>.</p>
<script>${DASHBOARD_SCRIPT}</script></body></html>
`;

/** Nothing from elsewhere, and nothing but what is written above. */
export const DASHBOARD_POLICY = [
  "default-src 'none'",
  `script-src ${sourceHash(DASHBOARD_SCRIPT)}`,
  `style-src ${sourceHash(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
