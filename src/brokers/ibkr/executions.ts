import { compareCodeUnits } from '../../domain/compare.ts';
import type { Execution } from '../../domain/orders.ts';
import type { MoneyMicros, TimeUs } from '../../domain/units.ts';
import type { BrokerNews, ToldExecution } from '../../ports/broker.ts';
import { bookPrice } from './amounts.ts';
import type { ExecutionFact } from './facts.ts';
import {
  addEntry,
  type BookedExecution,
  findEntry,
  indexEntry,
  isOver,
  nameOf,
  type OrderBook,
  type OrderEntry,
} from './order-book.ts';

export function splitExecutionId(executionId: string): { readonly base: string; readonly revision: number } {
  const dot = executionId.lastIndexOf('.');
  const tail = executionId.slice(dot + 1);
  if (dot < 0 || !/^[0-9]{1,9}$/.test(tail)) return { base: executionId, revision: 0 };
  return { base: executionId.slice(0, dot), revision: Number(tail) };
}

/** An execution as news carries it: with the newest commission known for it. */
function executionOf(book: OrderBook, entry: OrderEntry, booked: BookedExecution): Execution {
  const { fact, priceE4, restMicros } = booked;
  const commission = book.commissions.get(splitExecutionId(fact.executionId).base)?.micros ?? 0;
  return {
    executionId: fact.executionId,
    clientOrderId: entry.clientOrderId,
    symbol: entry.symbol,
    side: entry.side,
    quantity: fact.shares,
    priceE4,
    feeMicros: commission + restMicros,
    tradeTimeUs: fact.tradeTimeUs,
  };
}

/** The same, for one who asks: from now on, what is said of it is news. */
function tellExecution(book: OrderBook, entry: OrderEntry, booked: BookedExecution): Execution {
  book.untold.delete(splitExecutionId(booked.fact.executionId).base);
  return executionOf(book, entry, booked);
}

/**
 * Books an execution. Known ones and older revisions change nothing; a newer revision corrects the one before it. One
 * that corrects what never came waits for the list, so that the story is told from its beginning, now and after a restart.
 * @param isListed whether it was asked for, and so comes in order
 */
export function bookExecution(book: OrderBook, fact: ExecutionFact, isListed: boolean): BrokerNews[] {
  const { base, revision } = splitExecutionId(fact.executionId);
  const entry = book.executionOwners.get(base) ?? findEntry(book, fact) ?? addTradedEntry(book, fact);
  indexEntry(book, entry, fact);
  entry.heard += 1;
  const revisions = entry.executions.get(base) ?? [];
  const known = revisions.at(-1);
  if (known !== undefined && known.revision >= revision) return [];
  if (known === undefined && revision > 1 && !isListed) {
    book.unclear.add(entry);
    return [];
  }
  const isBusted = fact.shares === 0;
  const price = isBusted && known !== undefined ? { priceE4: known.priceE4, restMicros: 0 } : bookPrice(fact);
  const booked: BookedExecution = { fact, revision, ...price };
  entry.executions.set(base, [...revisions, booked]);
  book.executionOwners.set(base, entry);
  entry.filled += fact.shares - (known?.fact.shares ?? 0);
  entry.misses = 0;
  if (book.isHistory) book.untold.add(base);
  const news =
    known === undefined ? fillNews(book, entry, booked) : [correctionNews(book, entry, booked, known)];
  if (entry.filled >= entry.quantity || isOver(entry)) book.unclear.delete(entry);
  return book.untold.has(base) ? [] : news;
}

function addTradedEntry(book: OrderBook, fact: ExecutionFact): OrderEntry {
  return addEntry(book, {
    ...fact,
    clientOrderId: nameOf(fact),
    quantity: 0,
    limitPriceE4: undefined,
    terms: { orderType: '', timeInForce: '' },
    phase: 'working',
    sentAfterLook: -1,
  });
}

function fillNews(book: OrderBook, entry: OrderEntry, booked: BookedExecution): BrokerNews[] {
  const execution = executionOf(book, entry, booked);
  const leavesQuantity = entry.quantity - entry.filled;
  entry.isAccepted = true;
  if (leavesQuantity <= 0) {
    entry.phase = 'filled';
    entry.pendingEnd = undefined;
    return [{ type: 'OrderFilled', execution }];
  }
  if (!isOver(entry)) entry.phase = 'working';
  return [{ type: 'OrderPartiallyFilled', execution, leavesQuantity }];
}

