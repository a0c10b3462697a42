import { sessionsBefore, sessionsFrom } from '../data/calendar.ts';
import { synthesize } from '../data/synth.ts';
import { InvariantError } from '../domain/errors.ts';
import type { MarketTable } from '../domain/market-table.ts';
import type { Clock } from '../ports/clock.ts';
import type { MarketDataSource } from '../ports/market-source.ts';
import { createTableSource } from './table-source.ts';

export interface SimulatedSourceOptions {
  readonly symbols: readonly string[];
  readonly seed: number;
  /** Full sessions to have behind and before it. */
  readonly sessionsBefore: number;
  readonly sessionsAfter: number;
  readonly clock: Clock;
}

/** A made-up market at the time of the clock: what `data synth` makes, the same for equal seeds and dates. */
export function createSimulatedSource(options: SimulatedSourceOptions): MarketDataSource {
  const { symbols, seed, sessionsAfter, clock } = options;
  const nowUs = clock.nowUs();
  const sessions = [
    ...sessionsBefore({ sessions: options.sessionsBefore, beforeUs: nowUs }),
    ...sessionsFrom({ sessions: sessionsAfter, fromUs: nowUs }),
  ];
  const first = sessions[0]!;
  const made = synthesize({ seed, symbols, from: first.date, sessions: sessions.length })[Symbol.iterator]();
  const tables: MarketTable[] = [];
  return createTableSource({
    name: 'simulated',
    symbols,
    barSeconds: 60,
    sessions,
    clock,
    loadSession: async (date) => {
      for (let next = tables.find(({ session }) => session === date); ; ) {
        if (next !== undefined) return next;
        const step = made.next();
        if (step.done === true) throw new InvariantError(`no simulated session ${date}`);
        tables.push(step.value);
        if (step.value.session === date) next = step.value;
      }
    },
  });
}

/** A minute before the next opening after a time, or the time itself where a session goes on. */
export function startOfNextSession(nowUs: number): number {
  const [session] = sessionsFrom({ sessions: 1, fromUs: nowUs });
  return Math.max(nowUs, session!.openUs - 60_000_000);
}
