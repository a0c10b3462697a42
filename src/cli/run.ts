import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import type { RunResult } from '../modes/run-views.ts';
import { onInterrupt } from './interruptible.ts';
import { backtestObserver } from './observe-run.ts';
import { createProgress } from './progress.ts';
import { writeRun } from './run-text.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';

interface RunOptions extends ScenarioOptions {
  readonly out: string;
  /** A folder, or false for none. */
  readonly cache: string | false;
  readonly cacheMib: number;
  readonly resume?: boolean;
  readonly json?: boolean;
}

const BYTES_PER_MIB = 1 << 20;
const MAX_CACHE_MIB = 1 << 20;

const EXAMPLES = `
Examples:
  $ sametape run scenarios/quickstart.yaml
  $ sametape run scenarios/quickstart.yaml --set sizing.grossTarget=0.4 --set risk.allowShort=false
  $ sametape run scenarios/quickstart.yaml --set 'data.symbols=[AAA, BBB]' --out /tmp/runs
  $ sametape run scenarios/quickstart.yaml --json | jq .chainHead
  $ sametape run scenarios/quickstart.yaml --no-cache
  $ sametape run scenarios/quickstart.yaml --resume
  $ sametape run scenarios/quickstart.yaml --predictions golden/quickstart.predictions.arrow

Files for --predictions are the golden/NAME.predictions.arrow that "sametape golden update" records, and what a cache
holds is not: it is by session, and found by itself.`;

export function registerRunCommand(program: Command): void {
  const command = program
    .command('run')
    .summary('run a scenario over historical data and write its tape')
    .description(
      'Run a scenario over historical data: all six stages with a simulated broker. Writes the tape and views to OUT/RUN_ID and prints a summary.',
    )
    .argument('<scenario>', 'scenario .yaml file')
    .option('--out <dir>', 'folder that the run folder is made in', 'runs')
    .option('--predictions <file>', 'read recorded predictions instead of running the models')
    .option('--cache <dir>', 'folder that keeps predictions from run to run', '.sametape/cache')
    .option('--no-cache', 'run the models, whatever is kept, and keep nothing')
    .option(
      '--cache-mib <n>',
      'most the cache may hold, MiB; what was not used for longest goes',
      parseMib,
      512,
    )
    .option(
      '--resume',
      'go on with this run where a crash ended it; from the start where there is nothing to go on with. Uses no cache',
    )
    .option('--json', 'print the result as one JSON object and nothing else')
    .addHelpText('after', EXAMPLES)
    .action(runScenario);
  withSetOption(command);
}

async function runScenario(file: string, options: RunOptions, command: Command): Promise<void> {
  expectNoCache(options, command);
  const scenario = loadWithOptions(file, options);
  tellSources(scenario);
  const { runBacktest } = await import('../modes/backtest.ts');
  const progress = createProgress();
  const interrupt = onInterrupt({
    howToGoOn: `the same command ${options.resume === true ? 'goes' : 'with --resume goes'} on with it`,
    clear: progress.stop,
  });
  let result: RunResult;
  try {
    result = await runBacktest({
      scenario,
      outDir: resolve(options.out),
      progress,
      onFolder: interrupt.folderMade,
      observer: backtestObserver(scenario, (line) => {
        progress.stop();
        process.stderr.write(`sametape: ${line}\n`);
      }),
      ...(options.resume === true ? { resume: (await import('../research/resume-run.ts')).resumeRun } : {}),
      // a session that is answered in part by the tape is none the cache could keep
      ...(options.cache === false || options.resume === true
        ? {}
        : { cache: { dir: resolve(options.cache), maxBytes: options.cacheMib * BYTES_PER_MIB } }),
    });
  } finally {
    progress.stop();
    interrupt.stop();
  }
  await writeRun(result, { json: options.json === true });
}

/** A scenario for a live market can be run over its dataset too, but nobody should take that for the market. */
function tellSources({ scenario: { data, broker } }: LoadedScenario): void {
  const live = [
    ...(data.source === 'dataset' ? [] : [`data.source ${data.source}`]),
    ...(broker.source === 'simulated' ? [] : [`broker.source ${broker.source}`]),
  ];
  if (live.length === 0) return;
  process.stderr.write(
    `sametape: note: a backtest over the dataset with the simulated broker; ${live.join(' and ')} ${live.length === 1 ? 'is' : 'are'} for "sametape paper" and "live"\n`,
  );
}

/** A cache that was asked for and is not used would pass for one that did not help. */
function expectNoCache({ resume, cache }: RunOptions, command: Command): void {
  if (resume !== true) return;
  const asked =
    cache !== false && command.getOptionValueSource('cache') === 'cli'
      ? '--cache'
      : command.getOptionValueSource('cacheMib') === 'cli'
        ? '--cache-mib'
        : undefined;
  if (asked === undefined) return;
  throw new InputError(
    'RESUME_WITH_CACHE',
    `${asked}: --resume uses no cache, as the tape answers part of a session; leave out one of them`,
  );
}

function parseMib(text: string): number {
  const mib = Number(text);
  if (/^\d+$/.test(text) && mib <= MAX_CACHE_MIB) return mib;
  throw new InvalidArgumentError(`expected a whole number of MiB from 0 to ${MAX_CACHE_MIB}`);
}
