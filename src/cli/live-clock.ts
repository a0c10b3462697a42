import type { LoadedScenario } from '../config/load-scenario.ts';
import { formatNewYork } from '../data/calendar.ts';
import { InputError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { standsAtUs } from '../research/resume-live.ts';
import { startOfNextSession } from '../sources/simulated.ts';
import { scaledClock, wallClock } from '../sources/wall-clock.ts';

export interface LiveClockOptions {
  readonly scenario: LoadedScenario;
  readonly speed: number | 'max';
  /** The run that is taken up, if there is one. */
  readonly leftDir: string | undefined;
  /** The time of the wall. */
  readonly wall?: Clock;
}

/** A tape may be ahead of the wall by a step that the system's time made backwards. */
const AHEAD_US = 60_000_000;

/**
 * The clock of a run: the wall's, or a faster one for a market that is made up, and for no other. A run that is taken up
 * goes on from where its tape ends; the wall does not wait for it, a faster clock does.
 * @throws InputError SPEED_LIVE; LIVE_RUN_AHEAD, LIVE_RUN_SCALED for a run that such a clock cannot take up
 */
export function liveClock({ scenario, speed, leftDir, wall = wallClock }: LiveClockOptions): Clock {
  const { data, broker } = scenario.scenario;
  const leftUs = leftDir === undefined ? undefined : standsAtUs(leftDir);
  if (speed === 1) {
    if (leftUs !== undefined && leftUs > wall.nowUs() + AHEAD_US) {
      throw new InputError(
        'LIVE_RUN_AHEAD',
        `${leftDir}: stands at ${formatNewYork(leftUs)} in New York, which is to come: it was played faster than time, or this machine's clock was set back; set it right, go on with a --speed over 1, or choose another --out folder`,
      );
    }
    return wall;
  }
  if (speed === 'max' || data.source !== 'simulated') {
    throw new InputError(
      'SPEED_LIVE',
      `--speed ${speed}: a live market has its own pace, expected 1; with data.source simulated any number, with a dataset max too`,
    );
  }
  if (leftUs !== undefined && broker.source !== 'simulated') {
    throw new InputError(
      'LIVE_RUN_SCALED',
      `${leftDir}: is unfinished, and ${broker.source} cannot say what became of its orders by a faster clock; use "sametape flatten", and choose another --out folder`,
    );
  }
  return scaledClock({ startUs: leftUs ?? startOfNextSession(wall.nowUs()), speed });
}
