import { US_PER_SECOND } from '../../domain/units.ts';
import { duration, money, number, percent, signedMoney, signedPercent } from '../format.ts';
import type { RunStatistics } from '../statistics.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../summary.ts';
import type { ReportFacts } from './facts.ts';
import { html, type Markup } from './markup.ts';

/** Whose run this is, and whether all of it is here. */
export function header(facts: ReportFacts): Markup {
  const { scenario, runId, mode, story, forkedFrom, chainHead, decisionHead } = facts;
  const dates = story.sessionStarts.map(({ date }) => date);
  const span =
    dates.length === 0
      ? 'no session yet'
      : dates.length === 1
        ? dates[0]
        : `${dates[0]} to ${dates[dates.length - 1]}`;
  return html`<header>
<h1>${scenario}</h1>
<p class="lead">${span} <span class="badge">${mode}</span>${forkedFrom !== undefined && html` <span class="badge">fork of ${forkedFrom.runId.slice(0, 12)} from cycle ${number(forkedFrom.cycle)}</span>`}</p>
<dl class="heads">
<div><dt>run</dt><dd><code>${runId}</code></dd></div>
<div><dt>chain head</dt><dd><code>${chainHead}</code></dd></div>
<div><dt>decision head</dt><dd><code>${decisionHead}</code></dd></div>
</dl>
${notices(facts).map((notice) => html`<p class="notice" role="note">${notice}</p>\n`)}</header>
`;
}

function notices(facts: ReportFacts): readonly Markup[] {
  const { story, isClosed, tornBytes, records, shellDir, formatTime, models, statistics } = facts;
  const found: Markup[] = [];
  if (!isClosed) {
    const until = story.firstUs === undefined ? '' : `, ${formatTime(whole(story.lastUs))} New York`;
    found.push(
      html`This run is not over: it goes on, or it crashed. Told as far as its tape goes: ${number(records)} records${until}.`,
    );
  }
  if (tornBytes > 0) {
    found.push(
      html`The last ${number(tornBytes)} bytes of the tape are a record cut short and are left out. Unless the run goes on, make it whole: <code class="command">sametape recover ${shellDir}</code>`,
    );
  }
  if (isClosed && story.stopReason !== undefined && story.stopReason !== 'completed') {
    found.push(html`The run stopped before its end: ${story.stopReason}.`);
  }
  if (models === 0) {
    found.push(html`Limited mode: the scenario names no models, so that nothing was predicted.`);
  }
  if (statistics.orders.fills === 0) found.push(html`Nothing was filled: there are no gains and no trades.`);
  return found;
}

/** Times of events are shown to the second. */
function whole(us: number): number {
  return us - (us % US_PER_SECOND);
}

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
  readonly tone?: 'gain' | 'loss' | undefined;
}

/** The figures one looks for first. */
export function headline({ statistics: s }: ReportFacts): Markup {
  const hasYear = s.sessions.length >= SESSIONS_FOR_YEARLY_FIGURES;
  const { orders, roundTrips: trips } = s;
  const figures: Figure[] = [
    {
      label: 'Net P&L',
      value: signedMoney(s.netPnlMicros),
      note: signedPercent(s.totalReturn),
      tone: toneOf(s.netPnlMicros),
    },
    {
      label: 'Sharpe',
      value: hasYear ? number(s.sharpe, 2) : number(null),
      note: hasYear ? 'daily, a year of 252' : `from ${SESSIONS_FOR_YEARLY_FIGURES} sessions on`,
    },
    {
      label: 'Max drawdown',
      value: percent(s.maxDrawdown.frac),
      note: `${money(s.maxDrawdown.micros)}, longest ${duration(s.maxDrawdown.durationUs)}`,
    },
    {
      label: 'Turnover',
      value: s.turnover === null ? number(null) : `${number(s.turnover, 2)} x`,
      note: `${money(s.tradedMicros)} traded`,
    },
    {
      label: s.borrowFeesMicros === 0 ? 'Fees' : 'Fees, borrowing too',
      value: money(s.feesMicros + s.borrowFeesMicros),
      note: `slippage ${money(s.slippage.costMicros)}`,
    },
    {
      label: 'Hit rate',
      value: percent(trips.hitRate, 1),
      note: `${number(trips.wins)} won, ${number(trips.losses)} lost`,
    },
    {
      label: 'Round trips',
      value: number(trips.count),
      note: `${number(trips.long)} long, ${number(trips.short)} short`,
    },
    { label: 'Fills', value: number(orders.fills), note: `of ${number(orders.intended)} orders` },
  ];
  return html`<section aria-labelledby="figures"><h2 id="figures" class="hidden">Key figures</h2>
<dl class="cards">${figures.map(
    ({ label, value, note, tone }) =>
      html`<div><dt>${label}</dt><dd class="${tone ?? 'plain'}">${value}</dd><dd class="note">${note ?? ''}</dd></div>
`,
  )}</dl></section>
`;
}

