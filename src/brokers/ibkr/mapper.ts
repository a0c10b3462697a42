import type { CommissionReport, Contract, Execution, Order, OrderState } from '@stoqey/ib';
import type { IbkrSettings } from '../../domain/ibkr-settings.ts';
import type { OrderRequest, Side } from '../../domain/orders.ts';
import type { PriceE4, Shares } from '../../domain/units.ts';
import { microsOfDouble, unreadable, wholeShares, wirePrice } from './amounts.ts';
import type { ExecutionFact, OrderFact, StatusFact } from './facts.ts';
import { timeOfWire } from './wire-time.ts';

const CURRENCY = 'USD';

/** What of the library's enumerations is used: its types are enums, the wire's are these words. */
type Word<T> = T & string;

export function toContract(symbol: string, settings: IbkrSettings): Contract {
  return {
    symbol: symbol.replace('.', settings.classSeparator),
    secType: 'STK' as Word<NonNullable<Contract['secType']>>,
    exchange: 'SMART',
    currency: CURRENCY,
  };
}

/** How an order is priced and how long it lasts, in the wire's words. */
export interface WireTerms {
  readonly orderType: string;
  readonly timeInForce: string;
}

export function termsOf(request: OrderRequest): WireTerms {
  return {
    orderType: request.type === 'market' ? 'MKT' : 'LMT',
    timeInForce: request.timeInForce === 'ioc' ? 'IOC' : 'DAY',
  };
}

export function toOrder({
  clientOrderId,
  account,
  side,
  quantity,
  limitPriceE4,
  terms,
}: {
  readonly clientOrderId: string;
  readonly account: string;
  readonly side: Side;
  readonly quantity: Shares;
  readonly limitPriceE4: PriceE4 | undefined;
  readonly terms: WireTerms;
}): Order {
  return {
    action: (side === 'buy' ? 'BUY' : 'SELL') as Word<NonNullable<Order['action']>>,
    totalQuantity: quantity,
    orderType: terms.orderType as Word<Order['orderType']>,
    ...(limitPriceE4 === undefined ? {} : { lmtPrice: wirePrice(limitPriceE4) }),
    tif: terms.timeInForce as Word<NonNullable<Order['tif']>>,
    account,
    orderRef: clientOrderId,
    transmit: true,
    outsideRth: false,
  };
}

/** A stock by its ticker; anything else by a name that no universe has, so that books are seen to differ. */
export function symbolOf(
  { symbol, secType, currency, localSymbol }: Contract,
  settings: IbkrSettings,
): string {
  if (symbol === undefined || symbol === '') throw unreadable('a contract without a symbol', symbol);
  if (secType === 'STK' && (currency === CURRENCY || currency === '' || currency === undefined)) {
    return symbol.replace(settings.classSeparator, '.');
  }
  return `${localSymbol === undefined || localSymbol === '' ? symbol : localSymbol}:${secType}:${currency}`;
}

export function toOrderFact(
  contract: Contract,
  order: Order,
  state: OrderState,
  settings: IbkrSettings,
): OrderFact {
  const { lmtPrice } = order;
  return {
    clientOrderId: order.orderRef ?? '',
    orderId: order.orderId ?? 0,
    clientId: order.clientId,
    permId: order.permId ?? 0,
    symbol: symbolOf(contract, settings),
    side: sideOf(order.action),
    // orders of others may be for fractions: they are listed, not carried
    quantity: Math.ceil(order.totalQuantity ?? 0),
    limitPriceE4:
      order.orderType !== 'LMT' || lmtPrice === undefined
        ? undefined
        : Math.round(microsOfDouble(lmtPrice, 'a limit price') / 100),
    orderType: order.orderType,
    timeInForce: order.tif ?? 'DAY',
    status: state.status,
    completedStatus: state.completedStatus,
  };
}

export function toStatusFact(fact: {
  readonly orderId: number;
  readonly status: string;
  readonly filled: number | undefined;
  readonly permId: number | undefined;
  readonly clientId: number | undefined;
  readonly whyHeld: string | undefined;
}): StatusFact {
  return {
    orderId: fact.orderId,
    clientId: fact.clientId,
    permId: fact.permId ?? 0,
    status: fact.status,
    filled: Math.ceil(fact.filled ?? 0),
    whyHeld: fact.whyHeld ?? '',
  };
}

/** @throws ServiceError when a field that books stand on is missing, not finite or not whole */
export function toExecutionFact(
  contract: Contract,
  execution: Execution,
  settings: IbkrSettings,
): ExecutionFact {
  const { execId, side } = execution;
  if (execId === undefined || execId === '') throw unreadable('an execution without an id', execId);
  const shares = wholeShares(execution.shares, 'an execution quantity');
  const priceMicros = microsOfDouble(execution.price, 'an execution price');
  // an empty field is read as 0: only a busted trade may have no price
  if (shares < 0 || priceMicros < 0 || (shares > 0 && priceMicros === 0)) {
    throw unreadable('an execution', `${shares} at ${execution.price}`);
  }
  if (side !== 'BOT' && side !== 'SLD') throw unreadable('an execution side', side);
  return {
    executionId: execId,
    clientOrderId: execution.orderRef ?? '',
    orderId: execution.orderId ?? 0,
    clientId: execution.clientId,
    permId: execution.permId ?? 0,
    symbol: symbolOf(contract, settings),
    side: side === 'BOT' ? 'buy' : 'sell',
    shares,
    priceMicros,
    tradeTimeUs: timeOfWire(execution.time, settings.timeZone),
  };
}

/**
 * The same whoever traded. What others may do in an account (a part of a share, an option that is assigned for nothing) is
 * no execution that books could take: it is left out, and shows as a position. It must not end the connection, because the
 * gateway would list it again after every other.
 * @throws ServiceError for one of our own client that cannot be read
 */
export function toAnyExecution(
  contract: Contract,
  execution: Execution,
  settings: IbkrSettings,
): ExecutionFact | undefined {
  if (execution.clientId === settings.clientId) return toExecutionFact(contract, execution, settings);
  try {
    return toExecutionFact(contract, execution, settings);
  } catch {
    return undefined;
  }
}

/** @returns undefined where the gateway has not worked it out yet, and for the trades of others in other currencies */
export function toCommission(
  report: CommissionReport,
): { readonly executionId: string; readonly commissionMicros: number } | undefined {
  const { execId, commission, currency } = report;
  if (execId === undefined || execId === '') throw unreadable('a commission without an execution', execId);
  if (commission === undefined) return undefined;
  const commissionMicros = microsOfDouble(commission, 'a commission');
  // stock in dollars, which is all we trade, costs dollars: cash would show it, were it otherwise
  if (currency !== CURRENCY && commissionMicros !== 0) return undefined;
  return { executionId: execId, commissionMicros };
}

function sideOf(action: string | undefined): Side {
  if (action === 'BUY') return 'buy';
  if (action === 'SELL' || action === 'SSHORT') return 'sell';
  throw unreadable('an order side', action);
}
