import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { MarketTable, Session } from '../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';
import { createPrng } from '../math/prng.ts';
import { prepareRun } from '../modes/prepare.ts';
import { runSessions, type SessionRun } from '../modes/run-sessions.ts';
import type { Progress } from '../ports/progress.ts';
import type { TapeLine } from '../ports/tape.ts';
import { aroundTape } from '../tape/around-tape.ts';
import { createFileTape } from '../tape/file-tape.ts';
import { readTape } from '../tape/read-tape.ts';
import { type ComparingTape, createComparingTape, DivergedError, type Divergence } from './comparing-tape.ts';
import { actionsUntil, mutateAfter } from './mutate-future.ts';

/** A run that can be made again and again: everything but the tape it goes to. */
export type RepeatableRun = Omit<SessionRun, 'tape'>;

/** What a run is given in place of the data it would read. */
export interface OtherData {
  tableOf(table: MarketTable): MarketTable;
  actionsOf(actions: readonly CorporateAction[]): readonly CorporateAction[];
}

export interface LookAheadOptions {
  /** Opens the run anew, so that nothing is carried from one to the next; all that it reads passes through `data`. */
  readonly openRun: (data: OtherData) => Promise<RepeatableRun>;
  readonly cuts: number;
  readonly seed: number;
  readonly progress: Progress;
}

/** What became of the past when everything after one moment was another. */
export interface LookAheadCut {
  readonly date: string;
  /** Minutes after the open; what is known then is before the cut. */
  readonly minute: number;
  /** Records before the cut that were compared. */
  readonly recordsBefore: number;
  /** Whether anything after the cut came out differently: if not, the cut proves nothing. */
  readonly hasChangedFuture: boolean;
  /** The first record before the cut that changed; absent where none did. */
  readonly leak?: Divergence;
}

export interface LookAheadReport {
  readonly ok: boolean;
  readonly cuts: readonly LookAheadCut[];
}

/**
 * Proves that a scenario's past does not depend on its future: every record up to a cut must come out the same, byte
 * for byte, when all data after it is other data. Models are asked anew each time; a recording would answer by heart.
 */
export function auditLookAhead(
  scenario: LoadedScenario,
  options: Omit<LookAheadOptions, 'openRun'>,
): Promise<LookAheadReport> {
  const { predictionsFile: _byHeart, ...resolvedPaths } = scenario.resolvedPaths;
  return auditRuns({
    ...options,
    openRun: async (data) => {
      const { dataset, ...prepared } = await prepareRun({ ...scenario, resolvedPaths });
      return {
        ...prepared,
        actions: data.actionsOf(dataset.actions),
        loadSession: async (date: string) => data.tableOf(await dataset.loadSession(date)),
      };
    },
  });
}

/** The audit of anything that runs: the run as it is once, and once more for each cut. */
export async function auditRuns(options: LookAheadOptions): Promise<LookAheadReport> {
  const { openRun, seed, progress } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'sametape-look-ahead-'));
  const tapeDir = join(scratch, 'tape');
  try {
    const tape = createFileTape({ dir: tapeDir, durable: false });
    const first = await openRun({ tableOf: (table) => table, actionsOf: (actions) => actions });
    const chosen = chooseCuts(first.sessions, options);
    progress.update(0, chosen.length + 1, 'as it is');
    await finish({ ...first, tape });
    tape.close();
    const cuts: LookAheadCut[] = [];
    for (const [k, cut] of chosen.entries()) {
      progress.update(k + 1, chosen.length + 1, `cut ${cut.session.date}`);
      const run = await openRun(futureAfter(cut, seed));
      cuts.push(await compareUpTo(cut, run, tapeDir));
    }
    return { ok: cuts.every(({ leak, hasChangedFuture }) => leak === undefined && hasChangedFuture), cuts };
  } finally {
    progress.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Cut {
  readonly session: Session;
  readonly minute: number;
  readonly tUs: TimeUs;
}

/** Minutes drawn from all sessions, the first of them just before one of them opens, where days meet, if any do. */
function chooseCuts(sessions: readonly Session[], { cuts, seed }: LookAheadOptions): readonly Cut[] {
  const draw = createPrng([seed, 'look-ahead']);
  return Array.from({ length: cuts }, (_, k) => {
    const isBetweenDays = k === 0 && sessions.length > 1;
    // at the close of the last session there is no future to change
    const session = sessions[Math.floor(draw() * (isBetweenDays ? sessions.length - 1 : sessions.length))];
    const minutes = (session.closeUs - session.openUs) / US_PER_MINUTE;
    const minute = isBetweenDays ? minutes : Math.floor(draw() * minutes * 0.9);
    return { session, minute, tUs: session.openUs + minute * US_PER_MINUTE };
  });
}

function futureAfter({ session, tUs, minute }: Cut, seed: number): OtherData {
  return {
    tableOf: (table) => mutateAfter(table, tUs, [seed, minute]),
    actionsOf: (actions) => actionsUntil(actions, session.date),
  };
}

async function compareUpTo(cut: Cut, run: RepeatableRun, tapeDir: string): Promise<LookAheadCut> {
  const { session, minute, tUs } = cut;
  const tape = createCutTape(readTape(tapeDir)[Symbol.iterator](), tUs);
  const leak = await leakOf(() => finish({ ...run, tape }), tape);
  return {
    date: session.date,
    minute,
    recordsBefore: tape.nextSeq,
    hasChangedFuture: tape.isFutureReached(),
    ...(leak === undefined ? {} : { leak }),
  };
}

/** @returns the difference that ended the run before its cut; undefined where it was behind, or there was none */
async function leakOf(work: () => Promise<void>, tape: CutTape): Promise<Divergence | undefined> {
  try {
    await work();
    tape.expectEnd();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    if (!tape.isFutureReached()) return error.divergence;
  }
  return undefined;
}

async function finish(run: SessionRun): Promise<void> {
  try {
    await runSessions(run);
  } finally {
    await run.inference?.close();
  }
}

interface CutTape extends ComparingTape {
  /** Whether a difference behind the cut was found, which ends the run: there is nothing more to learn from it. */
  isFutureReached(): boolean;
}

/**
 * Compares with a tape up to the cut, to the byte, and behind it until the first difference, which is no fault. Where
 * only one of the two has a record, or its time is another, it is before the cut if either's time is.
 */
function createCutTape(recorded: Iterator<TapeLine>, cutUs: TimeUs): CutTape {
  let expectedUs: TimeUs | undefined;
  let isFutureReached = false;
  const comparing = createComparingTape({
    next() {
      const next = recorded.next();
      expectedUs = next.done === true ? undefined : next.value.record.t;
      return next;
    },
  });
  function watched(work: () => void, foundUs: TimeUs | undefined): void {
    try {
      work();
    } catch (error) {
      const times = [expectedUs, foundUs].filter((tUs) => tUs !== undefined);
      isFutureReached = error instanceof DivergedError && times.every((tUs) => tUs > cutUs);
      throw error;
    }
  }
  return aroundTape(() => comparing, {
    append: (entry) => watched(() => comparing.append(entry), entry.t),
    flush: () => undefined,
    close: () => undefined,
    expectEnd: () => watched(() => comparing.expectEnd(), undefined),
    isFutureReached: () => isFutureReached,
  });
}
