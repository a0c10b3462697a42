import { relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import { signedMoney } from '../report/format.ts';
import { METRICS, type Metric } from '../report/part-score.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';
import { KEEPS, type Keep, runSweep, type SweepOptions } from '../research/sweep.ts';
import { sweepJson, writeSweepFiles } from '../research/sweep-files.ts';
import { type Draw, parseVaryOption } from '../research/sweep-grid.ts';
import { planSweep, type SweepPlan } from '../research/sweep-plan.ts';
import { serveTrials } from '../research/sweep-worker.ts';
import { defaultJobs, MOST_JOBS } from '../research/sweep-workers.ts';
import { type WalkPart, type WalkSpec, walkParts } from '../research/walk-forward.ts';
import { onInterrupt } from './interruptible.ts';
import { wholeNumberOption } from './option-values.ts';
import { createProgress } from './progress.ts';
import { withSetOption } from './scenario-options.ts';
import { sweepText } from './sweep-text.ts';
import { createPainter } from './terminal.ts';

interface SweepCliOptions {
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

const EXAMPLES = `
Examples:
  $ sametape sweep scenarios/quickstart.yaml --vary sizing.grossTarget=0.2,0.4 --vary arbitration.entryThresholdBps=1:3:0.5
  $ sametape sweep scenarios/quickstart.yaml --vary 'horizons=[5m],[5m,15m]' --keep best
  $ sametape sweep SCENARIO --vary KEY=0:10:0.1 --vary KEY=1:50:1 --random 200 --seed 1 --by sharpe --folds 4
  $ sametape sweep SCENARIO --vary KEY=1,2,3,4,5 --split 2024-06-03 --json | jq .walkForward

Values are YAML, as for --set; FROM:TO:STEP is a range with TO in it. Every combination is checked before the first one
runs. --by pnl is net of fees, --by sharpe needs ${SESSIONS_FOR_YEARLY_FIGURES} sessions, --by drawdown puts the smallest first. Parts of a run that choose
or report see drawdowns at session closes.

The same command takes up what is finished: trials whose scenario, data, models and code are the same.

How much of the best is luck: the deflated Sharpe ratio (Bailey and Lopez de Prado 2014) counts the trials, those of
--prior-trials too; the probability of backtest overfitting is from combinatorially symmetric cross-validation (Bailey,
Borwein, Lopez de Prado and Zhu 2017). Both need ${SESSIONS_FOR_YEARLY_FIGURES} sessions and 5 trials that differ; below, no number is given.

Exit code 0: every trial ended. 1: one failed, and the others did not mind. 2: nothing was run.`;

export function registerSweepCommand(program: Command): void {
  const command = program
    .command('sweep')
    .summary('run every combination of settings, and say what of the best is luck')
    .description(
      'Run a scenario with every combination of some settings, each a backtest in a worker process with a run folder of its own. Ranks them, chooses on earlier sessions and reports on later ones, and says how much of the best is the luck of having tried many. Writes sweep.json, sweep.csv and sweep.parquet to OUT/NAME.sweep-ID.',
    )
    .argument('<scenario>', 'scenario .yaml file')
    .option(
      '--vary <key=values>',
      'key=v1,v2,... or key=from:to:step; repeat it for more keys',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--random <n>', 'draw n combinations of the grid instead of all; needs --seed')
    .option('--seed <n>', 'seed that decides which are drawn')
    .addOption(new Option('--by <metric>', 'what is best').choices(METRICS).default('pnl'))
    .option('--split <date>', 'choose on the sessions before this one, report on the others')
    .option('--folds <k>', 'choose and report k times, each time on all sessions before the ones reported on')
    .option('--prior-trials <n>', 'trials made before this sweep: the luck of those counts as well', '0')
    .addOption(
      new Option('--keep <which>', 'run folders that stay; best: and those that a fold chose')
        .choices(KEEPS)
        .default('all'),
    )
    .option('--jobs <n>', 'worker processes; default: one a core, and no more than memory allows')
    .option('--top <n>', 'trials that the table shows', '10')
    .option('--out <dir>', 'folder that the folder of the sweep is made in', 'runs')
    .option('--cache <dir>', 'folder that keeps predictions from run to run', '.sametape/cache')
    .option('--no-cache', 'run the models in every trial')
    .option('--json', 'print the result as one JSON object')
    .addOption(new Option('--worker', 'run the trials that a sweep sends').hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(sweepCommand);
  withSetOption(command);
}

async function sweepCommand(file: string, options: SweepCliOptions): Promise<void> {
  if (options.worker === true) {
    serveTrials();
    return;
  }
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
  const progress = createProgress();
  const plan = await planSweep(spec, progress);
  const walk = walkOf(plan, walkSpec, options.by);
  expectEnough(plan, options.by);
  const interrupt = onInterrupt({
    what: 'the sweep',
    howToGoOn: 'the same command goes on with it',
    clear: progress.stop,
  });
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
      `${failed.length} of ${plan.trials.length} trials failed; the first, ${first.planned.text}: ${first.message}`,
    );
  }
}

function specOf(
  scenarioFile: string,
  { vary = [], set = [], random, seed }: SweepCliOptions,
): Parameters<typeof planSweep>[0] {
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
function expectEnough({ sessions }: SweepPlan, metric: Metric): void {
  if (metric !== 'sharpe' || sessions === undefined || sessions.length >= SESSIONS_FOR_YEARLY_FIGURES) return;
  throw new InputError(
    'SESSIONS_FEW',
    `--by sharpe: expected at least ${SESSIONS_FOR_YEARLY_FIGURES} sessions, found ${sessions.length}; use --by pnl, or more sessions`,
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
