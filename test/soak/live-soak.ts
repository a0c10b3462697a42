import { join } from 'node:path';
import { sessionOn } from '../../src/data/calendar.ts';
import type { LiveResult } from '../../src/modes/live-options.ts';
import { createSimulatedSource } from '../../src/sources/simulated.ts';
import { liveDay, playDay } from '../live/live-day.ts';
import { type ManualClock, manualClock } from '../twins/clocks.ts';
import type { SoakOptions } from './paper-soak.ts';

const START_US = sessionOn('2023-01-03')!.openUs - 60_000_000;

interface LiveSoakOptions extends SoakOptions {
  readonly set?: readonly string[];
  readonly clock?: ManualClock;
}

export function soakClock(): ManualClock {
  return manualClock(START_US);
}

/**
 * The live loop over a made-up market: bars, schedule, models and orders by a clock that goes on to what falls due next
 * whenever nothing is under way. Each turn that sends something waits for its fsync, as it does live.
 */
export async function soakLive({
  work,
  sessions,
  onSession,
  set = [],
  clock = soakClock(),
}: LiveSoakOptions): Promise<LiveResult> {
  const { options } = await liveDay(join(work, 'runs'), {
    ...{ set, clock },
    sessionCount: sessions,
    openSource: async ({ symbols, startedUs, sessionCount }) =>
      createSimulatedSource({
        ...{ symbols, startedUs, clock },
        seed: 7,
        sessionsBefore: 0,
        sessionsAfter: sessionCount,
      }),
    attach: ({ inputs$ }) => {
      inputs$.subscribe(({ event }) => {
        if (event.type === 'SessionClosed') onSession();
      });
    },
  });
  return playDay({ clock, options }, { stepUs: 'next' });
}
