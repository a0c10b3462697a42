import type { StageProbe } from '../domain/stage-probe.ts';
import type { MoneyMicros, Shares, TimeUs } from '../domain/units.ts';
import type { Predictions } from '../events/inputs.ts';
import type { WorkingOrder } from './6-risk/risk-book.ts';

/** The account and the moment a cycle decides for, frozen: everything the stages need beside the market and the models. */
export interface DecisionView {
  readonly cycle: number;
  readonly tUs: TimeUs;
  /** What the models said, absent when inference failed. */
  readonly predictions: Predictions | undefined;
  /** N signed positions. */
  readonly positionShares: Float64Array;
  /** N signed unfilled shares of working orders. */
  readonly workingShares: Float64Array;
  readonly working: readonly WorkingOrder[];
  readonly equityMicros: MoneyMicros;
  /** Session minutes since the start of the run: the clock horizons elapse on. */
  readonly sessionMinutes: number;
  readonly minutesToClose: number;
  readonly isSessionOpen: boolean;
  /** Each rules new exposure out: a kill switch is tripped, the operator paused trading, a connection is down. */
  readonly isKilled: boolean;
  readonly isPaused: boolean;
  readonly isDisconnected: boolean;
  /** N: 1 where books and broker differ, so that nothing may be traded; and whether they differ in cash. */
  readonly unreconciled: Uint8Array;
  readonly isCashUnreconciled: boolean;
  /** Every position is to be closed. */
  readonly isFlattening: boolean;
  /** Times stages in paper and live runs; decides nothing. */
  readonly probe?: StageProbe | undefined;
}

export function isExposureStopped({ isKilled, isPaused, isDisconnected }: DecisionView): boolean {
  return isKilled || isPaused || isDisconnected;
}

/** The position a symbol will have when its working orders are done. */
export function effectiveShares(view: DecisionView, i: number): Shares {
  return view.positionShares[i] + view.workingShares[i];
}
