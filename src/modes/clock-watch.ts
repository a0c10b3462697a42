import { ServiceError } from '../domain/errors.ts';
import { type TimeUs, US_PER_SECOND } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveLoop } from '../runtime/live-loop.ts';

export interface ClockWatchOptions {
  readonly loop: LiveLoop;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly onTrouble: (error: unknown) => void;
}

const LOOK_US = 30 * US_PER_SECOND;
/** By so much the clock may be behind where it was: as much as bars may be ahead of it. */
export const BEHIND_US = 5 * US_PER_SECOND;

/**
 * Time on a tape does not go back. While the machine's clock stands before where it was, neither bars nor cycles fall due:
 * positions are not looked after. That is a loss, as of a connection, until the clock is as late again.
 * @returns ends the watch
 */
export function watchClock({ loop, engine, clock, onTrouble }: ClockWatchOptions): () => void {
  let newestUs: TimeUs = engine.nowUs;
  let takeBack = (): void => undefined;

  function look(): void {
    const nowUs = clock.nowUs();
    newestUs = Math.max(newestUs, engine.nowUs, nowUs);
    const behindUs = newestUs - nowUs;
    if (behindUs > BEHIND_US && !engine.isLost.clock) {
      const reason = `the clock of this machine is ${Math.ceil(behindUs / US_PER_SECOND)} s behind where it was: no cycle runs until it is as late again; set it right, or close positions with "sametape flatten --force"`;
      loop.offer({ type: 'ConnectionLost', source: 'clock', reason });
      onTrouble(new ServiceError('CLOCK_SET_BACK', reason, { retryable: true }));
    } else if (behindUs === 0 && engine.isLost.clock) {
      loop.offer({ type: 'ConnectionRestored', source: 'clock' });
    }
    takeBack = clock.at(nowUs + LOOK_US, look);
  }

  look();
  return () => takeBack();
}
