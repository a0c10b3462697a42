import type { CorporateAction } from '../domain/corporate-actions.ts';
import { InputError } from '../domain/errors.ts';
import { type MarketTable, type Session, sliceEnd } from '../domain/market-table.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import type { InputEvent, MarketOrigin } from '../events/inputs.ts';

export interface TimelineOptions {
  readonly session: Session;
  readonly table: MarketTable;
  readonly cycleMinutes: number;
  /** Number of the first cycle of this session; cycles count from 1 over the whole run. */
  readonly firstCycle: number;
  /** How slices are found again: default by reference to the dataset. */
  readonly origin?: MarketOrigin;
  /** What applies at the open, in order; default none. */
  readonly actions?: readonly CorporateAction[];
}

/**
 * The source events of one session in sequencer order, (time, rank): the opening, corporate actions, then market slices
 * and due cycles, a slice before the cycle of the same time, then the close. The close ranks last at its time, so that the final bar,
 * known at the close, is part of the session it belongs to. Cycles fall due strictly inside the session: an order
 * decided at the close could not fill in it.
 * @throws InputError TIMELINE_OUTSIDE_SESSION when a bar does not end inside the session
 */
export function* sessionTimeline(options: TimelineOptions): Generator<InputEvent> {
  const { session, table, origin = 'dataset' } = options;
  const spacingUs = options.cycleMinutes * US_PER_MINUTE;
  let cycle = options.firstCycle;
  let cycleUs = session.openUs + spacingUs;
  yield { type: 'SessionOpened', tUs: session.openUs, session };
  for (const action of options.actions ?? []) {
    yield { type: 'CorporateActionApplied', tUs: session.openUs, action };
  }
  let from = 0;
  while (from < table.rowCount) {
    const tUs = table.endUs[from];
    if (tUs <= session.openUs || tUs > session.closeUs) {
      throw new InputError(
        'TIMELINE_OUTSIDE_SESSION',
        `session ${session.date} row ${from}: bar end ${tUs} is outside the session (${session.openUs}, ${session.closeUs}]; import the dataset again`,
      );
    }
    for (; cycleUs < tUs && cycleUs < session.closeUs; cycleUs += spacingUs) {
      yield { type: 'CycleDue', tUs: cycleUs, cycle };
      cycle += 1;
    }
    const to = sliceEnd(table, from);
    yield { type: 'MarketSlice', tUs, origin, slice: { table, from, to } };
    from = to;
  }
  for (; cycleUs < session.closeUs; cycleUs += spacingUs) {
    yield { type: 'CycleDue', tUs: cycleUs, cycle };
    cycle += 1;
  }
  yield { type: 'SessionClosed', tUs: session.closeUs, date: session.date };
}

/** How many cycles a session holds: bar ends on the cycle grid strictly inside it. */
export function cyclesIn(session: Session, cycleMinutes: number): number {
  return Math.ceil((session.closeUs - session.openUs) / (cycleMinutes * US_PER_MINUTE)) - 1;
}
