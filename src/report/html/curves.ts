import { rangeOf } from '../curve.ts';
import { money, number, percent, signedMoney, signedPercent } from '../format.ts';
import { MARKED_KINDS } from '../incidents.ts';
import { weightSeries } from '../run-story.ts';
import { placedAlong, shortName } from './compare.ts';
import type { ReportFacts } from './facts.ts';
import { lineChart } from './line-chart.ts';
import { html, type Markup } from './markup.ts';

const MARKS = MARKED_KINDS.map((kind) => ({ name: kind, label: kind }));

/** How the run went: equity, the way below its peaks, and what was held; then the sessions in figures. */
export function curves(facts: ReportFacts): Markup {
  return html`<section aria-labelledby="course"><h2 id="course">Course</h2>
${equityChart(facts)}${drawdownChart(facts)}${exposureChart(facts)}${sessionTable(facts)}</section>
`;
}

function equityChart(facts: ReportFacts): Markup {
  const { story, statistics: s, other } = facts;
  const { curve, sessionStarts } = story;
  const range = rangeOf(curve, 'equity');
  if (range === undefined) return html`<p>No session was opened, so that there is no curve.</p>`;
  const marked = MARKS.flatMap(({ name, label }) => {
    const count = story.incidents.counts.get(name) ?? 0;
    return count === 0 ? [] : [`${number(count)} x ${label}`];
  });
  return lineChart({
    title: 'Equity',
    description: `Equity from ${money(s.initialEquityMicros)} to ${money(s.finalEquityMicros)}, lowest ${money(range.min)}, highest ${money(range.max)}${marked.length === 0 ? '' : `; marked: ${marked.join(', ')}`}.${other === undefined ? '' : ` Beside it ${shortName(other)}, to ${money(other.statistics.finalEquityMicros)}.`}`,
    ...{ curve, sessionStarts, marks: MARKS },
    series: [
      { name: 'equity', label: other === undefined ? 'equity' : `this run, ${shortName(facts)}`, tone: 1 },
      ...(other === undefined
        ? []
        : [{ name: 'equity', label: shortName(other), tone: 5, of: placedAlong(story, other.story) }]),
    ],
    height: 300,
    baseline: s.initialEquityMicros,
    unit: 1_000_000,
    tick: dollarTick,
  });
}

function drawdownChart({ story, statistics: s }: ReportFacts): Markup {
  const { curve, sessionStarts } = story;
  return lineChart({
    title: 'Below the highest equity',
    description: `How far equity was below its highest so far: at most ${percent(s.maxDrawdown.frac)}, ${money(s.maxDrawdown.micros)}.`,
    ...{ curve, sessionStarts },
    series: [{ name: 'drawdown', label: 'drawdown', tone: 2 }],
    height: 150,
    ...{ baseline: 0, unit: 0.01, tick: percentTick },
  });
}

function exposureChart({ story, statistics: s }: ReportFacts): Markup {
  const { curve, sessionStarts } = story;
  const range = rangeOf(curve, 'gross');
  if (range === undefined || range.max === 0) return html``;
  const { meanGrossFrac, meanNetFrac } = s.exposure;
  return lineChart({
    title: 'Exposure, of equity',
    description: `Gross exposure up to ${percent(range.max)} of equity, ${percent(meanGrossFrac)} in the mean; net ${signedPercent(meanNetFrac)} in the mean.`,
    ...{ curve, sessionStarts },
    series: [
      { name: 'gross', label: 'gross', tone: 3 },
      { name: 'net', label: 'net', tone: 1 },
    ],
    height: 180,
    isRestless: true,
    ...{ baseline: 0, unit: 0.01, tick: percentTick },
  });
}

/** Weights of horizons over time, where a run learned. */
export function learningSection({ story }: ReportFacts): Markup {
  const { curve, sessionStarts, weights, learning } = story;
  if (learning === undefined) return html``;
  const ended = weights.map(([horizon, weight]) => `${horizon} ${percent(weight, 1)}`).join(', ');
  const series = weights.map(([horizon], k) => ({
    name: weightSeries(horizon),
    label: horizon,
    tone: (k % 6) + 1,
  }));
  return html`<section aria-labelledby="learning"><h2 id="learning">Learning</h2>
<p>Weights that arbitration gave to horizons, learned by ${learning.algorithm} in ${number(learning.rounds)} rounds. At the end: ${ended}.</p>
${lineChart({
  title: 'Weight of each horizon',
  description: `Weights of horizons as they were learned; at the end: ${ended}.`,
  ...{ curve, sessionStarts, series },
  height: 200,
  ...{ unit: 0.01, tick: percentTick },
})}</section>
`;
}

/** Whole dollars, or cents and as much finer as ticks need. */
function dollarTick(dollars: number, decimals: number): string {
  const text = number(Math.abs(dollars), decimals === 0 ? 0 : Math.max(2, decimals));
  return dollars < 0 ? `-$${text}` : `$${text}`;
}

function percentTick(value: number, decimals: number): string {
  return `${number(value, decimals)} %`;
}

/** Above so many rows, only the last session of each month has one. */
const MOST_ROWS = 300;

function sessionTable({ story, statistics: s }: ReportFacts): Markup {
  const all = s.sessions.map(({ date, equityMicros }, k) => ({
    date,
    equityMicros,
    pnlMicros: equityMicros - (k === 0 ? s.initialEquityMicros : s.sessions[k - 1].equityMicros),
  }));
  if (all.length === 0)
    return html`<p>${story.sessionStarts.length === 0 ? '' : 'No session was closed.'}</p>`;
  const isByMonth = all.length > MOST_ROWS;
  const rows = isByMonth ? monthsOf(all) : all;
  const what = isByMonth ? 'Months' : 'Sessions';
  return html`<details><summary>${what} in figures</summary>
<div class="scroll" role="region" aria-label="${what}" tabindex="0"><table>
<caption>${what}: equity at the close, and what it changed by</caption>
<thead><tr><th scope="col">${isByMonth ? 'last session' : 'session'}</th><th scope="col" class="figure">equity</th><th scope="col" class="figure">P&amp;L</th></tr></thead>
<tbody>${rows.map(
    ({ date, equityMicros, pnlMicros }) =>
      html`<tr><th scope="row">${date}</th><td class="figure">${money(equityMicros)}</td><td class="figure">${signedMoney(pnlMicros)}</td></tr>
`,
  )}</tbody></table></div></details>
`;
}

interface SessionRow {
  readonly date: string;
  readonly equityMicros: number;
  readonly pnlMicros: number;
}

function monthsOf(rows: readonly SessionRow[]): readonly SessionRow[] {
  const months = new Map<string, SessionRow>();
  for (const row of rows) {
    const month = row.date.slice(0, 7);
    months.set(month, { ...row, pnlMicros: row.pnlMicros + (months.get(month)?.pnlMicros ?? 0) });
  }
  return [...months.values()];
}
