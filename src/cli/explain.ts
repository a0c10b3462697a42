import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { Explanation } from '../research/explain.ts';
import type { TraceRow, TraceSection, TraceValue } from '../research/trace.ts';
import { createProgress } from './progress.ts';
import { createPainter, type Painter, renderTable } from './terminal.ts';

interface ExplainOptions {
  readonly cycle: number;
  readonly symbol: string;
  readonly dataset?: string;
  readonly json?: boolean;
}

/** Adds `sametape explain RUN_DIR --cycle N --symbol S`: the full trace of one decision, recomputed. */
export function registerExplainCommand(program: Command): void {
  program
    .command('explain')
    .summary('show everything behind one decision of a run')
    .description(
      'Show everything behind one decision: market, features, every model, every stage, with units, recomputed from the tape.',
    )
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .requiredOption('--cycle <n>', 'number of the cycle, from 1', wholeNumber)
    .requiredOption('--symbol <s>', 'symbol of the universe')
    .option('--dataset <dir>', 'dataset folder, when it is not where it was')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape explain runs/RUN_ID --cycle 100 --symbol AAA
  $ sametape explain runs/RUN_ID --cycle 100 --symbol AAA --json | jq .decision`,
    )
    .action(explainCommand);
}

function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1.');
  return Number(text);
}

async function explainCommand(runDir: string, options: ExplainOptions): Promise<void> {
  const { explainDecision } = await import('../research/explain.ts');
  const explanation = await explainDecision({
    runDir: resolve(runDir),
    datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
    cycle: options.cycle,
    symbol: options.symbol,
    progress: createProgress(),
  });
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(explanation)}\n`);
    return;
  }
  const { formatNewYork } = await import('../data/calendar.ts');
  process.stdout.write(
    explanationText(explanation, formatNewYork(explanation.tUs), createPainter(process.stdout)),
  );
}

function explanationText(explanation: Explanation, time: string, painter: Painter): string {
  const { cycle, symbol, decision, sections } = explanation;
  const { kind, reason, exitReason, horizon, side, targetShares } = decision;
  const what = [
    kind,
    reason,
    exitReason === undefined ? undefined : `(${exitReason})`,
    horizon,
    side,
    targetShares === undefined ? undefined : `to ${targetShares} shares`,
  ];
  const head = `${symbol}, cycle ${cycle}, ${time}\n${what.filter((part) => part !== undefined).join('  ')}`;
  return `${painter.bold(head)}\n${sections.map((section) => sectionText(section, painter)).join('')}`;
}

function sectionText({ stage, values, rows = [] }: TraceSection, painter: Painter): string {
  if (values.length === 0 && rows.length === 0) return '';
  const plain = values.map((entry) => [`  ${entry.name}`, amount(entry), painter.dim(entry.unit)]);
  const nested = rows.flatMap((row) => checkLine(row, painter) ?? rowLines(row, painter));
  const columns = [{ title: '' }, { title: '', align: 'right' as const }, { title: '' }];
  return `\n${painter.bold(stage)}\n${renderTable(columns, [...plain, ...nested])}\n`;
}

function rowLines({ label, values }: TraceRow, painter: Painter): string[][] {
  return [
    [`  ${label}`, '', ''],
    ...values.map((entry) => [`    ${entry.name}`, amount(entry), painter.dim(entry.unit)]),
  ];
}

/** A check of risk on one line: there are many. */
function checkLine({ label, values }: TraceRow, painter: Painter): string[][] | undefined {
  const [result, measured, limit] = values;
  if (result?.name !== 'result' || measured === undefined || limit === undefined) return undefined;
  const against = `of ${amount(limit)} ${limit.unit}`.trimEnd();
  return [[`  ${label}`, amount(measured), `${painter.dim(against)}, ${amount(result)}`]];
}

/** Numbers in full precision: what is shown is what was computed. */
function amount({ value }: TraceValue): string {
  return value === null ? '-' : String(value);
}