function correctionNews(
  book: OrderBook,
  entry: OrderEntry,
  booked: BookedExecution,
  corrected: BookedExecution,
): BrokerNews {
  const execution = executionOf(book, entry, booked);
  return { type: 'ExecutionCorrected', execution, corrects: corrected.fact.executionId };
}

/** Joins a commission to its execution, whichever comes first; one of a newer revision wins. */
export function bookCommission(
  book: OrderBook,
  { executionId, commissionMicros }: { readonly executionId: string; readonly commissionMicros: MoneyMicros },
): BrokerNews[] {
  const { base, revision } = splitExecutionId(executionId);
  const known = book.commissions.get(base);
  if (known !== undefined && known.revision > revision) return [];
  if (known !== undefined && known.micros === commissionMicros) {
    book.commissions.set(base, { revision, micros: commissionMicros });
    return [];
  }
  book.commissions.set(base, { revision, micros: commissionMicros });
  const entry = book.executionOwners.get(base);
  const booked = entry?.executions.get(base)?.at(-1);
  if (entry === undefined || booked === undefined || book.untold.has(base)) return [];
  const fee = feeNews(book, base, booked);
  return fee === undefined ? [] : [fee];
}

/**
 * What news can say of an order so far, for one who may have missed it: its executions, or else its acceptance, and its
 * end. An acceptance is never told after a fill.
 */
export function retell(book: OrderBook, entry: OrderEntry): BrokerNews[] {
  const { clientOrderId, phase, rejection } = entry;
  const told: BrokerNews[] = [];
  let leavesQuantity = entry.quantity;
  const firsts = [...entry.executions.values()].map(([first]) => first!);
  for (const [at, first] of firsts.entries()) {
    const execution = tellExecution(book, entry, first);
    leavesQuantity -= execution.quantity;
    // corrections may have undone what looked like all of it
    if (phase === 'filled' && at === firsts.length - 1) told.push({ type: 'OrderFilled', execution });
    else {
      told.push({ type: 'OrderPartiallyFilled', execution, leavesQuantity: Math.max(1, leavesQuantity) });
    }
  }
  told.push(...retellRevisions(book, entry));
  if (phase === 'cancelled') told.push({ type: 'OrderCancelled', clientOrderId });
  else if (phase === 'rejected' && rejection !== undefined) {
    told.push({ type: 'OrderRejected', clientOrderId, ...rejection });
  } else if (told.length === 0 && entry.isAccepted) told.push({ type: 'OrderAccepted', clientOrderId });
  return told;
}

/** Executions at or after a time, each revision after the one it corrects. Asked for, they are history no longer. */
export function executionsSince(book: OrderBook, sinceUs: TimeUs): ToldExecution[] {
  const chains: ToldExecution[][] = [];
  for (const entry of book.entries.values()) {
    for (const revisions of entry.executions.values()) {
      if (revisions[0]!.fact.tradeTimeUs < sinceUs) continue;
      chains.push(
        revisions.map((booked, at) => {
          const execution = tellExecution(book, entry, booked);
          return at === 0 ? execution : { ...execution, corrects: revisions[at - 1]!.fact.executionId };
        }),
      );
    }
  }
  return chains
    .sort(([a], [b]) => a!.tradeTimeUs - b!.tradeTimeUs || compareCodeUnits(a!.executionId, b!.executionId))
    .flat();
}

/** What was said of executions after they were first told: corrections, and the fee of what they have become. */
function retellRevisions(book: OrderBook, entry: OrderEntry): BrokerNews[] {
  return [...entry.executions].flatMap(([base, revisions]) => {
    if (book.untold.has(base)) return [];
    const corrections = revisions
      .slice(1)
      .map((booked, at) => correctionNews(book, entry, booked, revisions[at]!));
    const fee = feeNews(book, base, revisions.at(-1)!);
    return fee === undefined ? corrections : [...corrections, fee];
  });
}

function feeNews(
  book: OrderBook,
  base: string,
  { fact, restMicros }: BookedExecution,
): BrokerNews | undefined {
  const commission = book.commissions.get(base);
  if (commission === undefined) return undefined;
  const { executionId } = fact;
  return { type: 'CommissionReported', executionId, feeMicros: commission.micros + restMicros };
}
