import { resolve } from 'node:path';
import type { Command } from 'commander';
import { microsToDollars } from '../domain/money.ts';
import { number, percent, signedMoney, signedPercent } from '../report/format.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';
import type { ListedRun } from '../research/list-runs.ts';
import { renderTable } from './terminal.ts';

/** Characters of a hash that are shown: enough to tell runs apart. */
const SHORT_HASH = 12;

/** A folder may have any name: what would move the cursor, or turn the direction of text, is not printed. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

/** Adds `sametape runs [DIR] [--json]`: what runs there are, and what each came to. */
export function registerRunsCommand(program: Command): void {
  program
    .command('runs')
    .summary('list the runs of a folder and what each came to')
    .description(
      'List the runs that lie in a folder, the oldest first, with their sessions, state and result. Results are those that the runs wrote beside their tapes; verify and replay prove them. Yearly figures are shown from 20 sessions on. Equal decision heads are equal decisions.',
    )
    .argument('[dir]', 'folder that runs lie in', 'runs')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape runs
  $ sametape runs build/sweep --json | jq '.runs[] | select(.sharpe > 1) | .name'`,
    )
    .action(async (dir: string, options: { readonly json?: boolean }) => {
      const { listRuns } = await import('../research/list-runs.ts');
      const runs = listRuns(resolve(dir));
      const text = options.json === true ? JSON.stringify({ runs: runs.map(jsonOf) }) : runsText(dir, runs);
      process.stdout.write(`${text}\n`);
    });
}

function jsonOf({ name, state, problem, identity, runId, madeAt, result }: ListedRun): object {
  const fork = identity?.forks?.at(-1);
  return {
    name,
    state,
    problem: problem ?? null,
    madeAt: madeAt ?? null,
    runId: runId ?? null,
    scenario: identity?.scenario ?? null,
    mode: identity === undefined ? null : (identity.mode?.kind ?? 'backtest'),
    firstSession: identity?.sessions[0] ?? null,
    lastSession: identity?.sessions.at(-1) ?? null,
    forkOf: fork === undefined ? null : { runId: fork.runId, cycle: fork.cycle },
    decisionHead: result?.decisionHead ?? null,
    cycles: result?.cycles ?? null,
    fills: result?.fills ?? null,
    pnl: result === undefined ? null : microsToDollars(result.statistics.netPnlMicros),
    totalReturn: result?.statistics.totalReturn ?? null,
    sharpe: result?.statistics.sharpe ?? null,
    maxDrawdown: result?.statistics.maxDrawdown.frac ?? null,
  };
}

function runsText(dir: string, runs: readonly ListedRun[]): string {
  if (runs.length === 0) return `no runs in ${dir}; "sametape run SCENARIO --out ${dir}" makes one`;
  const columns = [
    { title: 'run' },
    { title: 'mode' },
    { title: 'sessions' },
    { title: 'state' },
    { title: 'P&L', align: 'right' },
    { title: 'return', align: 'right', isExtra: true },
    { title: 'Sharpe', align: 'right' },
    { title: 'drawdown', align: 'right' },
    { title: 'fills', align: 'right', isExtra: true },
    { title: 'decision head', isExtra: true },
  ] as const;
  const problems = runs.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [printable(`${name}: ${problem}`)],
  );
  return [renderTable(columns, runs.map(cellsOf)), ...(problems.length === 0 ? [] : ['', ...problems])].join(
    '\n',
  );
}

function cellsOf({ name: rawName, state, identity, result }: ListedRun): string[] {
  const name = printable(rawName);
  const mode = identity === undefined ? '' : (identity.mode?.kind ?? 'backtest');
  const first = identity?.sessions[0];
  const last = identity?.sessions.at(-1);
  const sessions = first === undefined || last === first ? (first ?? '') : `${first} to ${last}`;
  const origin = identity?.forks?.at(-1);
  const said = origin === undefined ? state : `${state}, fork of ${origin.runId.slice(0, SHORT_HASH)}`;
  if (result === undefined) return [name, mode, sessions, said];
  const { decisionHead, fills, statistics } = result;
  const { netPnlMicros, totalReturn, maxDrawdown } = statistics;
  const sharpe = statistics.sessions.length < SESSIONS_FOR_YEARLY_FIGURES ? null : statistics.sharpe;
  return [
    name,
    mode,
    sessions,
    said,
    signedMoney(netPnlMicros),
    signedPercent(totalReturn),
    number(sharpe, 2),
    percent(maxDrawdown.frac),
    number(fills),
    decisionHead.slice(0, SHORT_HASH),
  ];
}
