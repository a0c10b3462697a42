import { type Command, Option } from 'commander';
import { METRICS } from '../report/part-score.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';
import type { Keep } from '../research/sweep.ts';
import { describeFailure } from './errors.ts';
import { withSetOption } from './scenario-options.ts';
import type { SweepCliOptions } from './sweep-command.ts';

const KEEPS: readonly Keep[] = ['all', 'best', 'none'];

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

function textOf(error: unknown): string {
  return describeFailure(error).message;
}

/** A worker loads what a run needs, and no more. */
async function sweepCommand(file: string, options: SweepCliOptions): Promise<void> {
  if (options.worker === true) (await import('../research/sweep-worker.ts')).serveTrials(textOf);
  else await (await import('./sweep-command.ts')).sweepScenario(file, options);
}
