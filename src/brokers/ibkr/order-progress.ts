import type { CodeMeaning } from '../../domain/ibkr-settings.ts';
import type { OrderProgress, OrderRejectReason } from '../../domain/orders.ts';
import type { BrokerNews } from '../../ports/broker.ts';
import type { OrderFact, StatusFact } from './facts.ts';
import {
  brokerOrderIdOf,
  entryOf,
  findEntry,
  indexEntry,
  isOver,
  type OrderBook,
  type OrderEntry,
  type PendingEnd,
  REFUSED_WITHOUT_WORDS,
} from './order-book.ts';

/** Takes an order as the gateway lists it, or as it echoes one. */
export function bookOrder(book: OrderBook, fact: OrderFact): BrokerNews[] {
  const entry = entryOf(book, fact);
  entry.heard += 1;
  if (isOver(entry)) return [];
  const news: BrokerNews[] = [];
  const { pendingChange } = entry;
  const isChanged =
    pendingChange !== undefined &&
    fact.quantity === pendingChange.quantity &&
    fact.limitPriceE4 === pendingChange.limitPriceE4;
  if (isChanged) entry.pendingChange = undefined;
  if (isChanged || entry.orderId === 0 || entry.terms.orderType === '') {
    entry.quantity = fact.quantity;
    entry.limitPriceE4 = fact.limitPriceE4;
    entry.terms = fact;
  }
  news.push(...bookWord(book, entry, { status: fact.status, whyHeld: '', filled: undefined }));
  if (isChanged) news.push(...progress(entry, 'replaced'));
  return news;
}

/** Takes a status. They come twice and three times, or not at all: only what changes is told. */
export function bookStatus(book: OrderBook, fact: StatusFact): BrokerNews[] {
  const entry = findEntry(book, { ...fact, clientOrderId: '' });
  if (entry === undefined) return [];
  indexEntry(book, entry, { ...fact, clientOrderId: entry.clientOrderId });
  entry.heard += 1;
  return isOver(entry) ? [] : bookWord(book, entry, fact);
}

interface Word {
  readonly status: string;
  readonly whyHeld: string;
  readonly filled: number | undefined;
}

function bookWord(book: OrderBook, entry: OrderEntry, { status, whyHeld, filled }: Word): BrokerNews[] {
  // fills that a status knows of and no execution told
  if (filled !== undefined && filled > entry.filled) book.unclear.add(entry);
  switch (status) {
    case 'ApiPending':
    case 'PendingSubmit':
      return entry.isAccepted ? [] : progress(entry, 'pending_new');
    case 'PreSubmitted':
    case 'Submitted':
      return whyHeld === '' ? accept(entry) : [...accept(entry), ...progress(entry, 'held')];
    case 'PendingCancel':
      return [...accept(entry), ...progress(entry, 'pending_cancel')];
    case 'ApiCancelled':
    case 'Cancelled': {
      entry.pendingEnd = { phase: 'cancelled', reason: 'refused', detail: '' };
      // an order whose change was refused is reported as cancelled, too, and works on
      const isCertain = entry.pendingChange === undefined && filled !== undefined && filled <= entry.filled;
      if (isCertain) return end(book, entry);
      book.unclear.add(entry);
      return [];
    }
    case 'Filled':
      book.unclear.add(entry);
      return [];
    case 'Inactive':
      entry.pendingEnd ??= { phase: 'rejected', reason: 'refused', detail: REFUSED_WITHOUT_WORDS };
      book.unclear.add(entry);
      return [];
    default:
      book.unclear.add(entry);
      return [];
  }
}

/** Takes an error about an order. */
export function bookError(
  book: OrderBook,
  entry: OrderEntry,
  {
    meaning,
    code,
    text,
  }: { readonly meaning: CodeMeaning | undefined; readonly code: number; readonly text: string },
): BrokerNews[] {
  entry.heard += 1;
  const detail = `${code}: ${text}`;
  if (entry.isCancelAsked && meaning === 'cancel_refused') {
    entry.isCancelAsked = false;
    if (isOver(entry)) return [];
    book.unclear.add(entry);
    return [{ type: 'CancelRejected', clientOrderId: entry.clientOrderId, reason: detail }];
  }
  if (isOver(entry)) return [];
  switch (meaning) {
    case 'notice':
      return [];
    case 'held':
      return progress(entry, 'held');
    case 'rejected':
      return refuse(book, entry, { phase: 'rejected', reason: 'refused', detail });
    case 'cancelled':
      // the status that goes with it knows how much was filled
      entry.pendingEnd = { phase: 'cancelled', reason: 'refused', detail };
      book.unclear.add(entry);
      return [];
    case 'duplicate_id':
      // refused for its number: whether an earlier message placed it, the lists say
      if (!entry.isAccepted) entry.pendingEnd = { phase: 'rejected', reason: 'not_placed', detail };
      book.unclear.add(entry);
      return [];
    default:
      book.unclear.add(entry);
      return [];
  }
}

function refuse(book: OrderBook, entry: OrderEntry, pendingEnd: PendingEnd): BrokerNews[] {
  if (entry.pendingChange !== undefined) {
    entry.pendingChange = undefined;
    book.unclear.add(entry);
    const reason = `the change was refused: ${pendingEnd.detail}`;
    return [{ type: 'CancelRejected', clientOrderId: entry.clientOrderId, reason }];
  }
  entry.pendingEnd = pendingEnd;
  return end(book, entry);
}

