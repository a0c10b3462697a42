import type { MoneyMicros } from '../domain/units.ts';
import {
  type BacktestOverfitting,
  backtestOverfitting,
  type SessionOutcome,
} from '../report/backtest-overfitting.ts';
import { type DeflatedSharpe, deflatedSharpe } from '../report/deflated-sharpe.ts';
import { returnsOf } from '../report/measures.ts';
import type { Metric } from '../report/part-score.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';

/** Below it neither the spread of the trials nor a rank among them says anything. */
const FEWEST_TRIALS = 5;

/** Why there is no number. */
export interface Refused {
  readonly refused: string;
}

/** How much of the best trial may be the luck of having tried many. */
export interface OverfittingAccount {
  /** Trials that ended with different equity: what is equal is one trial. */
  readonly distinctTrials: number;
  readonly deflatedSharpe: DeflatedSharpe | Refused;
  readonly probability: BacktestOverfitting | Refused;
}

/**
 * @param curves equity of each trial that ended: its initial capital, then a value a session
 * @param chosen index of the best
 * @param sessions undefined where trials do not have the same
 * @param priorTrials trials that were made before, which count as well
 */
export function overfittingOf(
  curves: readonly (readonly MoneyMicros[])[],
  {
    chosen,
    metric,
    sessions,
    priorTrials,
  }: {
    readonly chosen: number;
    readonly metric: Metric;
    readonly sessions: readonly string[] | undefined;
    readonly priorTrials: number;
  },
): OverfittingAccount {
  const distinct = [...new Map(curves.map((curve) => [curve.join(), curve])).values()];
  const distinctTrials = distinct.length;
  const reason = whyNot(distinct, sessions);
  if (reason !== undefined) {
    return { distinctTrials, deflatedSharpe: { refused: reason }, probability: { refused: reason } };
  }
  const returns = distinct.map(returnsOf);
  const deflated = deflatedSharpe(returns, {
    chosen: distinct.findIndex((curve) => curve.join() === curves[chosen]!.join()),
    counted: distinctTrials + priorTrials,
  });
  return {
    distinctTrials,
    deflatedSharpe: deflated ?? { refused: 'the best trial never moved' },
    probability: backtestOverfitting(
      distinct.map((curve, at) => outcomesOf(curve, returns[at]!)),
      metric,
    ),
  };
}

function whyNot(
  distinct: readonly (readonly MoneyMicros[])[],
  sessions: readonly string[] | undefined,
): string | undefined {
  if (sessions === undefined) return 'the trials do not have the same sessions';
  if (sessions.length < SESSIONS_FOR_YEARLY_FIGURES) {
    return `expected at least ${SESSIONS_FOR_YEARLY_FIGURES} sessions, found ${sessions.length}`;
  }
  if (distinct.length < FEWEST_TRIALS) {
    return `expected at least ${FEWEST_TRIALS} trials that differ, found ${distinct.length}`;
  }
  const isLost = distinct.some((curve) => curve.slice(0, -1).some((equity) => equity <= 0));
  return isLost ? 'a trial lost all of its capital and has no returns from then on' : undefined;
}

function outcomesOf(curve: readonly MoneyMicros[], returns: readonly number[]): SessionOutcome[] {
  return returns.map((returnFrac, at) => ({ returnFrac, pnlMicros: curve[at + 1]! - curve[at]! }));
}
