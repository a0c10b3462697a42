import type { BlendingSettings } from '../../domain/settings.ts';
import type { BlendPlan } from './blend-plan.ts';
import {
  type CorrelationState,
  correlationMatrix,
  createCorrelation,
  sharedRows,
  updateCorrelation,
} from './correlation.ts';
import { expectedIc, ridgeWeights } from './ridge-weights.ts';
import { applyTemperature } from './temperature.ts';

/** Below this many pooled rows a correlation says nothing, and families are weighted equally. */
const MIN_SHARED_ROWS = 5;

/** One rolling correlation per horizon of the plan. Plain data. */
export interface BlendState {
  readonly correlations: readonly CorrelationState[];
}

/** N symbols, C layout columns, H horizons of the plan. Matrices are column-major: `c * N + i`, `h * N + i`. */
export interface BlendInputs {
  /** C*N standardised scores s: what the correlation is measured on. */
  readonly standardized: Float64Array;
  /** C*N calibrated scores s~ = s * confidence: what is blended. */
  readonly calibrated: Float64Array;
  /** C*N, 1 where the family has a score for the symbol this cycle. */
  readonly present: Uint8Array;
  /** C shrunk ICs; slots of barrier columns are not read. */
  readonly icShrunk: Float64Array;
  /** H*N standard deviations of the horizon's return, decimal. */
  readonly sigma: Float64Array;
  /** N, 1 where sigma is known. */
  readonly sigmaKnown: Uint8Array;
  /** H*N trading costs of the horizon in bps, as computed for arbitration. */
  readonly costBps: Float64Array;
  /** N, 1 where the costs are known. */
  readonly costKnown: Uint8Array;
}

/** How the M families of one horizon were weighed, in the order of its plan's columns. */
export interface FamilyWeighing {
  readonly icShrunk: Float64Array;
  /** In [0, 1]. */
  readonly costShare: Float64Array;
  /** Expected ICs. */
  readonly mu: Float64Array;
  /** M*M, row-major. */
  readonly correlation: Float64Array;
  /** Sum 1, after temperature. */
  readonly weights: Float64Array;
}

/** Written in place each cycle; everything a trace of this stage needs. */
export interface BlendOutput {
  /** H*N expected returns over the horizon, decimal; 0 where not valid. */
  readonly alpha: Float64Array;
  /** H*N, 1 where an alpha exists: sigma known and a family present. */
  readonly valid: Uint8Array;
  /** One per horizon of the plan. */
  readonly families: readonly FamilyWeighing[];
}

export function createBlendState(plan: BlendPlan, { correlationWindow }: BlendingSettings): BlendState {
  return {
    correlations: plan.horizons.map(({ columns }) => createCorrelation(columns.length, correlationWindow)),
  };
}

export function createBlendOutput({ symbolCount, horizons }: BlendPlan): BlendOutput {
  return {
    alpha: new Float64Array(horizons.length * symbolCount),
    valid: new Uint8Array(horizons.length * symbolCount),
    families: horizons.map(({ columns }) => createFamilyWeighing(columns.length)),
  };
}

export function createFamilyWeighing(familyCount: number): FamilyWeighing {
  return {
    icShrunk: new Float64Array(familyCount),
    costShare: new Float64Array(familyCount),
    mu: new Float64Array(familyCount),
    correlation: new Float64Array(familyCount * familyCount),
    weights: new Float64Array(familyCount),
  };
}

/**
 * Stage 2 for the whole universe: takes this cycle's scores into the correlations, weighs the families of every
 * horizon, and writes each symbol's alpha.
 */
export function blendScores(
  state: BlendState,
  plan: BlendPlan,
  inputs: BlendInputs,
  settings: BlendingSettings,
  out: BlendOutput,
): void {
  const { symbolCount, horizons } = plan;
  const view = { symbolCount, scores: inputs.standardized, present: inputs.present };
  for (let h = 0; h < horizons.length; h++) {
    const { columns, temperature } = horizons[h];
    const families = out.families[h];
    updateCorrelation(state.correlations[h], columns, view);
    for (let m = 0; m < columns.length; m++) {
      families.icShrunk[m] = inputs.icShrunk[columns[m]];
      families.costShare[m] = costShareOf(inputs, { symbolCount, h, column: columns[m] });
    }
    weighFamilies(state.correlations[h], temperature, settings, families);
    combineScores(columns, families.weights, inputs, { symbolCount, h }, out);
  }
}

