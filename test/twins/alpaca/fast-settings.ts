import { createAlpacaBroker } from '../../../src/brokers/alpaca/broker.ts';
import type {
  AlpacaBrokerSettings,
  AlpacaDataSettings,
  StreamSettings,
} from '../../../src/domain/alpaca-settings.ts';
import { createPrng } from '../../../src/math/prng.ts';
import { wallClock } from '../clocks.ts';
import type { AlpacaTwin } from './twin.ts';

const MS = 1000;

/** As in production, but for milliseconds in place of seconds. */
export const FAST_STREAM: StreamSettings = {
  firstDelayUs: 2 * MS,
  maxDelayUs: 20 * MS,
  jitterFrac: 0.5,
  pingUs: 500 * MS,
  answerUs: 400 * MS,
};

export const FAST_BROKER: AlpacaBrokerSettings = {
  environment: 'paper',
  requestsPerMinute: 100_000,
  reservedForCancels: 1_000,
  answerUs: 80 * MS,
  reconcileUs: 60 * MS,
  readyUs: 3_000 * MS,
  lookups: 3,
  maxSends: 4,
  retryUs: 2 * MS,
  maxRetryUs: 20 * MS,
  stream: FAST_STREAM,
};

export const FAST_DATA: AlpacaDataSettings = {
  feed: 'iex',
  requestsPerMinute: 100_000,
  answerUs: 2_000 * MS,
  graceUs: 500 * MS,
  silenceUs: 300_000 * MS,
  sharesPerQuoteSize: 1,
  volumeOnlyConditions: ['I'],
  haltCodes: ['H'],
  pageLimit: 3,
  retryUs: 2 * MS,
  maxRetryUs: 20 * MS,
  stream: { ...FAST_STREAM, answerUs: 2_000 * MS },
};

/** The adapter as it is, against a twin. */
export function brokerOf(
  twin: Pick<AlpacaTwin, 'tradingUrl' | 'streamUrl' | 'keys'>,
  settings: Partial<AlpacaBrokerSettings> = {},
) {
  return createAlpacaBroker({
    settings: { ...FAST_BROKER, tradingUrl: twin.tradingUrl, streamUrl: twin.streamUrl, ...settings },
    credentials: () => twin.keys,
    clock: wallClock,
    random: createPrng(['alpaca', 'spread']),
  });
}
