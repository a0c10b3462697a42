import { dirname, relative, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { parseSetOptions } from '../config/overrides.ts';
import { microsToDollars } from '../domain/money.ts';
import { canonicalJson } from '../events/canonical.ts';
import { money, number, percent, signedMoney } from '../report/format.ts';
import type { ForkResult } from '../research/fork-run.ts';
import type { ForkSide } from '../research/fork-sides.ts';
import { onInterrupt } from './interruptible.ts';
import { createProgress } from './progress.ts';
import { withSetOption } from './scenario-options.ts';
import { createPainter, type Painter, renderTable, shorten } from './terminal.ts';

/** Characters shown of a value. */
const SHOWN_LENGTH = 60;

interface ForkOptions {
  readonly at: number;
  readonly set?: readonly string[];
  readonly out?: string;
  readonly dataset?: string;
  readonly json?: boolean;
}

/** Adds `sametape fork RUN_DIR`: what would have happened with other settings from a cycle on. */
export function registerForkCommand(program: Command): void {
  const command = program
    .command('fork')
    .summary('make a run again with other settings from a cycle on')
    .description(
      'Fork a run that ended: its records up to a cycle, each computed again and compared, and from there what would have happened with other settings, over the same data, commands and recorded predictions. Leaves a run folder like any other, and says where the two part and what each came to from the cycle on.',
    )
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .requiredOption('--at <cycle>', 'first cycle with the changed settings, from 1', wholeNumber)
    .option('--out <dir>', 'folder that the folder of the fork is made in; default: the one the run lies in')
    .option('--dataset <dir>', 'dataset folder, when it is not where it was')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape fork runs/RUN_ID --at 300 --set arbitration.entryThresholdBps=3
  $ sametape fork runs/RUN_ID --at 300 --set risk.maxGross=0.25 --set broker.slippageBps=2
  $ sametape fork runs/RUN_ID --at 300 --set sizing.grossTarget=0.2 --out /tmp/forks --json | jq .difference

Keys that decide what goes into a run, what a model answers, or the length of a window are refused: run the scenario
anew with them. Without --set the fork is the run.

Exit code 0: forked. 1: the tape is damaged, or the run does not come out as recorded. 2: a run, cycle or key that cannot be forked.`,
    )
    .action(forkCommand);
  withSetOption(command);
}

function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1.');
  return Number(text);
}

async function forkCommand(runDir: string, options: ForkOptions): Promise<void> {
  const overrides = parseSetOptions(options.set ?? [], process.cwd());
  const { forkRun } = await import('../research/fork-run.ts');
  const progress = createProgress();
  const interrupt = onInterrupt({ howToGoOn: 'the same command makes it anew', clear: progress.stop });
  let result: ForkResult;
  try {
    result = await forkRun({
      runDir: resolve(runDir),
      cycle: options.at,
      overrides,
      outDir: options.out === undefined ? dirname(resolve(runDir)) : resolve(options.out),
      datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
      progress,
      onFolder: interrupt.folderMade,
    });
  } finally {
    progress.stop();
    interrupt.stop();
  }
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(jsonOf(result, options.at))}\n`);
    return;
  }
  const { formatNewYork } = await import('../data/calendar.ts');
  process.stdout.write(
    forkText(result, options.at, { timeOf: formatNewYork, painter: createPainter(process.stdout) }),
  );
}

function jsonOf(
  { run, originId, changes, sharedRecords, first, original, fork }: ForkResult,
  at: number,
): object {
  const { runId, runDir, chainHead, decisionHead, cycles } = run;
  const [a, b] = [sideJson(original), sideJson(fork)];
  return {
    runId,
    runDir,
    chainHead,
    decisionHead,
    cycles,
    forkedFrom: originId,
    at,
    changes,
    sharedRecords,
    first: first ?? null,
    original: a,
    fork: b,
    difference: Object.fromEntries(
      Object.entries(b).map(([key, value]) => [key, differenceOf(a[key] ?? null, value)]),
    ),
  };
}

function differenceOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : b - a;
}

function sideJson(side: ForkSide): Record<string, number | null> {
  return {
    finalEquity: microsToDollars(side.finalEquityMicros),
    pnl: microsToDollars(side.pnlMicros),
    maxDrawdown: side.maxDrawdownFrac,
    orders: side.orders,
    fills: side.fills,
    fees: microsToDollars(side.feesMicros),
    traded: microsToDollars(side.tradedMicros),
    turnover: side.turnover,
  };
}

function forkText(
  { run, changes, sharedRecords, first, original, fork }: ForkResult,
  at: number,
  { timeOf, painter }: { readonly timeOf: (tUs: number) => string; readonly painter: Painter },
): string {
  const changed = Object.entries(changes).map(
    ([key, value]) => `  ${key} = ${shorten(canonicalJson(value), SHOWN_LENGTH)}`,
  );
  const parts =
    first === undefined
      ? 'the fork predicts, decides, trades and learns as the run did, to the bit'
      : `they part at cycle ${first.cycle}, ${timeOf(first.tUs)} New York, stage ${first.stage}`;
  return `${painter.bold(`forked at cycle ${at}: ${number(sharedRecords)} records are the run's, byte for byte`)}
${changed.length === 0 ? '  no setting changed' : changed.join('\n')}
${parts}

${painter.bold(`from cycle ${at} on`)}
${sidesText(original, fork)}

chain head     ${run.chainHead}
decision head  ${run.decisionHead}
run            ${relative(process.cwd(), run.runDir) || '.'}
`;
}

function sidesText(a: ForkSide, b: ForkSide): string {
  const row = (
    title: string,
    of: (side: ForkSide) => number | null,
    show: (value: number | null) => string,
    difference: (value: number | null) => string = show,
  ): string[] => [title, show(of(a)), show(of(b)), difference(differenceOf(of(a), of(b)))];
  const count = (value: number | null): string => number(value);
  return renderTable(
    [
      { title: '' },
      { title: 'original', align: 'right' },
      { title: 'fork', align: 'right' },
      { title: 'difference', align: 'right' },
    ],
    [
      row('final equity', (side) => side.finalEquityMicros, money, signedMoney),
      row('net P&L', (side) => side.pnlMicros, signedMoney),
      row('max drawdown', (side) => side.maxDrawdownFrac, percent),
      row('orders', (side) => side.orders, count),
      row('fills', (side) => side.fills, count),
      row('fees', (side) => side.feesMicros, money, signedMoney),
      row('traded', (side) => side.tradedMicros, money, signedMoney),
      row(
        'turnover',
        (side) => side.turnover,
        (value) => number(value, 2),
      ),
    ],
  );
}
