import { newYorkDateOf, nextSession, sessionOn } from '../data/calendar.ts';
import { synthesize } from '../data/synth.ts';
import { InvariantError } from '../domain/errors.ts';
import type { MarketTable, Session } from '../domain/market-table.ts';
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

const DAY_US = 86_400_000_000;

/** A made-up market at the time of the clock: what `data synth` makes, the same for equal seeds and dates. */
export function createSimulatedSource(options: SimulatedSourceOptions): MarketDataSource {
  const { symbols, seed, sessionsBefore, sessionsAfter, clock } = options;
  const sessions = sessionsAround(clock.nowUs(), { before: sessionsBefore, after: sessionsAfter });
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

/** The sessions before, at and after a time; the one that goes on counts as after. */
function sessionsAround(
  nowUs: number,
  { before, after }: { readonly before: number; readonly after: number },
): Session[] {
  const earlier: Session[] = [];
  for (let us = nowUs; earlier.length < before; us -= DAY_US) {
    const session = sessionOn(newYorkDateOf(us));
    if (session !== undefined && session.closeUs <= nowUs) earlier.unshift(session);
  }
  const sessions: Session[] = [];
  const today = sessionOn(newYorkDateOf(nowUs));
  if (today !== undefined && today.closeUs > nowUs) sessions.push(today);
  while (sessions.length < after) sessions.push(nextSession(sessions.at(-1)?.date ?? newYorkDateOf(nowUs)));
  return [...earlier, ...sessions];
}

/** A minute before the next opening after a time, or the time itself where a session goes on. */
export function startOfNextSession(nowUs: number): number {
  const [session] = sessionsAround(nowUs, { before: 0, after: 1 });
  return Math.max(nowUs, session!.openUs - 60_000_000);
}
