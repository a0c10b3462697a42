import { relative } from 'node:path';
import type { RunResult } from '../modes/run-views.ts';
import { number } from '../report/format.ts';
import { createPainter, renderTable } from './terminal.ts';

/** Writes what a finished run has to say: warnings, then its summary, or one JSON object. */
export async function writeRun(result: RunResult, { json }: { readonly json: boolean }): Promise<void> {
  const { yellow } = createPainter(process.stderr);
  for (const warning of result.warnings) process.stderr.write(`sametape: ${yellow('warning')}: ${warning}\n`);
  process.stdout.write(json ? `${JSON.stringify(runJson(result))}\n` : await runText(result));
}

/** Hits and misses are sessions of the run. */
function cacheText({ hits, misses, evicted }: NonNullable<RunResult['cacheUse']>): string {
  const text = `${number(hits)} sessions from the cache, ${number(misses)} computed`;
  return evicted === 0 ? text : `${text}; ${number(evicted)} older ones evicted`;
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
      ...(result.cacheUse === undefined ? [] : [['predictions', cacheText(result.cacheUse)]]),
      ['run', relative(process.cwd(), result.runDir) || '.'],
    ],
  );
  return `${renderSummary(result.statistics, createPainter(process.stdout))}\n${table}\n`;
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
