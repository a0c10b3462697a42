import type { Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { FeatureEngine } from '../pipeline/0-features/feature-engine.ts';
import { ROW_SHORT_HISTORY, ROW_USABLE } from '../pipeline/0-features/feature-plan.ts';
import { featuresNeverThere } from '../pipeline/0-features/missing-features.ts';

/** Which models of a run have not answered for any symbol yet. */
export interface SilentModels {
  readonly layout: SignalLayout;
  /** Their columns. */
  readonly columns: Set<number>;
}

export function silentAtFirst(layout: SignalLayout): SilentModels {
  return { layout, columns: new Set(layout.columns.keys()) };
}

/** Takes one cycle's answers; costs nothing once every model has given one. */
export function noteAnswers({ layout, columns }: SilentModels, { valid }: Predictions): void {
  const symbolCount = layout.symbols.length;
  for (const c of columns) {
    if (valid.subarray(c * symbolCount, (c + 1) * symbolCount).includes(1)) columns.delete(c);
  }
}

/** Named in full up to this many: the rest are counted. */
const NAMED_MODELS = 3;

/** What a run says of models that never answered, one line for all of one cause. */
export function silentWarnings(
  { layout, columns }: SilentModels,
  features: FeatureEngine,
): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const c of columns) {
    const cause = causeOf(features, c);
    groups.set(cause, [...(groups.get(cause) ?? []), layout.columns[c].id]);
  }
  return [...groups].map(([cause, ids]) => {
    const rest = ids.length - NAMED_MODELS;
    const named = ids.slice(0, NAMED_MODELS).join(', ');
    const models = ids.length === 1 ? 'model' : 'models';
    return `${models} ${named}${rest > 0 ? ` and ${rest} more` : ''} never answered for any symbol: ${cause}`;
  });
}

function causeOf(features: FeatureEngine, column: number): string {
  const plan = features.plans[features.planOfColumn[column]];
  const { minutes } = features.intervals[plan.interval];
  const absent = plan.takesNan ? [] : featuresNeverThere(plan);
  if (plan.rows.every((count) => count === 0)) return `no bar of ${minutes} minutes had a trade`;
  if (absent.length > 0) return `no symbol ever had ${absent.join(', ')}`;
  if (plan.rowState.every((state) => state === ROW_SHORT_HISTORY)) {
    return `no symbol had the ${plan.sequenceLength} bars of ${minutes} minutes that it reads`;
  }
  return plan.rowState.includes(ROW_USABLE)
    ? 'it was asked, and failed'
    : 'no symbol had all of its features at once';
}
