import { InvariantError } from '../domain/errors.ts';
import { canMove, isWorking, type OrderRequest, type OrderStatus, sideSign } from '../domain/orders.ts';
import type { Shares, TimeUs } from '../domain/units.ts';
import type { EntryTerms } from '../learning/reward-tracker.ts';

/** The engine's own record of one order, driven only by reports. */
export interface OrderRecord {
  readonly request: OrderRequest;
  readonly symbolIx: number;
  /** Horizon the order was decided for, an index into the pipeline's horizons; -1 where there is none. */
  readonly horizonIx: number;
  readonly intendedUs: TimeUs;
  /** While learning, for an order that opens a position: what its reward will be credited to. */
  readonly terms: EntryTerms | null;
  status: OrderStatus;
  filledQuantity: Shares;
  cancelRequested: boolean;
  /** Executions booked so far, to drop a repeated report. */
  readonly executionIds: string[];
}

/**
 * Orders of the current session. Working orders are few and scanned; ended ones are kept until the session after
 * next opens, so that a repeated or late report still finds its order, and memory stays bounded.
 */
export interface OrderBook {
  working: OrderRecord[];
  ended: OrderRecord[];
  endedBefore: OrderRecord[];
}

export type OrderFault =
  | { readonly code: 'ORDER_UNKNOWN'; readonly message: string }
  | { readonly code: 'ORDER_ILLEGAL_MOVE'; readonly message: string }
  | { readonly code: 'ORDER_OVERFILLED'; readonly message: string };

export function createOrderBook(): OrderBook {
  return { working: [], ended: [], endedBefore: [] };
}

/** @throws InvariantError when the id is working already: ids are functions of the causing event, so a clash is a bug */
export function addOrder(
  book: OrderBook,
  request: OrderRequest,
  facts: Pick<OrderRecord, 'symbolIx' | 'horizonIx' | 'intendedUs' | 'terms'>,
): void {
  if (findIn(book.working, request.clientOrderId) !== undefined) {
    throw new InvariantError(`client order id ${request.clientOrderId} was used twice`);
  }
  book.working.push({
    request,
    symbolIx: facts.symbolIx,
    horizonIx: facts.horizonIx,
    intendedUs: facts.intendedUs,
    terms: facts.terms,
    status: 'intended',
    filledQuantity: 0,
    cancelRequested: false,
    executionIds: [],
  });
}

export function findOrder(book: OrderBook, clientOrderId: string): OrderRecord | undefined {
  return (
    findIn(book.working, clientOrderId) ??
    findIn(book.ended, clientOrderId) ??
    findIn(book.endedBefore, clientOrderId)
  );
}

function findIn(orders: readonly OrderRecord[], clientOrderId: string): OrderRecord | undefined {
  for (let k = orders.length - 1; k >= 0; k -= 1) {
    if (orders[k].request.clientOrderId === clientOrderId) return orders[k];
  }
  return undefined;
}

/** Moves an order to a new status; an illegal move changes nothing and returns the fault. */
export function moveOrder(book: OrderBook, order: OrderRecord, to: OrderStatus): OrderFault | undefined {
  if (!canMove(order.status, to)) {
    return {
      code: 'ORDER_ILLEGAL_MOVE',
      message: `order ${order.request.clientOrderId}: ${order.status} -> ${to} is not a legal move`,
    };
  }
  order.status = to;
  if (!isWorking(to)) {
    book.working.splice(book.working.indexOf(order), 1);
    book.ended.push(order);
  }
  return undefined;
}

/** Forgets orders that ended before the previous session. */
export function ageOrders(book: OrderBook): void {
  book.endedBefore = book.ended;
  book.ended = [];
}

/** Signed unfilled shares of working orders by symbol, written into `out`. */
export function workingShares(book: OrderBook, out: Float64Array): void {
  out.fill(0);
  for (const order of book.working) {
    out[order.symbolIx] += sideSign(order.request.side) * (order.request.quantity - order.filledQuantity);
  }
}
