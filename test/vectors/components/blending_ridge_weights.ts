import { createFamilyWeighing, weighFamilies } from '../../../src/pipeline/2-blending/blend.ts';
import { createCorrelation, updateCorrelation } from '../../../src/pipeline/2-blending/correlation.ts';
import { expectedIc, ridgeWeights } from '../../../src/pipeline/2-blending/ridge-weights.ts';
import { muRule, weightsOfSeriesRule, weightsRule } from '../rules/ridge.ts';
import type { VectorComponent } from '../types.ts';

interface RidgeInput {
  readonly fn: 'weights' | 'from_predictions';
  readonly ridge_lambda: number | null;
  readonly cost_penalty: number;
  readonly min_weight: number;
  readonly ic: Readonly<Record<string, number>>;
  readonly cost_shares: Readonly<Record<string, number>> | null;
  readonly correlation?: readonly (readonly number[])[];
  readonly model_order?: readonly string[] | null;
  readonly history?: Readonly<Record<string, readonly number[]>>;
}

const NET_IC = 'net IC: the cost share scales the IC down, it is not subtracted from it';

export const vectorComponent: VectorComponent = {
  component: 'blending_ridge_weights',
  run(input: RidgeInput) {
    return { weights: input.fn === 'weights' ? fromCorrelation(input) : fromHistory(input) };
  },
  deviates: ({ input }) => {
    const { fn, ic, model_order, correlation = [] } = input as RidgeInput;
    if (fn === 'weights' && correlation.length !== (model_order ?? Object.keys(ic)).length) {
      return 'families and matrix come from one layout; a mismatch is a bug, not an identity matrix';
    }
    return correlation.flat().every(Number.isFinite)
      ? undefined
      : 'a correlation is always finite (0 for a constant series)';
  },
  restate: ({ input }) => {
    const reason = reasonToDeviate(input as RidgeInput);
    return reason === undefined
      ? undefined
      : { output: { weights: weightsByRule(input as RidgeInput) }, reasons: [reason] };
  },
};

function weightsByRule(input: RidgeInput): Record<string, number> {
  const { fn, ic, cost_shares, cost_penalty, ridge_lambda, correlation = [], history = {} } = input;
  const names =
    fn === 'weights' ? (input.model_order ?? Object.keys(ic).sort()) : Object.keys(history).sort();
  const lambda = ridge_lambda ?? 0.15;
  const mu = names.map((name) => muRule(ic[name] ?? 0, cost_shares?.[name] ?? 0, cost_penalty));
  const rows = Math.min(...names.map((name) => history[name]?.length ?? 0));
  const series = names.map((name) =>
    rows === 0
      ? []
      : history[name]!.slice(-rows).map((value) => (Number.isFinite(value) ? value : undefined)),
  );
  const weights =
    fn === 'weights' ? weightsRule(correlation, mu, lambda) : weightsOfSeriesRule(series, mu, lambda);
  return Object.fromEntries(names.map((name, m) => [name, weights[m]!]));
}

function reasonToDeviate(input: RidgeInput): string | undefined {
  const { history, min_weight } = input;
  const names = input.model_order ?? Object.keys(history ?? input.ic);
  const columns = Object.values(history ?? {});
  if (Object.values(input.cost_shares ?? {}).some((share) => share !== 0)) return NET_IC;
  if (input.ridge_lambda === 0) {
    return 'lambda 0 means no ridge: the schema decides what is allowed, 0 is not a hidden default';
  }
  if (min_weight > 0) return 'there is no minimum weight';
  if (!columns.flat().every(Number.isFinite)) {
    return 'a missing score leaves out its row for that pair, not the whole series';
  }
  if (columns.length > 1 && Math.min(...columns.map((values) => values.length)) < 5) {
    return 'warm-up: equal weights below 5 shared rows, not below 3';
  }
  return names.every((name) => Object.hasOwn(input.ic, name))
    ? undefined
    : 'an IC that is missing is 0 and floored like any other';
}

function settingsOf(input: RidgeInput) {
  return { ridgeLambda: input.ridge_lambda ?? 0.15, costPenalty: input.cost_penalty, muFloor: 0.01 };
}

function fromCorrelation(input: RidgeInput): Record<string, number> {
  const names = input.model_order ?? Object.keys(input.ic).sort();
  if (names.length === 0) return {};
  const settings = settingsOf(input);
  const mu = Float64Array.from(names, (name) =>
    expectedIc({ icShrunk: input.ic[name] ?? 0, costShare: input.cost_shares?.[name] ?? 0 }, settings),
  );
  const weights = new Float64Array(names.length);
  const correlation = Float64Array.from((input.correlation ?? []).flat());
  ridgeWeights({ correlation, mu, lambda: settings.ridgeLambda }, weights);
  return named(names, weights);
}

function fromHistory(input: RidgeInput): Record<string, number> {
  const history = input.history ?? {};
  const names = Object.keys(history).sort();
  if (names.length === 0) return {};
  const rows = Math.min(...names.map((name) => history[name]!.length));
  const correlation = createCorrelation(names.length, Math.max(1, rows));
  for (let k = 0; k < rows; k++) {
    const values = names.map((name) => history[name]!.at(k - rows)!);
    updateCorrelation(correlation, [...names.keys()], {
      symbolCount: 1,
      scores: Float64Array.from(values, (value) => (Number.isFinite(value) ? value : 0)),
      present: Uint8Array.from(values, (value) => (Number.isFinite(value) ? 1 : 0)),
    });
  }
  const families = createFamilyWeighing(names.length);
  names.forEach((name, m) => {
    families.icShrunk[m] = input.ic[name] ?? 0;
    families.costShare[m] = input.cost_shares?.[name] ?? 0;
  });
  weighFamilies(correlation, 1, settingsOf(input), families);
  return named(names, families.weights);
}

function named(names: readonly string[], weights: Float64Array): Record<string, number> {
  return Object.fromEntries(names.map((name, m) => [name, weights[m]!]));
}
