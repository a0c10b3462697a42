import { InvariantError } from '../domain/errors.ts';
import {
  isWorking,
  type OrderProgress,
  type OrderRejectReason,
  type OrderRequest,
  type OrderStatus,
  sideSign,
} from '../domain/orders.ts';
import { placeOfOrdinal } from '../domain/ordinal-place.ts';
import type { Shares, TimeUs } from '../domain/units.ts';
import type { EntryTerms } from '../learning/reward-tracker.ts';

/** The engine's own record of one order, driven only by reports. */
export interface OrderRecord {
  /** Number of the order in its book, from 0 in the order of intent. */
  readonly ordinal: number;
  readonly request: OrderRequest;
  readonly symbolIx: number;
  /** Horizon the order was decided for, an index into the pipeline's horizons; -1 where there is none. */
  readonly horizonIx: number;
  readonly intendedUs: TimeUs;
  /** While learning, for an order that opens a position: what its reward will be credited to. */
  readonly terms: EntryTerms | null;
  status: OrderStatus;
  /** As the broker knows it; null until it has said. */
  brokerOrderId: string | null;
  /** What the broker last said of it on the way, for the record. */
  progress: OrderProgress | null;
  /** Whether an acceptance, or a fill, which says as much, has come. */
  isAccepted: boolean;
  rejectReason: OrderRejectReason | null;
  /** What its executions come to, corrections included. */
  filledQuantity: Shares;
  executionCount: number;
  cancel: WantedCancel | null;
}

/** Once wanted, a cancellation stays wanted until the order ends. */
export interface WantedCancel {
  readonly reason: string;
  /** The broker has been asked and has not refused since. */
  isAsked: boolean;
  /** When it was asked last. */
  askedUs: TimeUs;
  refusals: number;
  notBeforeUs: TimeUs;
}

/**
 * Orders of the current session. Ended ones are kept until the session after next opens, so that a repeated or late
 * report still finds its order, and memory stays bounded. Indices by client id hold numbers and no records: a copy of
 * the state must not hold an order twice. They are maps: an object takes a microsecond to learn a key it has never seen.
 */
export interface OrderBook {
  /** In the order of intent, so by rising ordinal. */
  working: OrderRecord[];
  readonly workingOrdinals: Map<string, number>;
  nextOrdinal: number;
  ended: EndedOrders;
  endedBefore: EndedOrders;
}

/** In the order they ended, with the place of each by client id. */
export interface EndedOrders {
  readonly orders: OrderRecord[];
  readonly places: Map<string, number>;
}

export function createOrderBook(): OrderBook {
  return {
    working: [],
    workingOrdinals: new Map(),
    nextOrdinal: 0,
    ended: noneEnded(),
    endedBefore: noneEnded(),
  };
}

function noneEnded(): EndedOrders {
  return { orders: [], places: new Map() };
}

/** @throws InvariantError when the id is working already: ids are functions of the causing event, so a clash is a bug */
export function addOrder(
  book: OrderBook,
  request: OrderRequest,
  facts: Pick<OrderRecord, 'symbolIx' | 'horizonIx' | 'intendedUs' | 'terms'>,
): void {
  const { clientOrderId } = request;
  if (book.workingOrdinals.has(clientOrderId)) {
    throw new InvariantError(`client order id ${clientOrderId} was used twice`);
  }
  const ordinal = book.nextOrdinal;
  book.nextOrdinal += 1;
  book.workingOrdinals.set(clientOrderId, ordinal);
  book.working.push({
    ordinal,
    request,
    symbolIx: facts.symbolIx,
    horizonIx: facts.horizonIx,
    intendedUs: facts.intendedUs,
    terms: facts.terms,
    status: 'intended',
    brokerOrderId: null,
    progress: null,
    isAccepted: false,
    rejectReason: null,
    filledQuantity: 0,
    executionCount: 0,
    cancel: null,
  });
}

export function findOrder(book: OrderBook, clientOrderId: string): OrderRecord | undefined {
  const { working, workingOrdinals } = book;
  const ordinal = workingOrdinals.get(clientOrderId);
  return ordinal === undefined
    ? (findEnded(book.ended, clientOrderId) ?? findEnded(book.endedBefore, clientOrderId))
    : working[placeOfOrdinal(working, ordinal)];
}

function findEnded({ orders, places }: EndedOrders, clientOrderId: string): OrderRecord | undefined {
  const place = places.get(clientOrderId);
  return place === undefined ? undefined : orders[place];
}

/** Moves an order to a new status, by a move its caller knows to be legal. */
export function moveOrder(book: OrderBook, order: OrderRecord, to: OrderStatus): void {
  order.status = to;
  if (isWorking(to)) return;
  const { clientOrderId } = order.request;
  order.progress = null;
  book.working.splice(placeOfOrdinal(book.working, order.ordinal), 1);
  book.workingOrdinals.delete(clientOrderId);
  book.ended.places.set(clientOrderId, book.ended.orders.length);
  book.ended.orders.push(order);
}

/** Forgets orders that ended before the previous session. */
export function ageOrders(book: OrderBook): void {
  book.endedBefore = book.ended;
  book.ended = noneEnded();
}

/** Signed unfilled shares of working orders by symbol, written into `out`. */
export function workingShares(book: OrderBook, out: Float64Array): void {
  out.fill(0);
  for (const order of book.working) {
    out[order.symbolIx] += sideSign(order.request.side) * (order.request.quantity - order.filledQuantity);
  }
}
