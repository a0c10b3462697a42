import { Subject } from 'rxjs';
import { sessionsBefore } from '../../data/calendar.ts';
import {
  type AlpacaCredentials,
  type AlpacaDataSettings,
  alpacaHeaders,
} from '../../domain/alpaca-settings.ts';
import { compareCodeUnits } from '../../domain/compare.ts';
import { ServiceError } from '../../domain/errors.ts';
import type { MarketTable, Session } from '../../domain/market-table.ts';
import type { TimeUs } from '../../domain/units.ts';
import { openJsonService } from '../../net/open-json-service.ts';
import { createRedactor } from '../../net/redact.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HistorySession, MarketDataSource, MarketNews } from '../../ports/market-source.ts';
import { createBarClock } from './bar-clock.ts';
import { dataAddresses } from './config.ts';
import { createDataStream } from './data-stream.ts';
import { type HistoryOptions, readAdv, readBars, readQuotes } from './history.ts';
import { barsToTable } from './mapper.ts';
import { createMinuteBars, type MinuteBarCounters } from './minute-bars.ts';

const BAR_SECONDS = 60;
const BAR_US = BAR_SECONDS * 1_000_000;
const MAX_ANSWER_BYTES = 64 << 20;

export interface AlpacaSourceOptions {
  readonly settings: AlpacaDataSettings;
  readonly symbols: readonly string[];
  /** Asked for when they are sent; nothing that is shown ever holds what they give. */
  readonly credentials: () => AlpacaCredentials;
  readonly clock: Clock;
  /** In [0, 1): spreads attempts, decides nothing. */
  readonly random: () => number;
}

/** What went wrong without being news; counted for telemetry. */
export interface AlpacaSourceCounters extends MinuteBarCounters {
  unreadable: number;
  /** Trades taken back or changed after they were given. */
  corrections: number;
  /** Minutes that neither the stream nor the history could give. */
  lostMinutes: number;
}

export interface AlpacaSource extends MarketDataSource {
  readonly counters: Readonly<AlpacaSourceCounters>;
}

/**
 * Alpaca's market data. Bars are made from the stream of trades and quotes and given at their end; minutes in which the
 * connection was away are filled from the history, in order, before it counts as restored. History has no quotes.
 * @throws InputError URL_* for addresses that must not be spoken to
 */
export function createAlpacaSource(options: AlpacaSourceOptions): AlpacaSource {
  const { settings, clock, random, credentials } = options;
  const symbols = [...options.symbols].sort(compareCodeUnits);
  const { restUrl, streamUrl } = dataAddresses(settings);
  const redact = createRedactor(Object.values(credentials()));
  const news$ = new Subject<MarketNews>();
  const tell = (news: MarketNews): void => news$.next(news);
  const { rest, closeRest } = openJsonService({
    ...{ settings, clock, random, redact },
    baseUrl: restUrl,
    headers: () => alpacaHeaders(credentials()),
    reservedForCancels: 0,
    maxBodyBytes: MAX_ANSWER_BYTES,
    service: 'Alpaca market data',
    keysAt: 'broker.credentials and data.alpaca.feed',
    codes: 'DATA',
  });
  const history = { rest, settings, symbols };
  const bars = createMinuteBars({ symbols, ...settings });
  const counters = { unreadable: 0, corrections: 0, lostMinutes: 0 };
  const first = firstConnection(clock, settings);
  const barClock = createBarClock({
    bars,
    settings,
    clock,
    tell,
    counters,
    readMinute: (endUs) => readBars(history, { timeframe: '1Min', fromUs: endUs - BAR_US, toUs: endUs }),
    heardUs: () => stream.heardUs,
    onSilence: () => stream.drop('silence'),
  });
  const stream = createDataStream({
    url: streamUrl,
    credentials,
    symbols,
    settings,
    clock,
    random,
    redact,
    onTrade: bars.trade,
    onQuote: bars.quote,
    onStatus: bars.status,
    onCorrection: () => {
      counters.corrections += 1;
    },
    onUnreadable: () => {
      counters.unreadable += 1;
    },
    onReady: () => {
      first.succeed();
      barClock.up();
    },
    onDown: barClock.down,
    onFatal: first.fail,
  });
  return {
    name: 'alpaca',
    symbols,
    barSeconds: BAR_SECONDS,
    news$: news$.asObservable(),
    get counters() {
      return { ...bars.counters, ...counters };
    },
    connect: async () => {
      const connected = first.wait();
      await stream.open();
      await connected;
      barClock.start();
    },
    ...questions(history),
    close: async () => {
      barClock.stop();
      stream.close();
      closeRest();
      news$.complete();
    },
  };
}

type Questions = Pick<MarketDataSource, 'getQuotes' | 'getBars' | 'getHistory' | 'getAdv'>;

/** What is asked for and not streamed. */
function questions(history: HistoryOptions): Questions {
  const { symbols } = history;
  const read = async (session: Session, fromUs: TimeUs, toUs: TimeUs): Promise<MarketTable> => {
    const span = { fromUs: Math.max(fromUs, session.openUs), toUs: Math.min(toUs, session.closeUs) };
    const bars = await readBars(history, { timeframe: '1Min', ...span });
    return barsToTable({ session, barSeconds: BAR_SECONDS, symbols, bars });
  };
  return {
    getQuotes: (wanted) => readQuotes(history, wanted),
    getBars: ({ session, fromUs, toUs }) => read(session, fromUs, toUs),
    getHistory: async (span) => {
      const sessions: HistorySession[] = [];
      for (const session of sessionsBefore(span)) {
        sessions.push({ session, table: await read(session, session.openUs, session.closeUs) });
      }
      return sessions;
    },
    getAdv: (span) => readAdv(history, span),
  };
}

interface FirstConnection {
  /** Done with the first connection. @throws ServiceError */
  wait(): Promise<void>;
  succeed(): void;
  fail(what: string): void;
}

/** How often a first connection is tried for before it counts as not to be had. */
const FIRST_ATTEMPTS = 4;

function firstConnection(clock: Clock, { stream }: AlpacaDataSettings): FirstConnection {
  let settle: ((error?: ServiceError) => void) | undefined;
  const limitUs = FIRST_ATTEMPTS * stream.answerUs;
  const error = (code: string, what: string, retryable: boolean): ServiceError =>
    new ServiceError(code, `Alpaca market data: ${what}`, { retryable });
  return {
    wait: () =>
      new Promise((resolve, reject) => {
        const tooLate = `no stream within ${limitUs / 1_000_000} s; try again later`;
        const untime = clock.at(clock.nowUs() + limitUs, () =>
          reject(error('DATA_UNREACHABLE', tooLate, true)),
        );
        settle = (failure) => {
          untime();
          if (failure === undefined) resolve();
          else reject(failure);
        };
      }),
    succeed: () => settle?.(),
    fail: (what) => settle?.(error('DATA_REFUSED', what, false)),
  };
}
