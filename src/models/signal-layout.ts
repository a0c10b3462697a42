import { dirname, join } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError, invariant } from '../domain/errors.ts';
import type { Horizon } from '../domain/horizon.ts';
import type { ModelColumn, SignalLayout } from '../events/layout.ts';
import type { ModelArtifact, RunRoot } from './run-root.ts';

export interface LayoutChoice {
  readonly symbols: readonly string[];
  /** The scenario's horizons; return models of other horizons are left out, barrier models never are. */
  readonly horizons: readonly Horizon[];
  /** Length of the market's bars; given, models whose interval such bars cannot make up are refused. */
  readonly barSeconds?: number;
  /** Families of return models to use, and families of any target to leave out; absent: all, and none. */
  readonly families?: readonly string[] | undefined;
  readonly excludeFamilies?: readonly string[] | undefined;
}

/**
 * What a run predicts: the routed models of its horizons, as columns in code-unit order of their id.
 * @throws InputError FAMILY_UNKNOWN for a family that the run root does not have; MODEL_INTERVAL for a model on bars that the data cannot make up; SYMBOLS_INVALID for an empty universe or a repeated symbol; MODELS_HORIZON_MISSING when a horizon has no
 * return model (in strict mode any horizon, otherwise only when all have none)
 */
export function buildLayout(runRoot: RunRoot, choice: LayoutChoice): SignalLayout {
  const { symbols, horizons, barSeconds } = choice;
  const wanted = new Map(horizons.map((horizon) => [horizonKey(horizon), horizon]));
  const models = chosenModels(runRoot, choice).filter(
    (model) => model.kind !== 'return' || wanted.has(horizonKey(model.horizon)),
  );
  if (barSeconds !== undefined) checkIntervals(runRoot, models, barSeconds);
  const columns = models
    .flatMap((model) => columnsOf(model, wanted.get(horizonKey(model.horizon)) ?? model.horizon))
    .toSorted((a, b) => compareCodeUnits(a.id, b.id));
  const missing = horizonsWithoutModels(columns, horizons);
  if (missing.length > 0 && (runRoot.strict || missing.length === horizons.length)) {
    const found = discoverHorizons(runRoot, choice).map(({ label }) => label);
    throw new InputError(
      'MODELS_HORIZON_MISSING',
      `run root ${runRoot.dir}: no return model for horizon ${missing.join(', ')}, found ${found.join(', ') || 'none'}`,
    );
  }
  return { symbols: sortedSymbols(symbols), columns };
}

/**
 * Horizons of the return targets that a run would use, read from their names, shortest first. Two spellings of one
 * length (`60m`, `1h`) are one horizon, under the first in code-unit order of target.
 */
export function discoverHorizons(
  runRoot: RunRoot,
  selection: Pick<LayoutChoice, 'families' | 'excludeFamilies'>,
): readonly Horizon[] {
  const found = new Map<string, Horizon>();
  for (const { kind, horizon } of chosenModels(runRoot, selection)) {
    const key = horizonKey(horizon);
    if (kind === 'return' && !found.has(key)) found.set(key, horizon);
  }
  return [...found.values()].sort((a, b) => a.minutes - b.minutes || a.sessions - b.sessions);
}

/** The routed models that a scenario's selection of families leaves. */
function chosenModels(
  runRoot: RunRoot,
  { families, excludeFamilies = [] }: Pick<LayoutChoice, 'families' | 'excludeFamilies'>,
): readonly ModelArtifact[] {
  const routed = runRoot.models.filter((model) => isRouted(runRoot, model));
  const isReturn = ({ kind }: ModelArtifact): boolean => kind === 'return';
  expectFamilies(runRoot, {
    key: 'models.families',
    wanted: families ?? [],
    models: routed.filter(isReturn),
  });
  expectFamilies(runRoot, { key: 'models.excludeFamilies', wanted: excludeFamilies, models: routed });
  return routed.filter(
    (model) =>
      !excludeFamilies.includes(model.family) &&
      (families === undefined || !isReturn(model) || families.includes(model.family)),
  );
}

