import type { TimeUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/** A step of the system's time is seen this soon. */
const LONGEST_TIMEOUT_MS = 1_000;

/** The system's time, its steps included: the sequencer evens them out. */
export const wallClock: Clock = clockFrom({ nowUs: () => Date.now() * 1000, speed: 1 });

/**
 * A clock that starts at `startUs` and goes `speed` times as fast as the wall's: a recorded day in minutes. It stands until
 * somebody waits for a time, so that a market does not run ahead of a run that is being opened.
 * @param speed over 0
 */
export function scaledClock({ startUs, speed }: { readonly startUs: TimeUs; readonly speed: number }): Clock {
  let base: number | undefined;
  const nowUs = (): TimeUs =>
    base === undefined ? startUs : Math.round(startUs + (performance.now() - base) * 1000 * speed);
  const { at } = clockFrom({ nowUs, speed });
  return {
    nowUs,
    at: (tUs, call) => {
      base ??= performance.now();
      return at(tUs, call);
    },
  };
}

function clockFrom({ nowUs, speed }: { readonly nowUs: () => TimeUs; readonly speed: number }): Clock {
  return {
    nowUs,
    at: (tUs, call) => {
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        const ms = Math.min(Math.max((tUs - nowUs()) / speed / 1000, 0), LONGEST_TIMEOUT_MS);
        timer = setTimeout(() => (nowUs() >= tUs ? call() : wait()), ms);
      };
      wait();
      return () => clearTimeout(timer);
    },
  };
}
