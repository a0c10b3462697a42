import type { Engine } from '../engine/engine-state.ts';
import { FEATURE_NAMES } from '../pipeline/0-features/feature-names.ts';
import { ROW_SHORT_HISTORY, ROW_USABLE } from '../pipeline/0-features/feature-plan.ts';
import { missingFeatures, newestFeatures } from '../pipeline/0-features/missing-features.ts';
import { measured, type TraceContext, type TraceSection, value } from './trace-section.ts';

/** A symbol's newest features, one section for models that read the same; null where one is missing. */
export function traceFeatures({ pipeline }: Engine, { symbolIx }: TraceContext): TraceSection[] {
  const { features } = pipeline;
  return features.plans.map((plan) => {
    const { minutes } = features.intervals[plan.interval];
    const newest = plan.sequenceLength > 1 ? `, newest of ${plan.sequenceLength} rows` : '';
    const row = newestFeatures(features, plan, symbolIx);
    return {
      stage: `features (${minutes}-minute bars${newest})`,
      values: Array.from(plan.codes, (code, f) =>
        value(FEATURE_NAMES[code], measured(!Number.isNaN(row[f]), row[f])),
      ),
    };
  });
}

/** Whether a model was asked about a symbol, and if not, for want of what. */
export function inputsOf({ pipeline }: Engine, column: number, symbolIx: number): string {
  const { features } = pipeline;
  const plan = features.plans[features.planOfColumn[column]];
  const { sequenceLength } = plan;
  const state = plan.rowState[symbolIx];
  if (state === ROW_USABLE) return 'complete';
  if (state === ROW_SHORT_HISTORY) return `masked: ${plan.rows[symbolIx]} of ${sequenceLength} bars`;
  const where = sequenceLength > 1 ? ` in its ${sequenceLength} bars` : '';
  return `masked: no ${missingFeatures(features, plan, symbolIx).join(', ')}${where}`;
}
