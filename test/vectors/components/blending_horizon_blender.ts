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
import { muRule, shares, temperatureRule, weightsOfSeriesRule } from '../rules/ridge.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';
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
const CONFIDENCE = 'confidence is inside the calibrated scores and is not blended a second time';
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
  restate: restateSteps,
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

/** The steps the rule decides otherwise, as it decides them: see `reasonOf`. */
function restateSteps({ input, output }: VectorFacts): Restated {
  const { ridge_lambda, history_size, steps } = input as BlenderInput;
  const families = familiesByHorizon(input as BlenderInput);
  const histories = new Map<string, BlendStep['predictions'][]>();
  const reasons = new Set([CONFIDENCE]);
  const restated = (output as { readonly steps: readonly (object | null)[] }).steps.map((theirs, k) => {
    const step = steps[k]!;
    if ('reset' in step) {
      if (step.reset === null) histories.clear();
      else histories.delete(step.reset);
      return theirs;
    }
    const names = families.get(step.horizon)!;
    const history = [...(histories.get(step.horizon) ?? []), step.predictions].slice(-history_size);
    histories.set(step.horizon, history);
    const expected = Object.fromEntries(Object.entries(theirs!).filter(([field]) => field !== 'confidence'));
    const reason = reasonOf(step, names, history);
    if (reason === undefined) return expected;
    reasons.add(reason);
    return { ...expected, ...blendByRule(step, names, history, ridge_lambda ?? 0.15) };
  });
  return { output: { steps: restated }, reasons: [...reasons] };
}

/** Cost shares; families that answered unevenly, before there are rows enough; and an IC that has no family. */
function reasonOf(step: BlendStep, names: readonly string[], history: readonly BlendStep['predictions'][]) {
  if (Object.values(step.cost_shares ?? {}).some((share) => share !== 0)) return NET_IC;
  const isFull = (predictions: BlendStep['predictions']) => names.every((name) => name in predictions);
  const isExtra = Object.keys(step.ic_values ?? {}).some((name) => !names.includes(name));
  const isEarly = history.filter(isFull).length < MIN_ROWS;
  const isUneven = !isFull(step.predictions) || (isEarly && !history.every(isFull));
  return isUneven || (isExtra && isEarly) ? RENORMALISED : undefined;
}

function blendByRule(
  { horizon, predictions, ic_values, cost_shares }: BlendStep,
  names: readonly string[],
  history: readonly BlendStep['predictions'][],
  lambda: number,
) {
  const mu = names.map((name) =>
    muRule(ic_values?.[name] ?? predictions[name]?.ic ?? 0, cost_shares?.[name] ?? 0, 0.5),
  );
  const series = names.map((name) => history.map((row) => row[name]?.calibrated));
  const temperature = temperatureOf(horizon, REFERENCE_TEMPERATURES);
  const all = temperatureRule(weightsOfSeriesRule(series, mu, lambda), temperature);
  const present = names.filter((name) => name in predictions);
  const weights = shares(present.map((name) => all[names.indexOf(name)]!));
  return {
    alpha: present.reduce((sum, name, m) => sum + weights[m]! * predictions[name]!.calibrated, 0),
    weights: Object.fromEntries(present.map((name, m) => [name, weights[m]!])),
  };
}
