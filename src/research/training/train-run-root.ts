import { compareCodeUnits } from '../../domain/compare.ts';
import { InputError } from '../../domain/errors.ts';
import { type Horizon, parseHorizon } from '../../domain/horizon.ts';
import { sha256Hex } from '../../models/artifact-files.ts';
import type { MarketDataset } from '../../ports/market-data.ts';
import { type Progress, silentProgress } from '../../ports/progress.ts';
import { BARRIER_FAMILY, type Family, RETURN_FAMILIES, SEQUENCE_FAMILY } from './families.ts';
import {
  barrierLabels,
  horizonSteps,
  type LabeledRows,
  returnLabels,
  type Split,
  splitByTime,
} from './labels.ts';
import { areaUnderCurve, informationCoefficient, type Metrics, rounded } from './metrics.ts';
import { checkOutDir, type TrainedModel, writeRunRoot } from './run-root-writer.ts';
import {
  buildTrainingSet,
  featureMinutes,
  SEQUENCE_FEATURES,
  SEQUENCE_LENGTH,
  TABULAR_FEATURES,
  type TrainingSet,
} from './training-set.ts';

/** One model for all symbols together, the view training pools. */
const VIEW = 'CROSS_SECTIONAL';
const BARRIER_HORIZON = '5m';
/**
 * Width of the barriers in standard deviations of 5-minute returns. Half of one is touched in most windows, so that the two
 * probabilities lie around 0.4 and a forecast moves them past the gate's thresholds; at 1 they would stay near 0.25.
 */
const BARRIER_SIGMAS = 0.5;
/** Below this a validation figure is noise and a fit has nothing to hold on to. */
const MIN_ROWS = 200;

export interface TrainOptions {
  readonly dataset: MarketDataset;
  readonly trainSessions: readonly string[];
  readonly symbols: readonly string[];
  /** Labels of intraday horizons. */
  readonly horizons: readonly string[];
  readonly seed: number;
  readonly outDir: string;
  /** Train `will_peak_5m` and `will_valley_5m`. */
  readonly barrier: boolean;
  /** Train a sequence model for the shortest horizon. */
  readonly sequence: boolean;
  readonly progress?: Progress;
}

export interface TrainReport {
  readonly outDir: string;
  readonly sessions: readonly string[];
  readonly rows: number;
  readonly models: readonly {
    readonly id: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly metrics: Metrics;
  }[];
}

interface Task {
  readonly target: string;
  readonly family: Family;
  readonly labeled: LabeledRows;
  readonly steps: number;
  readonly isBarrier: boolean;
}

/**
 * Trains a run root on given sessions, and on nothing else. Every target lies within its own session, strictly after the
 * features' bar. Each model is fitted on the earlier part first, scored on the later part (metrics `ic_validation`,
 * `auc_validation`), and then fitted again on all of it; that one is written. The same options and data give the same bytes.
 * @throws InputError when dataset, sessions, symbols, horizons or the output folder cannot be used
 */
export async function trainRunRoot(options: TrainOptions): Promise<TrainReport> {
  const { dataset, outDir, progress = silentProgress } = options;
  const sessions = [...new Set(options.trainSessions)].sort(compareCodeUnits);
  const symbols = [...new Set(options.symbols)].sort(compareCodeUnits);
  const horizons = parseHorizons(options.horizons, dataset.barSeconds);
  requireSome('session', sessions);
  requireSome('symbol', symbols);
  await checkOutDir(outDir);
  const set = await buildTrainingSet({
    dataset,
    sessions,
    symbols,
    withSequences: options.sequence,
    progress,
  });
  const tasks = planTasks(set, horizons, options);
  const models: TrainedModel[] = [];
  for (const [ix, task] of tasks.entries()) {
    progress.update(ix, tasks.length, `${task.target} ${task.family.name}`);
    models.push(trainModel(set, task, options.seed));
  }
  await writeRunRoot(outDir, models, {
    producer: 'sametape models train',
    dataset_sha256: dataset.sha256,
    train_sessions: sessions,
    symbols,
    horizons: horizons.map((horizon) => horizon.label),
    seed: options.seed,
    rows: set.rowCount,
    ...(options.barrier ? { barrier: { horizon: BARRIER_HORIZON, sigmas: BARRIER_SIGMAS } } : {}),
  });
  progress.update(tasks.length, tasks.length, 'done');
  return { outDir, sessions, rows: set.rowCount, models: models.map(reportOf) };
}

