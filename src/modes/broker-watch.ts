import type { Subscription } from 'rxjs';
import { ServiceError } from '../domain/errors.ts';
import type { DurationUs } from '../domain/units.ts';
import type { Broker, BrokerNews } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';

/** Hears a broker's news from the moment it is made, so that nothing said before somebody asks is missed. */
export interface BrokerWatch {
  /** Everything heard so far. */
  readonly heard: readonly BrokerNews[];
  /**
   * The first news that matches, heard already or within `withinUs`.
   * @throws ServiceError BROKER_SILENT
   */
  first<N extends BrokerNews>(wait: {
    readonly matches: (news: BrokerNews) => news is N;
    readonly withinUs: DurationUs;
    /** For the message: what was waited for. */
    readonly what: string;
  }): Promise<N>;
  stop(): void;
}

export function watchBroker(broker: Broker, clock: Clock): BrokerWatch {
  const heard: BrokerNews[] = [];
  const waiting = new Set<(news: BrokerNews) => void>();
  const subscription: Subscription = broker.news$.subscribe((news) => {
    heard.push(news);
    for (const each of [...waiting]) each(news);
  });
  return {
    heard,
    first: ({ matches, withinUs, what }) => {
      const before = heard.find(matches);
      if (before !== undefined) return Promise.resolve(before);
      return new Promise((done, failed) => {
        const ended = (): void => {
          waiting.delete(look);
          takeBack();
        };
        const look = (news: BrokerNews): void => {
          if (!matches(news)) return;
          ended();
          done(news);
        };
        const takeBack = clock.at(clock.nowUs() + withinUs, () => {
          ended();
          const seconds = withinUs / 1_000_000;
          failed(
            new ServiceError('BROKER_SILENT', `${broker.name}: ${what} was not heard of in ${seconds} s`, {
              retryable: true,
            }),
          );
        });
        waiting.add(look);
      });
    },
    stop: () => subscription.unsubscribe(),
  };
}

/**
 * Waits until something asked for again and again is so.
 * @returns false when it is not within `withinUs`
 */
export async function pollUntil(
  isSo: () => Promise<boolean>,
  {
    clock,
    everyUs,
    withinUs,
  }: { readonly clock: Clock; readonly everyUs: DurationUs; readonly withinUs: DurationUs },
): Promise<boolean> {
  const endUs = clock.nowUs() + withinUs;
  for (;;) {
    if (await isSo()) return true;
    if (clock.nowUs() >= endUs) return false;
    await new Promise<void>((done) => {
      clock.at(clock.nowUs() + everyUs, done);
    });
  }
}
