import type { MoneyMicros } from '../domain/units.ts';
import { returnsOf, sharpeRatio } from './measures.ts';
import { SESSIONS_PER_YEAR } from './statistics.ts';

/** What the trials of a sweep are compared by. */
export const METRICS = ['pnl', 'sharpe', 'drawdown'] as const;
export type Metric = (typeof METRICS)[number];

/** What a part of a run made: some of its sessions, one after the other. */
export interface PartFigures {
  readonly pnlMicros: MoneyMicros;
  /** Null where it is not defined. */
  readonly sharpe: number | null;
  /** Largest fall from a peak, fraction of the peak, seen at session closes. */
  readonly drawdownFrac: number;
}

/** @param equity closing equity of the session before the part, then of each of its sessions */
export function figuresOf(equity: readonly MoneyMicros[]): PartFigures {
  let peak = equity[0]!;
  let drawdownFrac = 0;
  for (const value of equity) {
    peak = Math.max(peak, value);
    if (peak > 0) drawdownFrac = Math.max(drawdownFrac, (peak - value) / peak);
  }
  return {
    pnlMicros: equity.at(-1)! - equity[0]!,
    sharpe: sharpeRatio(returnsOf(equity), SESSIONS_PER_YEAR),
    drawdownFrac,
  };
}

/**
 * What trials are ordered by: more is better. A trial that never moved has a Sharpe ratio of 0 here, so that it is
 * neither better than a gain nor worse than a loss; one that has none for another reason comes last.
 */
export function scoreOf(metric: Metric, { pnlMicros, sharpe, drawdownFrac }: PartFigures): number {
  switch (metric) {
    case 'pnl':
      return pnlMicros;
    case 'sharpe':
      return sharpe ?? (drawdownFrac === 0 && pnlMicros === 0 ? 0 : Number.NEGATIVE_INFINITY);
    case 'drawdown':
      return drawdownFrac === 0 ? 0 : -drawdownFrac;
  }
}

/** Indexes of scores from the best to the worst; of equals, the earlier is before. */
export function orderOf(scores: readonly number[]): number[] {
  return scores
    .map((_, at) => at)
    .sort((a, b) => (scores[a]! === scores[b]! ? a - b : scores[a]! < scores[b]! ? 1 : -1));
}
