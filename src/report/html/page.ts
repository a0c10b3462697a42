import { createHash } from 'node:crypto';
import { number } from '../format.ts';
import { attribution } from './attribution.ts';
import { comparison } from './compare.ts';
import { curves, learningSection } from './curves.ts';
import { decisions, incidents } from './decisions.ts';
import type { ReportFacts } from './facts.ts';
import { allFigures, header, headline } from './figures.ts';
import { html, type Markup, raw } from './markup.ts';
import { STYLE } from './style.ts';
import { trips } from './trips.ts';

/** Nothing may be loaded, run or sent; the one style sheet is named by its hash. */
const POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
].join('; ');

const MOST_SYMBOLS = 100;

/**
 * A run as one page of HTML that needs nothing beside it: no script, no font, no network. The same facts give the same
 * text anywhere; its length is bounded, however long the run.
 */
export function renderReport(facts: ReportFacts): string {
  const { scenario, runId } = facts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${scenario} ${runId.slice(0, 12)} - sametape report</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>
${header(facts)}${headline(facts)}${curves(facts)}${comparison(facts)}${attribution(facts)}${incidents(facts)}${trips(facts)}${learningSection(facts)}${decisions(facts)}${allFigures(facts)}${origin(facts)}</main>
</body>
</html>
`.markup;
}

/** What the run was made from, and how to check that this page tells the truth about it. */
function origin(facts: ReportFacts): Markup {
  const { story, horizons, models, codeSha256, datasetSha256, shellDir, records } = facts;
  const { symbols } = story.collector.ledger;
  const shown = symbols.slice(0, MOST_SYMBOLS).join(' ');
  const others = symbols.length - MOST_SYMBOLS;
  return html`<footer><h2>Made from</h2>
<dl class="heads">
<div><dt>universe</dt><dd>${number(symbols.length)} symbols: ${shown}${others > 0 && ` and ${number(others)} more`}</dd></div>
<div><dt>horizons</dt><dd>${horizons.length === 0 ? 'none' : horizons.join(', ')}</dd></div>
<div><dt>models</dt><dd>${number(models)}</dd></div>
<div><dt>dataset</dt><dd><code>${datasetSha256}</code></dd></div>
<div><dt>code</dt><dd><code>${codeSha256}</code></dd></div>
<div><dt>records</dt><dd>${number(records)}</dd></div>
</dl>
<p>All of it is read from the tape of the run. That the tape is what was written, and comes out again when computed anew: <code class="command">sametape verify ${shellDir}</code> <code class="command">sametape replay ${shellDir}</code></p>
</footer>
`;
}
