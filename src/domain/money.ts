import { InvariantError } from './errors.ts';
import type { MoneyMicros, PriceE4, Shares } from './units.ts';

const MICROS_PER_E4 = 100;

/**
 * Checks that an amount is an integer a double holds exactly.
 * @throws InvariantError beyond +-2^53: books that could be off by one are worse than a stop
 */
export function exactMicros(amountMicros: number): MoneyMicros {
  if (!Number.isSafeInteger(amountMicros)) {
    throw new InvariantError(
      `money amount ${amountMicros} micro-dollars is not an exact integer within 2^53`,
    );
  }
  return amountMicros === 0 ? 0 : amountMicros;
}

/** Value of `shares` (signed) at a price in 1e-4 dollars. @returns micro-dollars, exact */
export function notionalMicros(priceE4: PriceE4, shares: Shares): MoneyMicros {
  return exactMicros(priceE4 * shares * MICROS_PER_E4);
}

export function dollarsToMicros(dollars: number): MoneyMicros {
  return exactMicros(Math.round(dollars * 1_000_000));
}

export function microsToDollars(micros: MoneyMicros): number {
  return micros / 1_000_000;
}
