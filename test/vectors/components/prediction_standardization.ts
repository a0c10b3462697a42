import { compareCodeUnits } from '../../../src/domain/compare.ts';
import {
  createStandardizer,
  createStandardScores,
  type StandardizerState,
  seriesStatistics,
  standardizeCycle,
} from '../../../src/pipeline/1-prediction/standardize.ts';
import { column, layout } from '../../prediction/fixtures.ts';
import type { VectorComponent } from '../types.ts';

type Step =
  | { readonly model: string; readonly horizon: string; readonly raw: number }
  | { readonly reset: { readonly model?: string | null; readonly horizon?: string | null } };

interface StandardizationInput {
  /** 0 means the default of 10. */
  readonly window: number;
  readonly clip: readonly [number, number];
  readonly steps: readonly Step[];
}

interface Series {
  readonly model: string;
  readonly horizon: string;
  readonly state: StandardizerState;
  /** The same without a minimum of samples: the vectors tell the newest score from the second output on. */
  readonly eager: StandardizerState;
  lastRaw: number;
  lastScore: number;
}

/** The earlier engine gave scores from the third output on; below, it passed the raw output through. */
const MIN_SAMPLES = 3;
const WARM_UP =
  'warm-up outputs: fewer than min_samples give 0 and the state warming_up (PIPELINE 1), not the clipped raw output';
const NON_FINITE =
  'a non-finite output is missing at the door: it never enters the ring, so it poisons no later score';

const ONE_SERIES = layout([column()], ['AAA']);

function createSeries(
  input: StandardizationInput,
  step: { readonly model: string; readonly horizon: string },
): Series {
  const settings = {
    standardizeWindow: input.window || 10,
    standardizeMinStd: 1e-9,
    rankMinSymbols: 5,
    scoreClip: input.clip[1],
    scoreClipLow: input.clip[0],
    precision: 'float64',
  } as const;
  return {
    model: step.model,
    horizon: step.horizon,
    state: createStandardizer(ONE_SERIES, { ...settings, standardizeMinSamples: MIN_SAMPLES }),
    eager: createStandardizer(ONE_SERIES, { ...settings, standardizeMinSamples: 1 }),
    lastRaw: 0,
    lastScore: 0,
  };
}

/** Walks the steps, giving each raw output to `visit` together with its series. */
function replay(
  input: StandardizationInput,
  visit: (series: Series, raw: number) => number,
): {
  readonly z: (number | null)[];
  readonly series: Series[];
} {
  const all = new Map<string, Series>();
  const z = input.steps.map((step) => {
    if ('reset' in step) {
      const { model, horizon } = step.reset;
      for (const [key, series] of all) {
        if ((model ?? series.model) === series.model && (horizon ?? series.horizon) === series.horizon)
          all.delete(key);
      }
      return null;
    }
    const key = JSON.stringify([step.model, step.horizon]);
    const series = all.get(key) ?? createSeries(input, step);
    all.set(key, series);
    return visit(series, step.raw);
  });
  return { z, series: [...all.values()] };
}

function score(series: Series, raw: number): number {
  const out = createStandardScores(ONE_SERIES);
  const isPresent = Number.isFinite(raw);
  const predictions = {
    cycle: 0,
    values: Float64Array.of(isPresent ? raw : 0) as unknown as Float32Array,
    valid: Uint8Array.of(isPresent ? 1 : 0),
  };
  if (isPresent) {
    standardizeCycle(series.eager, predictions, out);
    series.lastRaw = raw;
    series.lastScore = out.scores[0]!;
  }
  standardizeCycle(series.state, predictions, out);
  return out.scores[0]!;
}

export const vectorComponent: VectorComponent = {
  component: 'prediction_standardization',
  ulpTolerance: 1e-6,
  run(input: StandardizationInput) {
    const { z, series } = replay(input, score);
    series.sort(byName);
    return {
      z,
      final_stats: series.map(({ model, horizon, state, lastRaw, lastScore }) => {
        const { count, mean, std } = seriesStatistics(state, 0);
        const stats = { mean, std, count, last_raw: lastRaw, last_z: lastScore };
        return { model, horizon, stats: count < 2 ? null : stats };
      }),
    };
  },
  /** Scores of short series are 0; where an output is missing, everything is worked out over the others. */
  restate({ input, output }) {
    const { steps, clip, window } = input as StandardizationInput;
    const old = output as { readonly z: readonly (number | null)[]; readonly final_stats: unknown };
    const rings = new Map<Series, number[]>();
    const isSound = steps.every((step) => 'reset' in step || Number.isFinite(step.raw));
    let at = -1;
    const { z, series } = replay(input as StandardizationInput, (one, raw) => {
      at = steps.findIndex((step, k) => k > at && !('reset' in step));
      const ring = [...(rings.get(one) ?? []), ...(Number.isFinite(raw) ? [raw] : [])].slice(-(window || 10));
      rings.set(one, ring);
      if (ring.length < MIN_SAMPLES || !Number.isFinite(raw)) return 0;
      return isSound ? old.z[at]! : statsRule(ring, clip).last_z;
    });
    if (isSound) return { output: { ...old, z }, reasons: [WARM_UP] };
    const finalStats = series.sort(byName).map((one) => {
      const ring = rings.get(one)!;
      return {
        model: one.model,
        horizon: one.horizon,
        stats: ring.length < 2 ? null : statsRule(ring, clip),
      };
    });
    return { output: { z, final_stats: finalStats }, reasons: [WARM_UP, NON_FINITE] };
  },
};

function byName(a: Series, b: Series): number {
  return compareCodeUnits(a.model, b.model) || compareCodeUnits(a.horizon, b.horizon);
}

/** `clip((r - mean) / std)` of the newest, population std; a std under 1e-9 gives 0. */
function statsRule(ring: readonly number[], [low, high]: StandardizationInput['clip']) {
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mean = meanOf(ring);
  const std = Math.sqrt(meanOf(ring.map((value) => (value - mean) ** 2)));
  const last = ring.at(-1)!;
  const z = std < 1e-9 ? 0 : Math.min(high, Math.max(low, (last - mean) / std));
  return { mean, std, count: ring.length, last_raw: last, last_z: z };
}
