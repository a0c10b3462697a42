import type { DurationUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/** Waits on a clock. */
export function sleepUs(clock: Clock, spanUs: DurationUs): Promise<void> {
  return new Promise((resolve) => {
    clock.at(clock.nowUs() + spanUs, resolve);
  });
}
