import type { Side } from '../domain/orders.ts';
import type { ExchangeSettings } from '../domain/settings.ts';
import type { Bps, PriceE4 } from '../domain/units.ts';

/** Residue of double arithmetic, far below one unit, that must not push a rounding to the next unit. */
const ROUNDING_NOISE = 1e-6;

/**
 * Fixed slippage plus square-root impact: `slippageBps + impactBps * sqrt(participation)`.
 * @param participation the fill's share of the volume it trades against, 0 to 1
 */
export function slippageBpsAt(settings: ExchangeSettings, participation: number): Bps {
  return settings.slippageBps + settings.impactBps * Math.sqrt(participation);
}

/** The touch moved against the trader by `bps`, before rounding; a double, 1e-4 dollars. */
export function slippedPriceE4(side: Side, touchE4: PriceE4, bps: Bps): number {
  const slip = (touchE4 * bps) / 1e4;
  return side === 'buy' ? touchE4 + slip : touchE4 - slip;
}

/** A price rounded to 1e-4 dollars against the trader, never below 1e-4 dollars. */
export function roundAgainst(side: Side, priceE4: number): PriceE4 {
  return side === 'buy'
    ? Math.ceil(priceE4 - ROUNDING_NOISE)
    : Math.max(1, Math.floor(priceE4 + ROUNDING_NOISE));
}

/** True when `priceE4` is no worse than the limit for this side. */
export function isWithinLimit(side: Side, priceE4: PriceE4, limitE4: PriceE4): boolean {
  return side === 'buy' ? priceE4 <= limitE4 : priceE4 >= limitE4;
}
