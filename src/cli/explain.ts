import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../domain/errors.ts';
import type { Explanation } from '../research/explain.ts';
import type { TraceRow, TraceSection, TraceValue } from '../research/trace-section.ts';
import { whyOf } from '../research/why.ts';
import { decisionWords } from './decision-words.ts';
import { createProgress } from './progress.ts';
import { createPainter, type Painter, renderTable } from './terminal.ts';

interface ExplainOptions {
  readonly cycle?: number;
  readonly symbol?: string;
  readonly only?: string;
  readonly dataset?: string;
  readonly json?: boolean;
}

/** Adds `sametape explain RUN_DIR`: the full trace of one decision, recomputed, or the list to choose it from. */
export function registerExplainCommand(program: Command): void {
  program
    .command('explain')
    .summary('show everything behind one decision of a run')
    .description(
      'Show everything behind one decision: market, features, every model, every stage, with units, recomputed from the tape. Without a cycle or a symbol, list the decisions to choose from: all but HOLD, or all of one cycle.',
    )
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .option('--cycle <n>', 'number of the cycle, from 1', wholeNumber)
    .option('--symbol <s>', 'symbol of the universe')
    .option('--only <list>', 'list only these kinds or reasons, such as BLOCKED,exit_horizon_elapsed')
    .option('--dataset <dir>', 'dataset folder, when it is not where it was')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape explain runs/RUN_ID --symbol AAA
  $ sametape explain runs/RUN_ID --only BLOCKED
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
  const { cycle, symbol, only } = options;
  if (cycle === undefined || symbol === undefined) return listCommand(runDir, options);
  if (only !== undefined) {
    throw new InputError('USAGE', '--only: is for lists; leave out --cycle or --symbol, or leave out --only');
  }
  const { explainDecision } = await import('../research/explain.ts');
  const explanation = await explainDecision({
    runDir: resolve(runDir),
    datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
    cycle,
    symbol,
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

async function listCommand(runDir: string, { cycle, symbol, only, json }: ExplainOptions): Promise<void> {
  const [{ listDecisions }, { formatNewYork }] = await Promise.all([
    import('../research/list-decisions.ts'),
    import('../data/calendar.ts'),
  ]);
  const words = only?.split(',').map((word) => word.trim());
  const decisions = listDecisions({ runDir: resolve(runDir), cycle, symbol, only: words });
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ decisions })}\n`);
    return;
  }
  const table = renderTable(
    [
      { title: 'cycle', align: 'right' },
      { title: 'New York' },
      { title: 'symbol', isExtra: symbol !== undefined },
      { title: 'decision' },
      { title: 'reason' },
      { title: 'for', isExtra: true },
      { title: 'position', align: 'right', isExtra: true },
    ],
    decisions.map(({ cycle, tUs, symbol, kind, reason, horizon = '', side = '', targetShares }) => [
      String(cycle),
      formatNewYork(tUs),
      symbol,
      kind,
      reason,
      `${side} ${horizon}`.trim(),
      targetShares === undefined ? '' : String(targetShares),
    ]),
  );
  process.stdout.write(
    decisions.length > 0
      ? `${table}\n`
      : only === undefined
        ? 'no decision but HOLD\n'
        : `no decision of ${only}\n`,
  );
}

function explanationText(explanation: Explanation, time: string, painter: Painter): string {
  const { cycle, symbol, decision, sections } = explanation;
  const why = whyOf(decision, sections);
  const head = [
    `${symbol}, cycle ${cycle}, ${time} New York`,
    decisionWords(decision).join('  '),
    ...(why === undefined ? [] : [why]),
  ].join('\n');
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

/** Checks whose limit is what a value must be a multiple of. */
const IN_STEPS: ReadonlySet<string> = new Set(['lot_size', 'tick_size']);

/** A check of risk on one line: there are many. */
function checkLine({ label, values }: TraceRow, painter: Painter): string[][] | undefined {
  const [result, measured, limit] = values;
  if (result?.name !== 'result' || measured === undefined || limit === undefined) return undefined;
  if (result.value === 'not measured') return [[`  ${label}`, amount(measured), amount(result)]];
  if (limit.unit === '') {
    return [[`  ${label}`, measured.value === 0 ? 'no' : 'yes', amount(result)]];
  }
  // what passes beyond its limit is not bound by it, and would read as something that slipped through
  const isUnbound = result.value === 'passed' && Number(measured.value) > Number(limit.value);
  const [against, outcome] =
    limit.unit === 'shares short' && result.value === 'passed'
      ? [limit.unit, 'allowed']
      : IN_STEPS.has(label)
        ? [`in steps of ${amount(limit)} ${limit.unit}`, amount(result)]
        : [isUnbound ? limit.unit : `of ${amount(limit)} ${limit.unit}`, amount(result)];
  return [[`  ${label}`, amount(measured), `${painter.dim(against)}, ${outcome}`]];
}

/** Numbers in full precision: what is shown is what was computed. */
function amount({ value }: TraceValue): string {
  return value === null ? '-' : String(value);
}