function parseHorizons(labels: readonly string[], barSeconds: number): readonly Horizon[] {
  const horizons = [...new Set(labels)].map(parseHorizon).sort((a, b) => a.minutes - b.minutes);
  requireSome('horizon', horizons);
  for (const horizon of horizons) horizonSteps(horizon, barSeconds);
  return horizons;
}

function requireSome(what: string, list: readonly unknown[]): void {
  if (list.length === 0)
    throw new InputError('TRAINING_EMPTY', `training: no ${what} given, expected at least one`);
}

function planTasks(set: TrainingSet, horizons: readonly Horizon[], options: TrainOptions): readonly Task[] {
  const tasks: Task[] = [];
  horizons.forEach((horizon, ix) => {
    const steps = horizonSteps(horizon, set.barSeconds);
    const labeled = returnLabels(set, steps);
    const families = options.sequence && ix === 0 ? [...RETURN_FAMILIES, SEQUENCE_FAMILY] : RETURN_FAMILIES;
    for (const family of families) {
      tasks.push({ target: `ret_${horizon.label}`, family, labeled, steps, isBarrier: false });
    }
  });
  if (options.barrier) {
    const steps = horizonSteps(parseHorizon(BARRIER_HORIZON), set.barSeconds);
    for (const kind of ['peak', 'valley'] as const) {
      const labeled = barrierLabels(set, { kind, steps, sigmas: BARRIER_SIGMAS });
      tasks.push({
        target: `will_${kind}_${BARRIER_HORIZON}`,
        family: BARRIER_FAMILY,
        labeled,
        steps,
        isBarrier: true,
      });
    }
  }
  for (const { target, labeled } of tasks) {
    if (labeled.rows.length >= MIN_ROWS) continue;
    throw new InputError(
      'TRAINING_EMPTY',
      `training: ${target} has ${labeled.rows.length} rows, expected at least ${MIN_ROWS}; give more sessions or a shorter horizon`,
    );
  }
  return tasks;
}

function trainModel(set: TrainingSet, task: Task, seed: number): TrainedModel {
  const { target, family, labeled, steps } = task;
  const seedParts = [seed, target, family.name];
  const split = splitByTime(set, labeled, steps);
  const early =
    split.fit.rows.length < MIN_ROWS ? undefined : family.fit({ set, labeled: split.fit, seedParts });
  const final = family.fit({ set, labeled, seedParts });
  const validation = early === undefined ? undefined : early.forecast(split.validation.rows);
  return {
    target,
    view: VIEW,
    family: family.name,
    bytes: final.toOnnx(`${target} ${family.name}`),
    features: family.isSequence ? SEQUENCE_FEATURES : TABULAR_FEATURES,
    intervalMinutes: featureMinutes(set.barSeconds),
    sequenceLength: family.isSequence ? SEQUENCE_LENGTH : 1,
    metrics: scoreModel(task, split, { all: final.forecast(labeled.rows), validation }),
  };
}

function scoreModel(
  { isBarrier, labeled }: Task,
  split: Split,
  forecasts: { readonly all: Float64Array; readonly validation: Float64Array | undefined },
): Metrics {
  const score = isBarrier ? areaUnderCurve : informationCoefficient;
  const name = isBarrier ? 'auc' : 'ic';
  const { all, validation } = forecasts;
  return {
    ...(isBarrier ? { base_rate: rounded(labeled.y.reduce((sum, y) => sum + y, 0) / labeled.y.length) } : {}),
    [`${name}_train`]: rounded(score(all, labeled.y)),
    ...(validation === undefined
      ? {}
      : { [`${name}_validation`]: rounded(score(validation, split.validation.y)) }),
    rows_train: labeled.rows.length,
    rows_validation: validation === undefined ? 0 : split.validation.rows.length,
  };
}

function reportOf(model: TrainedModel): TrainReport['models'][number] {
  const { target, view, family, bytes, metrics } = model;
  return { id: `${target}/${view}/${family}`, bytes: bytes.length, sha256: sha256Hex(bytes), metrics };
}
