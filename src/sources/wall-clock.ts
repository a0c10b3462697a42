import type { TimeUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The system's time. A step of it back or forth is the sequencer's to even out. */
export const wallClock: Clock = scaledClock({ startUs: wallUs(), speed: 1 });

/**
 * A clock that starts at `startUs` and goes `speed` times as fast as the wall's: a recorded day in minutes.
 * @param speed over 0
 */
export function scaledClock({ startUs, speed }: { readonly startUs: TimeUs; readonly speed: number }): Clock {
  const base = wallUs();
  const nowUs = (): TimeUs => Math.round(startUs + (wallUs() - base) * speed);
  return {
    nowUs,
    at: (tUs, call) => {
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        const ms = (tUs - nowUs()) / speed / 1000;
        timer = setTimeout(
          () => (nowUs() >= tUs ? call() : wait()),
          Math.min(Math.max(ms, 0), LONGEST_TIMEOUT_MS),
        );
      };
      wait();
      return () => clearTimeout(timer);
    },
  };
}

/** Microseconds since the epoch; monotonic but for its start. */
function wallUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}
