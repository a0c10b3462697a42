import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../domain/errors.ts';
import { withoutSecretValues } from '../files/secret-values.ts';
import { problemOfPaper } from '../modes/open-broker.ts';
import type { RunResult } from '../modes/run-views.ts';
import { onInterrupt } from './interruptible.ts';
import { openObserver } from './observe-run.ts';
import { METRICS_PORT_HELP, parsePort } from './option-values.ts';
import { createProgress } from './progress.ts';
import { writeRun } from './run-text.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';

interface PaperCommandOptions extends ScenarioOptions {
  readonly out: string;
  readonly speed: number | 'max';
  readonly sessions: number;
  readonly metricsPort?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ sametape paper scenarios/quickstart.yaml --speed 60
  $ sametape paper scenarios/quickstart.yaml --speed max --json | jq .decisionHead
  $ sametape paper scenarios/quickstart.yaml --set data.source=simulated --speed 600
  $ sametape paper scenarios/quickstart.yaml --speed 60 --metrics-port 9464 --set alerts.enabled=true

With the dataset as its source a paper run makes the decisions of the backtest: both have the same decision head.`;

export function registerPaperCommand(program: Command): void {
  const command = program
    .command('paper')
    .summary('run a scenario on paper, at the pace of the market or faster')
    .description(
      'Run a scenario on the simulated exchange as if it were live: market data in its own time, carried on a tape that is made durable before anything is done.',
    )
    .argument('<scenario>', 'scenario .yaml file')
    .option('--out <dir>', 'folder that the run folder is made in', 'runs')
    .option('--predictions <file>', 'read recorded predictions instead of running the models')
    .option(
      '--speed <n>',
      'minutes of market a minute: 1 is real time, 60 an hour a minute, max waits for nothing',
      parseSpeed,
      1,
    )
    .option(
      '--sessions <n>',
      'sessions to trade where the source is not a dataset, one that has begun included',
      parseSessions,
      1,
    )
    .option('--metrics-port <n>', METRICS_PORT_HELP, parsePort)
    .option('--json', 'print the result as one JSON object and nothing else')
    .addHelpText('after', EXAMPLES)
    .action((file: string, options: PaperCommandOptions, of: Command) => {
      if (of.getOptionValueSource('sessions') === 'cli') refuseSessionsOfDataset(file, options);
      return runPaperCommand(file, options);
    });
  withSetOption(command);
}

/** A dataset has the sessions it has; a number of them that is not heeded would be silent. */
function refuseSessionsOfDataset(file: string, options: PaperCommandOptions): void {
  if (loadWithOptions(file, options).scenario.data.source !== 'dataset') return;
  throw new InputError(
    'PAPER_SESSIONS',
    '--sessions: is for markets that go on; of a dataset, data.from and data.to say which sessions are played, such as --set data.to=2024-01-10',
  );
}

async function runPaperCommand(file: string, options: PaperCommandOptions): Promise<void> {
  const scenario = loadWithOptions(file, options);
  const problem = problemOfPaper(scenario);
  if (problem !== undefined) throw new InputError('PAPER_REFUSED', problem);
  if (scenario.scenario.data.source !== 'dataset') {
    const { runLiveCommand } = await import('./live-run.ts');
    await runLiveCommand({ ...options, scenario, kind: 'paper' });
    return;
  }
  const [{ runPaper }, { wallClock }] = await Promise.all([
    import('../modes/paper.ts'),
    import('../sources/wall-clock.ts'),
  ]);
  const progress = createProgress();
  const observer = await openObserver({
    ...options,
    scenario,
    say: (line) => {
      progress.stop();
      process.stderr.write(`sametape: ${withoutSecretValues(line)}\n`);
    },
  });
  const interrupt = onInterrupt({
    howToGoOn: 'the same command plays it anew',
    clear: progress.stop,
    leave: observer.close,
  });
  let result: RunResult;
  try {
    result = await runPaper({
      scenario,
      outDir: resolve(options.out),
      progress,
      onFolder: interrupt.folderMade,
      clock: wallClock,
      speed: options.speed,
      observer,
      telemetry: observer.status,
      onLine: (runDir) => {
        if (options.json !== true) process.stderr.write(`sametape: run ${runDir}\n`);
      },
    });
  } finally {
    progress.stop();
    interrupt.stop();
    await observer.close();
  }
  await writeRun(result, { json: options.json === true });
}

function parseSessions(text: string): number {
  const sessions = Number(text);
  if (/^\d+$/.test(text) && sessions >= 1 && sessions <= 250) return sessions;
  throw new InvalidArgumentError('expected a whole number of sessions from 1 to 250');
}

function parseSpeed(text: string): number | 'max' {
  const speed = Number(text);
  if (text === 'max') return text;
  if (/^\d+(\.\d+)?$/.test(text) && speed > 0 && speed <= 1_000_000) return speed;
  throw new InvalidArgumentError('expected a number over 0, or max');
}
