import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBackoff } from '../../src/net/backoff.ts';
import { createRedactor } from '../../src/net/redact.ts';
import {
  decimalText,
  decimalUnits,
  microsOf,
  priceE4Of,
  sharesOf,
  timeText,
  timeUsOf,
} from '../../src/net/wire-text.ts';

it('property: a decimal text and its whole units are the same number', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer({ min: 0, max: 6 }), (units, places) => {
      expect(decimalUnits(decimalText(units, places), { places })).toBe(units === 0 ? 0 : units);
    }),
  );
});

it.each([
  ['187.23', 1_872_300],
  ['0.0001', 1],
  ['1', 10_000],
  ['4.35', 43_500],
  ['1.00000', 10_000],
  ['1.00005', undefined],
  ['1e3', undefined],
  ['', undefined],
  ['NaN', undefined],
  [' 1', undefined],
  [1, undefined],
  ['99999999999999', undefined],
])('reads the price %j as %j', (text, e4) => {
  expect(priceE4Of(text)).toBe(e4);
});

it('reads money down to the micro-dollar, and rounds beyond it downward on either side of zero', () => {
  expect([microsOf('100000.1234567'), microsOf('-0.0000001'), microsOf('-5'), microsOf('0.29')]).toEqual([
    100_000_123_456, -1, -5_000_000, 290_000,
  ]);
  expect(decimalUnits('1.00005', { places: 4, rounding: 'up' })).toBe(10_001);
});

it('reads whole shares only', () => {
  expect([sharesOf('100'), sharesOf('-5'), sharesOf('7.000'), sharesOf('1.5')]).toEqual([
    100,
    -5,
    7,
    undefined,
  ]);
});

it.each([
  ['2026-11-26T14:30:00.123456789Z', 1_795_703_400_123_456],
  ['2026-11-26T14:30:00Z', 1_795_703_400_000_000],
  ['2026-11-26T09:30:00.5-05:00', 1_795_703_400_500_000],
  ['2026-11-26', undefined],
  [7, undefined],
])('reads the time %j', (text, tUs) => {
  expect(timeUsOf(text)).toBe(tUs);
});

it('property: a time is its text', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (tUs) => {
      expect(timeUsOf(timeText(tUs))).toBe(tUs);
    }),
  );
});

it('doubles delays up to the limit, less what is drawn, and starts again after success', () => {
  const settings = { firstUs: 100, maxUs: 500, jitterFrac: 0.5 };
  const whole = createBackoff(settings, () => 0);
  expect([1, 2, 3, 4, 5].map(() => whole.nextUs())).toEqual([100, 200, 400, 500, 500]);
  whole.reset();
  expect(whole.nextUs()).toBe(100);
  expect(createBackoff(settings, () => 0.999).nextUs()).toBe(50);
});

it('takes secrets out of what others said, and line ends', () => {
  const redact = createRedactor(['PLANTED-KEY', '']);
  expect(redact('key PLANTED-KEY\r\nis bad\u2028')).toBe('key *** is bad');
});
