import { compareCodeUnits } from '../../domain/compare.ts';
import { duration, money, number, signedMoney } from '../format.ts';
import { explainCommand } from '../shell-commands.ts';
import type { ClosedTrade } from '../trip-totals.ts';
import type { ReportFacts } from './facts.ts';
import { toneOf } from './figures.ts';
import { html, type Markup } from './markup.ts';

const MOST_EACH = 10;

/** The largest wins and losses, each with the commands that show what was behind them. */
export function trips(facts: ReportFacts): Markup {
  const { trades } = facts.story.collector;
  if (trades.length === 0) return html``;
  const ranked = [...trades].sort(bestFirst);
  const wins = ranked.filter(({ netMicros }) => netMicros > 0).slice(0, MOST_EACH);
  const losses = ranked
    .filter(({ netMicros }) => netMicros < 0)
    .reverse()
    .slice(0, MOST_EACH);
  return html`<section aria-labelledby="trips"><h2 id="trips">Round trips</h2>
<p>From flat to flat, after fees. A click selects a command; it shows everything behind the decision. Every round trip: <code class="command">sametape export ${facts.shellDir} --out DIR</code></p>
${tripTable(facts, 'Largest wins', wins)}${tripTable(facts, 'Largest losses', losses)}</section>
`;
}

function tripTable(facts: ReportFacts, title: string, trades: readonly ClosedTrade[]): Markup {
  if (trades.length === 0) return html`<p>${title}: none.</p>`;
  return html`<div class="scroll" role="region" aria-label="${title}" tabindex="0"><table class="trips">
<caption>${title}</caption>
<thead><tr><th scope="col">symbol</th><th scope="col" class="figure">net P&amp;L</th><th scope="col">side</th><th scope="col" class="figure">shares</th><th scope="col" class="figure">entry</th><th scope="col" class="figure">exit</th><th scope="col" class="figure">fees</th><th scope="col">horizon</th><th scope="col">opened, New York</th><th scope="col" class="figure">held</th></tr></thead>
${trades.map((trade) => tripRows(facts, trade))}</table></div>
`;
}

function tripRows(facts: ReportFacts, trade: ClosedTrade): Markup {
  const { symbol, direction, quantity, entryPriceE4, exitPriceE4, netMicros, feesMicros, horizon } = trade;
  const commands = [
    explained(facts, 'entry', symbol, trade.entryCycle),
    explained(facts, 'exit', symbol, trade.exitCycle),
  ];
  return html`<tbody><tr><th scope="row">${symbol}</th><td class="figure ${toneOf(netMicros) ?? ''}">${signedMoney(netMicros)}</td><td>${direction}</td><td class="figure">${number(quantity)}</td><td class="figure">${number(entryPriceE4 / 1e4, 4)}</td><td class="figure">${number(exitPriceE4 / 1e4, 4)}</td><td class="figure">${money(feesMicros)}</td><td>${horizon ?? ''}</td><td class="time">${facts.formatTime(trade.openedUs)}</td><td class="figure">${duration(trade.holdingUs)}</td></tr>
<tr class="commands"><td colspan="10">${commands}</td></tr></tbody>
`;
}

function explained({ shellDir }: ReportFacts, what: string, symbol: string, cycle: number | null): Markup {
  if (cycle === null) return html`<span>${what}: by no order of this run</span> `;
  return html`<span>${what} <code class="command">${explainCommand(shellDir, { cycle, symbol })}</code></span> `;
}

/** By what they gained, then by when and what, so that the order never depends on the machine. */
function bestFirst(a: ClosedTrade, b: ClosedTrade): number {
  return b.netMicros - a.netMicros || a.closedUs - b.closedUs || compareCodeUnits(a.symbol, b.symbol);
}
