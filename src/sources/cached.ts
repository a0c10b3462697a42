import { canonicalJson } from '../events/canonical.ts';
import type { Json } from '../events/record.ts';
import type { Clock } from '../ports/clock.ts';
import type { MarketDataSource } from '../ports/market-source.ts';

export interface CacheLimits {
  /** A quote is asked for again after this long, and so is anything else. */
  readonly quoteTtlUs: number;
  readonly historyTtlUs: number;
  /** Answers kept; the one that was not used for longest goes. */
  readonly maxEntries: number;
  readonly clock: Clock;
}

/**
 * A source whose answers are kept for a while: two who ask the same wait for one request. A failure is not kept. What the
 * source tells unasked passes by.
 */
export function cachedSource(source: MarketDataSource, limits: CacheLimits): MarketDataSource {
  const { clock, quoteTtlUs, historyTtlUs, maxEntries } = limits;
  const kept = new Map<string, { readonly untilUs: number; readonly answer: Promise<unknown> }>();

  function through<T>(key: string, ttlUs: number, ask: () => Promise<T>): Promise<T> {
    const known = kept.get(key);
    kept.delete(key);
    if (known !== undefined && clock.nowUs() < known.untilUs) {
      kept.set(key, known);
      return known.answer as Promise<T>;
    }
    const answer = ask();
    kept.set(key, { untilUs: clock.nowUs() + ttlUs, answer });
    answer.catch(() => {
      if (kept.get(key)?.answer === answer) kept.delete(key);
    });
    for (const oldest of kept.keys()) {
      if (kept.size <= maxEntries) break;
      kept.delete(oldest);
    }
    return answer;
  }

  const keyOf = (method: string, question: unknown): string => `${method} ${canonicalJson(question as Json)}`;
  return {
    name: source.name,
    symbols: source.symbols,
    barSeconds: source.barSeconds,
    news$: source.news$,
    connect: () => source.connect(),
    getQuotes: (symbols) => through(keyOf('quotes', symbols), quoteTtlUs, () => source.getQuotes(symbols)),
    getBars: (span) => through(keyOf('bars', span), historyTtlUs, () => source.getBars(span)),
    getHistory: (span) => through(keyOf('history', span), historyTtlUs, () => source.getHistory(span)),
    getAdv: (span) => through(keyOf('adv', span), historyTtlUs, () => source.getAdv(span)),
    close: () => source.close(),
  };
}
