import { compareCodeUnits } from '../domain/compare.ts';
import type { DecisionKind } from '../domain/decisions.ts';
import { duration, money, number, percent, signedMoney, signedPercent } from './format.ts';
import type { RunStatistics } from './statistics.ts';

/** Colours, given by who knows the terminal; plain text without. */
export interface SummaryPainter {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

const PLAIN: SummaryPainter = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
};

/** A year made of fewer sessions than this says nothing: yearly figures are left out. */
const SESSIONS_FOR_YEARLY_FIGURES = 20;

const KINDS: readonly DecisionKind[] = ['TRADE', 'EXIT', 'HOLD', 'BLOCKED'];
const LABEL_WIDTH = 18;
const VALUE_WIDTH = 18;

type Cell = readonly [label: string, value: string, paint?: (text: string) => string];

/** The summary of a run for a terminal of 80 columns: lines of text, newline at the end, no escape codes of its own. */
export function renderSummary(statistics: RunStatistics, painter: SummaryPainter = PLAIN): string {
  return `${[
    ...performanceLines(statistics, painter),
    '',
    ...tradingLines(statistics, painter),
    '',
    ...decisionLines(statistics, painter),
  ].join('\n')}\n`;
}

function performanceLines(s: RunStatistics, painter: SummaryPainter): string[] {
  const { red, green } = painter;
  const tone = s.netPnlMicros < 0 ? red : green;
  const hasYear = s.sessions.length >= SESSIONS_FOR_YEARLY_FIGURES;
  return [
    heading(
      painter,
      'Performance',
      `${counted(s.sessions.length, 'session')}, ${counted(s.cycles, 'cycle')}`,
    ),
    line(['final equity', money(s.finalEquityMicros)], ['total return', signedPercent(s.totalReturn), tone]),
    line(
      ['net P&L', signedMoney(s.netPnlMicros), tone],
      ['return a year', hasYear ? signedPercent(s.annualizedReturn) : number(null)],
    ),
    line(
      ['P&L before fees', signedMoney(s.grossPnlMicros)],
      ['Sharpe', hasYear ? number(s.sharpe, 2) : number(null)],
    ),
    line(['fees', money(s.feesMicros)], ['Sortino', hasYear ? number(s.sortino, 2) : number(null)]),
    ...(s.borrowFeesMicros === 0
      ? []
      : [
          line(
            ['borrow fees', money(s.borrowFeesMicros)],
            ['fees in all', money(s.feesMicros + s.borrowFeesMicros)],
          ),
        ]),
    line(
      ['slippage', money(s.slippage.costMicros)],
      ['Calmar', hasYear ? number(s.calmar, 2) : number(null)],
    ),
    line(['max drawdown', percent(s.maxDrawdown.frac)], ['in money', money(s.maxDrawdown.micros)]),
    line(
      ['longest drawdown', duration(s.maxDrawdown.durationUs)],
      ['slippage in bps', number(s.slippage.costBps, 2)],
    ),
    ...(s.dividendsMicros === 0 ? [] : [`  ${cell(['dividends', signedMoney(s.dividendsMicros)])}`]),
    painter.dim(
      hasYear
        ? `  Sharpe, Sortino: ${counted(s.sessions.length, 'daily return')}, excess over 0, times sqrt(252).`
        : `  Sharpe, Sortino and Calmar: from ${SESSIONS_FOR_YEARLY_FIGURES} sessions on; see summary.json.`,
    ),
  ];
}

function tradingLines(s: RunStatistics, painter: SummaryPainter): string[] {
  const { orders, roundTrips: trips, exposure } = s;
  const rejected = Object.entries(orders.rejectedBy).sort(byCount);
  return [
    heading(painter, 'Trading', `${counted(orders.intended, 'order')}, ${counted(orders.fills, 'fill')}`),
    line(
      ['filled', number(orders.filled)],
      ['turnover', s.turnover === null ? number(null) : `${number(s.turnover, 2)} x`],
    ),
    line(
      ['cancelled, expired', number(orders.cancelled + orders.expired)],
      ['mean gross', percent(exposure.meanGrossFrac)],
    ),
    line(['rejected', number(orders.rejected)], ['mean net', signedPercent(exposure.meanNetFrac)]),
    ...rejected.map(([reason, count]) => `    ${reason.padEnd(28)}${number(count).padStart(10)}`),
    line(['round trips', number(trips.count)], ['time in market', percent(exposure.timeInMarketFrac, 1)]),
    line(
      ['long / short', `${number(trips.long)} / ${number(trips.short)}`],
      ['mean a trip', signedMoney(trips.meanNetMicros)],
    ),
    line(['hit rate', percent(trips.hitRate, 1)], ['best trip', signedMoney(trips.bestMicros)]),
    line(['profit factor', number(trips.profitFactor, 2)], ['worst trip', signedMoney(trips.worstMicros)]),
    line(['mean holding time', duration(trips.meanHoldingUs)], ['traded', money(s.tradedMicros)]),
    ...(s.openAtEnd.count === 0
      ? []
      : [
          line(
            ['open at the end', number(s.openAtEnd.count)],
            ['unrealised', signedMoney(s.openAtEnd.unrealisedMicros)],
          ),
        ]),
  ];
}

function decisionLines(s: RunStatistics, painter: SummaryPainter): string[] {
  const totals = KINDS.map((kind) => sum(Object.values(s.decisions[kind] ?? {})));
  const all = sum(totals);
  const lines = [heading(painter, 'Decisions', number(all))];
  KINDS.forEach((kind, k) => {
    if (totals[k] === 0) return;
    lines.push(`  ${painter.bold(kind.padEnd(34))}${number(totals[k]).padStart(12)}${share(totals[k], all)}`);
    for (const [reason, count] of Object.entries(s.decisions[kind] ?? {}).sort(byCount)) {
      lines.push(`    ${reason.padEnd(32)}${number(count).padStart(12)}${share(count, all)}`);
    }
  });
  return lines;
}

function share(count: number, all: number): string {
  return percent(count / all, 1).padStart(10);
}

/** Most frequent first, then by name. */
function byCount(a: readonly [string, number], b: readonly [string, number]): number {
  return b[1] - a[1] || compareCodeUnits(a[0], b[0]);
}

function heading(painter: SummaryPainter, title: string, note: string): string {
  return `${painter.bold(title)}${painter.dim(note.padStart(2 * (LABEL_WIDTH + VALUE_WIDTH) + 6 - title.length))}`;
}

function line(left: Cell, right: Cell): string {
  return `  ${cell(left)}    ${cell(right)}`;
}

function cell([label, value, paint = (text) => text]: Cell): string {
  return label.padEnd(LABEL_WIDTH) + paint(value.padStart(VALUE_WIDTH));
}

function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
