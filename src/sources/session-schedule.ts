import type { Session } from '../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';

export type ScheduleNews = Untimed<
  Extract<InputEvent, { readonly type: 'SessionOpened' | 'CycleDue' | 'SessionClosed' }>
>;

export interface ScheduleOptions {
  /** To come, by date; the first may have begun. */
  readonly sessions: readonly Session[];
  readonly cycleMinutes: number;
  readonly firstCycle: number;
  /** The first session was opened before, by a process that crashed. */
  readonly isOpen: boolean;
  /** How long after its time a cycle waits for the bar that ends then. */
  readonly graceUs: number;
  readonly clock: Clock;
  readonly offer: (event: ScheduleNews) => void;
  /** Called once a session is open: fetches what was missed of it. Cycles wait for it, for a while. */
  readonly onOpen: (session: Session) => Promise<void>;
  readonly onEnd: () => void;
}

export interface SessionSchedule {
  /** A bar that ended at `endUs` has been offered: the cycle of that time waits no longer. */
  barArrived(endUs: TimeUs): void;
  stop(): void;
}

/** How long the cycles of a session wait for what was missed of it. */
const OPEN_WAIT_US = 20_000_000;

/**
 * Opens and closes sessions by the clock and lets cycles fall due on the grid of the backtest, each behind the bar that
 * ends at its time, or a grace later without it. Of cycles that were missed only the newest falls due; all are counted.
 */
export function scheduleSessions(options: ScheduleOptions): SessionSchedule {
  const { sessions, clock, graceUs, offer, onOpen, onEnd } = options;
  const spacingUs = options.cycleMinutes * US_PER_MINUTE;
  let cycle = options.firstCycle;
  /** Grid time of the next cycle; no session is open while it is infinite. */
  let nextUs = Number.POSITIVE_INFINITY;
  let closeUs = 0;
  let takeBack = (): void => undefined;
  let isStopped = false;

  function wait(tUs: TimeUs, call: () => void): void {
    takeBack = clock.at(tUs, () => {
      if (!isStopped) call();
    });
  }

  function session(ix: number, wasOpen: boolean): void {
    const next = sessions[ix];
    if (next === undefined) {
      onEnd();
      return;
    }
    wait(next.openUs, () => {
      if (!wasOpen) offer({ type: 'SessionOpened', session: next });
      let hasBegun = false;
      const begin = (): void => {
        if (isStopped || hasBegun) return;
        hasBegun = true;
        takeBack();
        grid(ix, next);
      };
      // what was missed is waited for, but not for long: exits and the close do not need it
      wait(clock.nowUs() + OPEN_WAIT_US, begin);
      onOpen(next).then(begin, begin);
    });
  }

  function grid(ix: number, { openUs, closeUs: endUs }: Session): void {
    const passed = Math.max(0, Math.floor((clock.nowUs() - openUs) / spacingUs));
    nextUs = openUs + (passed + 1) * spacingUs;
    closeUs = endUs;
    tick(ix);
  }

  /** Wakes for the next cycle's grace, or for the close. */
  function tick(ix: number): void {
    const dueUs = nextUs;
    if (dueUs < closeUs) {
      wait(dueUs + graceUs, () => {
        fallDue(dueUs);
        tick(ix);
      });
      return;
    }
    wait(closeUs + graceUs, () => {
      nextUs = Number.POSITIVE_INFINITY;
      offer({ type: 'SessionClosed', date: sessions[ix].date });
      session(ix + 1, false);
    });
  }

  function fallDue(untilUs: TimeUs): void {
    const last = Math.min(untilUs, closeUs - 1);
    if (nextUs > last) return;
    const count = Math.floor((last - nextUs) / spacingUs) + 1;
    nextUs += count * spacingUs;
    cycle += count;
    offer({ type: 'CycleDue', cycle: cycle - 1 });
  }

  session(0, options.isOpen);
  return {
    barArrived: (endUs) => {
      if (nextUs <= endUs) fallDue(endUs);
    },
    stop: () => {
      isStopped = true;
      takeBack();
    },
  };
}
