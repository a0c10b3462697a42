import type { DecisionReason } from '../domain/decisions.ts';
import type { SignalLayout } from '../events/layout.ts';
import { type BlendOutput, createBlendOutput } from './2-blending/blend.ts';
import type { BlendPlan } from './2-blending/blend-plan.ts';
import { type ArbitrationOutput, createArbitrationOutput } from './3-arbitration/arbitrate.ts';
import { type CostOutput, createCostOutput } from './3-arbitration/cost-model.ts';
import {
  type BarrierPlan,
  type BarrierProbabilities,
  createBarrierProbabilities,
} from './4-gating/barrier-probabilities.ts';
import { createGateOutput, type GateOutput } from './4-gating/entry-gates.ts';
import { createExitOutput, type ExitOutput } from './4-gating/exits.ts';
import { createSizingOutput, type SizingOutput } from './5-sizing/size-portfolio.ts';
import { type CheckLog, createCheckLog } from './6-risk/check-log.ts';

/**
 * Every stage's outputs of the newest cycle, rewritten in place each cycle: what the digests cover and what a trace
 * reads. N symbols, C columns, H horizons; matrices at `c * N + i` and `h * N + i`.
 */
export interface CycleWork {
  readonly columnCount: number;
  /** N quoted spreads in bps, and where a two-sided quote exists. */
  readonly spreadBps: Float64Array;
  readonly spreadKnown: Uint8Array;
  readonly sigma5: Float64Array;
  readonly sigmaKnown: Uint8Array;
  /** H*N standard deviations of the horizon's return, decimal. */
  readonly sigma: Float64Array;
  readonly advDollars: Float64Array;
  /** N, 1 where anything about the symbol was ever seen; where any model answered this cycle. */
  readonly hasData: Uint8Array;
  readonly hasPrediction: Uint8Array;
  /** N ages of the newest data in seconds, and capacities in [0, 1]. */
  readonly ageSeconds: Float64Array;
  readonly capacity: Float64Array;
  /** C*N, 1 where a calibrated score exists. */
  readonly present: Uint8Array;
  /** H weights of horizons, sum 1: the learned ones, or where learning is off those of the scenario. */
  readonly priorOmega: Float64Array;
  /** N horizons a new entry drew instead of taking the best score, entered or not; -1 where it drew none. */
  readonly drawn: Int32Array;
  /** N probabilities with which a new entry's horizon was taken, 0 where there is no new entry or no learning. */
  readonly propensity: Float64Array;
  readonly cost: CostOutput;
  readonly blend: BlendOutput;
  readonly arbitration: ArbitrationOutput;
  readonly barriers: BarrierProbabilities;
  readonly gate: GateOutput;
  readonly exit: ExitOutput;
  readonly sizing: SizingOutput;
  /** N positions with working orders done. */
  readonly effectiveShares: Float64Array;
  readonly renewed: Uint8Array;
  readonly heldMinutes: Float64Array;
  /** N weights held, working orders done, where a signal asks for one. */
  readonly heldWeight: Float64Array;
  /** N weights wanted before and after the gate factor. */
  readonly rawWeight: Float64Array;
  readonly signalWeight: Float64Array;
  /** N decisions: kind code, reason, and the value and limit behind it where there are two. */
  readonly kind: Uint8Array;
  readonly reason: DecisionReason[];
  readonly value: Float64Array;
  readonly limit: Float64Array;
  readonly hasLimit: Uint8Array;
  /** N signed shares risk let through. */
  readonly orderShares: Float64Array;
  /** N, 1 where risk refused or cut an exit: the decision then names the check and the exit's reason. */
  readonly exitStopped: Uint8Array;
  readonly checks: CheckLog;
  /** N, 1 where a working order waits at a price. */
  readonly isResting: Uint8Array;
}

export function createCycleWork(layout: SignalLayout, plan: BlendPlan, barriers: BarrierPlan): CycleWork {
  const n = layout.symbols.length;
  const c = layout.columns.length;
  const h = plan.horizons.length;
  return {
    columnCount: c,
    spreadBps: new Float64Array(n),
    spreadKnown: new Uint8Array(n),
    sigma5: new Float64Array(n),
    sigmaKnown: new Uint8Array(n),
    sigma: new Float64Array(h * n),
    advDollars: new Float64Array(n),
    hasData: new Uint8Array(n),
    hasPrediction: new Uint8Array(n),
    ageSeconds: new Float64Array(n),
    capacity: new Float64Array(n),
    present: new Uint8Array(c * n),
    priorOmega: new Float64Array(h).fill(h === 0 ? 0 : 1 / h),
    drawn: new Int32Array(n).fill(-1),
    propensity: new Float64Array(n),
    cost: createCostOutput(h, n),
    blend: createBlendOutput(plan),
    arbitration: createArbitrationOutput(h, n),
    barriers: createBarrierProbabilities(barriers),
    gate: createGateOutput(n),
    exit: createExitOutput(n),
    sizing: createSizingOutput(n),
    effectiveShares: new Float64Array(n),
    renewed: new Uint8Array(n),
    heldMinutes: new Float64Array(n),
    heldWeight: new Float64Array(n),
    rawWeight: new Float64Array(n),
    signalWeight: new Float64Array(n),
    kind: new Uint8Array(n),
    reason: layout.symbols.map(() => 'no_models'),
    value: new Float64Array(n),
    limit: new Float64Array(n),
    hasLimit: new Uint8Array(n),
    orderShares: new Float64Array(n),
    exitStopped: new Uint8Array(n),
    checks: createCheckLog(n),
    isResting: new Uint8Array(n),
  };
}

/** Sets a symbol's decision; a later stage may overrule an earlier one. */
export function setOutcome(
  work: CycleWork,
  i: number,
  kind: number,
  reason: DecisionReason,
  failed?: { readonly value: number; readonly limit: number },
): void {
  work.kind[i] = kind;
  work.reason[i] = reason;
  work.value[i] = failed?.value ?? 0;
  work.limit[i] = failed?.limit ?? 0;
  work.hasLimit[i] = failed === undefined ? 0 : 1;
}
