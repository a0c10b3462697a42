import { expect, it } from 'vitest';
import {
  alpacaBrokerSchema,
  alpacaDataSchema,
  toAlpacaBrokerSettings,
  toAlpacaDataSettings,
} from '../../src/config/sections/alpaca.ts';

it('turns human units into microseconds, with defaults that keep within 200 requests a minute', () => {
  expect(toAlpacaBrokerSettings(alpacaBrokerSchema.parse({}))).toMatchObject({
    environment: 'paper',
    requestsPerMinute: 200,
    reservedForCancels: 40,
    answerUs: 5_000_000,
    reconcileUs: 15_000_000,
    stream: { firstDelayUs: 500_000, maxDelayUs: 30_000_000, pingUs: 10_000_000 },
  });
  expect(toAlpacaDataSettings(alpacaDataSchema.parse({ graceMs: 250 }))).toMatchObject({
    feed: 'iex',
    graceUs: 250_000,
    silenceUs: 30_000_000,
    sharesPerQuoteSize: 1,
  });
});

it('leaves orders a share of the budget', () => {
  const section = { requestsPerMinute: 10, reservedForCancels: 10 };
  expect(alpacaBrokerSchema.safeParse(section).error?.issues[0]).toMatchObject({
    path: ['reservedForCancels'],
    message: expect.stringContaining('less than requestsPerMinute') as string,
  });
});