/**
 * Weighs one horizon's families: ridge over the rolling correlation, then the horizon's temperature. Equal weights
 * until the correlation stands on a handful of rows.
 * @param families `icShrunk` and `costShare` are read, the rest is written
 */
export function weighFamilies(
  correlation: CorrelationState,
  temperature: number,
  settings: Pick<BlendingSettings, 'ridgeLambda' | 'costPenalty' | 'muFloor'>,
  families: FamilyWeighing,
): void {
  const { icShrunk, costShare, mu, weights } = families;
  for (let m = 0; m < mu.length; m++) {
    mu[m] = expectedIc({ icShrunk: icShrunk[m], costShare: costShare[m] }, settings);
  }
  correlationMatrix(correlation, families.correlation);
  if (mu.length > 1 && sharedRows(correlation) < MIN_SHARED_ROWS) weights.fill(1 / mu.length);
  else ridgeWeights({ correlation: families.correlation, mu, lambda: settings.ridgeLambda }, weights);
  applyTemperature(weights, temperature);
}

/**
 * Share of a family's expected gain that costs take: mean cost of the horizon over mean |alpha| the family alone
 * would give, over the symbols for which both are known; in [0, 1], and 1 when the family expects nothing.
 */
function costShareOf(
  inputs: BlendInputs,
  at: { readonly symbolCount: number; readonly h: number; readonly column: number },
): number {
  const horizonBase = at.h * at.symbolCount;
  const columnBase = at.column * at.symbolCount;
  let cost = 0;
  let gain = 0;
  for (let i = 0; i < at.symbolCount; i++) {
    if (inputs.present[columnBase + i] === 0 || inputs.sigmaKnown[i] === 0 || inputs.costKnown[i] === 0)
      continue;
    cost += inputs.costBps[horizonBase + i];
    gain += Math.abs(inputs.sigma[horizonBase + i] * inputs.calibrated[columnBase + i]) * 10_000;
  }
  return gain > 0 ? Math.min(1, Math.max(0, cost / gain)) : 1;
}

/**
 * A horizon's weights as they count for one symbol: families without a score drop out and the others share what is
 * left, equally where they had none. For traces: `combineScores` does the same in passing.
 * @param present of each family
 */
export function weightsOfPresent(weights: Float64Array, present: readonly boolean[]): Float64Array {
  const kept = weights.map((weight, m) => (present[m] ? weight : 0));
  const total = kept.reduce((sum, weight) => sum + weight, 0);
  const count = present.filter(Boolean).length;
  if (total > 0) return count === weights.length ? kept : kept.map((weight) => weight / total);
  return kept.map((_, m) => (present[m] ? 1 / count : 0));
}

/**
 * Writes the alphas of horizon `h`: sigma * sum(w * s~) / sum(w) over the families present (Grinold: alpha = IC *
 * volatility * score). When the families present all have weight 0, they count equally.
 */
export function combineScores(
  columns: readonly number[],
  weights: Float64Array,
  inputs: Pick<BlendInputs, 'calibrated' | 'present' | 'sigma' | 'sigmaKnown'>,
  { symbolCount, h }: { readonly symbolCount: number; readonly h: number },
  out: Pick<BlendOutput, 'alpha' | 'valid'>,
): void {
  const { calibrated, present, sigma, sigmaKnown } = inputs;
  const base = h * symbolCount;
  for (let i = 0; i < symbolCount; i++) {
    let weighted = 0;
    let weight = 0;
    let plain = 0;
    let count = 0;
    for (let m = 0; m < columns.length; m++) {
      const slot = columns[m] * symbolCount + i;
      if (present[slot] === 0) continue;
      weighted += weights[m] * calibrated[slot];
      weight += weights[m];
      plain += calibrated[slot];
      count += 1;
    }
    const known = count > 0 && sigmaKnown[i] === 1;
    const score = weight > 0 ? (count === columns.length ? weighted : weighted / weight) : plain / count;
    out.valid[base + i] = known ? 1 : 0;
    out.alpha[base + i] = known ? sigma[base + i] * score + 0 : 0;
  }
}
