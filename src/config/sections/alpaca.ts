import { z } from 'zod';
import type {
  AlpacaBrokerSettings,
  AlpacaDataSettings,
  StreamSettings,
} from '../../domain/alpaca-settings.ts';
import { US_PER_SECOND } from '../../domain/units.ts';
import { positive, wholeNumber } from './common.ts';

const US_PER_MS = 1000;

const address = (what: string) =>
  z
    .string()
    .min(1)
    .max(300)
    .optional()
    .describe(
      `${what} Default: the environment's. Only its own host, encrypted, or an address of this machine is accepted.`,
    );

const milliseconds = (max: number) => wholeNumber({ min: 1, max });

const streamKeys = {
  reconnectFirstMs: milliseconds(60_000)
    .default(500)
    .describe(
      'Wait before the first attempt to take up a lost connection, ms; doubles from there, half of it drawn.',
    ),
  reconnectMaxMs: milliseconds(600_000)
    .default(30_000)
    .describe('Longest wait between attempts to take up a connection, ms.'),
  pingSeconds: positive(300).default(10).describe('Time between pings of a connection, seconds.'),
  connectTimeoutMs: milliseconds(60_000)
    .default(5_000)
    .describe('Longest wait for a connection, its greeting or the answer to a ping, ms.'),
  requestTimeoutMs: milliseconds(120_000)
    .default(5_000)
    .describe('Longest wait for the answer to a request, ms.'),
  retryFirstMs: milliseconds(60_000)
    .default(250)
    .describe('Wait before a request without an answer is followed up, ms; doubles from there.'),
  retryMaxMs: milliseconds(600_000).default(8_000).describe('Longest wait between such attempts, ms.'),
};

export const alpacaBrokerSchema = z
  .strictObject({
    environment: z
      .enum(['paper', 'live'])
      .default('paper')
      .describe('Which of the two accounts: paper trades without money.'),
    tradingUrl: address('Address of the trading API.'),
    streamUrl: address('Address of the stream of reports on orders.'),
    requestsPerMinute: wholeNumber({ min: 10, max: 100_000 })
      .default(200)
      .describe('Requests sent in any 60 seconds at most, cancels included.'),
    reservedForCancels: wholeNumber({ min: 1, max: 1_000 })
      .default(40)
      .describe('How many of these only cancels may use; less than requestsPerMinute.'),
    reconcileSeconds: positive(3600)
      .default(15)
      .describe('Time between comparisons of open orders with what the stream said, seconds.'),
    readyTimeoutMs: milliseconds(600_000)
      .default(10_000)
      .describe('Longest wait of an order for the stream of reports, ms; then it is not sent.'),
    lookups: wholeNumber({ min: 1, max: 20 })
      .default(5)
      .describe('How often an order without an answer is looked for before it is sent again under its id.'),
    maxSends: wholeNumber({ min: 1, max: 10 }).default(3).describe('How often one order is sent at most.'),
    ...streamKeys,
  })
  .refine(({ requestsPerMinute, reservedForCancels }) => reservedForCancels < requestsPerMinute, {
    path: ['reservedForCancels'],
    error: 'expected less than requestsPerMinute, or no order could ever be sent',
  })
  .prefault({})
  .describe('Orders at Alpaca. Nothing of it is part of the identity of a run.');

export const alpacaDataSchema = z
  .strictObject({
    feed: z
      .enum(['iex', 'sip', 'delayed_sip'])
      .default('iex')
      .describe('Which tape: iex is one venue, sip all of them and needs a subscription.'),
    dataUrl: address('Address of the market data API.'),
    streamUrl: address('Address of the stream of trades and quotes.'),
    requestsPerMinute: wholeNumber({ min: 10, max: 100_000 })
      .default(200)
      .describe('Requests sent in any 60 seconds at most.'),
    graceMs: wholeNumber({ min: 0, max: 30_000 })
      .default(500)
      .describe(
        'How long after its end a bar waits for trades and quotes on their way, ms; later ones are counted.',
      ),
    silenceSeconds: positive(3600)
      .default(30)
      .describe('Silence of an open session after which the connection counts as lost, seconds.'),
    sharesPerQuoteSize: wholeNumber({ min: 1, max: 1_000 })
      .default(1)
      .describe('Shares in one unit of the size of a quote: 1 since 3 November 2025, 100 before.'),
    volumeOnlyConditions: z
      .array(z.string().min(1).max(4))
      .max(100)
      .default(['I', 'C', 'N', 'R', 'W', 'B', 'P', 'Z', '4', '7', 'V', 'H', 'M', 'Q', '9'])
      .describe('Conditions of trades that count for the volume of a bar and not for its prices.'),
    haltCodes: z
      .array(z.string().min(1).max(4))
      .max(100)
      .default(['H', 'P', '2'])
      .describe('Status codes by which a symbol is halted; any other ends the halt.'),
    pageLimit: wholeNumber({ min: 1, max: 10_000 }).default(10_000).describe('Rows a page of history.'),
    ...streamKeys,
  })
  .prefault({})
  .describe('Market data of Alpaca. Nothing of it is part of the identity of a run.');

type StreamSection = Pick<
  z.output<typeof alpacaBrokerSchema>,
  'reconnectFirstMs' | 'reconnectMaxMs' | 'pingSeconds' | 'connectTimeoutMs'
>;

function toStreamSettings(section: StreamSection): StreamSettings {
  return {
    firstDelayUs: section.reconnectFirstMs * US_PER_MS,
    maxDelayUs: section.reconnectMaxMs * US_PER_MS,
    jitterFrac: 0.5,
    pingUs: Math.round(section.pingSeconds * US_PER_SECOND),
    answerUs: section.connectTimeoutMs * US_PER_MS,
  };
}

export function toAlpacaBrokerSettings(section: z.output<typeof alpacaBrokerSchema>): AlpacaBrokerSettings {
  const { environment, tradingUrl, streamUrl, requestsPerMinute, reservedForCancels, lookups, maxSends } =
    section;
  return {
    environment,
    ...(tradingUrl === undefined ? {} : { tradingUrl }),
    ...(streamUrl === undefined ? {} : { streamUrl }),
    requestsPerMinute,
    reservedForCancels,
    lookups,
    maxSends,
    answerUs: section.requestTimeoutMs * US_PER_MS,
    reconcileUs: Math.round(section.reconcileSeconds * US_PER_SECOND),
    readyUs: section.readyTimeoutMs * US_PER_MS,
    retryUs: section.retryFirstMs * US_PER_MS,
    maxRetryUs: section.retryMaxMs * US_PER_MS,
    stream: toStreamSettings(section),
  };
}

export function toAlpacaDataSettings(section: z.output<typeof alpacaDataSchema>): AlpacaDataSettings {
  const { feed, dataUrl, streamUrl, requestsPerMinute, sharesPerQuoteSize, pageLimit } = section;
  return {
    feed,
    ...(dataUrl === undefined ? {} : { dataUrl }),
    ...(streamUrl === undefined ? {} : { streamUrl }),
    requestsPerMinute,
    sharesPerQuoteSize,
    pageLimit,
    volumeOnlyConditions: section.volumeOnlyConditions,
    haltCodes: section.haltCodes,
    answerUs: section.requestTimeoutMs * US_PER_MS,
    graceUs: section.graceMs * US_PER_MS,
    silenceUs: Math.round(section.silenceSeconds * US_PER_SECOND),
    retryUs: section.retryFirstMs * US_PER_MS,
    maxRetryUs: section.retryMaxMs * US_PER_MS,
    stream: toStreamSettings(section),
  };
}
