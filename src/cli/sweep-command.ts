import { relative, resolve } from 'node:path';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import { signedMoney } from '../report/format.ts';
import type { Metric } from '../report/part-score.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';
import { type Keep, runSweep, type SweepOptions } from '../research/sweep.ts';
import { sweepJson, writeSweepFiles } from '../research/sweep-files.ts';
import { type Draw, parseVaryOption, type SweepSpec } from '../research/sweep-grid.ts';
import { planSweep, type SweepPlan } from '../research/sweep-plan.ts';
import { defaultJobs, MOST_JOBS } from '../research/sweep-workers.ts';
import { type WalkPart, type WalkSpec, walkParts } from '../research/walk-forward.ts';
import { onInterrupt } from './interruptible.ts';
import { wholeNumberOption } from './option-values.ts';
import { createProgress } from './progress.ts';
import { sweepText } from './sweep-text.ts';
import { createPainter } from './terminal.ts';

/** Options of the command as they are given. */
export interface SweepCliOptions {
  readonly vary?: readonly string[];
  readonly set?: readonly string[];
  readonly random?: string;
  readonly seed?: string;
  readonly by: Metric;
  readonly split?: string;
  readonly folds?: string;
  readonly priorTrials: string;
  readonly keep: Keep;
  readonly jobs?: string;
  readonly top: string;
  readonly out: string;
  readonly cache: string | false;
  readonly json?: boolean;
  readonly worker?: boolean;
}

const CACHE_BYTES = 2 ** 29;
const MOST_FOLDS = 1000;
const MOST_SHOWN = 10_000;
const MOST_PRIOR_TRIALS = 1_000_000_000;

/** Plans a sweep, runs it, and tells what it came to. */
export async function sweepScenario(file: string, options: SweepCliOptions): Promise<void> {
  const top = wholeNumberOption('--top', options.top, { min: 1, max: MOST_SHOWN });
  const priorTrials = wholeNumberOption('--prior-trials', options.priorTrials, {
    min: 0,
    max: MOST_PRIOR_TRIALS,
  });
  const jobs =
    options.jobs === undefined
      ? defaultJobs()
      : wholeNumberOption('--jobs', options.jobs, { min: 1, max: MOST_JOBS });
  const walkSpec = walkSpecOf(options);
  const spec = specOf(file, options);
  let progress = createProgress();
  const interrupt = onInterrupt({
    what: 'the sweep',
    howToGoOn: 'the same command goes on with it',
    clear: () => progress.stop(),
  });
  const plan = await planSweep(spec, progress);
  const walk = walkOf(plan, walkSpec, options.by);
  expectEnough(plan, options.by);
  // its rate and ETA are those of the runs
  progress = createProgress();
  const result = await runSweep({
    plan,
    outDir: resolve(options.out),
    metric: options.by,
    walk,
    keep: options.keep,
    jobs,
    priorTrials,
    ...(options.cache === false ? {} : { cache: { dir: resolve(options.cache), maxBytes: CACHE_BYTES } }),
    progress,
    onFolder: (dir, takenUp) => {
      interrupt.folderMade(dir);
      if (takenUp > 0)
        tell(`${takenUp} of ${plan.trials.length} trials are taken up from ${relative(process.cwd(), dir)}`);
    },
    onTrial: tellTrial,
  }).finally(() => {
    progress.stop();
    interrupt.stop();
  });
  await writeSweepFiles(result);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ sweepDir: result.dir, ...sweepJson(result) })}\n`
      : sweepText(result, { top, painter: createPainter(process.stdout) }),
  );
  const { failed } = result;
  const [first] = failed;
  if (first !== undefined) {
    throw new CheckFailedError(
      'SWEEP_TRIALS_FAILED',
      `${failed.length} of ${plan.trials.length} trials failed, and the same command tries them again; the first, ${first.planned.text}: ${first.message}`,
    );
  }
}

function specOf(scenarioFile: string, { vary = [], set = [], random, seed }: SweepCliOptions): SweepSpec {
  if (vary.length === 0) {
    throw new InputError('USAGE', '--vary: expected at least one, such as --vary sizing.grossTarget=0.2,0.4');
  }
  const axes = vary.map(parseVaryOption);
  if (random === undefined && seed === undefined) return { scenarioFile, set, axes };
  if (random === undefined)
    throw new InputError('USAGE', '--seed: decides what --random draws; add that, or leave it out');
  if (seed === undefined) {
    throw new InputError(
      'USAGE',
      '--random: expected --seed N beside it, so that the same command draws the same',
    );
  }
  const draw: Draw = {
    count: wholeNumberOption('--random', random, { min: 1, max: Number.MAX_SAFE_INTEGER }),
    seed: wholeNumberOption('--seed', seed, { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
  return { scenarioFile, set, axes, draw };
}

function walkSpecOf({ split, folds }: SweepCliOptions): WalkSpec | undefined {
  if (split !== undefined && folds !== undefined) {
    throw new InputError('USAGE', '--split, --folds: expected one of them');
  }
  if (split !== undefined) {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(split)) {
      throw new InputError('USAGE', `--split ${split}: expected a date such as 2024-06-03`);
    }
    return { split };
  }
  return folds === undefined
    ? undefined
    : { folds: wholeNumberOption('--folds', folds, { min: 1, max: MOST_FOLDS }) };
}

function walkOf({ sessions }: SweepPlan, spec: WalkSpec | undefined, metric: Metric): readonly WalkPart[] {
  if (spec === undefined) return [];
  if (sessions === undefined) {
    throw new InputError(
      'WALK_FORWARD',
      '--split, --folds: the trials do not have the same sessions; leave it out',
    );
  }
  return walkParts(spec, sessions, metric);
}

/** A ratio that the summary of a run does not show for want of sessions decides nothing here either. */
function expectEnough({ fewestSessions }: SweepPlan, metric: Metric): void {
  if (metric !== 'sharpe' || fewestSessions >= SESSIONS_FOR_YEARLY_FIGURES) return;
  throw new InputError(
    'SESSIONS_FEW',
    `--by sharpe: expected at least ${SESSIONS_FOR_YEARLY_FIGURES} sessions, found ${fewestSessions}; use --by pnl, or more sessions`,
  );
}

/** A line a trial where nobody watches a bar. */
const tellTrial: SweepOptions['onTrial'] = ({ text }, { count, total, outcome }) => {
  if (process.stderr.isTTY) return;
  const what =
    'failure' in outcome
      ? `failed: ${outcome.failure}`
      : signedMoney(outcome.summary.statistics.netPnlMicros);
  tell(`${count}/${total}  ${text}  ${what}`);
};

function tell(line: string): void {
  process.stderr.write(`sametape: ${line}\n`);
}
