import type { OrderProgress, OrderRejectReason, Side } from '../../domain/orders.ts';
import { type MoneyMicros, type PriceE4, type Shares, type TimeUs, US_PER_DAY } from '../../domain/units.ts';
import type { BrokerOrder } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ExecutionFact, OrderFact, OrderKey } from './facts.ts';
import type { WireTerms } from './mapper.ts';

/** `sent`: nothing has been heard of it yet. The others are as the gateway says. */
export type OrderPhase = 'sent' | 'working' | 'filled' | 'cancelled' | 'rejected';

export interface BookedExecution {
  readonly fact: ExecutionFact;
  /** Number behind the last dot of its id: a higher one corrects a lower. */
  readonly revision: number;
  readonly priceE4: PriceE4;
  readonly restMicros: MoneyMicros;
}

/** What an order was to become and has not been seen to. */
export interface PendingChange {
  readonly quantity: Shares;
  readonly limitPriceE4: PriceE4 | undefined;
}

/** An end that was heard of and cannot be told yet: reports of fills before it are missing, or it is not certain. */
export interface PendingEnd {
  readonly phase: 'cancelled' | 'rejected';
  readonly reason: OrderRejectReason;
  readonly detail: string;
}

export interface OrderEntry {
  readonly addedUs: TimeUs;
  readonly clientOrderId: string;
  orderId: number;
  clientId: number | undefined;
  permId: number;
  readonly symbol: string;
  readonly side: Side;
  /** 0 where only executions of it are known. */
  quantity: Shares;
  limitPriceE4: PriceE4 | undefined;
  terms: WireTerms;
  phase: OrderPhase;
  /** Whether news has said more than that it was sent: an acceptance after a fill would be one too late. */
  isAccepted: boolean;
  filled: Shares;
  /** By execution id without its revision: the revisions, oldest first. */
  readonly executions: Map<string, readonly BookedExecution[]>;
  lastProgress: OrderProgress | undefined;
  pendingChange: PendingChange | undefined;
  pendingEnd: PendingEnd | undefined;
  isCancelAsked: boolean;
  rejection: { readonly reason: OrderRejectReason; readonly detail: string } | undefined;
  /** Messages about it so far. */
  heard: number;
  /** Looks in a row that found it nowhere. */
  misses: number;
  /** Which look was the newest when it was sent: an older one cannot know it. */
  sentAfterLook: number;
}

/** What is said of an order that is inactive, when the gateway says no more. */
export const REFUSED_WITHOUT_WORDS = 'the gateway holds it as inactive and gave no reason';

interface Commission {
  readonly revision: number;
  readonly micros: MoneyMicros;
}

/** What is known of the account's orders today. Rebuilt from the gateway's lists after a restart: orderRef is the key. */
export interface OrderBook {
  readonly clock: Pick<Clock, 'nowUs'>;
  readonly entries: Map<string, OrderEntry>;
  readonly byPermId: Map<number, OrderEntry>;
  /** By `clientId/orderId`. */
  readonly byOrderId: Map<string, OrderEntry>;
  /** By execution id without its revision; also those whose execution is yet to come. */
  readonly commissions: Map<string, Commission>;
  readonly executionOwners: Map<string, OrderEntry>;
  /** Orders to ask about. */
  readonly unclear: Set<OrderEntry>;
  /** Until the first connection has told what happened before it: that is history, and no news. */
  isHistory: boolean;
  /** Executions of that time that nobody has asked for: what is said of them later would be of nothing known. */
  readonly untold: Set<string>;
}

export function emptyBook(clock: Pick<Clock, 'nowUs'>): OrderBook {
  return {
    clock,
    entries: new Map(),
    byPermId: new Map(),
    byOrderId: new Map(),
    commissions: new Map(),
    executionOwners: new Map(),
    unclear: new Set(),
    isHistory: true,
    untold: new Set(),
  };
}

export function isOver({ phase }: OrderEntry): boolean {
  return phase === 'filled' || phase === 'cancelled' || phase === 'rejected';
}

/** Whether it is known to be placed, or refused. */
export function isKnown({ phase }: OrderEntry): boolean {
  return phase !== 'sent';
}

export interface NewEntry extends OrderKey {
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Shares;
  readonly limitPriceE4: PriceE4 | undefined;
  readonly terms: WireTerms;
  readonly phase: OrderPhase;
  readonly sentAfterLook: number;
}

export function addEntry(book: OrderBook, entry: NewEntry): OrderEntry {
  const added: OrderEntry = {
    ...entry,
    addedUs: book.clock.nowUs(),
    isAccepted: false,
    filled: 0,
    executions: new Map(),
    lastProgress: undefined,
    pendingChange: undefined,
    pendingEnd: undefined,
    isCancelAsked: false,
    rejection: undefined,
    heard: 0,
    misses: 0,
  };
  book.entries.set(added.clientOrderId, added);
  indexEntry(book, added, entry);
  return added;
}

