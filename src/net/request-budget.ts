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
  /** Done when a request of this lane may be sent; it is counted as sent then. @throws ServiceError after `close` */
  take(lane: RequestLane): Promise<void>;
  /** The other side said that it is enough for now: nothing is sent for so long. */
  pause(spanUs: DurationUs): void;
  readonly waiting: number;
  close(): void;
}

interface Waiter {
  readonly go: () => void;
  readonly giveUp: (error: ServiceError) => void;
}

/**
 * Keeps requests within a number a minute or second, over every such span: each place is given back a span after it was
 * taken. (A bucket that refills would let through twice the number in the minute after a pause.) Cancels go first.
 */
export function createRequestBudget(settings: BudgetSettings, clock: Clock): RequestBudget {
  const { reservedForCancels } = settings;
  const [most, spanUs] =
    'perMinute' in settings ? [settings.perMinute, US_PER_MINUTE] : [settings.perSecond, US_PER_SECOND];
  const sentUs: { tUs: TimeUs; readonly lane: RequestLane }[] = [];
  const queues: Readonly<Record<RequestLane, Waiter[]>> = { cancel: [], ordinary: [] };
  let ordinaryCount = 0;
  let notBeforeUs = 0;
  let pausedForUs = 0;
  let isClosed = false;
  let unschedule: (() => void) | undefined;

  /** Where the clock was set back, what was sent counts as sent now: nothing waits until it is as late again. */
  const followClock = (nowUs: TimeUs): void => {
    notBeforeUs = Math.min(notBeforeUs, nowUs + pausedForUs);
    const newest = sentUs.at(-1);
    if (newest === undefined || newest.tUs <= nowUs) return;
    for (const sent of sentUs) sent.tUs = Math.min(sent.tUs, nowUs);
  };
  const forget = (nowUs: TimeUs): void => {
    followClock(nowUs);
    while (sentUs.length > 0 && sentUs[0].tUs <= nowUs - spanUs) {
      if (sentUs.shift()?.lane === 'ordinary') ordinaryCount -= 1;
    }
  };
  const hasPlace = (lane: RequestLane): boolean =>
    sentUs.length < most && (lane === 'cancel' || ordinaryCount < most - reservedForCancels);
  const pump = (): void => {
    unschedule?.();
    unschedule = undefined;
    const nowUs = clock.nowUs();
    forget(nowUs);
    for (const lane of ['cancel', 'ordinary'] as const) {
      while (queues[lane].length > 0 && nowUs >= notBeforeUs && hasPlace(lane)) {
        sentUs.push({ tUs: nowUs, lane });
        if (lane === 'ordinary') ordinaryCount += 1;
        queues[lane].shift()?.go();
      }
    }
    if (queues.cancel.length + queues.ordinary.length === 0) return;
    const freeUs = sentUs.length === 0 ? nowUs : sentUs[0].tUs + spanUs;
    unschedule = clock.at(Math.max(notBeforeUs, nowUs < notBeforeUs ? 0 : freeUs), pump);
  };

  return {
    take: (lane) =>
      new Promise<void>((go, giveUp) => {
        if (isClosed) giveUp(closed());
        else {
          queues[lane].push({ go, giveUp });
          pump();
        }
      }),
    pause: (pauseUs) => {
      const nowUs = clock.nowUs();
      followClock(nowUs);
      if (nowUs + pauseUs > notBeforeUs) {
        notBeforeUs = nowUs + pauseUs;
        pausedForUs = pauseUs;
      }
      pump();
    },
    get waiting() {
      return queues.cancel.length + queues.ordinary.length;
    },
    close: () => {
      isClosed = true;
      unschedule?.();
      for (const queue of Object.values(queues)) {
        for (const waiter of queue.splice(0)) waiter.giveUp(closed());
      }
    },
  };
}

function closed(): ServiceError {
  return new ServiceError('CLOSED', 'the connection was closed before the request was sent', {
    retryable: false,
  });
}
