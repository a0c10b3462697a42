import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../../src/data/dataset.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { quickstartDay } from '../live/live-day.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import {
  CRASH_LEGS,
  type CrashCounts,
  type CrashLeg,
  type CrashPoint,
  nameOf,
  pointOf,
  pointsOf,
} from './crash-points.ts';

/** What a child process is told. */
export interface CrashJob {
  readonly outDir: string;
  readonly twin: Pick<AlpacaTwin, 'tradingUrl' | 'streamUrl' | 'keys'>;
  readonly leg: CrashLeg;
  readonly point?: CrashPoint;
}

/** What a child that was not killed says at its end. */
export interface CrashOutcome {
  readonly runDir: string;
  /** How often each step was taken when the stretch began that is walked, and when it ended. */
  readonly stretch: { readonly from: CrashCounts; readonly to: CrashCounts };
  /** Whether an operator's kill holds. */
  readonly isKilled: boolean;
  readonly errors: readonly string[];
  readonly cashMicros: number;
  readonly positions: Readonly<Record<string, number>>;
  readonly working: number;
}

export interface CrashViolation {
  readonly point: string;
  readonly problem: string;
  readonly reproduce: string;
}

export interface CrashReport {
  /** Points that were walked, and those of them that a run came by and died at. */
  readonly points: number;
  readonly reached: number;
  readonly violations: readonly CrashViolation[];
}

export interface CrashWalkOptions {
  /** Every how many points one is walked; 1 walks all. */
  readonly every: number;
  /** Absent: all of them. */
  readonly legs?: readonly CrashLeg[];
  /** Only this one. */
  readonly only?: string;
  readonly onPoint?: (done: number, total: number) => void;
}

const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
const quickstart = fileURLToPath(new URL('../../datasets/quickstart', import.meta.url));
const CHILD_MS = 90_000;

/**
 * Kills a live run at every point of a stretch of its way, each in a world of its own, and starts it again. Whatever the
 * point: no order doubled or lost, books equal to the broker's, a tape that verifies and replays to the same bits.
 */
export async function walkCrashes({ every, only, legs, onPoint }: CrashWalkOptions): Promise<CrashReport> {
  const points =
    only === undefined ? (await pointsOfRuns(legs)).filter((_, at) => at % every === 0) : [pointOf(only)];
  const violations: CrashViolation[] = [];
  let reached = 0;
  for (const [at, point] of points.entries()) {
    const { problems, isReached } = await crashAt(point);
    if (isReached) reached += 1;
    for (const problem of problems) {
      const reproduce = `npm run crash-walk -- --point ${nameOf(point)}`;
      violations.push({ point: nameOf(point), problem, reproduce });
    }
    onPoint?.(at + 1, points.length);
  }
  return { points: points.length, reached, violations };
}

/** The points of runs that are left alone, leg by leg, in the order of kinds. */
export async function pointsOfRuns(legs: readonly CrashLeg[] = CRASH_LEGS): Promise<CrashPoint[]> {
  const points: CrashPoint[] = [];
  for (const leg of legs) points.push(...(await pointsOfRun(leg)));
  return points;
}

async function pointsOfRun(leg: CrashLeg): Promise<CrashPoint[]> {
  return inWorld(leg, async (world) => {
    const { outcome, stderr } = await runChild(world);
    if (outcome === undefined) throw new Error(`the run that was left alone did not end: ${stderr}`);
    return pointsOf(leg, outcome.stretch);
  });
}

async function crashAt(
  point: CrashPoint,
): Promise<{ readonly problems: string[]; readonly isReached: boolean }> {
  return inWorld(point.leg, async (world) => {
    const crashed = await runChild(world, point);
    if (crashed.outcome === undefined && crashed.signal !== 'SIGKILL') {
      return {
        problems: [`the run failed before it was killed: ${crashed.stderr.slice(-400)}`],
        isReached: true,
      };
    }
    const again = await runChild(world);
    const isReached = crashed.outcome === undefined;
    if (again.outcome === undefined) {
      return { problems: [`the run did not start again: ${again.stderr.slice(-400)}`], isReached };
    }
    return { problems: await problemsOf(world, again.outcome), isReached };
  });
}

interface World {
  readonly leg: CrashLeg;
  readonly twin: AlpacaTwin;
  readonly outDir: string;
}

async function inWorld<T>(leg: CrashLeg, work: (world: World) => Promise<T>): Promise<T> {
  const outDir = mkdtempSync(join(tmpdir(), 'sametape-crash-'));
  const dayUs = leg === 'night' ? 86_400_000_000 : 0;
  const twin = await startAlpacaTwin({ nowUs: () => quickstartDay.openUs + dayUs + 30 * 60_000_000 });
  try {
    await quoteAll(twin, leg);
    return await work({ leg, twin, outDir });
  } finally {
    await twin.close();
    rmSync(outDir, { recursive: true, force: true });
  }
}

