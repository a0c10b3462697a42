import { relative } from 'node:path';
import type { RunResult } from '../modes/run-views.ts';
import { number } from '../report/format.ts';
import { createPainter, renderTable, screenWidth } from './terminal.ts';

/** What a line with a hash takes. */
const HEAD_WIDTH = 79;

/** Writes what a finished run has to say: warnings, then its summary, or one JSON object. */
export async function writeRun(result: RunResult, { json }: { readonly json: boolean }): Promise<void> {
  const { yellow } = createPainter(process.stderr);
  for (const warning of result.warnings) process.stderr.write(`sametape: ${yellow('warning')}: ${warning}\n`);
  process.stdout.write(json ? `${JSON.stringify(runJson(result))}\n` : await runText(result));
}

/** Hits and misses are sessions of the run. */
function cacheText({ hits, misses, evicted }: NonNullable<RunResult['cacheUse']>): string {
  const text = `${number(hits)} ${hits === 1 ? 'session' : 'sessions'} from the cache, ${number(misses)} computed`;
  return evicted === 0 ? text : `${text}; ${number(evicted)} older ones evicted`;
}

/** The summary a trader reads, what identifies the run, and where it is. */
async function runText(result: RunResult): Promise<string> {
  const { renderSummary } = await import('../report/summary.ts');
  const { cycles, wallSeconds, cyclesPerSecond } = result;
  const width = screenWidth();
  // where a hash does not fit, what other commands show of it does; all of it is in --json and on the tape
  const shown = (hash: string): string =>
    width !== undefined && width < HEAD_WIDTH ? `${hash.slice(0, 12)}...` : hash;
  const table = renderTable(
    [{ title: '' }, { title: '' }],
    [
      ['chain head', shown(result.chainHead)],
      ['decision head', shown(result.decisionHead)],
      [
        'speed',
        `${number(cycles)} cycles in ${number(wallSeconds, 1)} s, ${number(cyclesPerSecond)} a second`,
      ],
      ...(result.cacheUse === undefined ? [] : [['predictions', cacheText(result.cacheUse)]]),
      ['run', relative(process.cwd(), result.runDir) || '.'],
    ],
  );
  return `${renderSummary(result.statistics, createPainter(process.stdout), width)}\n${table}\n`;
}

/** The keys `--json` promises, in this order, and no others. */
function runJson(result: RunResult): Omit<RunResult, 'statistics' | 'warnings' | 'cacheUse'> {
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
