import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { RunResult } from '../modes/backtest.ts';
import { number } from '../report/format.ts';
import { createProgress } from './progress.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';
import { createPainter, renderTable } from './terminal.ts';

interface RunOptions extends ScenarioOptions {
  readonly out: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ sametape run scenarios/quickstart.yaml
  $ sametape run scenarios/quickstart.yaml --set sizing.grossTarget=0.4 --set risk.allowShort=false
  $ sametape run scenarios/quickstart.yaml --set 'data.symbols=[AAA, BBB]' --out /tmp/runs
  $ sametape run scenarios/quickstart.yaml --json | jq .chainHead
  $ sametape run scenarios/quickstart.yaml --predictions predictions.parquet`;

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
    .option('--json', 'print the result as one JSON object and nothing else')
    .addHelpText('after', EXAMPLES)
    .action(runScenario);
  withSetOption(command);
}

async function runScenario(file: string, options: RunOptions): Promise<void> {
  const scenario = loadWithOptions(file, options);
  const { runBacktest } = await import('../modes/backtest.ts');
  const progress = createProgress();
  let result: RunResult;
  try {
    result = await runBacktest({ scenario, outDir: resolve(options.out), progress });
  } finally {
    progress.stop();
  }
  const { yellow } = createPainter(process.stderr);
  for (const warning of result.warnings) process.stderr.write(`sametape: ${yellow('warning')}: ${warning}\n`);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(runJson(result))}\n` : await runText(result),
  );
}

/** The summary a trader reads, what identifies the run, and where it is. */
async function runText(result: RunResult): Promise<string> {
  const { renderSummary } = await import('../report/summary.ts');
  const { cycles, wallSeconds, cyclesPerSecond } = result;
  const table = renderTable(
    [{ title: '' }, { title: '' }],
    [
      ['chain head', result.chainHead],
      ['decision head', result.decisionHead],
      [
        'speed',
        `${number(cycles)} cycles in ${number(wallSeconds, 1)} s, ${number(cyclesPerSecond)} a second`,
      ],
      ['run', relative(process.cwd(), result.runDir) || '.'],
    ],
  );
  return `${renderSummary(result.statistics, createPainter(process.stdout))}\n${table}\n`;
}

/** The keys `--json` promises, in this order, and no others. */
function runJson(result: RunResult): Omit<RunResult, 'statistics' | 'warnings'> {
  const { runId, runDir, chainHead, decisionHead, cycles, decisions, orders, fills } = result;
  const { finalEquity, maxDrawdown, wallSeconds, cyclesPerSecond } = result;
  return {
    runId,
    runDir,
    chainHead,
    decisionHead,
    cycles,
    decisions,
    orders,
    fills,
    finalEquity,
    maxDrawdown,
    wallSeconds,
    cyclesPerSecond,
  };
}
