import { money, number, percent, signedMoney } from '../format.ts';
import { type Gain, gainsByHorizon, gainsBySymbol } from '../gains.ts';
import { type BarRow, barTable } from './bar-table.ts';
import type { ReportFacts } from './facts.ts';
import { html, type Markup } from './markup.ts';

/** Best and worst shown of many symbols, each. */
const MOST_EACH = 15;

/** Where the net P&L came from, in three ways that each add up to it. */
export function attribution({ story, statistics: s, horizons }: ReportFacts): Markup {
  if (s.orders.fills === 0 && s.netPnlMicros === 0) return html``;
  const heads = ['net P&L', 'trips', 'hit rate'];
  const total = {
    label: 'net P&L',
    cells: [signedMoney(s.netPnlMicros), number(s.roundTrips.count), percent(s.roundTrips.hitRate, 1)],
  };
  return html`<section aria-labelledby="attribution"><h2 id="attribution">Where it came from</h2><div class="columns">
${barTable({
  caption: 'P&L by symbol',
  heads: ['symbol', ...heads],
  rows: mostTelling(gainsBySymbol(story)).map(gainRow),
  total,
})}
<div>${barTable({
    caption: 'P&L by the horizon of entry',
    heads: ['horizon', ...heads],
    rows: gainsByHorizon(story, horizons).map(gainRow),
    total,
  })}
${costTable(s)}</div></div></section>
`;
}

/** Best first: those in the middle of a long list become one row, so that the list still adds up. */
function mostTelling(gains: readonly Gain[]): readonly Gain[] {
  if (gains.length <= 2 * MOST_EACH + 1) return gains;
  const middle = gains.slice(MOST_EACH, -MOST_EACH);
  const sum = (of: (gain: Gain) => number): number => middle.reduce((total, gain) => total + of(gain), 0);
  const rest = {
    name: `${number(middle.length)} others`,
    netMicros: sum(({ netMicros }) => netMicros),
    trips: sum(({ trips }) => trips),
    wins: sum(({ wins }) => wins),
  };
  return [...gains.slice(0, MOST_EACH), rest, ...gains.slice(-MOST_EACH)];
}

function gainRow({ name, netMicros, trips, wins }: Gain): BarRow {
  return {
    label: name,
    to: netMicros,
    cells: [
      signedMoney(netMicros),
      trips === 0 ? '' : number(trips),
      trips === 0 ? '' : percent(wins / trips, 1),
    ],
  };
}

/** From what the decisions were worth at the prices they saw, down to what was left. */
function costTable(s: ReportFacts['statistics']): Markup {
  const { costMicros, costBps } = s.slippage;
  const ofTraded = (micros: number): string =>
    s.tradedMicros === 0 ? '' : `${number((micros * 1e4) / s.tradedMicros, 2)} bps`;
  const before = s.grossPnlMicros + costMicros;
  let level = before;
  const step = (label: string, micros: number, bps: string): BarRow => {
    const from = level;
    level -= micros;
    return { label, from, to: level, cells: [signedMoney(-micros), bps] };
  };
  const rows: BarRow[] = [
    { label: 'before costs', to: before, tone: 'plain', cells: [signedMoney(before), ''] },
    step('slippage', costMicros, costBps === null ? '' : `${number(costBps, 2)} bps`),
    step('fees', s.feesMicros, ofTraded(s.feesMicros)),
    ...(s.borrowFeesMicros === 0 ? [] : [step('borrow fees', s.borrowFeesMicros, '')]),
    { label: 'net P&L', to: s.netPnlMicros, cells: [signedMoney(s.netPnlMicros), ''] },
  ];
  return html`${barTable({ caption: 'What trading cost, from the mid that each decision saw', heads: ['step', 'P&L', 'of traded'], rows })}${
    s.dividendsMicros !== 0 &&
    html`<p class="note">${money(s.dividendsMicros)} of it are dividends, received less paid.</p>`
  }`;
}
