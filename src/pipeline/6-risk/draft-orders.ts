import type { OrderPurpose, OrderType } from '../../domain/orders.ts';
import type { ExecutionSettings, RiskSettings } from '../../domain/settings.ts';
import { ONE_DOLLAR_E4, tickAtE4 } from '../../domain/tick.ts';
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
 * The order for a wanted trade, in the scenario's order type. Prices round to the tick, away from the touch; where that
 * side of the market is missing the order is a market order, which the broker may refuse but never misprices.
 */
export function draftOrder(
  trade: WantedTrade,
  market: Pick<MarketState, 'bidE4' | 'askE4'>,
  execution: ExecutionSettings,
  ticks: Pick<RiskSettings, 'tickE4' | 'subDollarTickE4'>,
): OrderDraft {
  const { symbolIx, symbol, deltaShares } = trade;
  const isBuy = deltaShares > 0;
  const touchE4 = isBuy ? market.askE4[symbolIx] : market.bidE4[symbolIx];
  const isForced = trade.mustFill && execution.orderType === 'limit';
  const limitPriceE4 = isForced ? undefined : limitPrice({ isBuy, touchE4 }, execution, ticks);
  const type: OrderType = limitPriceE4 === undefined ? 'market' : execution.orderType;
  const side = isBuy ? 'buy' : 'sell';
  const timeInForce = isForced ? 'ioc' : execution.timeInForce;
  const quantity = Math.abs(deltaShares);
  const purpose = purposeOf(trade);
  return limitPriceE4 === undefined
    ? { symbolIx, symbol, side, type, timeInForce, quantity, purpose }
    : { symbolIx, symbol, side, type, timeInForce, quantity, purpose, limitPriceE4 };
}

function limitPrice(
  { isBuy, touchE4 }: { readonly isBuy: boolean; readonly touchE4: PriceE4 },
  { orderType, limitOffsetBps }: ExecutionSettings,
  ticks: Pick<RiskSettings, 'tickE4' | 'subDollarTickE4'>,
): PriceE4 | undefined {
  if (orderType === 'market') return undefined;
  const isThrough = orderType === 'marketable_limit';
  const direction = isBuy === isThrough ? 1 : -1;
  const wantedE4 = touchE4 * (1 + (direction * limitOffsetBps) / 10_000);
  // steps grow from 0.0001 to a cent at one dollar: a price on its way through it stops there, on both grids
  if (touchE4 < ONE_DOLLAR_E4 && wantedE4 > ONE_DOLLAR_E4) return ONE_DOLLAR_E4;
  const tickE4 = tickAtE4(wantedE4, ticks);
  const steps = wantedE4 / tickE4;
  const rounded = direction > 0 ? Math.ceil(steps) : Math.floor(steps);
  return rounded > 0 ? rounded * tickE4 : undefined;
}

function purposeOf({ deltaShares, heldShares }: WantedTrade): OrderPurpose {
  if (heldShares === 0) return 'open';
  if (heldShares * deltaShares > 0) return 'increase';
  return Math.abs(deltaShares) >= Math.abs(heldShares) ? 'close' : 'reduce';
}
