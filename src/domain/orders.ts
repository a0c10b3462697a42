import type { PriceE4, Shares, TimeUs } from './units.ts';

export type Side = 'buy' | 'sell';
/** `marketable_limit` is a limit order priced through the touch by a collar, so that it fills now or not at all beyond it. */
export type OrderType = 'market' | 'limit' | 'marketable_limit';
export type TimeInForce = 'day' | 'ioc';

/** Why the position moves; travels with the order so that reports can attribute it. */
export type OrderPurpose = 'open' | 'increase' | 'reduce' | 'close';

/** An order as decided: what a broker is asked for. Quantities are positive; the side carries the direction. */
export interface OrderRequest {
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: Shares;
  /** Set for `limit` and `marketable_limit`, absent for `market`. */
  readonly limitPriceE4?: PriceE4;
  readonly purpose: OrderPurpose;
}

export type OrderRejectReason =
  | 'unknown_symbol'
  | 'market_closed'
  | 'no_quote'
  | 'halted'
  | 'invalid_quantity'
  | 'invalid_price'
  | 'insufficient_buying_power'
  | 'short_not_allowed'
  | 'no_borrow'
  | 'duplicate_client_order_id'
  /** By a broker, for reasons in its own words. */
  | 'refused'
  /** It never came to the broker, and that is known. */
  | 'not_placed';

/** Lifecycle of an order. Only the listed moves are legal; anything else is an error that stops new exposure. */
export type OrderStatus =
  | 'intended'
  | 'accepted'
  | 'partially_filled'
  | 'filled'
  | 'cancelled'
  | 'expired'
  | 'rejected';

const NEXT: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  intended: ['accepted', 'partially_filled', 'filled', 'rejected', 'cancelled', 'expired'],
  accepted: ['partially_filled', 'filled', 'cancelled', 'expired', 'rejected'],
  partially_filled: ['partially_filled', 'filled', 'cancelled', 'expired'],
  filled: [],
  cancelled: [],
  expired: [],
  rejected: [],
};

/** What a broker says of an order between its acceptance and its end: for the record, it moves nothing. */
export type OrderProgress =
  | 'pending_new'
  | 'held'
  | 'pending_cancel'
  | 'pending_replace'
  | 'replaced'
  | 'stopped'
  | 'suspended'
  | 'calculated'
  | 'done_for_day';

/** An order that a broker has open, as far as books are compared by it. */
export interface OpenOrder {
  /** Empty where it was not sent by sametape. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly leavesQuantity: Shares;
  /** Absent where it has none, or the broker was not asked for it. */
  readonly limitPriceE4?: PriceE4;
}

export function canMove(from: OrderStatus, to: OrderStatus): boolean {
  return NEXT[from].includes(to);
}

export function isWorking(status: OrderStatus): boolean {
  return NEXT[status].length > 0;
}

export function sideSign(side: Side): 1 | -1 {
  return side === 'buy' ? 1 : -1;
}

/** One execution as reported. `executionId` is unique for ever at its broker. */
export interface Execution {
  readonly executionId: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Shares;
  readonly priceE4: PriceE4;
  readonly feeMicros: number;
  /** When the trade happened at the venue; the record's own time is when we knew. */
  readonly tradeTimeUs: TimeUs;
}
