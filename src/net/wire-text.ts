import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../domain/units.ts';

const DECIMAL = /^(-?)([0-9]+)(?:\.([0-9]+))?$/;
const TIME =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})$/;

/** What becomes of digits beyond the unit: nothing may be there, or they are rounded down or up. */
export type Rounding = 'exact' | 'down' | 'up';

/**
 * A decimal number as whole units of 10^-`places`, digit by digit: no float is ever between text and integer.
 * @returns undefined for other text, for digits beyond the unit where they must not be, and beyond 2^53
 */
export function decimalUnits(
  text: unknown,
  { places, rounding = 'exact' }: { readonly places: number; readonly rounding?: Rounding },
): number | undefined {
  const match = typeof text === 'string' ? DECIMAL.exec(text) : null;
  if (match === null) return undefined;
  const fraction = match[3] ?? '';
  const isNegative = match[1] === '-';
  const units = Number(match[2] + fraction.slice(0, places).padEnd(places, '0'));
  const hasRest = /[1-9]/.test(fraction.slice(places));
  if (hasRest && rounding === 'exact') return undefined;
  const grows = hasRest && (rounding === 'up') !== isNegative;
  const size = grows ? units + 1 : units;
  if (!Number.isSafeInteger(size)) return undefined;
  return isNegative && size !== 0 ? -size : size;
}

/** A price in dollars; finer than 1e-4 is not a price here. */
export function priceE4Of(text: unknown): PriceE4 | undefined {
  return decimalUnits(text, { places: 4 });
}

/** Money in dollars, digits beyond a micro-dollar dropped downward. */
export function microsOf(text: unknown): MoneyMicros | undefined {
  return decimalUnits(text, { places: 6, rounding: 'down' });
}

/** Whole shares; a fraction of one is not understood. */
export function sharesOf(text: unknown): Shares | undefined {
  return decimalUnits(text, { places: 0 });
}

/** Whole shares, and whether a part of one lies beyond them: 1, or -1 where they are short. */
export interface PartedShares {
  readonly whole: Shares;
  readonly part: -1 | 0 | 1;
}

/** Shares of any size, for what an account may hold that no order of ours is for. */
export function partedShares(text: unknown): PartedShares | undefined {
  const floor = decimalUnits(text, { places: 0, rounding: 'down' });
  const ceiling = decimalUnits(text, { places: 0, rounding: 'up' });
  if (floor === undefined || ceiling === undefined) return undefined;
  if (floor === ceiling) return { whole: floor, part: 0 };
  return floor >= 0 ? { whole: floor, part: 1 } : { whole: ceiling, part: -1 };
}

/** An RFC 3339 time; digits beyond a microsecond are dropped. */
export function timeUsOf(text: unknown): TimeUs | undefined {
  const match = typeof text === 'string' ? TIME.exec(text) : null;
  if (match === null) return undefined;
  const wholeMs = Date.parse(`${match[1]}${match[3]}`);
  return Number.isNaN(wholeMs)
    ? undefined
    : wholeMs * 1000 + Number((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

/** A time as RFC 3339 in UTC with microseconds. */
export function timeText(tUs: TimeUs): string {
  const wholeMs = Math.floor(tUs / 1000);
  const micros = String(tUs - wholeMs * 1000).padStart(3, '0');
  return new Date(wholeMs).toISOString().replace('Z', `${micros}Z`);
}

/** Whole units of 10^-`places` as a decimal without trailing zeros. */
export function decimalText(units: number, places: number): string {
  const digits = String(Math.abs(units)).padStart(places + 1, '0');
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - places);
  return `${units < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Whether a parsed value is an object with keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
