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
  sessionReturnLabels,
  splitByTime,
} from './labels.ts';
import { areaUnderCurve, informationCoefficient, type Metrics, rounded } from './metrics.ts';
import {
  type BothLabels,
  fitJoint,
  JOINT_FAMILY_NAME,
  PAIR_FAMILY,
  QUANTILE_FAMILY,
  RANK_FAMILY,
} from './output-families.ts';
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
  readonly horizons: readonly string[];
  /** Families to train; absent: ridge, trees, a network, a convolution for the shortest horizon, and barrier classifiers. */
  readonly families?: readonly string[];
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

/** A target to train, with its labels, and the models that are trained for it. */
interface Task {
  readonly target: string;
  readonly family: string;
  readonly labeled: LabeledRows;
  readonly horizon: { readonly steps: number; readonly sessions: number };
  readonly train: (task: Task, set: TrainingSet, seed: number) => TrainedModel;
}

/** Families that can be trained, by what they forecast. */
const RETURN_KINDS: readonly Family[] = [...RETURN_FAMILIES, SEQUENCE_FAMILY, QUANTILE_FAMILY, RANK_FAMILY];
const BARRIER_KINDS: readonly Family[] = [BARRIER_FAMILY, PAIR_FAMILY];
export const TRAINABLE_FAMILIES: readonly string[] = [
  ...[...RETURN_KINDS, ...BARRIER_KINDS].map(({ name }) => name),
  JOINT_FAMILY_NAME,
].sort(compareCodeUnits);

/**
 * Trains a run root on given sessions, and on nothing else. Every target lies strictly after the features' bar: within its
 * own session, or, for horizons in days, in a later one of those given. Each model is fitted on the earlier part first, scored on the later part (metrics `ic_validation`,
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
    progress.update(ix, tasks.length, `${task.target} ${task.family}`);
    models.push(task.train(task, set, options.seed));
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

/** The families asked for; those of a plain run root when none are. @throws InputError FAMILY_UNKNOWN */
function chosenFamilies({ families, barrier, sequence }: TrainOptions): ReadonlySet<string> {
  const unknown = families?.find((name) => !TRAINABLE_FAMILIES.includes(name));
  if (unknown !== undefined) {
    throw new InputError(
      'FAMILY_UNKNOWN',
      `training: ${unknown} is no family that can be trained, expected some of ${TRAINABLE_FAMILIES.join(', ')}`,
    );
  }
  const plain = [...RETURN_FAMILIES, SEQUENCE_FAMILY, BARRIER_FAMILY].map(({ name }) => name);
  const barriers = [...BARRIER_KINDS.map(({ name }) => name), JOINT_FAMILY_NAME];
  return new Set(
    (families ?? plain).filter(
      (name) => (barrier || !barriers.includes(name)) && (sequence || name !== SEQUENCE_FAMILY.name),
    ),
  );
}

