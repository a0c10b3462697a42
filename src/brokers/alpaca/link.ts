import { ServiceError } from '../../domain/errors.ts';
import type { BrokerNews } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';

export interface LinkOptions {
  readonly tell: (news: BrokerNews) => void;
  readonly reconcile: () => Promise<void>;
  readonly clock: Clock;
  readonly readyUs: number;
}

export interface Link {
  up(): void;
  down(reason: string): void;
  refuse(): void;
  /** Done with the first connection. @throws ServiceError */
  first(): Promise<void>;
  /** @returns false when the stream did not come up in time */
  whenReady(): Promise<boolean>;
  close(): void;
}

/** Whether reports are heard. A connection counts as restored only after what was missed has been told. */
export function createLink({ tell, reconcile, clock, readyUs }: LinkOptions): Link {
  let wasUp = false;
  let isLost = false;
  let isReady = false;
  let connection = 0;
  let waiters: ((isUp: boolean) => void)[] = [];
  let keysRefused = false;
  const wake = (isUp: boolean): void => {
    const woken = waiters;
    waiters = [];
    for (const waiter of woken) waiter(isUp);
  };
  const whenReady = (): Promise<boolean> =>
    isReady
      ? Promise.resolve(true)
      : new Promise((resolve) => {
          const untime = clock.at(clock.nowUs() + readyUs, () => {
            waiters = waiters.filter((one) => one !== waiter);
            resolve(false);
          });
          const waiter = (isUp: boolean): void => {
            untime();
            resolve(isUp);
          };
          waiters.push(waiter);
        });
  return {
    up: () => {
      connection += 1;
      const mine = connection;
      void (wasUp ? reconcile() : Promise.resolve()).then(() => {
        if (mine !== connection) return;
        wasUp = true;
        isReady = true;
        if (isLost) tell({ type: 'ConnectionRestored', source: 'broker' });
        isLost = false;
        wake(true);
      });
    },
    down: (reason) => {
      connection += 1;
      isReady = false;
      if (wasUp && !isLost) tell({ type: 'ConnectionLost', source: 'broker', reason });
      isLost = wasUp;
    },
    refuse: () => {
      keysRefused = true;
      wake(false);
    },
    first: async () => {
      if (await whenReady()) return;
      throw keysRefused
        ? new ServiceError(
            'BROKER_AUTH',
            'Alpaca refused the keys; check broker.credentials and broker.alpaca.environment',
            {
              retryable: false,
            },
          )
        : new ServiceError(
            'BROKER_UNREACHABLE',
            `Alpaca: no stream of reports within ${readyUs / 1_000_000} s`,
            {
              retryable: true,
            },
          );
    },
    whenReady,
    close: () => {
      connection += 1;
      isReady = false;
      wake(false);
    },
  };
}
