import type { Horizon } from '../../domain/horizon.ts';
import type { ArbitrationSettings } from '../../domain/settings.ts';
import type { Bps } from '../../domain/units.ts';

/** N symbols, H horizons from short to long. Matrices at `h * N + i`. */
export interface ArbitrationInputs {
  readonly symbolCount: number;
  /** H*N expected returns over the horizon, decimal. */
  readonly alpha: Float64Array;
  /** H*N, 1 where an alpha exists. */
  readonly alphaValid: Uint8Array;
  /** H*N costs, bps. */
  readonly costBps: Float64Array;
  /** N, 1 where the costs are known. */
  readonly costKnown: Uint8Array;
  /** N quoted spreads, bps: what the reserve is taken of. */
  readonly spreadBps: Float64Array;
  /** H horizon weights, sum 1: learned, or those of the scenario when learning is off. */
  readonly priorOmega: Float64Array;
}

/** Written in place each cycle. */
export interface ArbitrationOutput {
  /** H*N net scores, bps per square root of 5 minutes; 0 where there is no alpha or cost. */
  readonly scoreBps: Float64Array;
  /** N indices of the best horizon, -1 where no horizon has a score. */
  readonly best: Int32Array;
  /** N scores of the best horizon, 0 where there is none. */
  readonly bestScoreBps: Float64Array;
  /** N thresholds theta. */
  readonly thetaBps: Float64Array;
  /** N sides of the best horizon's alpha: 1 long, -1 short, 0 none. */
  readonly side: Int8Array;
  /** N, 1 where the best score reaches theta: a candidate to trade. */
  readonly selected: Uint8Array;
}

export function createArbitrationOutput(horizonCount: number, symbolCount: number): ArbitrationOutput {
  return {
    scoreBps: new Float64Array(horizonCount * symbolCount),
    best: new Int32Array(symbolCount).fill(-1),
    bestScoreBps: new Float64Array(symbolCount),
    thetaBps: new Float64Array(symbolCount),
    side: new Int8Array(symbolCount),
    selected: new Uint8Array(symbolCount),
  };
}

/** Net gain of a horizon per square root of time: `(|alpha| * K*omega * 1e4 - cost) / sqrt(h/5)`, bps. */
export function netScoreBps(inputs: {
  readonly alpha: number;
  readonly costBps: Bps;
  readonly minutes: number;
  /** K * omega: 1 when no horizon is preferred. */
  readonly preference: number;
}): Bps {
  return (
    (Math.abs(inputs.alpha) * inputs.preference * 10_000 - inputs.costBps) / Math.sqrt(inputs.minutes / 5)
  );
}

/**
 * Stage 3 for the whole universe: the horizon with the best net score, long or short, ties to the shorter, and whether
 * it reaches `theta = entryThreshold + reserve * spread`. A missing alpha or a score that is not finite never competes
 * (the latter stays in `scoreBps`, for the pipeline to stop at), and an alpha of exactly 0 has no side to trade.
 */
export function arbitrate(
  inputs: ArbitrationInputs,
  horizons: readonly Horizon[],
  settings: Pick<ArbitrationSettings, 'entryThresholdBps' | 'reserve'>,
  out: ArbitrationOutput,
): void {
  const { symbolCount, alpha } = inputs;
  for (let i = 0; i < symbolCount; i++) {
    const best = bestHorizon(inputs, horizons, i, out.scoreBps);
    const score = best < 0 ? 0 : out.scoreBps[best * symbolCount + i];
    const side = best < 0 ? 0 : Math.sign(alpha[best * symbolCount + i]);
    const theta = settings.entryThresholdBps + settings.reserve * inputs.spreadBps[i];
    out.best[i] = best;
    out.bestScoreBps[i] = score;
    out.thetaBps[i] = theta;
    out.side[i] = side;
    out.selected[i] = side !== 0 && score >= theta ? 1 : 0;
  }
}

function bestHorizon(
  inputs: ArbitrationInputs,
  horizons: readonly Horizon[],
  i: number,
  scoreBps: Float64Array,
): number {
  const { symbolCount, alpha, alphaValid, costBps, costKnown, priorOmega } = inputs;
  let best = -1;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let h = 0; h < horizons.length; h++) {
    const slot = h * symbolCount + i;
    scoreBps[slot] = 0;
    if (alphaValid[slot] === 0 || costKnown[i] === 0) continue;
    const score = netScoreBps({
      alpha: alpha[slot],
      costBps: costBps[slot],
      minutes: horizons[h].minutes,
      preference: horizons.length * priorOmega[h],
    });
    scoreBps[slot] = score;
    if (!Number.isFinite(score)) continue;
    if (score > bestScore) {
      best = h;
      bestScore = score;
    }
  }
  return best;
}
