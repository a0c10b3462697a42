import { rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { makeFolders } from '../files/make-folders.ts';
import type { CacheFolder } from '../models/cache-folder.ts';
import type { Progress } from '../ports/progress.ts';
import { type Metric, orderOf, scoreOf } from '../report/part-score.ts';
import { lockFolder } from '../tape/tape-lock.ts';
import { type OverfittingAccount, overfittingOf } from './overfitting.ts';
import type { PlannedTrial, SweepPlan } from './sweep-plan.ts';
import {
  isKept,
  readRecord,
  readSummary,
  runDirOf,
  type SweepFolder,
  sweepFolderAt,
  type TrialSummary,
  writeRecord,
} from './sweep-records.ts';
import { runInWorkers } from './sweep-workers.ts';
import { type WalkFold, type WalkPart, walkForward } from './walk-forward.ts';

/** Run folders that stay: of all trials, of the best one and of those that a fold chose, or of none. */
export type Keep = 'all' | 'best' | 'none';

export interface SweepOptions {
  readonly plan: SweepPlan;
  /** Folder that the folder of the sweep is made in. */
  readonly outDir: string;
  readonly metric: Metric;
  readonly walk: readonly WalkPart[];
  readonly keep: Keep;
  readonly jobs: number;
  readonly priorTrials: number;
  readonly cache?: CacheFolder;
  readonly progress: Progress;
  /** Told of each trial as it ends, in the order they end, and of how many that are run now. */
  readonly onTrial: (
    trial: PlannedTrial,
    ended: { readonly count: number; readonly total: number; readonly outcome: Outcome },
  ) => void;
  /** Told of the folder of the sweep, and how many trials it holds already. */
  readonly onFolder: (dir: string, takenUp: number) => void;
}

/** What a trial came to, or why it failed. */
export type Outcome = { readonly summary: TrialSummary } | { readonly failure: string };

export interface FinishedTrial {
  readonly planned: PlannedTrial;
  readonly summary: TrialSummary;
  /** From the best, 1, to the worst. */
  readonly rank: number;
  readonly isKept: boolean;
}

export interface SweepResult {
  readonly plan: SweepPlan;
  readonly dir: string;
  readonly metric: Metric;
  readonly priorTrials: number;
  /** In the order of the grid, as all that follow. */
  readonly finished: readonly FinishedTrial[];
  readonly failed: readonly { readonly planned: PlannedTrial; readonly message: string }[];
  /** `chosen` counts `finished`. */
  readonly walk: readonly WalkFold[];
  /** Undefined where no trial ended. */
  readonly overfitting: OverfittingAccount | undefined;
}

/** The folder a sweep is made in. */
export function sweepDirOf({ scenario, sweepId }: SweepPlan, outDir: string): string {
  return join(outDir, `${scenario}.sweep-${sweepId.slice(0, 12)}`);
}

/**
 * Runs every trial of a plan that has not been run yet, and works out what all of them say. Trials that ended are
 * taken up where their record is sound and of the same run; what failed is tried again.
 * @throws InputError SWEEP_LOCKED where another process is at it
 */
export async function runSweep(options: SweepOptions): Promise<SweepResult> {
  const folder = sweepFolderAt(sweepDirOf(options.plan, options.outDir));
  makeFolders(folder.runsDir);
  makeFolders(folder.trialsDir);
  const lock = lockFolder(folder.dir, {
    note: '',
    refusal: (name, why) =>
      new InputError('SWEEP_LOCKED', `sweep ${folder.dir}: one at a time (${name}): ${why}`),
  });
  try {
    const { outcomes, kept } = await runTrials(folder, options);
    return resultOf(folder, { outcomes, kept, options });
  } finally {
    lock.release();
  }
}

type Outcomes = Map<PlannedTrial, Outcome>;

async function runTrials(
  folder: SweepFolder,
  options: SweepOptions,
): Promise<{ readonly outcomes: Outcomes; readonly kept: ReadonlySet<PlannedTrial> }> {
  const { plan, keep } = options;
  const outcomes: Outcomes = new Map();
  for (const trial of plan.trials) {
    const summary = readRecord(folder, trial);
    if (summary !== undefined && (keep !== 'all' || isKept(folder, trial, summary))) {
      outcomes.set(trial, { summary });
    }
  }
  options.onFolder(folder.dir, outcomes.size);
  const pending = plan.trials.filter((trial) => !outcomes.has(trial));
  await runPending(folder, pending, { outcomes, options });
  let kept = dropOthers(folder, outcomes, options);
  // what is best now may have been dropped when something else was looked for
  const missing = [...kept].filter((trial) => !isThere(folder, trial, outcomes));
  if (missing.length > 0) {
    await runPending(folder, missing, { outcomes, options });
    kept = dropOthers(folder, outcomes, options);
  }
  return { outcomes, kept };
}

function isThere(folder: SweepFolder, trial: PlannedTrial, outcomes: Outcomes): boolean {
  const outcome = outcomes.get(trial);
  return outcome !== undefined && 'summary' in outcome && isKept(folder, trial, outcome.summary);
}

async function runPending(
  folder: SweepFolder,
  pending: readonly PlannedTrial[],
  { outcomes, options }: { readonly outcomes: Outcomes; readonly options: SweepOptions },
): Promise<void> {
  const { plan, jobs, cache, progress, onTrial } = options;
  const total = pending.reduce((sum, { cycles }) => sum + cycles, 0);
  const done = new Map<PlannedTrial, number>();
  let ended = 0;
  let kept = dropOthers(folder, outcomes, options);
  const show = (): void => {
    const cycles = [...done.values()].reduce((sum, n) => sum + n, 0);
    progress.update(cycles, total, `cycles; ${ended} of ${pending.length} trials`);
  };
  await runInWorkers(pending, {
    jobs,
    scenarioFile: plan.spec.scenarioFile,
    taskOf: ({ values }) => ({
      spec: plan.spec,
      values,
      outDir: folder.runsDir,
      ...(cache === undefined ? {} : { cache }),
    }),
    onProgress: (trial, cycles) => {
      done.set(trial, cycles);
      show();
    },
    onEnd: (trial, failure) => {
      const outcome = outcomeOf(folder, trial, failure);
      outcomes.set(trial, outcome);
      done.set(trial, trial.cycles);
      ended += 1;
      kept = dropOthers(folder, outcomes, options, [trial, ...kept]);
      onTrial(trial, { count: ended, total: pending.length, outcome });
      show();
    },
  });
}

/** What a run that ended came to. It must be the run that was planned, and the one that was recorded before. */
function outcomeOf(folder: SweepFolder, trial: PlannedTrial, failure: string | null): Outcome {
  // where the folder lies is no part of what went wrong
  if (failure !== null) return { failure: failure.replaceAll(`${folder.dir}${sep}`, '') };
  const summary = readSummary(folder, trial);
  if (summary === undefined) {
    return { failure: 'the run is not the one that was planned: code, models or data changed meanwhile' };
  }
  const before = readRecord(folder, trial);
  if (before !== undefined && before.chainHead !== summary.chainHead) {
    return {
      failure: `the same scenario, data, models and code gave another tape, expected head ${before.chainHead}, found ${summary.chainHead}`,
    };
  }
  writeRecord(folder, trial);
  return { summary };
}

/**
 * Removes folders of trials that ended and are not to be kept. A trial that was beaten once stays beaten.
 * @param among those whose folders may be there
 * @returns those that are kept
 */
function dropOthers(
  folder: SweepFolder,
  outcomes: Outcomes,
  options: SweepOptions,
  among: Iterable<PlannedTrial> = options.plan.trials,
): ReadonlySet<PlannedTrial> {
  const ended = endedOf(options.plan, outcomes);
  if (options.keep === 'all') return new Set(ended.map(({ planned }) => planned));
  const kept = new Set<PlannedTrial>();
  if (options.keep === 'best' && ended.length > 0) {
    for (const at of [
      rankingOf(ended, options.metric)[0]!,
      ...foldsOf(ended, options).map(({ chosen }) => chosen),
    ]) {
      kept.add(ended[at]!.planned);
    }
  }
  for (const trial of among) {
    const outcome = outcomes.get(trial);
    if (outcome === undefined || 'failure' in outcome || kept.has(trial)) continue;
    rmSync(runDirOf(folder, trial), { recursive: true, force: true });
  }
  return kept;
}

interface Ended {
  readonly planned: PlannedTrial;
  readonly summary: TrialSummary;
}

function endedOf({ trials }: SweepPlan, outcomes: Outcomes): Ended[] {
  return trials.flatMap((planned) => {
    const outcome = outcomes.get(planned);
    return outcome !== undefined && 'summary' in outcome ? [{ planned, summary: outcome.summary }] : [];
  });
}

/** Indexes from the best to the worst, over all sessions, by the figures of the run's own summary. */
function rankingOf(ended: readonly Ended[], metric: Metric): number[] {
  return orderOf(
    ended.map(({ summary }) => {
      const { netPnlMicros, sharpe, maxDrawdown } = summary.statistics;
      return scoreOf(metric, { pnlMicros: netPnlMicros, sharpe, drawdownFrac: maxDrawdown.frac });
    }),
  );
}

function foldsOf(ended: readonly Ended[], { walk, metric }: SweepOptions): WalkFold[] {
  return walkForward(ended.map(curveOf), walk, metric);
}

/** Equity: the initial capital, then a value a session. */
export function curveOf({ summary }: { readonly summary: TrialSummary }): number[] {
  const { initialEquityMicros, sessions } = summary.statistics;
  return [initialEquityMicros, ...sessions.map(({ equityMicros }) => equityMicros)];
}

function resultOf(
  folder: SweepFolder,
  {
    outcomes,
    kept,
    options,
  }: {
    readonly outcomes: Outcomes;
    readonly kept: ReadonlySet<PlannedTrial>;
    readonly options: SweepOptions;
  },
): SweepResult {
  const { plan, metric, priorTrials } = options;
  const ended = endedOf(plan, outcomes);
  const ranking = rankingOf(ended, metric);
  const failed = plan.trials.flatMap((planned) => {
    const outcome = outcomes.get(planned);
    return outcome !== undefined && 'failure' in outcome ? [{ planned, message: outcome.failure }] : [];
  });
  return {
    plan,
    dir: folder.dir,
    metric,
    priorTrials,
    finished: ended.map((trial, at) => ({
      ...trial,
      rank: ranking.indexOf(at) + 1,
      isKept: kept.has(trial.planned),
    })),
    failed,
    walk: ended.length === 0 ? [] : foldsOf(ended, options),
    overfitting:
      ended.length === 0
        ? undefined
        : overfittingOf(ended.map(curveOf), {
            chosen: ranking[0]!,
            metric,
            sessions: plan.sessions,
            priorTrials,
          }),
  };
}