function planTasks(set: TrainingSet, horizons: readonly Horizon[], options: TrainOptions): readonly Task[] {
  const chosen = chosenFamilies(options);
  const tasks: Task[] = [];
  horizons.forEach((horizon, ix) => {
    const steps = horizon.sessions > 0 ? 0 : horizonSteps(horizon, set.barSeconds);
    const labeled =
      horizon.sessions > 0 ? sessionReturnLabels(set, horizon.sessions) : returnLabels(set, steps);
    const span = { steps, sessions: horizon.sessions };
    for (const family of RETURN_KINDS) {
      if (!chosen.has(family.name) || (family.isSequence && ix > 0)) continue;
      tasks.push(familyTask(`ret_${horizon.label}`, family, { labeled, horizon: span, isBarrier: false }));
    }
  });
  const barrierKinds = BARRIER_KINDS.filter(({ name }) => chosen.has(name));
  if (barrierKinds.length > 0 || chosen.has(JOINT_FAMILY_NAME)) {
    const steps = horizonSteps(parseHorizon(BARRIER_HORIZON), set.barSeconds);
    const horizon = { steps, sessions: 0 };
    const [peak, valley] = (['peak', 'valley'] as const).map((kind) =>
      barrierLabels(set, { kind, steps, sigmas: BARRIER_SIGMAS }),
    ) as [LabeledRows, LabeledRows];
    for (const [kind, labeled] of [
      ['peak', peak],
      ['valley', valley],
    ] as const) {
      for (const family of barrierKinds) {
        tasks.push(
          familyTask(`will_${kind}_${BARRIER_HORIZON}`, family, { labeled, horizon, isBarrier: true }),
        );
      }
    }
    if (chosen.has(JOINT_FAMILY_NAME)) tasks.push(jointTask({ peak, valley }, horizon));
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

function familyTask(
  target: string,
  family: Family,
  spec: Pick<Task, 'labeled' | 'horizon'> & { readonly isBarrier: boolean },
): Task {
  return {
    target,
    family: family.name,
    labeled: spec.labeled,
    horizon: spec.horizon,
    train: (task, set, seed) => trainModel({ task, set, seed, family, isBarrier: spec.isBarrier }),
  };
}

function trainModel(spec: {
  readonly task: Task;
  readonly set: TrainingSet;
  readonly seed: number;
  readonly family: Family;
  readonly isBarrier: boolean;
}): TrainedModel {
  const { task, set, seed, family, isBarrier } = spec;
  const { target, labeled } = task;
  const seedParts = [seed, target, family.name];
  const split = splitByTime(set, labeled, task.horizon);
  const early =
    split.fit.rows.length < MIN_ROWS ? undefined : family.fit({ set, labeled: split.fit, seedParts });
  const final = family.fit({ set, labeled, seedParts });
  const validation = early === undefined ? undefined : early.forecast(split.validation.rows);
  const all = final.forecast(labeled.rows);
  return {
    target,
    view: VIEW,
    family: family.name,
    bytes: final.toOnnx(`${target} ${family.name}`),
    features: family.isSequence ? SEQUENCE_FEATURES : TABULAR_FEATURES,
    intervalMinutes: featureMinutes(set.barSeconds),
    sequenceLength: family.isSequence ? SEQUENCE_LENGTH : 1,
    metrics: scoreModel({ labeled, isBarrier }, split, { all, validation }),
    meta: { ...family.meta, ...final.meta },
  };
}

/** One model for both barriers; its figures are means of the two. */
function jointTask(labels: BothLabels, horizon: Task['horizon']): Task {
  const target = `will_peak_valley_${BARRIER_HORIZON}`;
  const train: Task['train'] = (_task, set) => {
    const final = fitJoint(set, labels);
    const [peak, valley] = (['peak', 'valley'] as const).map((kind) => {
      const labeled = labels[kind];
      const split = splitByTime(set, labeled, horizon);
      const early =
        split.fit.rows.length < MIN_ROWS
          ? undefined
          : fitJoint(set, {
              peak: splitByTime(set, labels.peak, horizon).fit,
              valley: splitByTime(set, labels.valley, horizon).fit,
            });
      const validation = early?.[kind](split.validation.rows);
      return scoreModel({ labeled, isBarrier: true }, split, { all: final[kind](labeled.rows), validation });
    }) as [Metrics, Metrics];
    return {
      target,
      view: VIEW,
      family: JOINT_FAMILY_NAME,
      bytes: final.toOnnx(`${target} ${JOINT_FAMILY_NAME}`),
      features: TABULAR_FEATURES,
      intervalMinutes: featureMinutes(set.barSeconds),
      sequenceLength: 1,
      metrics: Object.fromEntries(
        Object.keys(peak).map((name) => [name, rounded((peak[name]! + valley[name]!) / 2)]),
      ),
      meta: final.meta,
    };
  };
  return { target, family: JOINT_FAMILY_NAME, labeled: labels.peak, horizon, train };
}

function scoreModel(
  { isBarrier, labeled }: { readonly isBarrier: boolean; readonly labeled: LabeledRows },
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
