import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CheckFailedError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Decision } from '../events/derived.ts';
import type { RunDiff } from '../research/diff-runs.ts';
import type { IdentityChange } from '../research/identity-changes.ts';
import { decisionWords } from './decision-words.ts';
import { createProgress } from './progress.ts';
import { createPainter, type Painter, renderTable, shorten } from './terminal.ts';

/** Characters shown of a value. */
const SHOWN_LENGTH = 100;

interface DiffOptions {
  readonly dataset?: string;
  readonly json?: boolean;
}

/** Adds `sametape diff RUN_A RUN_B`: where two runs first part, and what likely made them. */
export function registerDiffCommand(program: Command): void {
  program
    .command('diff')
    .summary('name where two runs first part, by stage, and the likely cause')
    .description(
      'Compare what two runs predicted, decided, traded and learned. Names the first difference by cycle and stage, everything the runs started from differently (code, data, sessions, models, settings), which of it the difference points to, and the values that differ there, recomputed from both tapes. Ids of orders and executions, and what merely shows how a run was made, are no difference: a backtest and its paper run are alike.',
    )
    .argument('<run-a>', 'folder of a run')
    .argument('<run-b>', 'folder of the run to compare it with')
    .option('--dataset <dir>', 'dataset folder of both, when it is not where it was')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape diff runs/RUN_ID runs/OTHER_ID
  $ sametape diff runs/RUN_ID runs/paper/OTHER_ID
  $ sametape diff runs/RUN_ID runs/OTHER_ID --json | jq .first.stage

Exit code 0: alike to the bit. 1: they differ. 2: not the folder of a run.`,
    )
    .action(diffCommand);
}

async function diffCommand(a: string, b: string, options: DiffOptions): Promise<void> {
  const { diffRuns } = await import('../research/diff-runs.ts');
  const diff = await diffRuns({
    a: resolve(a),
    b: resolve(b),
    datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
    progress: createProgress(),
  });
  const { first, likelyCause, valuesMissing } = diff;
  if (options.json === true) {
    const absent = {
      first: first ?? null,
      likelyCause: likelyCause ?? null,
      valuesMissing: valuesMissing ?? null,
    };
    process.stdout.write(`${JSON.stringify({ same: first === undefined, ...diff, ...absent })}\n`);
  } else {
    const { formatNewYork } = await import('../data/calendar.ts');
    process.stdout.write(diffText(diff, formatNewYork, createPainter(process.stdout)));
  }
  if (first === undefined) return;
  throw new CheckFailedError('RUNS_DIFFER', `the runs part at cycle ${first.cycle}, stage ${first.stage}`);
}

function diffText(diff: RunDiff, timeOf: (tUs: number) => string, painter: Painter): string {
  const { changes, first, cycles, cyclesDecidedDifferently } = diff;
  const started = changes.length === 0 ? 'they started from the same' : changesText(changes);
  if (first === undefined) {
    return `ok: ${cycles} cycles, the same predictions, decisions, trades and learning, to the bit\n${started}\n`;
  }
  const time = first.tUs === 0 ? '' : `, ${timeOf(first.tUs)} New York`;
  const share = `${cyclesDecidedDifferently} of the ${cycles} cycles that both have decide otherwise${decisionText(diff, timeOf)}`;
  return `${painter.bold(`first difference: cycle ${first.cycle}${time}, stage ${first.stage}`)}
${causeText(diff)}
${share}

${painter.bold('what they started from differently')}
${started}

${painter.bold('what differs there')}
${valuesText(diff)}
`;
}

function decisionText({ firstDecision }: RunDiff, timeOf: (tUs: number) => string): string {
  if (firstDecision === undefined) return '';
  const { cycle, tUs, symbol, a, b } = firstDecision;
  const said = (decision: Decision): string => decisionWords(decision).join(' ');
  return `; first ${symbol} in cycle ${cycle}, ${timeOf(tUs)}:\n  a  ${said(a)}\n  b  ${said(b)}`;
}

function causeText({ likelyCause, otherCauses, changes }: RunDiff): string {
  if (likelyCause !== undefined) {
    const others = otherCauses.length === 0 ? '' : ` (it may also be: ${otherCauses.join(', ')})`;
    return `likely cause: ${likelyCause}${others}`;
  }
  return changes.length === 0
    ? 'they started from the same: what came from outside differs (broker, operator, market), or a run was not deterministic; see "sametape replay"'
    : 'nothing they started from explains it';
}

function changesText(changes: readonly IdentityChange[]): string {
  return renderTable(
    [{ title: '' }, { title: '' }, { title: 'a' }, { title: 'b' }],
    changes.map(({ kind, key, a, b }) => [
      kind,
      key,
      shorten(canonicalJson(a), SHOWN_LENGTH),
      shorten(canonicalJson(b), SHOWN_LENGTH),
    ]),
  );
}

function valuesText({ first, values, valuesMissing }: RunDiff): string {
  if (values.length === 0) {
    const why = valuesMissing === undefined ? '' : `\n(not recomputed: ${valuesMissing})`;
    return `a  ${shorten(first?.a ?? '', SHOWN_LENGTH)}\nb  ${shorten(first?.b ?? '', SHOWN_LENGTH)}${why}`;
  }
  return renderTable(
    [
      { title: '' },
      { title: '' },
      { title: '' },
      { title: 'a', align: 'right' },
      { title: 'b', align: 'right' },
      { title: '' },
    ],
    values.map(({ symbols, section, row, name, unit, a, b }) => [
      symbols.length === 1 ? symbols[0]! : `${symbols[0]} and ${symbols.length - 1} more`,
      row === null ? section : `${section} ${row}`,
      name,
      String(a ?? '-'),
      String(b ?? '-'),
      unit,
    ]),
  );
}
