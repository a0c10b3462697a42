import {
  type ConfidenceState,
  capacity,
  confidence,
  createConfidence,
  freshness,
  observePair,
  recomputeConfidence,
} from '../../../src/pipeline/1-prediction/confidence.ts';
import { column, layout, SETTINGS } from '../../prediction/fixtures.ts';
import { pearson } from '../rules/ridge.ts';
import type { VectorComponent } from '../types.ts';

interface ConfidenceInput {
  readonly ic_window: number;
  readonly horizon: string;
  readonly updates: readonly (readonly [number, number])[];
  readonly every_step: boolean;
  readonly queries: readonly {
    readonly age_us: number;
    readonly adv: number;
    readonly planned_dollars: number;
    readonly kappa?: number | null;
    readonly z: number;
  }[];
}

interface ConfidenceOutput {
  readonly steps: readonly { readonly ic: number }[];
  readonly queries: readonly { readonly ic: number; readonly freshness: number; readonly capacity: number }[];
}

const DEFAULT_KAPPA = 0.1;
/** The earlier engine gave an IC from the fifth pair on and did not shrink it. */
const IC_MIN_PAIRS = 5;
const STABILITY =
  'stability = 1/max(1, RMSE/RMS) of forecasts scaled by the slope of earlier pairs (PIPELINE 1): the old one compared a dimensionless score with a return';
const NON_FINITE = 'a non-finite prediction or return is missing at the door and makes no pair';

function observe(state: ConfidenceState, update: readonly [number, number]): void {
  if (Number.isFinite(update[0]) && Number.isFinite(update[1])) observePair(state, 0, update[0], update[1]);
  recomputeConfidence(state);
}

export const vectorComponent: VectorComponent = {
  component: 'prediction_confidence',
  run(input: ConfidenceInput) {
    const state = createConfidence(layout([column()], ['AAA']), {
      ...SETTINGS,
      icWindow: input.ic_window,
      icMinPairs: IC_MIN_PAIRS,
      icShrinkPairs: 0,
    });
    const steps = input.updates.map((update) => {
      observe(state, update);
      return { ic: state.ic[0]!, stability: state.stability[0]! };
    });
    const tauSeconds = SETTINGS.freshnessTauSeconds[input.horizon] ?? SETTINGS.freshnessTauDefaultSeconds;
    const queries = input.queries.map((query) => {
      const dollars = { advDollars: query.adv, plannedDollars: query.planned_dollars };
      const ageSeconds = query.age_us / 1_000_000;
      const parts = {
        freshness: freshness(ageSeconds, tauSeconds),
        capacity: capacity({ ...dollars, kappa: DEFAULT_KAPPA }),
        stability: state.stability[0]!,
      };
      const overall = confidence({ ...parts, icShrunk: state.icShrunk[0]!, floor: SETTINGS.confidenceFloor });
      const kappa = query.kappa ?? null;
      return {
        age_seconds: ageSeconds,
        ic: state.ic[0]!,
        ...parts,
        overall,
        capacity_with_kappa: kappa === null ? null : capacity({ ...dollars, kappa }),
        calibrated: query.z * overall,
      };
    });
    return { steps: input.every_step ? steps : [], queries };
  },
  /** Stability by the rule, and the IC too where a pair is none; what they make follows. */
  restate({ input, output }) {
    const { updates, ic_window: window } = input as ConfidenceInput;
    const there = output as ConfidenceOutput;
    const isSound = updates.flat().every(Number.isFinite);
    const factorsAt = (count: number, ic: number) => {
      const pairs = updates.slice(0, count).filter((pair) => pair.every(Number.isFinite));
      return { ic: isSound ? ic : icRule(pairs.slice(-window)), stability: stabilityRule(pairs, window) };
    };
    const steps = there.steps.map((step, k) => ({ ...step, ...factorsAt(k + 1, step.ic) }));
    const queries = there.queries.map((query, k) => {
      const factors = factorsAt(updates.length, query.ic);
      const overall = Math.max(factors.ic, 0.01) * query.freshness * query.capacity * factors.stability;
      return {
        ...query,
        ...factors,
        overall,
        calibrated: (input as ConfidenceInput).queries[k]!.z * overall,
      };
    });
    return { output: { steps, queries }, reasons: isSound ? [STABILITY] : [STABILITY, NON_FINITE] };
  },
};

/** Spearman's correlation: Pearson's of average ranks. */
function icRule(pairs: ConfidenceInput['updates']): number {
  if (pairs.length < IC_MIN_PAIRS) return 0;
  const rank = (side: 0 | 1, value: number) =>
    pairs.reduce((sum, pair) => sum + (pair[side] < value ? 1 : pair[side] === value ? 0.5 : 0), 0);
  return pearson(pairs.map(([x, y]) => [rank(0, x), rank(1, y)] as const));
}

/**
 * `1/max(1, RMSE(r_hat - r)/RMS(r))` over the window, `r_hat` by the through-origin slope of the window before each pair.
 * Pairs are kept in single precision, and an error of nothing shows it.
 */
function stabilityRule(updates: ConfidenceInput['updates'], window: number): number {
  const pairs = updates.map(([x, y]) => [Math.fround(x), Math.fround(y)] as const);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const squaredErrors = pairs.map(([x, y], k) => {
    const earlier = pairs.slice(Math.max(0, k - window), k);
    const xx = sum(earlier.map(([ex]) => ex * ex));
    const slope = xx > 0 ? sum(earlier.map(([ex, ey]) => ex * ey)) / xx : 0;
    return (slope * x - y) ** 2;
  });
  const squares = sum(pairs.slice(-window).map(([, y]) => y * y));
  if (Math.min(pairs.length, window) < IC_MIN_PAIRS || squares === 0) return 0.5;
  return 1 / Math.max(1, Math.sqrt(sum(squaredErrors.slice(-window)) / squares));
}