function accept(entry: OrderEntry): BrokerNews[] {
  if (!isOver(entry)) entry.phase = 'working';
  entry.misses = 0;
  if (entry.isAccepted) return [];
  entry.isAccepted = true;
  return [{ type: 'OrderAccepted', clientOrderId: entry.clientOrderId }];
}

function progress(entry: OrderEntry, status: OrderProgress): BrokerNews[] {
  if (!isOver(entry)) entry.phase = 'working';
  return note(entry, status);
}

/** Tells an intermediate state, if it is another than the last one told. */
export function note(entry: OrderEntry, status: OrderProgress): BrokerNews[] {
  if (entry.lastProgress === status) return [];
  entry.lastProgress = status;
  const { clientOrderId } = entry;
  return [{ type: 'OrderUpdated', clientOrderId, brokerOrderId: brokerOrderIdOf(entry), status }];
}

/** Tells the end that was pending. What has traded cannot have been rejected. */
export function end(book: OrderBook, entry: OrderEntry): BrokerNews[] {
  const { clientOrderId, pendingEnd } = entry;
  entry.pendingEnd = undefined;
  entry.pendingChange = undefined;
  book.unclear.delete(entry);
  if (pendingEnd === undefined || isOver(entry)) return [];
  if (pendingEnd.phase === 'rejected' && entry.filled === 0) {
    const { reason, detail } = pendingEnd;
    entry.phase = 'rejected';
    entry.rejection = { reason, detail };
    return [{ type: 'OrderRejected', clientOrderId, reason, detail }];
  }
  entry.phase = 'cancelled';
  return [{ type: 'OrderCancelled', clientOrderId }];
}

/** What the gateway's lists hold; complete, and asked for together. */
export interface Look {
  /** Counts up; an order sent after a look began cannot be in it. */
  readonly number: number;
  readonly open: readonly OrderFact[];
  readonly completed: readonly OrderFact[];
}

/**
 * Settles what a look can settle; executions of it have been booked. An order that no list holds is not placed after
 * `attempts` looks; one that was once at work stays open here, for reconciliation to find.
 */
export function settleLook(book: OrderBook, look: Look, attempts: number): BrokerNews[] {
  const open = new Map(look.open.flatMap((fact) => withEntry(book, fact)));
  const completed = new Map(look.completed.flatMap((fact) => withEntry(book, fact)));
  const news: BrokerNews[] = [];
  for (const entry of book.entries.values()) {
    if (isOver(entry) || entry.sentAfterLook >= look.number) continue;
    const openFact = open.get(entry);
    const completedFact = completed.get(entry);
    if (openFact !== undefined) news.push(...settleOpen(book, entry, openFact));
    else if (completedFact !== undefined) news.push(...settleCompleted(book, entry, completedFact));
    else news.push(...settleMissing(book, entry, attempts));
  }
  return news;
}

function withEntry(book: OrderBook, fact: OrderFact): [OrderEntry, OrderFact][] {
  const entry = findEntry(book, fact);
  if (entry === undefined) return [];
  indexEntry(book, entry, fact);
  return [[entry, fact]];
}

function settleOpen(book: OrderBook, entry: OrderEntry, fact: OrderFact): BrokerNews[] {
  book.unclear.delete(entry);
  entry.misses = 0;
  entry.pendingEnd = undefined;
  if (fact.status === 'Inactive') return progress(entry, 'suspended');
  const wasChanging = entry.pendingChange !== undefined;
  entry.pendingChange = undefined;
  if (!wasChanging || entry.quantity === fact.quantity) return accept(entry);
  return [];
}

function settleCompleted(book: OrderBook, entry: OrderEntry, fact: OrderFact): BrokerNews[] {
  switch (fact.status) {
    case 'Filled':
      // its executions were asked for at the same time; where they are not all here, the next look is asked for
      entry.misses = 0;
      book.unclear.add(entry);
      return accept(entry);
    case 'Cancelled':
    case 'ApiCancelled':
      entry.pendingEnd = { phase: 'cancelled', reason: 'refused', detail: '' };
      return end(book, entry);
    case 'Inactive': {
      const heard = entry.pendingEnd?.phase === 'rejected' ? entry.pendingEnd : undefined;
      const detail = fact.completedStatus || REFUSED_WITHOUT_WORDS;
      entry.pendingEnd = heard ?? { phase: 'rejected', reason: 'refused', detail };
      return end(book, entry);
    }
    default:
      book.unclear.add(entry);
      return [];
  }
}

function settleMissing(book: OrderBook, entry: OrderEntry, attempts: number): BrokerNews[] {
  entry.misses += 1;
  // the lists of what works are complete: what was heard to end, and works no more, has ended
  if (entry.pendingEnd !== undefined) return end(book, entry);
  if (entry.phase === 'sent') {
    if (entry.misses < attempts) {
      book.unclear.add(entry);
      return [];
    }
    const reason: OrderRejectReason = 'not_placed';
    const detail = `${entry.misses} looks at open orders, completed orders and executions found nothing of it`;
    entry.pendingEnd = { phase: 'rejected', reason, detail };
    return end(book, entry);
  }
  if (entry.misses < attempts) book.unclear.add(entry);
  else book.unclear.delete(entry);
  return [];
}
