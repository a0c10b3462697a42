import { ServiceError } from '../domain/errors.ts';
import { type DurationUs, type TimeUs, US_PER_MINUTE, US_PER_SECOND } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/** `cancel`: what takes risk away. Its share of the budget is never used up by anything else. */
export type RequestLane = 'ordinary' | 'cancel';

/** A number a minute or a second, as the broker counts. */
export type BudgetSettings = ({ readonly perMinute: number } | { readonly perSecond: number }) & {
  /** How many of them only cancels may use. */
  readonly reservedForCancels: number;
};

export interface RequestBudget {
  /**
   * Done when a request of this lane may be sent; it is counted as sent then.
   * @returns false where it was called back by its signal before that
   * @throws ServiceError after `close`
   */
  take(lane: RequestLane, signal?: AbortSignal): Promise<boolean>;
  /**
   * The other side said that it is enough for now: nothing of the lane is sent for so long. `one_first`: then one goes,
   * and the others when it has been `heard`. Nothing changes where the lane is held already.
   */
  pause(lane: RequestLane, spanUs: DurationUs, then: 'all' | 'one_first'): void;
  isPaused(lane: RequestLane): boolean;
  /** A request of the lane has not been turned away. */
  heard(lane: RequestLane): void;
  readonly waiting: number;
  close(): void;
}

interface Waiter {
  readonly go: (mayBeSent: boolean) => void;
  readonly giveUp: (error: ServiceError) => void;
}

/** `trying`: the next one goes alone. `tried`: it is on its way, and the others wait for what becomes of it. */
interface Lane {
  readonly queue: Waiter[];
  state: 'open' | 'paused' | 'trying' | 'tried';
}

/**
 * Keeps requests within a number a minute or second, over every such span: each place is given back a span after it was
 * taken. (A bucket that refills would let through twice the number in the minute after a pause.) Cancels go first.
 */
export function createRequestBudget(settings: BudgetSettings, clock: Clock): RequestBudget {
  const { reservedForCancels } = settings;
  const [most, spanUs] =
    'perMinute' in settings ? [settings.perMinute, US_PER_MINUTE] : [settings.perSecond, US_PER_SECOND];
  const window = createWindow({ most, mostOrdinary: most - reservedForCancels, spanUs });
  const lanes: Readonly<Record<RequestLane, Lane>> = {
    cancel: { queue: [], state: 'open' },
    ordinary: { queue: [], state: 'open' },
  };
  const unpauses = new Set<() => void>();
  let isClosed = false;
  let unschedule: (() => void) | undefined;

  const pump = (): void => {
    unschedule?.();
    unschedule = undefined;
    const nowUs = clock.nowUs();
    window.forget(nowUs);
    for (const name of ['cancel', 'ordinary'] as const) {
      const lane = lanes[name];
      while (isWaited(lane) && window.hasPlace(name)) {
        if (lane.state === 'trying') lane.state = 'tried';
        window.add(name, nowUs);
        lane.queue.shift()?.go(true);
      }
    }
    // a lane that is held is looked at again when that is over
    if (Object.values(lanes).some(isWaited)) unschedule = clock.at(window.nextFreeUs() ?? nowUs, pump);
  };

  return {
    take: (lane, signal) =>
      new Promise<boolean>((go, giveUp) => {
        if (isClosed) return giveUp(closed());
        if (signal?.aborted === true) return go(false);
        const { queue } = lanes[lane];
        const waiter = { go, giveUp };
        signal?.addEventListener('abort', () => {
          const place = queue.indexOf(waiter);
          if (place < 0) return;
          queue.splice(place, 1);
          go(false);
        });
        queue.push(waiter);
        pump();
      }),
    pause: (name, pauseUs, then) => {
      const lane = lanes[name];
      if (isClosed || lane.state === 'paused') return;
      lane.state = 'paused';
      const unpause = clock.at(clock.nowUs() + pauseUs, () => {
        unpauses.delete(unpause);
        lane.state = then === 'all' ? 'open' : 'trying';
        pump();
      });
      unpauses.add(unpause);
    },
    isPaused: (lane) => lanes[lane].state === 'paused',
    heard: (name) => {
      const lane = lanes[name];
      if (lane.state !== 'tried') return;
      lane.state = 'open';
      pump();
    },
    get waiting() {
      return lanes.cancel.queue.length + lanes.ordinary.queue.length;
    },
    close: () => {
      isClosed = true;
      unschedule?.();
      for (const unpause of unpauses) unpause();
      for (const { queue } of Object.values(lanes)) {
        for (const waiter of queue.splice(0)) waiter.giveUp(closed());
      }
    },
  };
}

function isWaited({ queue, state }: Lane): boolean {
  return queue.length > 0 && (state === 'open' || state === 'trying');
}

interface Window {
  hasPlace(lane: RequestLane): boolean;
  add(lane: RequestLane, nowUs: TimeUs): void;
  /** Gives back the places that were taken a span ago. */
  forget(nowUs: TimeUs): void;
  /** When the next place is given back; undefined while none is taken. */
  nextFreeUs(): TimeUs | undefined;
}

/** What was sent within the span that is just over. */
function createWindow({
  most,
  mostOrdinary,
  spanUs,
}: {
  readonly most: number;
  readonly mostOrdinary: number;
  readonly spanUs: DurationUs;
}): Window {
  const sentUs: { tUs: TimeUs; readonly lane: RequestLane }[] = [];
  let ordinaryCount = 0;
  /** Where the clock was set back, what was sent counts as sent now: nothing waits until it is as late again. */
  const followClock = (nowUs: TimeUs): void => {
    const newest = sentUs.at(-1);
    if (newest === undefined || newest.tUs <= nowUs) return;
    for (const sent of sentUs) sent.tUs = Math.min(sent.tUs, nowUs);
  };
  return {
    hasPlace: (lane) => sentUs.length < most && (lane === 'cancel' || ordinaryCount < mostOrdinary),
    add: (lane, tUs) => {
      sentUs.push({ tUs, lane });
      if (lane === 'ordinary') ordinaryCount += 1;
    },
    forget: (nowUs) => {
      followClock(nowUs);
      while (sentUs.length > 0 && sentUs[0].tUs <= nowUs - spanUs) {
        if (sentUs.shift()?.lane === 'ordinary') ordinaryCount -= 1;
      }
    },
    nextFreeUs: () => (sentUs.length === 0 ? undefined : sentUs[0].tUs + spanUs),
  };
}

function closed(): ServiceError {
  return new ServiceError('CLOSED', 'the connection was closed before the request was sent', {
    retryable: false,
  });
}
