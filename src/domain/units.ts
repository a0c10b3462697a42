/**
 * Units. Every number in the engine carries its unit in its type or at the end of its name:
 * `spreadBps`, `ageUs`, `feeMicros`, `weightFrac`. The aliases document intent; they cost nothing at run time.
 */

/** Microseconds since the Unix epoch, UTC, integer. */
export type TimeUs = number;
/** A span of microseconds, integer. */
export type DurationUs = number;
/** A price in 1e-4 dollars, integer, held in a double. 0 means "no price". */
export type PriceE4 = number;
/** Money in 1e-6 dollars (micro-dollars), integer, held in a double within +-2^53. */
export type MoneyMicros = number;
/** A count of shares, integer, signed where it is a position. */
export type Shares = number;
/** Basis points: 1e-4 of notional. */
export type Bps = number;
/** A fraction of equity: 0.05 is five per cent. */
export type WeightFrac = number;

export const US_PER_SECOND = 1_000_000;
export const US_PER_MINUTE = 60 * US_PER_SECOND;
export const US_PER_HOUR = 60 * US_PER_MINUTE;
export const US_PER_DAY = 24 * US_PER_HOUR;
