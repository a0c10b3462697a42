import { ServiceError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveControls, LiveOptions } from './live-options.ts';
import { COMPLETED } from './run-sessions.ts';

/** How long a strict run that raised an error waits for its cancels, before it ends with orders at work. */
const WIND_DOWN_US = 10_000_000;
/** How long a run whose sessions are over waits for its last orders. */
const QUIET_US = 30_000_000;

export const INTERRUPTED = 'interrupted';

interface Ending {
  /** Resolves with why the run ends. */
  readonly ended: Promise<string>;
  readonly complete: () => void;
}

/** Completion, an interruption, or an error of a strict run, which ends once its cancels are through. */
export function watchEnding(
  { clock, signal }: Pick<LiveOptions, 'clock' | 'signal'>,
  { loop, engine }: Pick<LiveControls, 'loop' | 'engine'>,
): Ending {
  let resolve: (reason: string) => void = () => undefined;
  const ended = new Promise<string>((done) => {
    resolve = done;
  });
  let fault: string | undefined;
  let hasTraded = false;
  loop.derived$.subscribe(({ event }) => {
    if (event.type === 'CycleCompleted') hasTraded = true;
    if (event.type !== 'ErrorRaised' || !engine.settings.strict || fault !== undefined) return;
    fault = `strict_error: ${event.code}: ${event.message}`;
    const reason = fault;
    const untilUs = clock.nowUs() + WIND_DOWN_US;
    const look = (): void => {
      if (engine.orders.working.length === 0 || clock.nowUs() >= untilUs) resolve(reason);
      else clock.at(clock.nowUs() + 50_000, look);
    };
    look();
  });
  if (signal?.aborted === true) resolve(INTERRUPTED);
  signal?.addEventListener('abort', () => resolve(INTERRUPTED), { once: true });
  return {
    ended,
    complete: () => {
      // killed and out of sessions when it was taken up: it waits for the person who resets it
      if (!hasTraded && needsPerson(engine)) {
        loop.derived$.subscribe(({ event }) => {
          if (event.type === 'KillSwitchReset' && !needsPerson(engine)) resolve(COMPLETED);
        });
      } else resolve(COMPLETED);
    },
  };
}

/** Whether a switch has tripped that only a person resets: such a run is not closed, so that it cannot be forgotten. */
export function needsPerson({ kill }: Engine): boolean {
  return Object.entries(kill.tripped).some(([cause, isTripped]) => isTripped && cause !== 'daily_loss');
}

/** Waits, for a while, until the last orders have ended and what is told of them is on the tape. */
export async function untilQuiet({
  loop,
  engine,
  clock,
}: Pick<LiveControls, 'loop' | 'engine'> & { readonly clock: Clock }): Promise<void> {
  const untilUs = clock.nowUs() + QUIET_US;
  await loop.settled();
  while (engine.orders.working.length > 0 && clock.nowUs() < untilUs) {
    await new Promise<void>((resolve) => clock.at(clock.nowUs() + 100_000, resolve));
    await loop.settled();
  }
  await loop.settled();
}

/** A run that cannot go on says what it leaves at the broker: nothing that could not be recorded was done about it. */
export function withOrdersAtWork(error: unknown, { orders }: Engine): unknown {
  if (orders.working.length === 0 || !(error instanceof Error)) return error;
  const ids = orders.working.map(({ request }) => request.clientOrderId).join(', ');
  return new ServiceError(
    'LIVE_ORDERS_LEFT',
    `${error.message}; orders at work: ${ids}; start the run again, or use "sametape flatten"`,
    { retryable: false, cause: error },
  );
}
