import type { FeatureEngine } from './feature-engine.ts';
import { FEATURE_NAMES, type FeatureName } from './feature-names.ts';
import { type FeaturePlan, ROW_USABLE } from './feature-plan.ts';
import { featureValue } from './feature-series.ts';

/** A symbol's features as of its newest bar, in the order of the plan, also where they are masked; NaN = missing. */
export function newestFeatures(
  { intervals }: FeatureEngine,
  plan: FeaturePlan,
  symbol: number,
): Float32Array | Float64Array {
  const { codes, sequenceLength, history, batch } = plan;
  const width = codes.length;
  if (plan.rows[symbol] === 0) return new Float64Array(width).fill(Number.NaN);
  const end = (symbol + 1) * sequenceLength * width;
  if (sequenceLength > 1) return history.slice(end - width, end);
  if (plan.rowState[symbol] === ROW_USABLE) return batch.slice(end - width, end);
  const series = intervals[plan.interval]!.series[symbol]!;
  return Float64Array.from(codes, (code) => {
    const value = Math.fround(featureValue(series, code));
    return Number.isFinite(value) ? value : Number.NaN;
  });
}

/** The features that a symbol lacks in any of the rows that a model of the plan would read. */
export function missingFeatures(
  engine: FeatureEngine,
  plan: FeaturePlan,
  symbol: number,
): readonly FeatureName[] {
  const { codes, sequenceLength, history } = plan;
  const width = codes.length;
  const start = symbol * sequenceLength * width;
  const rows =
    sequenceLength > 1
      ? history.subarray(start, start + sequenceLength * width)
      : newestFeatures(engine, plan, symbol);
  const isMissing = (f: number): boolean => rows.some((value, k) => k % width === f && Number.isNaN(value));
  return namesOf(plan, isMissing);
}

/** The features that no symbol ever had. */
export function featuresNeverThere(plan: FeaturePlan): readonly FeatureName[] {
  const rows = plan.rows.reduce((sum, count) => sum + count, 0);
  return namesOf(plan, (f) => rows > 0 && plan.missing[f] === rows);
}

function namesOf({ codes }: FeaturePlan, isWanted: (f: number) => boolean): readonly FeatureName[] {
  return Array.from(codes, (code) => FEATURE_NAMES[code]!).filter((_, f) => isWanted(f));
}
