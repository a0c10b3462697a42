import type { Execution, OrderRequest, Side } from '../../domain/orders.ts';
import { tickAtE4 } from '../../domain/tick.ts';
import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../../domain/units.ts';
import {
  decimalText,
  decimalUnits,
  isRecord,
  partedShares,
  priceE4Of,
  sharesOf,
  timeUsOf,
} from '../../net/wire-text.ts';
import type { BrokerOrder, BrokerRules, OrderChange } from '../../ports/broker.ts';

type Raw = Readonly<Record<string, unknown>>;

/** An order as Alpaca has it; times and ids as written. */
export interface AlpacaOrder {
  readonly id: string;
  /** Ours, without the mark of a replacement. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Shares;
  readonly filledQuantity: Shares;
  readonly status: string;
  readonly limitPriceE4?: number;
  readonly replacedBy?: string;
  /** The order that it took the place of. */
  readonly replaces?: string;
  readonly submittedUs?: TimeUs;
}

/** One message of `trade_updates`. */
export interface TradeUpdate {
  readonly event: string;
  readonly order: AlpacaOrder;
  /** Set where something was executed. */
  readonly fill?: Omit<Execution, 'clientOrderId' | 'symbol' | 'side'>;
  /** The execution that this one takes the place of. */
  readonly corrects?: string;
  readonly reason?: string;
}

/** One row of the account's fills. */
export interface FillActivity {
  readonly brokerOrderId: string;
  readonly cumulativeQuantity: Shares;
  readonly fill: Omit<Execution, 'clientOrderId'>;
}

const MICROS_PER_E4 = 100;
const REPLACEMENT = /\.r[0-9a-z]+$/;

/**
 * The client id of a replacement asked for at a time: Alpaca gives a replacement a new order, and one without an id of
 * ours could not be found again after a crash.
 */
export function replacementId(clientOrderId: string, nowUs: TimeUs): string {
  return `${clientOrderId}.r${nowUs.toString(36)}`;
}

