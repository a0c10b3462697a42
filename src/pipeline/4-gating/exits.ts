import type { DecisionReason } from '../../domain/decisions.ts';
import { InvariantError } from '../../domain/errors.ts';
import type { Horizon } from '../../domain/horizon.ts';
import type { GatingSettings } from '../../domain/settings.ts';
import type { Bps } from '../../domain/units.ts';
import type { BarrierProbabilities } from './barrier-probabilities.ts';

/** Why a position must go, in the order asked; `ExitOutput.reason` holds indices into this list, 0 for none. */
export const EXIT_REASONS = [
  'none',
  'exit_barrier_peak',
  'exit_barrier_valley',
  'exit_alpha_opposes',
  'exit_horizon_elapsed',
  'exit_end_of_day',
] as const;
export type ExitReason = Exclude<(typeof EXIT_REASONS)[number], 'none'>;

export type ExitVerdict =
  | { readonly kind: 'stay' }
  | { readonly kind: 'exit'; readonly reason: ExitReason; readonly value: number; readonly limit: number };

/** One open position as the exits see it. What is not known is absent and triggers nothing. */
export interface PositionView {
  readonly side: 1 | -1;
  /** Probability that the extreme this position fears is near: a peak for a long, a valley for a short. */
  readonly adverseP: number | undefined;
  /** Current alpha of the horizon the position was opened for, and that horizon's cost. */
  readonly alpha: number | undefined;
  readonly costBps: Bps | undefined;
  /** Session minutes since the position's timer started. */
  readonly heldMinutes: number;
  /** Length of the entry horizon; absent for a position nobody here opened. */
  readonly horizonMinutes: number | undefined;
  /** The symbol trades in the position's direction this cycle, which restarts the timer. */
  readonly isRenewed: boolean;
  readonly minutesToClose: number;
}

export type ExitSettings = Pick<
  GatingSettings,
  'peakThreshold' | 'valleyThreshold' | 'exitMargin' | 'opposingAlphaCostFraction' | 'endOfDayFlattenMinutes'
>;

const STAY: ExitVerdict = { kind: 'stay' };

/** Whether a position must be left: barrier, opposing alpha, horizon elapsed, end of day; the first gives the reason. */
export function exitVerdict(position: PositionView, settings: ExitSettings): ExitVerdict {
  const { side, adverseP, alpha, costBps, heldMinutes, horizonMinutes, minutesToClose } = position;
  const barrierLimit = (side === 1 ? settings.peakThreshold : settings.valleyThreshold) + settings.exitMargin;
  if (adverseP !== undefined && adverseP > barrierLimit) {
    const reason = side === 1 ? 'exit_barrier_peak' : 'exit_barrier_valley';
    return { kind: 'exit', reason, value: adverseP, limit: barrierLimit };
  }
  if (alpha !== undefined && costBps !== undefined && alpha * side < 0) {
    const value = Math.abs(alpha) * 10_000;
    const limit = settings.opposingAlphaCostFraction * costBps;
    if (value > limit) return { kind: 'exit', reason: 'exit_alpha_opposes', value, limit };
  }
  if (horizonMinutes !== undefined && !position.isRenewed && heldMinutes >= horizonMinutes) {
    return { kind: 'exit', reason: 'exit_horizon_elapsed', value: heldMinutes, limit: horizonMinutes };
  }
  if (isFlattenTime(minutesToClose, settings)) {
    const limit = settings.endOfDayFlattenMinutes;
    return { kind: 'exit', reason: 'exit_end_of_day', value: minutesToClose, limit };
  }
  return STAY;
}

/** The last minutes of the session, in which positions are closed and none should be opened. */
export function isFlattenTime(
  minutesToClose: number,
  { endOfDayFlattenMinutes }: Pick<GatingSettings, 'endOfDayFlattenMinutes'>,
): boolean {
  return endOfDayFlattenMinutes > 0 && minutesToClose <= endOfDayFlattenMinutes;
}

/** N symbols, H horizons of the blend plan; matrices at `h * N + i`. */
export interface ExitInputs {
  readonly symbolCount: number;
  /** N positions, signed shares; 0 is not asked. */
  readonly positionShares: Float64Array;
  /** N horizon indices each position was opened (or last renewed) for, -1 where unknown. */
  readonly entryHorizon: Int32Array;
  /** N session minutes since the position's timer started. */
  readonly heldMinutes: Float64Array;
  /** N, 1 where the symbol trades in its position's direction this cycle. */
  readonly renewed: Uint8Array;
  readonly barriers: BarrierProbabilities;
  /** H*N expected returns over the horizon, decimal, and where they exist. */
  readonly alpha: Float64Array;
  readonly alphaValid: Uint8Array;
  /** H*N costs in bps; N, 1 where they are known. */
  readonly costBps: Float64Array;
  readonly costKnown: Uint8Array;
  readonly minutesToClose: number;
}

/** Written in place each cycle. */
export interface ExitOutput {
  /** N indices into `EXIT_REASONS`, 0 where the position stays. */
  readonly reason: Uint8Array;
  readonly value: Float64Array;
  readonly limit: Float64Array;
}

export function createExitOutput(symbolCount: number): ExitOutput {
  return {
    reason: new Uint8Array(symbolCount),
    value: new Float64Array(symbolCount),
    limit: new Float64Array(symbolCount),
  };
}

/** @throws InvariantError when the code means "no exit" */
export function exitReason(code: number): DecisionReason {
  const reason = EXIT_REASONS[code];
  if (reason === undefined || reason === 'none') throw new InvariantError(`exit code ${code} names no exit`);
  return reason;
}

/** Stage 4, exits: asked of every open position, whatever the entry gates say. */
export function evaluateExits(
  inputs: ExitInputs,
  horizons: readonly Horizon[],
  settings: ExitSettings,
  out: ExitOutput,
): void {
  for (let i = 0; i < inputs.symbolCount; i++) {
    const verdict =
      inputs.positionShares[i] === 0 ? STAY : exitVerdict(positionView(inputs, horizons, i), settings);
    const isExit = verdict.kind === 'exit';
    out.reason[i] = isExit ? EXIT_REASONS.indexOf(verdict.reason) : 0;
    out.value[i] = isExit ? verdict.value : 0;
    out.limit[i] = isExit ? verdict.limit : 0;
  }
}

function positionView(inputs: ExitInputs, horizons: readonly Horizon[], i: number): PositionView {
  const side = inputs.positionShares[i] > 0 ? 1 : -1;
  const feared = side === 1 ? inputs.barriers.peak : inputs.barriers.valley;
  const h = inputs.entryHorizon[i];
  const slot = h * inputs.symbolCount + i;
  return {
    side,
    adverseP: feared.known[i] === 1 ? feared.p[i] : undefined,
    alpha: h >= 0 && inputs.alphaValid[slot] === 1 ? inputs.alpha[slot] : undefined,
    costBps: h >= 0 && inputs.costKnown[i] === 1 ? inputs.costBps[slot] : undefined,
    heldMinutes: inputs.heldMinutes[i],
    horizonMinutes: h >= 0 ? horizons[h].minutes : undefined,
    isRenewed: inputs.renewed[i] === 1,
    minutesToClose: inputs.minutesToClose,
  };
}
