import type { Curve } from '../curve.ts';
import { money, number, percent, signedMoney } from '../format.ts';
import type { RunStory } from '../run-story.ts';
import type { RunStatistics } from '../statistics.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../summary.ts';
import type { ReportFacts, RunFacts } from './facts.ts';
import { html, type Markup } from './markup.ts';

/** Whether two runs can be laid over each other: the same sessions, all of them closed. */
export function haveSameSessions(a: RunStory, b: RunStory): boolean {
  const datesOf = ({ sessionStarts }: RunStory): string => sessionStarts.map(({ date }) => date).join();
  const isWhole = ({ collector, sessionStarts }: RunStory): boolean =>
    sessionStarts.length > 0 && collector.sessions.length === sessionStarts.length;
  return isWhole(a) && isWhole(b) && datesOf(a) === datesOf(b);
}

/** Another run's curve along this one's: session by session, however many points each has of one. */
export function placedAlong(
  own: RunStory,
  other: RunStory,
): { readonly curve: Curve; readonly placed: (at: number) => number } {
  const [from, to] = [boundsOf(other), boundsOf(own)];
  const placed = (at: number): number => {
    const point = at * (other.curve.points - 1);
    let k = from.length - 2;
    while (k > 0 && from[k] > point) k -= 1;
    const share = Math.max(0, point - from[k]) / (from[k + 1] - from[k]);
    return (to[k] + share * (to[k + 1] - to[k])) / (own.curve.points - 1);
  };
  return { curve: other.curve, placed };
}

/** The last point before each session, and the last of all. */
function boundsOf({ sessionStarts, curve }: RunStory): readonly number[] {
  return [...sessionStarts.map(({ point }) => point - 1), curve.points - 1];
}

/** The name of a run among two. */
export function shortName({ scenario, runId }: RunFacts): string {
  return `${scenario} ${runId.slice(0, 12)}`;
}

type Row = readonly [
  label: string,
  of: (s: RunStatistics) => number | null,
  text: (value: number | null) => string,
];

/** The figures of both runs, and what this one has more. */
export function comparison(facts: ReportFacts): Markup {
  const { other, statistics } = facts;
  if (other === undefined) return html``;
  const hasYear = statistics.sessions.length >= SESSIONS_FOR_YEARLY_FIGURES;
  const inPercent = (value: number | null): string => percent(value);
  const rows: readonly Row[] = [
    ['net P&L', (s) => s.netPnlMicros, signedMoney],
    ['total return', (s) => s.totalReturn, inPercent],
    ['Sharpe', (s) => (hasYear ? s.sharpe : null), (value) => number(value, 2)],
    ['max drawdown', (s) => s.maxDrawdown.frac, inPercent],
    ['turnover', (s) => s.turnover, (value) => number(value, 2)],
    ['fees, borrowing too', (s) => s.feesMicros + s.borrowFeesMicros, money],
    ['slippage', (s) => s.slippage.costMicros, money],
    ['mean gross exposure', (s) => s.exposure.meanGrossFrac, inPercent],
    ['round trips', (s) => s.roundTrips.count, (value) => number(value)],
    ['hit rate', (s) => s.roundTrips.hitRate, (value) => percent(value, 1)],
    ['fills', (s) => s.orders.fills, (value) => number(value)],
  ];
  return html`<section aria-labelledby="compared"><h2 id="compared">Compared with ${shortName(other)}</h2>
<div class="scroll" role="region" aria-label="Comparison" tabindex="0"><table>
<caption>Figures of both runs, over the same sessions</caption>
<thead><tr><th scope="col">figure</th><th scope="col" class="figure">this run</th><th scope="col" class="figure">the other</th><th scope="col" class="figure">difference</th></tr></thead>
<tbody>${rows.map(([label, of, text]) => {
    const [a, b] = [of(statistics), of(other.statistics)];
    const more = a === null || b === null ? null : a - b;
    return html`<tr><th scope="row">${label}</th><td class="figure">${text(a)}</td><td class="figure">${text(b)}</td><td class="figure">${text(more)}</td></tr>
`;
  })}</tbody></table></div>
<p>Where the two part, and why: <code class="command">sametape diff ${facts.shellDir} ${other.shellDir}</code></p></section>
`;
}
