import { compareCodeUnits } from '../domain/compare.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { BrokerSnapshot } from '../events/inputs.ts';
import type { Engine } from './engine-state.ts';
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

export function isOfOrder({ item }: Difference): boolean {
  return item === 'unknown_order' || item === 'missing_order';
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
  for (const { clientOrderId, symbol, leavesQuantity } of openOrders) {
    const isOurs = Object.hasOwn(orders.workingOrdinals, clientOrderId) && !seen.has(clientOrderId);
    seen.add(clientOrderId);
    if (isOurs) continue;
    found.push({ item: 'unknown_order', symbol, clientOrderId, ours: 0, theirs: leavesQuantity });
  }
  for (const { request, status, filledQuantity } of orders.working) {
    const { clientOrderId, symbol, quantity } = request;
    if (status === 'intended' || seen.has(clientOrderId)) continue;
    found.push({ item: 'missing_order', symbol, clientOrderId, ours: quantity - filledQuantity, theirs: 0 });
  }
}
