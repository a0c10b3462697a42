import type { OrderPurpose, OrderType } from '../../domain/orders.ts';
import type { ExecutionSettings, RiskSettings } from '../../domain/settings.ts';
import type { PriceE4, Shares } from '../../domain/units.ts';
import type { MarketState } from '../market-state.ts';
import type { OrderDraft } from './risk-book.ts';

export interface WantedTrade {
  readonly symbolIx: number;
  readonly symbol: string;
  /** Signed shares to trade, not 0. */
  readonly deltaShares: Shares;
  /** Position when working orders are done, signed. */
  readonly heldShares: Shares;
  /** An exit: it takes the market rather than rest at a price that may never come. */
  readonly mustFill: boolean;
}

/**
 * The order for a wanted trade, in the scenario's order type. Prices round to the tick, marketable limits away from
 * the touch and resting limits toward it; where that side of the market is missing the order is a market order, which
 * the broker may refuse but never misprices.
 */
export function draftOrder(
  trade: WantedTrade,
  market: Pick<MarketState, 'bidE4' | 'askE4'>,
  execution: ExecutionSettings,
  { tickE4 }: Pick<RiskSettings, 'tickE4'>,
): OrderDraft {
  const { symbolIx, symbol, deltaShares } = trade;
  const isBuy = deltaShares > 0;
  const touchE4 = isBuy ? market.askE4[symbolIx] : market.bidE4[symbolIx];
  const isForced = trade.mustFill && execution.orderType === 'limit';
  const limitPriceE4 = isForced ? undefined : limitPrice({ isBuy, touchE4 }, execution, tickE4);
  const type: OrderType = limitPriceE4 === undefined ? 'market' : execution.orderType;
  const base = {
    symbolIx,
    symbol,
    side: isBuy ? ('buy' as const) : ('sell' as const),
    type,
    timeInForce: isForced ? ('ioc' as const) : execution.timeInForce,
    quantity: Math.abs(deltaShares),
    purpose: purposeOf(trade),
  };
  return limitPriceE4 === undefined ? base : { ...base, limitPriceE4 };
}

function limitPrice(
  { isBuy, touchE4 }: { readonly isBuy: boolean; readonly touchE4: PriceE4 },
  { orderType, limitOffsetBps }: ExecutionSettings,
  tickE4: PriceE4,
): PriceE4 | undefined {
  if (orderType === 'market' || touchE4 <= 0) return undefined;
  const isThrough = orderType === 'marketable_limit';
  const direction = isBuy === isThrough ? 1 : -1;
  const ticks = (touchE4 * (1 + (direction * limitOffsetBps) / 10_000)) / tickE4;
  const rounded = direction > 0 ? Math.ceil(ticks) : Math.floor(ticks);
  return rounded > 0 ? rounded * tickE4 : undefined;
}

function purposeOf({ deltaShares, heldShares }: WantedTrade): OrderPurpose {
  if (heldShares === 0) return 'open';
  if (heldShares * deltaShares > 0) return 'increase';
  return Math.abs(deltaShares) >= Math.abs(heldShares) ? 'close' : 'reduce';
}
