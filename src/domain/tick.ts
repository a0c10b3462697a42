import type { RiskSettings } from './settings.ts';
import type { PriceE4 } from './units.ts';

/** One dollar: SEC rule 612 lets prices below it move in finer steps than a cent. */
export const ONE_DOLLAR_E4 = 10_000;

/** Smallest step between order prices at a price, 1e-4 dollars. */
export function tickAtE4(
  priceE4: PriceE4,
  { tickE4, subDollarTickE4 }: Pick<RiskSettings, 'tickE4' | 'subDollarTickE4'>,
): PriceE4 {
  return priceE4 < ONE_DOLLAR_E4 ? subDollarTickE4 : tickE4;
}
