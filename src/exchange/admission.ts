import { microsToDollars } from '../domain/money.ts';
import type { OrderRejectReason, OrderRequest } from '../domain/orders.ts';
import type { MoneyMicros } from '../domain/units.ts';
import { claimOf, increasingShares, remainingMicros, worstPriceE4 } from './buying-power.ts';
import type { ExchangeState } from './state.ts';

export interface Rejection {
  readonly reason: OrderRejectReason;
  readonly detail: string;
}

/** Why an order is refused at the door, by the first rule it breaks; undefined when it is accepted. */
export function rejectionOf(
  state: ExchangeState,
  request: OrderRequest,
  symbolIx: number,
): Rejection | undefined {
  const { quantity, limitPriceE4, type } = request;
  if (symbolIx < 0) return { reason: 'unknown_symbol', detail: `${request.symbol} is not traded here` };
  if (!state.isOpen) return { reason: 'market_closed', detail: 'no session is open' };
  if (!Number.isSafeInteger(quantity) || quantity <= 0) {
    return {
      reason: 'invalid_quantity',
      detail: `quantity ${quantity} is not a positive whole number of shares`,
    };
  }
  const needsLimit = type !== 'market';
  if (needsLimit !== (limitPriceE4 !== undefined)) {
    return {
      reason: 'invalid_price',
      detail: `a ${type} order ${needsLimit ? 'needs a' : 'takes no'} limit price`,
    };
  }
  if (limitPriceE4 !== undefined && (!Number.isSafeInteger(limitPriceE4) || limitPriceE4 <= 0)) {
    return {
      reason: 'invalid_price',
      detail: `limit ${limitPriceE4} is not a positive whole number of 1e-4 dollars`,
    };
  }
  if (state.sessionOrderIds.has(request.clientOrderId)) {
    return {
      reason: 'duplicate_client_order_id',
      detail: `${request.clientOrderId} was used in this session`,
    };
  }
  if (state.isHalted[symbolIx] !== 0) return { reason: 'halted', detail: `${request.symbol} is halted` };
  if (limitPriceE4 === undefined && state.bidE4[symbolIx] === 0) {
    return { reason: 'no_quote', detail: `${request.symbol} has no two-sided quote` };
  }
  return exposureRejection(state, request, symbolIx);
}

function exposureRejection(
  state: ExchangeState,
  request: OrderRequest,
  symbolIx: number,
): Rejection | undefined {
  const { side, quantity } = request;
  const worstE4 = worstPriceE4(state, request, symbolIx);
  if (!Number.isSafeInteger(worstE4 * quantity * 100)) {
    return {
      reason: 'invalid_quantity',
      detail: `${quantity} shares at ${worstE4} are worth more than can be counted exactly`,
    };
  }
  const increasing = increasingShares(state, { symbolIx, side, quantity });
  if (increasing === 0) return undefined;
  if (side === 'sell' && !state.settings.allowShort) {
    return {
      reason: 'short_not_allowed',
      detail: `sells ${increasing} more shares than the position and open sell orders leave`,
    };
  }
  if (side === 'sell' && state.lending.isUnavailable[symbolIx] === 1) {
    return {
      reason: 'no_borrow',
      detail: `sells ${increasing} more shares than are held, and none can be borrowed`,
    };
  }
  const claim = claimOf(state, { request, symbolIx, leavesQuantity: quantity });
  const remaining = remainingMicros(state, claim);
  if (remaining >= 0) return undefined;
  const available = remainingMicros(state);
  return powerRejection(available - remaining, available);
}

export function powerRejection(neededMicros: MoneyMicros, availableMicros: MoneyMicros): Rejection {
  return {
    reason: 'insufficient_buying_power',
    detail: `needs ${microsToDollars(neededMicros)} dollars, ${microsToDollars(Math.max(0, availableMicros))} are left`,
  };
}
