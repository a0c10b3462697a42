import type { TimeUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/** A step of the system's time is seen this soon. */
const LONGEST_TIMEOUT_MS = 1_000;
/** What waits no longer than this waits for a span, and not for a time of the day. */
const LONGEST_SPAN_MS = 120_000;
/** By so much a time that was set back may hold up such a wait; less is how clocks differ. */
const STEP_MS = 1_000;

/**
 * The system's time, its steps included: the sequencer evens them out. Where it is set back, short waits end all the same:
 * retries, deadlines and cancels must not stand still until it is as late again.
 */
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
      const leftMs = (): number => (tUs - nowUs()) / speed / 1000;
      const spanMs = leftMs();
      const latestMs =
        spanMs > LONGEST_SPAN_MS ? Number.POSITIVE_INFINITY : performance.now() + spanMs + STEP_MS;
      const wait = (): void => {
        const ms = Math.min(leftMs(), latestMs - performance.now(), LONGEST_TIMEOUT_MS);
        timer = setTimeout(
          () => (nowUs() >= tUs || performance.now() >= latestMs ? call() : wait()),
          Math.max(ms, 0),
        );
      };
      wait();
      return () => clearTimeout(timer);
    },
  };
}
