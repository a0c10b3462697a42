import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bookPrice,
  microsOfDouble,
  microsOfText,
  wholeShares,
  wirePrice,
} from '../../../src/brokers/ibkr/amounts.ts';
import { symbolOf, toExecutionFact } from '../../../src/brokers/ibkr/mapper.ts';
import { timeOfWire } from '../../../src/brokers/ibkr/wire-time.ts';
import { settingsFor } from './desk.ts';

it('writes every price as the decimal it is, and reads it back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000_000 }), (priceE4) => {
      const text = String(wirePrice(priceE4));
      expect(text).toMatch(/^[0-9]+(\.[0-9]{1,4})?$/);
      expect(microsOfDouble(Number(text), 'a price')).toBe(priceE4 * 100);
    }),
  );
});

it('keeps cash exact for prices finer than a ten-thousandth: the fee carries the rest, never below zero', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000_000_000 }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.constantFrom('buy' as const, 'sell' as const),
      (priceMicros, shares, side) => {
        const { priceE4, restMicros } = bookPrice({ priceMicros, shares, side });
        const sign = side === 'buy' ? 1 : -1;
        expect(sign * priceE4 * 100 * shares + restMicros).toBe(sign * priceMicros * shares);
        expect(restMicros).toBeGreaterThanOrEqual(0);
        expect(restMicros).toBeLessThan(100 * shares);
      },
    ),
  );
});

it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, 1e300])('takes no amount from %s', (dollars) => {
  expect(() => microsOfDouble(dollars, 'a commission')).toThrow(
    expect.objectContaining({ code: 'IBKR_UNREADABLE' }),
  );
});

it.each(['', 'NaN', '1.7976931348623157E308', '1,000.00', undefined])('takes no cash from %j', (text) => {
  expect(() => microsOfText(text, 'cash')).toThrow(expect.objectContaining({ code: 'IBKR_UNREADABLE' }));
});

it('reads cash digit by digit', () => {
  expect(microsOfText('998999.649999', 'cash')).toBe(998_999_649_999);
  expect(microsOfText('-12.30', 'cash')).toBe(-12_300_000);
});

it.each([undefined, Number.NaN, 0.5])('takes no position of %s shares', (shares) => {
  expect(() => wholeShares(shares, 'a position')).toThrow(
    expect.objectContaining({ code: 'IBKR_UNREADABLE' }),
  );
});

it('reads times in UTC, with a zone, and in the zone of the gateway', () => {
  const utc = Date.UTC(2024, 2, 4, 14, 30, 1) * 1000;
  expect(timeOfWire('20240304-14:30:01', 'America/New_York')).toBe(utc);
  expect(timeOfWire('20240304 09:30:01 US/Eastern', 'Europe/Berlin')).toBe(utc);
  expect(timeOfWire('20240304  09:30:01', 'America/New_York')).toBe(utc);
  expect(timeOfWire('20240304 14:30:01 Universal', 'America/New_York')).toBe(utc);
  // in summer time, an hour less
  expect(timeOfWire('20240705 09:30:01 America/New_York', 'UTC')).toBe(
    Date.UTC(2024, 6, 5, 13, 30, 1) * 1000,
  );
});

it.each(['', '2024-03-04 09:30:01', '20240304 09:30:01 Nowhere/Land', undefined])(
  'takes no time from %j',
  (text) => {
    expect(() => timeOfWire(text, 'UTC')).toThrow(expect.objectContaining({ code: 'IBKR_UNREADABLE' }));
  },
);

it.each([
  ['without a price, which an empty field becomes', { price: 0 }],
  ['of no whole shares', { shares: 1.5 }],
  ['of nobody knows how many shares', { shares: undefined }],
  ['at a price that is no number', { price: Number.NaN }],
  ['without an id', { execId: '' }],
  ['on no side', { side: '' }],
])('takes no execution %s', (_what, changes) => {
  const execution = {
    execId: 'e.01',
    side: 'BOT',
    shares: 1,
    price: 10,
    time: '20240304-14:30:01',
    ...changes,
  };
  const contract = { symbol: 'AAA', secType: 'STK' as never, currency: 'USD' };
  expect(() => toExecutionFact(contract, execution as never, settingsFor(1))).toThrow(
    expect.objectContaining({ code: 'IBKR_UNREADABLE' }),
  );
});

it('names what is no stock in dollars so that no universe has it', () => {
  const settings = settingsFor(1);
  expect(symbolOf({ symbol: 'BRK B', secType: 'STK' as never, currency: 'USD' }, settings)).toBe('BRK.B');
  expect(
    symbolOf({ symbol: 'AAA', secType: 'OPT' as never, currency: 'USD', localSymbol: 'AAA C10' }, settings),
  ).toBe('AAA C10:OPT:USD');
  expect(symbolOf({ symbol: 'SHEL', secType: 'STK' as never, currency: 'GBP' }, settings)).toBe(
    'SHEL:STK:GBP',
  );
});