/** Every figure of the summary that has no place above. */
export function allFigures({ statistics: s }: ReportFacts): Markup {
  const hasYear = s.sessions.length >= SESSIONS_FOR_YEARLY_FIGURES;
  const yearly = (text: string): string => (hasYear ? text : number(null));
  const { orders, roundTrips: trips, exposure, openAtEnd } = s;
  const groups: readonly (readonly [string, readonly Figure[]])[] = [
    [
      'Performance',
      [
        { label: 'initial equity', value: money(s.initialEquityMicros) },
        { label: 'final equity', value: money(s.finalEquityMicros) },
        { label: 'return a year', value: yearly(signedPercent(s.annualizedReturn)) },
        { label: 'Sortino', value: yearly(number(s.sortino, 2)) },
        { label: 'Calmar', value: yearly(number(s.calmar, 2)) },
        { label: 'sessions, cycles', value: `${number(s.sessions.length)}, ${number(s.cycles)}` },
      ],
    ],
    [
      'Exposure',
      [
        { label: 'mean gross', value: percent(exposure.meanGrossFrac) },
        { label: 'mean net', value: signedPercent(exposure.meanNetFrac) },
        { label: 'time in market', value: percent(exposure.timeInMarketFrac, 1) },
        { label: 'open at the end', value: number(openAtEnd.count) },
        { label: 'unrealised', value: signedMoney(openAtEnd.unrealisedMicros) },
      ],
    ],
    ['Round trips', tripFigures(trips)],
    [
      'Orders',
      [
        { label: 'decided', value: number(orders.intended) },
        { label: 'filled', value: number(orders.filled) },
        { label: 'cancelled', value: number(orders.cancelled) },
        { label: 'expired', value: number(orders.expired) },
        { label: 'rejected', value: number(orders.rejected) },
      ],
    ],
  ];
  return html`<section aria-labelledby="more"><h2 id="more">All figures</h2><div class="groups">${groups.map(
    ([title, figures]) => html`<div><h3>${title}</h3><dl class="pairs">${figures.map(
      ({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>
`,
    )}</dl></div>
`,
  )}</div></section>
`;
}

function tripFigures(trips: RunStatistics['roundTrips']): readonly Figure[] {
  return [
    { label: 'mean', value: signedMoney(trips.meanNetMicros) },
    { label: 'best', value: signedMoney(trips.bestMicros) },
    { label: 'worst', value: signedMoney(trips.worstMicros) },
    { label: 'profit factor', value: number(trips.profitFactor, 2) },
    { label: 'mean holding time', value: duration(trips.meanHoldingUs) },
  ];
}

/** Gains and losses differ by sign as well as by colour. */
export function toneOf(micros: number): 'gain' | 'loss' | undefined {
  return micros === 0 ? undefined : micros > 0 ? 'gain' : 'loss';
}
