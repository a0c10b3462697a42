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
  readonly steps: readonly { readonly stability: number }[];
  readonly queries: readonly {
    readonly stability: number;
    readonly overall: number;
    readonly calibrated: number;
  }[];
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
  deviates({ input }) {
    const { updates } = input as ConfidenceInput;
    return updates.flat().every(Number.isFinite) ? undefined : NON_FINITE;
  },
  /** Its factors agree, so that what they make differs by the ratio of the stabilities. */
  restate({ output }, actual) {
    const there = output as ConfidenceOutput;
    const ours = actual as ConfidenceOutput;
    const steps = there.steps.map((step, k) => ({ ...step, stability: ours.steps[k]!.stability }));
    const queries = there.queries.map((query, k) => {
      const { stability } = ours.queries[k]!;
      const ratio = stability / query.stability;
      return { ...query, stability, overall: query.overall * ratio, calibrated: query.calibrated * ratio };
    });
    return { output: { steps, queries }, reason: STABILITY };
  },
};