/** Takes the numbers a message carries to an entry. */
export function indexEntry(
  book: OrderBook,
  entry: OrderEntry,
  { orderId, clientId, permId }: OrderKey,
): void {
  if (permId !== 0) {
    entry.permId = permId;
    book.byPermId.set(permId, entry);
  }
  if (orderId > 0 && clientId !== undefined) {
    entry.orderId = orderId;
    entry.clientId = clientId;
    book.byOrderId.set(orderIdKey(clientId, orderId), entry);
  }
}

export function orderIdKey(clientId: number, orderId: number): string {
  return `${clientId}/${orderId}`;
}

export function findEntry(
  book: OrderBook,
  { clientOrderId, permId, clientId, orderId }: OrderKey,
): OrderEntry | undefined {
  if (clientOrderId !== '') {
    const named = book.entries.get(clientOrderId);
    if (named !== undefined) return named;
  }
  const ofAccount = permId === 0 ? undefined : book.byPermId.get(permId);
  if (ofAccount !== undefined || clientId === undefined) return ofAccount;
  return book.byOrderId.get(orderIdKey(clientId, orderId));
}

/** Name of an order that carries none: no id of ours looks like it. */
export function nameOf({ clientOrderId, permId, clientId, orderId }: OrderKey): string {
  if (clientOrderId !== '') return clientOrderId;
  return permId === 0 ? `ibkr:${clientId}/${orderId}` : `ibkr:${permId}`;
}

export function entryOf(book: OrderBook, fact: OrderFact): OrderEntry {
  const found = findEntry(book, fact);
  if (found !== undefined) {
    indexEntry(book, found, fact);
    learnQuantity(found, fact.quantity);
    return found;
  }
  return addEntry(book, {
    ...fact,
    clientOrderId: nameOf(fact),
    terms: fact,
    phase: 'working',
    sentAfterLook: -1,
  });
}

/** An order of which only executions were known looked like filled. */
function learnQuantity(entry: OrderEntry, quantity: Shares): void {
  if (entry.quantity !== 0) return;
  entry.quantity = quantity;
  if (entry.phase === 'filled' && entry.filled < quantity) entry.phase = 'working';
}

const PHASE_OF_COMPLETED: Readonly<Record<string, OrderPhase>> = {
  Filled: 'filled',
  Cancelled: 'cancelled',
  ApiCancelled: 'cancelled',
  Inactive: 'rejected',
};

/** Remembers an order that ended before anyone here heard of it, so that it is not placed again. It is no news. */
export function rememberCompleted(book: OrderBook, fact: OrderFact): void {
  const known = findEntry(book, fact);
  if (known !== undefined && known.quantity !== 0) return;
  const entry = entryOf(book, fact);
  const phase = PHASE_OF_COMPLETED[fact.status];
  if (phase === undefined) return;
  entry.phase = phase === 'rejected' && entry.filled > 0 ? 'cancelled' : phase;
  if (entry.phase !== 'rejected') return;
  entry.rejection = { reason: 'refused', detail: fact.completedStatus || REFUSED_WITHOUT_WORDS };
}

/** The gateway lists orders and executions of the day: what is older cannot come up again. */
const KEPT_US = 3 * US_PER_DAY;

/** Forgets orders that ended days ago, so that a client may run for as long as it likes. */
export function forgetOld(book: OrderBook): void {
  const sinceUs = book.clock.nowUs() - KEPT_US;
  for (const entry of book.entries.values()) {
    if (entry.addedUs >= sinceUs || !isOver(entry)) continue;
    book.entries.delete(entry.clientOrderId);
    book.byPermId.delete(entry.permId);
    if (entry.clientId !== undefined) book.byOrderId.delete(orderIdKey(entry.clientId, entry.orderId));
    book.unclear.delete(entry);
    for (const base of entry.executions.keys()) {
      book.executionOwners.delete(base);
      book.commissions.delete(base);
      book.untold.delete(base);
    }
  }
}

export function brokerOrderOf(entry: OrderEntry): BrokerOrder {
  const { phase, limitPriceE4 } = entry;
  return {
    clientOrderId: entry.clientOrderId,
    brokerOrderId: brokerOrderIdOf(entry),
    symbol: entry.symbol,
    side: entry.side,
    quantity: entry.quantity,
    filledQuantity: entry.filled,
    status: phase === 'sent' ? 'working' : phase,
    ...(limitPriceE4 === undefined ? {} : { limitPriceE4 }),
  };
}

/** The same from the first word to the last, and after a restart: the account's own number comes later. */
export function brokerOrderIdOf({ permId, clientId, orderId }: OrderEntry): string {
  return orderId > 0 && clientId !== undefined ? orderIdKey(clientId, orderId) : `perm ${permId}`;
}
