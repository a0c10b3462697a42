import { dirname, join } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { Horizon } from '../domain/horizon.ts';
import type { ModelColumn, SignalLayout } from '../events/layout.ts';
import type { ModelArtifact, RunRoot } from './run-root.ts';

export interface LayoutChoice {
  readonly symbols: readonly string[];
  /** The scenario's horizons; return models of other horizons are left out, barrier models never are. */
  readonly horizons: readonly Horizon[];
  /** Length of the market's bars; given, models whose interval such bars cannot make up are refused. */
  readonly barSeconds?: number;
}

/**
 * What a run predicts: the routed models of its horizons, as columns in code-unit order of their id.
 * @throws InputError MODEL_INTERVAL for a model on bars that the data cannot make up; SYMBOLS_INVALID for an empty universe or a repeated symbol; MODELS_HORIZON_MISSING when a horizon has no
 * return model (in strict mode any horizon, otherwise only when all have none)
 */
export function buildLayout(runRoot: RunRoot, { symbols, horizons, barSeconds }: LayoutChoice): SignalLayout {
  const wanted = new Map(horizons.map((horizon) => [horizonKey(horizon), horizon]));
  const models = runRoot.models
    .filter((model) => isRouted(runRoot, model))
    .filter((model) => model.kind !== 'return' || wanted.has(horizonKey(model.horizon)));
  if (barSeconds !== undefined) checkIntervals(runRoot, models, barSeconds);
  const columns = models
    .map((model) => columnOf(model, wanted.get(horizonKey(model.horizon)) ?? model.horizon))
    .toSorted((a, b) => compareCodeUnits(a.id, b.id));
  const missing = horizonsWithoutModels(columns, horizons);
  if (missing.length > 0 && (runRoot.strict || missing.length === horizons.length)) {
    const found = [...new Set(runRoot.models.filter((m) => m.kind === 'return').map((m) => m.horizon.label))];
    throw new InputError(
      'MODELS_HORIZON_MISSING',
      `run root ${runRoot.dir}: no return model for horizon ${missing.join(', ')}, found ${found.join(', ') || 'none'}`,
    );
  }
  return { symbols: sortedSymbols(symbols), columns };
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
function columnOf(model: ModelArtifact, horizon: Horizon): ModelColumn {
  return {
    id: model.id,
    target: model.target,
    view: model.view,
    family: model.family,
    kind: model.kind,
    horizon,
    modelSha256: model.sha256,
    shape: model.meta.sequenceLength > 1 ? 'sequence' : 'tabular',
    features: model.meta.features,
    intervalMinutes: model.meta.intervalMinutes,
    sequenceLength: model.meta.sequenceLength,
    takesNan: model.meta.takesNan,
    ...(model.meta.crossSectionalRanking ? { crossSectionalRanking: true } : {}),
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
