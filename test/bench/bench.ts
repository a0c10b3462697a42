import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../../src/data/dataset.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { synthesize } from '../../src/data/synth.ts';
import { createRecordedInference } from '../../src/models/recorded-inference.ts';
import { predictionKeyOf } from '../../src/modes/open-inference.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { bareLoop } from './bare-loop.ts';
import { BENCH, benchIdentity, recordBenchPredictions } from './bench-run.ts';

// Run compiled, as the program is once it is installed.

/** Lengths of the runs that are timed, in sessions, at the standard universe; and universes at a length of two sessions. */
const SESSIONS = (process.env.BENCH_SESSIONS ?? '1,5,50').split(',').map(Number);
const SYMBOLS = (process.env.BENCH_SYMBOLS ?? '10,100,500').split(',').map(Number);
const SYMBOLS_SESSIONS = 2;
/**
 * Short runs go first in each process, until this many sessions have warmed the compiler up: two runs are not enough,
 * the first session of the third still takes three times what that of the tenth does. Every case is warmed up alike, so
 * that what differs between them is their length and size. The first run of the process is reported as `cold`.
 */
const WARM_UP_SESSIONS = Number(process.env.BENCH_WARM_UP ?? 24);
/** A larger universe repeats the loops over symbols within a cycle, and needs fewer sessions. */
const MIN_WARM_UP_SESSIONS = 4;
const WARM_UP_RUN_SESSIONS = 2;
/** Short runs are repeated in their process until this many sessions are timed. */
const TIMED_SESSIONS = 10;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);

interface Case {
  readonly symbols: number;
  readonly sessions: number;
}

interface Figure extends Case {
  readonly symbolCyclesPerSecond: number;
  /** Speed with tape, digests and loop over speed of the bare stages; 1 would mean they are free. */
  readonly ratioToBareLoop: number;
  /** Speed of the first run of a process, at most two sessions of it, while the compiler still learns the code. */
  readonly coldSymbolCyclesPerSecond: number;
  readonly rssMiB: number;
  readonly fills: number;
}

