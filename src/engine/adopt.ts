import { adoptCash, adoptPosition } from '../domain/ledger-corrections.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { Engine } from './engine-state.ts';
import { forgetEntry } from './learn.ts';
import { findOrder, moveOrder } from './order-book.ts';
import type { Difference } from './reconciliation.ts';

/**
 * Takes what the broker has into the books. Shares come or go at their mark and without cash, since cash is a difference
 * of its own; an order the broker does not have has ended.
 * @returns false for what the books have no place for: a symbol outside the universe, one without a mark, an order
 */
export function adopt(engine: Engine, difference: Difference, out: DerivedEvent[]): boolean {
  const { item, ours, theirs } = difference;
  switch (item) {
    case 'cash': {
      const cashMicros = adoptCash(engine.ledger, engine.ledger.cashMicros + theirs - ours);
      out.push({ type: 'CashAdopted', cashMicros });
      return true;
    }
    case 'position':
    case 'orphan_position':
      return adoptShares(engine, difference, out);
    case 'missing_order': {
      const order = findOrder(engine.orders, difference.clientOrderId ?? '');
      if (order !== undefined) moveOrder(engine.orders, order, 'cancelled');
      const { clientOrderId = '' } = difference;
      out.push({ type: 'OrderDropped', clientOrderId, leavesQuantity: ours });
      return true;
    }
    case 'unknown_order':
    case 'order_shares':
    case 'order_price':
      return false;
  }
}

function adoptShares(
  engine: Engine,
  { symbol = '', ours, theirs }: Difference,
  out: DerivedEvent[],
): boolean {
  const { layout, ledger, nowUs, pipeline } = engine;
  const symbolIx = indexOfSymbol(layout.symbols, symbol);
  const markE4 = symbolIx < 0 ? 0 : pipeline.marksE4[symbolIx];
  if (!(markE4 > 0)) return false;
  // lots have whole prices, and a mark may end in .5
  const priceE4 = Math.round(markE4);
  const change = theirs - ours;
  const { realizedMicros } = adoptPosition(ledger, { symbolIx, shares: change, priceE4, tUs: nowUs });
  const shares = ledger.shares[symbolIx];
  if (shares === 0) forgetEntry(pipeline, symbolIx);
  out.push({ type: 'PositionAdopted', symbol, change, shares, priceE4, realizedMicros });
  return true;
}
