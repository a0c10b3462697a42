import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../../src/data/dataset.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { synthesize } from '../../src/data/synth.ts';
import { createRecordedInference } from '../../src/models/recorded-inference.ts';
import { predictionKeyOf } from '../../src/modes/prepare.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { bareLoop } from './bare-loop.ts';
import { BENCH, benchIdentity, recordBenchPredictions } from './bench-run.ts';

/** Lengths of the runs that are timed, in sessions; a shorter one goes first in each process to warm the compiler up. */
const SESSIONS = (process.env.BENCH_SESSIONS ?? '5,50').split(',').map(Number);
const WARM_UP_SESSIONS = 3;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);

interface Figure {
  readonly sessions: number;
  readonly symbolCyclesPerSecond: number;
  /** Speed with tape, digests and loop over speed of the bare stages; 1 would mean they are free. */
  readonly ratioToBareLoop: number;
  readonly rssMiB: number;
  readonly fills: number;
}

interface Timed {
  readonly symbolCyclesPerSecond: number;
  /** CPU time of the process in user mode over the timed run, all threads: less noisy than the clock on a busy machine. */
  readonly userCpuSeconds: number;
  readonly rssMiB: number;
  readonly fills: number;
  /** Heads of the tape: a change that was only to make the loop faster leaves them as they are. Null for the bare loop. */
  readonly heads: Heads | null;
}

interface Heads {
  readonly chain: string;
  readonly decisions: string;
}

/** Figures for one length: full run and bare loop in turn, each in a process of its own, medians over the rounds. */
function measure(dir: string, sessions: number): Figure {
  const full: Timed[] = [];
  const bare: Timed[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    full.push(timedChild(dir, 'full', sessions));
    bare.push(timedChild(dir, 'bare', sessions));
  }
  return {
    sessions,
    symbolCyclesPerSecond: Math.round(median(full.map((run) => run.symbolCyclesPerSecond))),
    ratioToBareLoop: median(full.map((run, k) => run.symbolCyclesPerSecond / bare[k]!.symbolCyclesPerSecond)),
    rssMiB: Math.round(median(full.map((run) => run.rssMiB))),
    fills: full[0]!.fills,
  };
}

function timedChild(dir: string, what: 'full' | 'bare', sessions: number): Timed {
  const child = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(import.meta.url), '--child', dir, what, String(sessions)],
    { encoding: 'utf8', timeout: 600_000 },
  );
  if (child.status !== 0) throw new Error(`bench ${what} ${sessions}: ${child.stderr}`);
  return JSON.parse(child.stdout) as Timed;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function timedRun(dir: string, what: 'full' | 'bare', count: number): Promise<Timed> {
  const dataset = await openDataset(join(dir, 'dataset'));
  await timeOnce(dir, what, Math.min(WARM_UP_SESSIONS, count));
  const { seconds, userCpuSeconds, fills, cycles, heads } = await timeOnce(dir, what, count);
  return {
    symbolCyclesPerSecond: (cycles * dataset.symbols.length) / seconds,
    userCpuSeconds,
    rssMiB: process.memoryUsage().rss / 2 ** 20,
    fills,
    heads,
  };
}

async function timeOnce(
  dir: string,
  what: 'full' | 'bare',
  count: number,
): Promise<{
  readonly seconds: number;
  readonly userCpuSeconds: number;
  readonly fills: number;
  readonly cycles: number;
  readonly heads: Heads | null;
}> {
  const dataset = await openDataset(join(dir, 'dataset'));
  const sessions = dataset.sessions.slice(0, count);
  const whole = benchIdentity(
    dataset,
    dataset.sessions.map(({ date }) => date),
  );
  const identity = benchIdentity(
    dataset,
    sessions.map(({ date }) => date),
  );
  const inference = createRecordedInference({
    path: join(dir, 'predictions.arrow'),
    layout: identity.layout,
    expectedKey: predictionKeyOf(whole),
  });
  const run = { identity, sessions, loadSession: dataset.loadSession, inference };
  const started = performance.now();
  const cpuStarted = process.cpuUsage();
  let cycles = 0;
  let fills = 0;
  let heads: Heads | null = null;
  if (what === 'bare') {
    ({ cycles, fills } = await bareLoop(run));
  } else {
    const tape = createFileTape({ dir: mkdtempSync(join(dir, 'tape-')), durable: false });
    await runSessions({
      ...run,
      tape,
      attach: (loop) => {
        loop.inputs$.subscribe(({ event }) => {
          if (event.type === 'OrderFilled' || event.type === 'OrderPartiallyFilled') fills += 1;
          if (event.type === 'CycleDue') cycles += 1;
        });
      },
    });
    tape.close();
    heads = { chain: tape.head, decisions: tape.decisionHead };
  }
  const seconds = (performance.now() - started) / 1000;
  const userCpuSeconds = process.cpuUsage(cpuStarted).user / 1e6;
  await inference.close();
  return { seconds, userCpuSeconds, fills, cycles, heads };
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'sametape-bench-'));
  const json = process.argv.includes('--json');
  try {
    const longest = Math.max(...SESSIONS);
    const options = { symbols: BENCH.symbols, sessions: longest, seed: 1 };
    await writeDataset({
      dir: join(dir, 'dataset'),
      facts: { provenance: { source: 'synthetic', files: [], options: { seed: 1 } } },
      tables: synthesize(options),
    });
    const dataset = await openDataset(join(dir, 'dataset'));
    const identity = benchIdentity(
      dataset,
      dataset.sessions.map(({ date }) => date),
    );
    await recordBenchPredictions({
      path: join(dir, 'predictions.arrow'),
      dataset,
      layout: identity.layout,
      key: predictionKeyOf(identity),
    });
    const figures = SESSIONS.map((sessions) => measure(dir, sessions));
    if (json) {
      process.stdout.write(`${JSON.stringify(jsonOf(figures))}\n`);
      return;
    }
    process.stdout.write(
      `${BENCH.symbols} symbols x ${BENCH.horizons.length} horizons x ${BENCH.families.length} families, tape and digests on, medians of ${ROUNDS}\n`,
    );
    for (const { sessions, symbolCyclesPerSecond, ratioToBareLoop, rssMiB, fills } of figures) {
      process.stdout.write(
        `${String(sessions).padStart(3)} sessions  ${String(symbolCyclesPerSecond).padStart(7)} symbol-cycles/s  ${ratioToBareLoop.toFixed(2)} of the bare loop  ${rssMiB} MiB  ${fills} fills\n`,
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** One object: the figures of the longest run, and every figure by number of sessions. */
function jsonOf(figures: readonly Figure[]): object {
  const longest = figures.at(-1)!;
  return {
    symbolCyclesPerSecond: longest.symbolCyclesPerSecond,
    ratioToBareLoop: longest.ratioToBareLoop,
    rssMiB: Object.fromEntries(figures.map(({ sessions, rssMiB }) => [sessions, rssMiB])),
    bySessions: figures,
  };
}

const [, , flag, dir, what, sessions] = process.argv;
if (flag === '--child') {
  const timed = await timedRun(dir!, what as 'full' | 'bare', Number(sessions));
  process.stdout.write(JSON.stringify(timed));
} else {
  await main();
}