interface Timed {
  readonly symbolCyclesPerSecond: number;
  readonly coldSymbolCyclesPerSecond: number;
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

/** Figures for one case: full run and bare loop in turn, each in a process of its own, medians over the rounds. */
function measure(dir: string, { symbols, sessions }: Case): Figure {
  const full: Timed[] = [];
  const bare: Timed[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    full.push(timedChild(dir, 'full', sessions));
    bare.push(timedChild(dir, 'bare', sessions));
  }
  return {
    symbols,
    sessions,
    symbolCyclesPerSecond: Math.round(median(full.map((run) => run.symbolCyclesPerSecond))),
    ratioToBareLoop: median(full.map((run, k) => run.symbolCyclesPerSecond / bare[k]!.symbolCyclesPerSecond)),
    coldSymbolCyclesPerSecond: Math.round(median(full.map((run) => run.coldSymbolCyclesPerSecond))),
    rssMiB: Math.round(median(full.map((run) => run.rssMiB))),
    fills: full[0]!.fills,
  };
}

function timedChild(dir: string, what: 'full' | 'bare', sessions: number): Timed {
  const child = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), '--child', dir, what, String(sessions)],
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
  const warmUp = Math.min(WARM_UP_RUN_SESSIONS, count);
  const cold = await timeOnce(dir, what, warmUp);
  const universe = dataset.symbols.length / BENCH.symbols;
  const warmUpSessions = Math.max(MIN_WARM_UP_SESSIONS, WARM_UP_SESSIONS / universe);
  for (let done = warmUp; done < warmUpSessions; done += warmUp) await timeOnce(dir, what, warmUp);
  const runs: Awaited<ReturnType<typeof timeOnce>>[] = [];
  while (runs.length * count < TIMED_SESSIONS) runs.push(await timeOnce(dir, what, count));
  const { seconds, userCpuSeconds, fills, cycles, heads } = runs.sort((a, b) => a.seconds - b.seconds)[
    Math.floor(runs.length / 2)
  ]!;
  return {
    symbolCyclesPerSecond: (cycles * dataset.symbols.length) / seconds,
    coldSymbolCyclesPerSecond: (cold.cycles * dataset.symbols.length) / cold.seconds,
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

/** A dataset of made-up days and predictions, in a folder of its own. */
async function prepare(root: string, { symbols, sessions }: Case): Promise<string> {
  const dir = mkdtempSync(join(root, 'case-'));
  await writeDataset({
    dir: join(dir, 'dataset'),
    facts: { provenance: { source: 'synthetic', files: [], options: { seed: 1 } } },
    tables: synthesize({ symbols, sessions, seed: 1 }),
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
  return dir;
}

async function main(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'sametape-bench-'));
  const json = process.argv.includes('--json');
  try {
    const standard = await prepare(root, { symbols: BENCH.symbols, sessions: Math.max(...SESSIONS) });
    const bySessions = SESSIONS.map((sessions) => measure(standard, { symbols: BENCH.symbols, sessions }));
    const bySymbols: Figure[] = [];
    for (const symbols of SYMBOLS) {
      const size = { symbols, sessions: SYMBOLS_SESSIONS };
      const dir = await prepare(root, size);
      bySymbols.push(measure(dir, size));
      rmSync(dir, { recursive: true });
    }
    process.stdout.write(
      json ? `${JSON.stringify(jsonOf({ bySessions, bySymbols }))}\n` : textOf({ bySessions, bySymbols }),
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

interface Figures {
  readonly bySessions: readonly Figure[];
  readonly bySymbols: readonly Figure[];
}

function textOf({ bySessions, bySymbols }: Figures): string {
  const line = ({
    symbols,
    sessions,
    symbolCyclesPerSecond,
    ratioToBareLoop,
    coldSymbolCyclesPerSecond,
    rssMiB,
    fills,
  }: Figure): string =>
    `${String(symbols).padStart(4)} symbols ${String(sessions).padStart(3)} sessions  ${String(symbolCyclesPerSecond).padStart(7)} symbol-cycles/s  ${ratioToBareLoop.toFixed(2)} of the bare loop  ${String(coldSymbolCyclesPerSecond).padStart(6)} cold  ${rssMiB} MiB  ${fills} fills\n`;
  const title = `${BENCH.horizons.length} horizons x ${BENCH.families.length} families, tape, digests, learning and risk on, medians of ${ROUNDS}\n`;
  return title + [...bySessions, ...bySymbols].map(line).join('');
}

/** One object: the figures of the longest run, what length and universe cost, and every figure. */
function jsonOf({ bySessions, bySymbols }: Figures): object {
  const longest = bySessions.at(-1)!;
  return {
    symbolCyclesPerSecond: longest.symbolCyclesPerSecond,
    ratioToBareLoop: longest.ratioToBareLoop,
    rssMiB: Object.fromEntries(bySessions.map(({ sessions, rssMiB }) => [sessions, rssMiB])),
    /** Cost of a symbol-cycle relative to the first of each list. */
    costBySessions: relativeCost(bySessions, 'sessions'),
    costBySymbols: relativeCost(bySymbols, 'symbols'),
    bySessions,
    bySymbols,
  };
}

function relativeCost(figures: readonly Figure[], key: keyof Case): object {
  const base = figures[0]?.symbolCyclesPerSecond ?? 1;
  return Object.fromEntries(
    figures.map((figure) => [figure[key], Number((base / figure.symbolCyclesPerSecond).toFixed(3))]),
  );
}

const [, , flag, dir, what, sessions] = process.argv;
if (flag === '--child') {
  const timed = await timedRun(dir!, what as 'full' | 'bare', Number(sessions));
  process.stdout.write(JSON.stringify(timed));
} else {
  await main();
}
