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
export const SESSIONS_FOR_YEARLY_FIGURES = 20;

const KINDS: readonly DecisionKind[] = ['TRADE', 'EXIT', 'HOLD', 'BLOCKED'];
const LABEL_WIDTH = 18;
const VALUE_WIDTH = 18;

type Cell = readonly [label: string, value: string, paint?: (text: string) => string];

/** What two columns of figures take, and what decisions with their shares do. */
const FULL_WIDTH = 2 * (LABEL_WIDTH + VALUE_WIDTH) + 6;
const NARROW_WIDTH = 58;

interface Layout {
  readonly painter: SummaryPainter;
  readonly isNarrow: boolean;
}

/** A line of text, or two figures that stand beside each other where there is room. */
type Line = string | readonly Cell[];

/**
 * The summary of a run: lines of text, newline at the end, no escape codes of its own. In two columns, which take 78
 * characters, or in one where the screen has fewer.
 */
export function renderSummary(
  statistics: RunStatistics,
  painter: SummaryPainter = PLAIN,
  width = FULL_WIDTH,
): string {
  const layout = { painter, isNarrow: width < FULL_WIDTH };
  return `${[
    ...performanceLines(statistics, layout),
    '',
    ...tradingLines(statistics, layout),
    '',
    ...decisionLines(statistics, layout),
  ]
    .flatMap((part) => (typeof part === 'string' ? [part] : figureLines(part, layout)))
    .join('\n')}\n`;
}

function performanceLines(s: RunStatistics, layout: Layout): Line[] {
  const { painter } = layout;
  const { red, green } = painter;
  const tone = s.netPnlMicros < 0 ? red : green;
  const hasYear = s.sessions.length >= SESSIONS_FOR_YEARLY_FIGURES;
  return [
    heading(layout, 'Performance', `${counted(s.sessions.length, 'session')}, ${counted(s.cycles, 'cycle')}`),
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
    ...(s.dividendsMicros === 0 ? [] : [[['dividends', signedMoney(s.dividendsMicros)]] as const]),
    painter.dim(
      hasYear
        ? `  Sharpe, Sortino: ${counted(s.sessions.length, 'daily return')}, excess over 0, times sqrt(252).`
        : `  Yearly figures: from ${SESSIONS_FOR_YEARLY_FIGURES} sessions on; see summary.json.`,
    ),
  ];
}

function tradingLines(s: RunStatistics, layout: Layout): Line[] {
  const { orders, roundTrips: trips, exposure } = s;
  const rejected = Object.entries(orders.rejectedBy).sort(byCount);
  return [
    heading(layout, 'Trading', `${counted(orders.intended, 'order')}, ${counted(orders.fills, 'fill')}`),
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

function decisionLines(s: RunStatistics, layout: Layout): string[] {
  const { painter } = layout;
  const totals = KINDS.map((kind) => sum(Object.values(s.decisions[kind] ?? {})));
  const all = sum(totals);
  const lines = [heading(layout, 'Decisions', number(all))];
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

function heading({ painter, isNarrow }: Layout, title: string, note: string): string {
  const width = isNarrow ? NARROW_WIDTH : FULL_WIDTH;
  return `${painter.bold(title)}${painter.dim(note.padStart(width - title.length))}`;
}

function line(left: Cell, right: Cell): Line {
  return [left, right];
}

function figureLines(cells: readonly Cell[], { isNarrow }: Layout): string[] {
  const texts = cells.map(([label, value, paint = (text) => text]) => {
    return label.padEnd(LABEL_WIDTH) + paint(value.padStart(VALUE_WIDTH));
  });
  return (isNarrow ? texts : [texts.join('    ')]).map((text) => `  ${text}`);
}

function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
