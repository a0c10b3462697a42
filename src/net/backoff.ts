import type { DurationUs } from '../domain/units.ts';

export interface BackoffSettings {
  readonly firstUs: DurationUs;
  readonly maxUs: DurationUs;
  /** Part of a delay that is drawn: 0.5 waits between half of it and all of it. */
  readonly jitterFrac: number;
}

/** Delays between attempts: each twice the one before, up to a limit, less a drawn part, so that many clients spread. */
export interface Backoff {
  nextUs(): DurationUs;
  /** After success: the next delay is the first again. */
  reset(): void;
}

/** @param random in [0, 1), injected so that a test knows the delays */
export function createBackoff(settings: BackoffSettings, random: () => number): Backoff {
  const { firstUs, maxUs, jitterFrac } = settings;
  let wholeUs = firstUs;
  return {
    nextUs: () => {
      const delayUs = Math.round(wholeUs * (1 - jitterFrac * random()));
      wholeUs = Math.min(wholeUs * 2, maxUs);
      return delayUs;
    },
    reset: () => {
      wholeUs = firstUs;
    },
  };
}
