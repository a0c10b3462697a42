import { compareCodeUnits } from '../domain/compare.ts';
import { type OpenOrder, sideSign } from '../domain/orders.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { ReconciliationItem } from '../events/derived.ts';
import type { BrokerSnapshot } from '../events/inputs.ts';
import type { Engine } from './engine-state.ts';
import { findOrder, type OrderRecord } from './order-book.ts';
import type { Difference } from './reconciliation.ts';

/** Cash, then the universe in its order, then what the broker holds besides, then orders, where it was asked for them. */
export function differencesOf(engine: Engine, snapshot: BrokerSnapshot): readonly Difference[] {
  const found: Difference[] = [];
  const { ledger, settings } = engine;
  const { cashMicros: theirs } = snapshot;
  const ours = ledger.cashMicros;
  if (Math.abs(theirs - ours) > settings.reconciliation.cashToleranceMicros) {
    found.push({ item: 'cash', ours, theirs });
  }
  comparePositions(engine, snapshot, found);
  if (snapshot.openOrders !== undefined) compareOrders(engine, snapshot.openOrders, found);
  return found;
}

const ORDER_ITEMS: readonly ReconciliationItem[] = [
  'unknown_order',
  'missing_order',
  'order_shares',
  'order_price',
];

export function isOfOrder({ item }: Difference): boolean {
  return ORDER_ITEMS.includes(item);
}

/** Whether a snapshot shows what an earlier one did: the same thing, off by as much. */
export function isSame(a: Difference, b: Difference): boolean {
  return (
    a.item === b.item &&
    a.symbol === b.symbol &&
    a.clientOrderId === b.clientOrderId &&
    a.theirs - a.ours === b.theirs - b.ours
  );
}

function comparePositions(
  { layout: { symbols }, ledger }: Engine,
  { positions }: BrokerSnapshot,
  found: Difference[],
): void {
  for (let i = 0; i < symbols.length; i += 1) {
    const symbol = symbols[i];
    const theirs = Object.hasOwn(positions, symbol) ? positions[symbol] : 0;
    const ours = ledger.shares[i];
    if (ours === theirs) continue;
    found.push({ item: ours === 0 ? 'orphan_position' : 'position', symbol, ours, theirs });
  }
  for (const symbol of Object.keys(positions).sort(compareCodeUnits)) {
    if (indexOfSymbol(symbols, symbol) >= 0 || positions[symbol] === 0) continue;
    found.push({ item: 'orphan_position', symbol, ours: 0, theirs: positions[symbol] });
  }
}

/** An order that no report has come for may be on its way: it is not missing yet. */
function compareOrders(
  { orders }: Engine,
  openOrders: NonNullable<BrokerSnapshot['openOrders']>,
  found: Difference[],
): void {
  const seen = new Set<string>();
  for (const theirs of openOrders) {
    const { clientOrderId, symbol, leavesQuantity } = theirs;
    const isOurs = orders.workingOrdinals.has(clientOrderId) && !seen.has(clientOrderId);
    const ours = isOurs ? findOrder(orders, clientOrderId) : undefined;
    if (ours?.request.symbol === symbol) {
      seen.add(clientOrderId);
      compareOrder(ours, theirs, found);
    } else found.push({ item: 'unknown_order', symbol, clientOrderId, ours: 0, theirs: leavesQuantity });
  }
  for (const { request, status, filledQuantity } of orders.working) {
    const { clientOrderId, symbol, quantity } = request;
    if (status === 'intended' || seen.has(clientOrderId)) continue;
    found.push({ item: 'missing_order', symbol, clientOrderId, ours: quantity - filledQuantity, theirs: 0 });
  }
}

/** What may still trade under an order that both sides have at work, which way, and at what limit. */
function compareOrder({ request, filledQuantity }: OrderRecord, open: OpenOrder, found: Difference[]): void {
  const { clientOrderId, symbol } = request;
  const ours = sideSign(request.side) * (request.quantity - filledQuantity);
  const theirs = sideSign(open.side) * open.leavesQuantity;
  if (ours !== theirs) found.push({ item: 'order_shares', symbol, clientOrderId, ours, theirs });
  const { limitPriceE4 } = request;
  if (open.limitPriceE4 === undefined || open.limitPriceE4 === limitPriceE4) return;
  // an order without a limit that has one at the broker is another order, too
  found.push({
    item: 'order_price',
    symbol,
    clientOrderId,
    ours: limitPriceE4 ?? 0,
    theirs: open.limitPriceE4,
  });
}