/** Ours, without the mark of a replacement. */
export function withoutMark(clientOrderId: string): string {
  return clientOrderId.replace(REPLACEMENT, '');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function sideOf(value: unknown): Side | undefined {
  if (value === 'buy') return 'buy';
  return value === 'sell' || value === 'sell_short' ? 'sell' : undefined;
}

/** @returns undefined when something is missing or is no whole number of shares */
export function parseOrder(raw: unknown): AlpacaOrder | undefined {
  if (!isRecord(raw)) return undefined;
  const id = textOf(raw.id);
  const symbol = textOf(raw.symbol);
  const status = textOf(raw.status);
  const side =
    raw.side === 'buy' || raw.side === 'sell' ? raw.side : raw.side === 'sell_short' ? 'sell' : undefined;
  const quantity = sharesOf(raw.qty);
  const filledQuantity = sharesOf(raw.filled_qty ?? '0');
  if (id === undefined || symbol === undefined || status === undefined || side === undefined)
    return undefined;
  if (quantity === undefined || filledQuantity === undefined) return undefined;
  const limitPriceE4 = priceE4Of(raw.limit_price);
  const replacedBy = textOf(raw.replaced_by);
  const replaces = textOf(raw.replaces);
  const submittedUs = timeUsOf(raw.submitted_at ?? raw.created_at);
  return {
    id,
    clientOrderId: withoutMark(textOf(raw.client_order_id) ?? ''),
    symbol,
    side,
    quantity,
    filledQuantity,
    status,
    ...(limitPriceE4 === undefined ? {} : { limitPriceE4 }),
    ...(replacedBy === undefined ? {} : { replacedBy }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(submittedUs === undefined ? {} : { submittedUs }),
  };
}

/**
 * An order whoever placed it: one for parts of a share counts as if it were for the next whole number, one for an amount of
 * money as if it were for one share.
 */
export function parseAnyOrder(raw: unknown): AlpacaOrder | undefined {
  if (!isRecord(raw)) return undefined;
  const up = (text: unknown): string | undefined => {
    const shares = decimalUnits(text, { places: 0, rounding: 'up' });
    return shares === undefined ? undefined : String(shares);
  };
  const qty = up(raw.qty ?? (textOf(raw.notional) === undefined ? undefined : '1'));
  return parseOrder({ ...raw, qty, filled_qty: up(raw.filled_qty ?? '0') });
}

/** Whether a row of the account's fills is of a part of a share. */
export function isOfPart(raw: unknown): boolean {
  return isRecord(raw) && [raw.qty, raw.cum_qty].some((text) => (partedShares(text)?.part ?? 0) !== 0);
}

/**
 * What an execution cost, exactly: Alpaca gives prices finer than ours where one was improved. Such a one is booked at the
 * ten-thousandth that favours us, and its fee carries the rest, so that cash is right to the micro-dollar a share.
 */
function termsOf(
  price: unknown,
  { side, quantity }: { readonly side: Side; readonly quantity: Shares },
): { readonly priceE4: PriceE4; readonly feeMicros: MoneyMicros } | undefined {
  const isBuy = side === 'buy';
  const micros = decimalUnits(price, { places: 6, rounding: isBuy ? 'up' : 'down' });
  if (micros === undefined || micros <= 0) return undefined;
  const priceE4 = isBuy ? Math.floor(micros / MICROS_PER_E4) : Math.ceil(micros / MICROS_PER_E4);
  return { priceE4, feeMicros: Math.abs(micros - priceE4 * MICROS_PER_E4) * quantity };
}

/** @returns undefined for what cannot be read whole: half a report is none */
export function parseTradeUpdate(raw: unknown): TradeUpdate | undefined {
  if (!isRecord(raw)) return undefined;
  const event = textOf(raw.event);
  const order = parseOrder(raw.order);
  if (event === undefined || order === undefined) return undefined;
  const reason = textOf(raw.reason);
  const corrects = textOf(raw.previous_execution_id);
  const base = { event, order, ...(reason === undefined ? {} : { reason }) };
  if (!['fill', 'partial_fill', 'trade_bust', 'trade_correct'].includes(event)) return base;
  const executionId = textOf(raw.execution_id);
  const quantity = sharesOf(raw.qty);
  const terms = quantity === undefined ? undefined : termsOf(raw.price, { side: order.side, quantity });
  const tradeTimeUs = timeUsOf(raw.timestamp);
  if (executionId === undefined || quantity === undefined || terms === undefined) return undefined;
  if (tradeTimeUs === undefined) return undefined;
  return {
    ...base,
    fill: { executionId, quantity, ...terms, tradeTimeUs },
    ...(corrects === undefined ? {} : { corrects }),
  };
}

/** @returns undefined for a row that cannot be read whole */
export function parseFillActivity(raw: unknown): FillActivity | undefined {
  if (!isRecord(raw)) return undefined;
  const id = textOf(raw.id);
  const brokerOrderId = textOf(raw.order_id);
  const symbol = textOf(raw.symbol);
  const side = sideOf(raw.side);
  const quantity = sharesOf(raw.qty);
  const cumulativeQuantity = sharesOf(raw.cum_qty);
  const tradeTimeUs = timeUsOf(raw.transaction_time);
  if (id === undefined || brokerOrderId === undefined || symbol === undefined || side === undefined)
    return undefined;
  if (quantity === undefined || cumulativeQuantity === undefined || tradeTimeUs === undefined)
    return undefined;
  const terms = termsOf(raw.price, { side, quantity });
  if (terms === undefined) return undefined;
  // an activity's id is its time, two colons, and the id of the execution
  const executionId = id.split('::').at(-1) ?? id;
  const fill = { executionId, symbol, side, quantity, ...terms, tradeTimeUs } as const;
  return { brokerOrderId, cumulativeQuantity, fill };
}

const ENDED: Readonly<Record<string, BrokerOrder['status']>> = {
  filled: 'filled',
  canceled: 'cancelled',
  replaced: 'cancelled',
  expired: 'expired',
  rejected: 'rejected',
};

export function toBrokerOrder(order: AlpacaOrder): BrokerOrder {
  const { clientOrderId, symbol, side, quantity, filledQuantity, limitPriceE4 } = order;
  return {
    clientOrderId,
    brokerOrderId: order.id,
    symbol,
    side,
    quantity,
    filledQuantity,
    status: ENDED[order.status] ?? 'working',
    ...(limitPriceE4 === undefined ? {} : { limitPriceE4 }),
  };
}

/** The body of `POST /v2/orders`. */
export function orderBody(order: OrderRequest): Raw {
  return {
    symbol: order.symbol,
    qty: String(order.quantity),
    side: order.side,
    type: order.type === 'market' ? 'market' : 'limit',
    time_in_force: order.timeInForce,
    client_order_id: order.clientOrderId,
    ...(order.limitPriceE4 === undefined ? {} : { limit_price: decimalText(order.limitPriceE4, 4) }),
  };
}

/** The body of `PATCH /v2/orders/{id}`. */
export function changeBody(change: OrderChange, newClientOrderId: string): Raw {
  return {
    client_order_id: newClientOrderId,
    ...(change.quantity === undefined ? {} : { qty: String(change.quantity) }),
    ...(change.limitPriceE4 === undefined ? {} : { limit_price: decimalText(change.limitPriceE4, 4) }),
  };
}

/** Why an order cannot be sent as it is; undefined when it can. */
export function faultOf(
  order: Pick<OrderRequest, 'clientOrderId' | 'quantity' | 'limitPriceE4'> & { readonly needsLimit: boolean },
  rules: BrokerRules,
): { readonly reason: 'invalid_price' | 'invalid_quantity'; readonly detail: string } | undefined {
  const { limitPriceE4: priceE4, quantity } = order;
  if (!Number.isSafeInteger(quantity) || quantity <= 0) {
    return { reason: 'invalid_quantity', detail: `${quantity} shares: whole and positive are sent` };
  }
  if (order.clientOrderId.length > rules.maxClientOrderIdLength) {
    return {
      reason: 'invalid_quantity',
      detail: `a client order id of more than ${rules.maxClientOrderIdLength}`,
    };
  }
  if (priceE4 === undefined) {
    return order.needsLimit
      ? { reason: 'invalid_price', detail: 'a limit order without a limit' }
      : undefined;
  }
  if (!Number.isSafeInteger(priceE4) || priceE4 <= 0) {
    return { reason: 'invalid_price', detail: 'a limit that is no positive price' };
  }
  const tickE4 = tickAtE4(priceE4, rules);
  if (priceE4 % tickE4 === 0) return undefined;
  const shown = decimalText(priceE4, 4);
  return {
    reason: 'invalid_price',
    detail: `limit ${shown} is off the step of ${decimalText(tickE4, 4)} dollars`,
  };
}

/** Executions in the order they were made: fills of one millisecond come in any order from the account's list. */
export function inOrder(fills: readonly FillActivity[]): FillActivity[] {
  const time = (one: FillActivity): TimeUs => one.fill.tradeTimeUs;
  return [...fills].sort((a, b) => time(a) - time(b) || a.cumulativeQuantity - b.cumulativeQuantity);
}
