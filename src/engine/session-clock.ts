import { invariant } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';

/** Where the run stands in session time: the clock that horizons elapse on, which does not tick overnight. */
export interface SessionClock {
  date: string;
  openUs: TimeUs;
  closeUs: TimeUs;
  isOpen: boolean;
  /** Sessions opened so far in this run, this one included. */
  ordinal: number;
  /** Session minutes of all sessions before this one. */
  minutesBefore: number;
}

export function createSessionClock(): SessionClock {
  return { date: '', openUs: 0, closeUs: 0, isOpen: false, ordinal: 0, minutesBefore: 0 };
}

export function openSession(clock: SessionClock, session: Session): void {
  invariant(!clock.isOpen, `session ${session.date} opened while ${clock.date} is open`);
  if (clock.ordinal > 0) clock.minutesBefore += (clock.closeUs - clock.openUs) / US_PER_MINUTE;
  clock.date = session.date;
  clock.openUs = session.openUs;
  clock.closeUs = session.closeUs;
  clock.isOpen = true;
  clock.ordinal += 1;
}

export function closeSession(clock: SessionClock): void {
  invariant(clock.isOpen, 'a session closed that was not open');
  clock.isOpen = false;
}

/** Session minutes since the start of the run at logical time `tUs`. */
export function sessionMinutes(clock: SessionClock, tUs: TimeUs): number {
  const inside = Math.min(Math.max(tUs, clock.openUs), clock.closeUs);
  return clock.minutesBefore + (inside - clock.openUs) / US_PER_MINUTE;
}
