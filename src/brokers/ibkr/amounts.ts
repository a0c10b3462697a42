import { ServiceError } from '../../domain/errors.ts';
import { exactMicros } from '../../domain/money.ts';
import type { Side } from '../../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares } from '../../domain/units.ts';
import { microsOf } from '../../net/wire-text.ts';

const MICROS = 1_000_000;
const MICROS_PER_E4 = 100;

/** What came over the wire is not what the protocol promises; to go on would be to guess. */
export function unreadable(what: string, found: unknown): ServiceError {
  const shown = typeof found === 'string' ? JSON.stringify(found.slice(0, 40)) : String(found);
  return new ServiceError('IBKR_UNREADABLE', `the gateway sent ${what} that cannot be used: ${shown}`, {
    retryable: true,
  });
}

/** A price as the wire takes it: the shortest decimal of the double nearest to it, which is the price itself. */
export function wirePrice(priceE4: PriceE4): number {
  return priceE4 / 10_000;
}

/** Dollars from a double that the library has parsed. @throws ServiceError when it is no amount */
export function microsOfDouble(dollars: number | undefined, what: string): MoneyMicros {
  const micros = dollars === undefined ? Number.NaN : Math.round(dollars * MICROS);
  if (!Number.isSafeInteger(micros)) throw unreadable(what, dollars);
  return micros === 0 ? 0 : micros;
}

/** Dollars from the wire's own digits. @throws ServiceError when it is no amount */
export function microsOfText(text: string | undefined, what: string): MoneyMicros {
  const micros = microsOf(text);
  if (micros === undefined) throw unreadable(what, text);
  return micros;
}

/** Shares of any size, as positions are held. */
export function anyShares(value: number | undefined, what: string): number {
  if (value === undefined || !Number.isSafeInteger(Math.trunc(value))) throw unreadable(what, value);
  return value;
}

/** Whole shares, and whether a part of one lies beyond them. */
export function partedShares(shares: number): { readonly whole: Shares; readonly part: -1 | 0 | 1 } {
  const whole = Math.trunc(shares);
  const part = shares > whole ? 1 : shares < whole ? -1 : 0;
  return { whole: whole === 0 ? 0 : whole, part };
}

/** Whole shares: an order of ours is for no others. */
export function wholeShares(value: number | undefined, what: string): Shares {
  if (value === undefined || !Number.isSafeInteger(value)) throw unreadable(what, value);
  return value === 0 ? 0 : value;
}

/** A price finer than 1e-4 dollars, as books keep it, and the rest of the money. */
export interface BookedPrice {
  readonly priceE4: PriceE4;
  /** What `priceE4` leaves out, as a cost, never negative: it travels with the fee, so that cash stays exact. */
  readonly restMicros: MoneyMicros;
}

/** Midpoint trades can be at a fraction of 1e-4: the price rounds in our favour, and the fee carries the difference. */
export function bookPrice({
  priceMicros,
  shares,
  side,
}: {
  readonly priceMicros: MoneyMicros;
  readonly shares: Shares;
  readonly side: Side;
}): BookedPrice {
  const down = Math.floor(priceMicros / MICROS_PER_E4);
  const restOfDown = priceMicros - down * MICROS_PER_E4;
  if (restOfDown === 0) return { priceE4: down, restMicros: 0 };
  return side === 'buy'
    ? { priceE4: down, restMicros: exactMicros(restOfDown * shares) }
    : { priceE4: down + 1, restMicros: exactMicros((MICROS_PER_E4 - restOfDown) * shares) };
}
