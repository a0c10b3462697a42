import { sessionsBefore, sessionsFrom } from '../data/calendar.ts';
import { synthesize } from '../data/synth.ts';
import { InvariantError } from '../domain/errors.ts';
import type { MarketTable } from '../domain/market-table.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { MarketDataSource } from '../ports/market-source.ts';
import { createTableSource } from './table-source.ts';

export interface SimulatedSourceOptions {
  readonly symbols: readonly string[];
  readonly seed: number;
  /** Full sessions to have behind and before the start of the run. */
  readonly sessionsBefore: number;
  readonly sessionsAfter: number;
  /** When the run began, also where it is taken up later: its market goes on from there. */
  readonly startedUs: TimeUs;
  readonly clock: Clock;
}

/** Sessions kept beyond those that history is asked of: the one that plays, and the one made ahead of it. */
const KEPT_AHEAD = 2;

/** A made-up market at the time of the clock: what `data synth` makes, the same for equal seeds and starts. */
export function createSimulatedSource(options: SimulatedSourceOptions): MarketDataSource {
  const { symbols, seed, sessionsAfter, startedUs, clock } = options;
  const sessions = [
    ...sessionsBefore({ sessions: options.sessionsBefore, beforeUs: startedUs }),
    ...sessionsFrom({ sessions: sessionsAfter, fromUs: startedUs }),
  ];
  const first = sessions[0]!;
  const synth = { seed, symbols, from: first.date, sessions: sessions.length };
  const loadSession = newestKept(() => synthesize(synth), options.sessionsBefore + KEPT_AHEAD);
  return createTableSource({ name: 'simulated', symbols, barSeconds: 60, sessions, clock, loadSession });
}

/** Makes tables as they are asked for and keeps the newest; one that was let go is made again, from the first on. */
function newestKept(
  make: () => Iterable<MarketTable>,
  maxKept: number,
): (date: string) => Promise<MarketTable> {
  const coming = make()[Symbol.iterator]();
  const kept: MarketTable[] = [];
  let madeTo = '';

  function next(date: string): MarketTable {
    for (let step = coming.next(); step.done !== true; step = coming.next()) {
      kept.push(step.value);
      if (kept.length > maxKept) kept.shift();
      madeTo = step.value.session;
      if (madeTo === date) return step.value;
    }
    throw new InvariantError(`no simulated session ${date}`);
  }

  function again(date: string): MarketTable {
    for (const table of make()) if (table.session === date) return table;
    throw new InvariantError(`no simulated session ${date}`);
  }

  return async (date) => {
    const known = kept.find(({ session }) => session === date);
    return known ?? (date > madeTo ? next(date) : again(date));
  };
}

/** A minute before the next opening after a time, or the time itself where a session goes on. */
export function startOfNextSession(nowUs: number): number {
  const [session] = sessionsFrom({ sessions: 1, fromUs: nowUs });
  return Math.max(nowUs, session!.openUs - 60_000_000);
}
