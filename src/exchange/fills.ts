import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketTable } from '../domain/market-table.ts';
import type { Side } from '../domain/orders.ts';
import type { ExchangeSettings } from '../domain/settings.ts';
import { type PriceE4, type Shares, type TimeUs, US_PER_SECOND } from '../domain/units.ts';
import { isWithinLimit, roundAgainst, slippageBpsAt, slippedPriceE4 } from './prices.ts';
import type { WorkingOrder } from './state.ts';

/** What one row of a slice gives one order. */
export interface Fill {
  readonly quantity: Shares;
  readonly priceE4: PriceE4;
  readonly tradeTimeUs: TimeUs;
}

interface Liquidity {
  /** Shares the row leaves us after our own fills in it. */
  readonly available: Shares;
  /** What participation is measured against: the bar's volume, or the displayed size. */
  readonly base: Shares;
}

/** When the quotes a bar opens with stood: its end minus its length. */
export function barOpenUs(table: MarketTable, row: number): TimeUs {
  return table.endUs[row] - table.barSeconds * US_PER_SECOND;
}

/**
 * The fill of an order by one row, or undefined when the row gives none: no two-sided opening quote, a crossed one, a
 * halt, no volume left, or a limit that the bar does not reach.
 *
 * At the opening: the ask (buy) or bid (sell) plus slippage, capped by the limit. Otherwise a limit order of the day
 * that the bar trades through later (ask low <= limit for a buy) fills at its limit, known at the end of the bar.
 */
export function fillFromRow(
  order: WorkingOrder,
  settings: ExchangeSettings,
  at: { readonly table: MarketTable; readonly row: number; readonly takenShares: Shares },
): Fill | undefined {
  const { table, row } = at;
  const { side, limitPriceE4: limitE4, timeInForce } = order.request;
  if (!hasOpeningQuote(table, row)) return undefined;
  const liquidity = liquidityOf(table, row, { side, settings, takenShares: at.takenShares });
  const quantity = Math.min(order.leavesQuantity, liquidity.available);
  if (quantity <= 0) return undefined;

  const touchE4 = side === 'buy' ? table.askOpenE4[row] : table.bidOpenE4[row];
  if (limitE4 === undefined || isWithinLimit(side, touchE4, limitE4)) {
    const bps = slippageBpsAt(settings, quantity / liquidity.base);
    const slippedE4 = roundAgainst(side, slippedPriceE4(side, touchE4, bps));
    const priceE4 = limitE4 === undefined || isWithinLimit(side, slippedE4, limitE4) ? slippedE4 : limitE4;
    return { quantity, priceE4, tradeTimeUs: barOpenUs(table, row) };
  }
  if (timeInForce === 'ioc' || !tradesThrough(table, row, { side, limitE4 })) return undefined;
  return { quantity, priceE4: limitE4, tradeTimeUs: table.endUs[row] };
}

function hasOpeningQuote(table: MarketTable, row: number): boolean {
  const flags = table.flags[row];
  if ((flags & HAS_BID) === 0 || (flags & HAS_ASK) === 0 || (flags & IS_HALTED) !== 0) return false;
  const bid = table.bidOpenE4[row];
  return bid > 0 && table.askOpenE4[row] >= bid;
}

function tradesThrough(
  table: MarketTable,
  row: number,
  limit: { readonly side: Side; readonly limitE4: PriceE4 },
): boolean {
  if (limit.side === 'sell') return table.bidHighE4[row] >= limit.limitE4;
  return table.askLowE4[row] > 0 && table.askLowE4[row] <= limit.limitE4;
}

/**
 * With trades in the bar, all our orders in it together take at most the participation cap of its volume. Without
 * trades (rows of quotes only) volume is unknown, and they take at most a set part of what the touched side displays.
 */
function liquidityOf(
  table: MarketTable,
  row: number,
  by: { readonly side: Side; readonly settings: ExchangeSettings; readonly takenShares: Shares },
): Liquidity {
  if ((table.flags[row] & HAS_TRADE) !== 0) {
    const base = table.volume[row];
    return { available: Math.floor(base * by.settings.participationCap) - by.takenShares, base };
  }
  const base = by.side === 'buy' ? table.askSize[row] : table.bidSize[row];
  return { available: Math.floor(base * by.settings.displayedSizeCap) - by.takenShares, base };
}
