import {
  combineScores,
  createFamilyWeighing,
  weighFamilies,
} from '../../../src/pipeline/2-blending/blend.ts';
import {
  type CorrelationState,
  createCorrelation,
  updateCorrelation,
} from '../../../src/pipeline/2-blending/correlation.ts';
import { temperatureOf } from '../../../src/pipeline/2-blending/temperature.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';
import { REFERENCE_TEMPERATURES } from './blending_temperature.ts';

interface BlendStep {
  readonly horizon: string;
  readonly predictions: Readonly<Record<string, { readonly calibrated: number; readonly ic: number }>>;
  readonly ic_values?: Readonly<Record<string, number>> | null;
  readonly cost_shares?: Readonly<Record<string, number>> | null;
}

interface BlenderInput {
  readonly ridge_lambda: number | null;
  readonly history_size: number;
  readonly steps: readonly (BlendStep | { readonly reset: string | null })[];
}

const MIN_ROWS = 5;
const NET_IC = 'net IC: the cost share scales the IC down, it is not subtracted from it';
const RENORMALISED = 'absent families are dropped and the rest renormalised; rows are shared per pair';

export const vectorComponent: VectorComponent = {
  component: 'blending_horizon_blender',
  run(input: BlenderInput) {
    const families = familiesByHorizon(input);
    let states = new Map<string, CorrelationState>();
    const steps = input.steps.map((step) => {
      if ('reset' in step) {
        if (step.reset === null) states = new Map();
        else states.delete(step.reset);
        return null;
      }
      const names = families.get(step.horizon) ?? [];
      const state = states.get(step.horizon) ?? createCorrelation(names.length, input.history_size);
      states.set(step.horizon, state);
      return blendStep(step, names, state, input.ridge_lambda ?? 0.15);
    });
    return { steps };
  },
  deviatingFields: (facts) => ({
    'steps.*.confidence': 'confidence is inside the calibrated scores and is not blended a second time',
    ...unevenSteps(facts),
  }),
};

function familiesByHorizon({ steps }: BlenderInput): ReadonlyMap<string, readonly string[]> {
  const families = new Map<string, string[]>();
  for (const step of steps) {
    if ('reset' in step) continue;
    const known = families.get(step.horizon) ?? [];
    families.set(step.horizon, [...new Set([...known, ...Object.keys(step.predictions)])].sort());
  }
  return families;
}

function blendStep(step: BlendStep, names: readonly string[], state: CorrelationState, ridgeLambda: number) {
  const { horizon, predictions } = step;
  const columns = [...names.keys()];
  const calibrated = Float64Array.from(names, (name) => predictions[name]?.calibrated ?? 0);
  const present = Uint8Array.from(names, (name) => (name in predictions ? 1 : 0));
  const temperature = names.length === 0 ? 1 : temperatureOf(horizon, REFERENCE_TEMPERATURES);
  const out = { alpha: new Float64Array(1), valid: new Uint8Array(1) };
  const families = createFamilyWeighing(names.length);
  if (names.length > 0) {
    updateCorrelation(state, columns, { symbolCount: 1, scores: calibrated, present });
    names.forEach((name, m) => {
      families.icShrunk[m] = step.ic_values?.[name] ?? predictions[name]?.ic ?? 0;
      families.costShare[m] = step.cost_shares?.[name] ?? 0;
    });
    weighFamilies(state, temperature, { ridgeLambda, costPenalty: 0.5, muFloor: 0.01 }, families);
    const inputs = { calibrated, present, sigma: Float64Array.of(1), sigmaKnown: Uint8Array.of(1) };
    combineScores(columns, families.weights, inputs, { symbolCount: 1, h: 0 }, out);
  }
  const total = names.reduce((sum, _, m) => sum + (present[m] === 1 ? families.weights[m]! : 0), 0);
  const shown = names.filter((_, m) => present[m] === 1);
  const weights = Object.fromEntries(
    shown.map((name) => [
      name,
      total > 0 ? families.weights[names.indexOf(name)]! / total : 1 / shown.length,
    ]),
  );
  return { horizon, alpha: out.alpha[0], weights, temperature };
}

/** Steps with cost shares, and steps in which families have answered unevenly so far or an IC has no family. */
function unevenSteps(facts: VectorFacts): Record<string, string> {
  const input = facts.input as BlenderInput;
  const families = familiesByHorizon(input);
  const fields: Record<string, string> = {};
  const rows = new Map<string, { all: number; some: number }>();
  input.steps.forEach((step, k) => {
    if ('reset' in step) return;
    const names = families.get(step.horizon) ?? [];
    const count = rows.get(step.horizon) ?? { all: 0, some: 0 };
    const isFull = names.every((name) => name in step.predictions);
    rows.set(step.horizon, { all: count.all + (isFull ? 1 : 0), some: count.some + (isFull ? 0 : 1) });
    const isUneven = !isFull || (count.some > 0 && count.all + 1 < MIN_ROWS);
    const hasCosts = Object.values(step.cost_shares ?? {}).some((share) => share !== 0);
    const isExtra =
      Object.keys(step.ic_values ?? {}).some((name) => !names.includes(name)) && count.all + 1 < MIN_ROWS;
    if (isUneven || isExtra || hasCosts) {
      const reason = hasCosts ? NET_IC : RENORMALISED;
      fields[`steps.${k}.alpha`] = reason;
      fields[`steps.${k}.weights`] = reason;
    }
  });
  return fields;
}