/** Orders for these find nobody, and work until they are called back. */
const UNQUOTED: readonly string[] = ['AAA', 'BBB'];

/** A market that takes every order at once: what is walked is the way of orders, not their prices. */
async function quoteAll(twin: AlpacaTwin, leg: CrashLeg): Promise<void> {
  const dataset = await openDataset(quickstart);
  const table = await dataset.loadSession('2024-01-10');
  for (let row = 0; row < dataset.symbols.length; row += 1) {
    if (leg === 'kill' && UNQUOTED.includes(table.symbols[table.symbolIx[row]])) continue;
    const mid = (table.bidCloseE4[row] + table.askCloseE4[row]) / 2;
    const [askE4, bidE4] = [mid * 0.98, mid * 1.02].map((price) => Math.round(price / 100) * 100);
    twin.book.setQuote(table.symbols[table.symbolIx[row]], { bidE4, askE4, bidSize: 1e6, askSize: 1e6 });
  }
}

function runChild(
  { leg, twin, outDir }: World,
  point?: CrashPoint,
): Promise<{ readonly outcome?: CrashOutcome; readonly signal: string | null; readonly stderr: string }> {
  const { tradingUrl, streamUrl, keys } = twin;
  const job: CrashJob = {
    outDir,
    twin: { tradingUrl, streamUrl, keys },
    leg,
    ...(point === undefined ? {} : { point }),
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', child, JSON.stringify(job)],
      { timeout: CHILD_MS, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        const signal = error?.signal ?? null;
        const line = stdout.trim().split('\n').at(-1) ?? '';
        if (error === null && line.startsWith('{'))
          resolve({ outcome: JSON.parse(line) as CrashOutcome, signal, stderr });
        else resolve({ signal, stderr: `${stderr}${stdout}` });
      },
    );
  });
}

/** What must hold after any crash, once the run has gone on. */
async function problemsOf({ leg, twin: { book } }: World, outcome: CrashOutcome): Promise<string[]> {
  const problems: string[] = [];
  const check = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  const { runDir } = outcome;
  const intended: string[] = [];
  const ended = new Set<string>();
  const sessions: string[] = [];
  let killedAt: number | undefined;
  for (const { record } of readTape(runFolderAt(runDir).tapeDir, { torn: 'report', storedHead: 'leave' })) {
    const { order, clientOrderId, execution } = record.payload as {
      readonly order?: { readonly clientOrderId: string };
      readonly clientOrderId?: string;
      readonly execution?: { readonly clientOrderId: string };
    };
    if (record.type === 'OrderIntended') intended.push(order!.clientOrderId);
    if (record.type === 'OperatorCommanded') killedAt ??= intended.length;
    if (record.type === 'SessionOpened' || record.type === 'SessionClosed') sessions.push(record.type);
    if (record.type === 'OrderFilled') ended.add(execution!.clientOrderId);
    if (['OrderRejected', 'OrderCancelled', 'OrderExpired'].includes(record.type)) ended.add(clientOrderId!);
  }
  const placed = book.orders.map(({ clientOrderId }) => clientOrderId);
  check(new Set(placed).size === placed.length, `orders were doubled: ${placed.join(', ')}`);
  const unrecorded = placed.filter((id) => !intended.includes(id));
  check(unrecorded.length === 0, `orders were sent without an intent: ${unrecorded.join(', ')}`);
  const lost = intended.filter((id) => !placed.includes(id));
  check(lost.length === 0, `orders were lost: ${lost.join(', ')}`);
  const open = intended.filter((id) => !ended.has(id));
  check(open.length === 0 && outcome.working === 0, `orders have no end: ${open.join(', ')}`);
  const [ours, theirs] = [outcome.positions, book.positions()].map((held) => JSON.stringify(sorted(held)));
  check(ours === theirs, `positions ${ours}, the broker has ${theirs}`);
  check(
    outcome.cashMicros === book.cashMicros,
    `cash ${outcome.cashMicros}, the broker has ${book.cashMicros}`,
  );
  if (leg === 'kill') {
    check(outcome.isKilled, 'the kill was forgotten');
    const later = intended.slice(killedAt);
    check(killedAt !== undefined && later.length === 0, `orders after the kill: ${later.join(', ')}`);
  }
  if (leg === 'night') {
    const told = sessions.join(', ');
    check(told === 'SessionOpened, SessionClosed, SessionOpened', `sessions were told as ${told}`);
  }
  check(outcome.errors.length === 0, `errors were raised: ${outcome.errors.join(' ')}`);
  const replay = await replayRun({ runDir, datasetDir: undefined, progress: silentProgress });
  const { divergence } = replay;
  check(
    divergence === undefined,
    `the tape replays otherwise from seq ${divergence?.seq}: ${divergence?.stage}`,
  );
  return problems;
}

function sorted(held: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(held)
      .filter(([, n]) => n !== 0)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