function expectFamilies(
  runRoot: RunRoot,
  spec: {
    readonly key: string;
    readonly wanted: readonly string[];
    readonly models: readonly ModelArtifact[];
  },
): void {
  const found = [...new Set(spec.models.map(({ family }) => family))].sort(compareCodeUnits);
  const unknown = spec.wanted.find((family) => !found.includes(family));
  if (unknown === undefined) return;
  throw new InputError(
    'FAMILY_UNKNOWN',
    `${spec.key}: ${unknown} is no family in use of run root ${runRoot.dir}, found ${found.join(', ') || 'none'}`,
  );
}

/** Labels of the horizons that no return column serves. */
export function horizonsWithoutModels(
  columns: readonly ModelColumn[],
  horizons: readonly Horizon[],
): readonly string[] {
  const served = new Set(columns.filter((c) => c.kind === 'return').map((c) => horizonKey(c.horizon)));
  return horizons.filter((horizon) => !served.has(horizonKey(horizon))).map((horizon) => horizon.label);
}

function checkIntervals(runRoot: RunRoot, models: readonly ModelArtifact[], barSeconds: number): void {
  for (const { path, meta } of models) {
    if ((meta.intervalMinutes * 60) % barSeconds === 0) continue;
    const file = join(runRoot.dir, dirname(path), 'model_meta.json');
    throw new InputError(
      'MODEL_INTERVAL',
      `${file}: field interval_minutes: ${meta.intervalMinutes}, expected a multiple of the dataset's bars of ${barSeconds} s`,
    );
  }
}

/** `60m` and `1h` are one horizon; `390m` and `1d` are not: one ends within the session, the other in the next. */
function horizonKey({ minutes, sessions }: Horizon): string {
  return `${minutes}/${sessions}`;
}

function isRouted(runRoot: RunRoot, model: ModelArtifact): boolean {
  const route = runRoot.routes[model.target];
  return route !== undefined && route.view === model.view && route.families.includes(model.family);
}

/** @param horizon the scenario's own spelling of the model's horizon */
function columnsOf(model: ModelArtifact, horizon: Horizon): readonly ModelColumn[] {
  const { id, kind } = model;
  const { reads } = model.meta;
  if (reads.kind === 'barriers') {
    return (['peak', 'valley'] as const).map((side) =>
      columnOf(model, { id: `${id}:${side}`, kind: side, horizon, reading: reads[side] }),
    );
  }
  invariant(kind !== 'barriers', `model ${id} forecasts both barriers and does not say where they are`);
  return [columnOf(model, { id, kind, horizon, ...(reads.kind === 'point' ? {} : { reading: reads }) })];
}

function columnOf(
  model: ModelArtifact,
  facts: Pick<ModelColumn, 'id' | 'kind' | 'horizon' | 'reading'>,
): ModelColumn {
  const { id, kind, horizon, reading } = facts;
  return {
    id,
    target: model.target,
    view: model.view,
    family: model.family,
    kind,
    horizon,
    modelSha256: model.sha256,
    shape: model.meta.sequenceLength > 1 ? 'sequence' : 'tabular',
    features: model.meta.features,
    intervalMinutes: model.meta.intervalMinutes,
    sequenceLength: model.meta.sequenceLength,
    takesNan: model.meta.takesNan,
    ...(model.meta.crossSectionalRanking ? { crossSectionalRanking: true } : {}),
    ...(model.meta.output === undefined ? {} : { output: model.meta.output }),
    ...(reading === undefined ? {} : { reading }),
  };
}

function sortedSymbols(symbols: readonly string[]): readonly string[] {
  const sorted = symbols.toSorted(compareCodeUnits);
  if (sorted.length === 0)
    throw new InputError('SYMBOLS_INVALID', 'universe: no symbols, expected at least one');
  const repeated = sorted.find((symbol, ix) => symbol === sorted[ix + 1]);
  if (repeated !== undefined) {
    throw new InputError(
      'SYMBOLS_INVALID',
      `universe: symbol ${repeated} is listed twice, expected each once`,
    );
  }
  return sorted;
}
