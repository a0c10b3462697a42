import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { DerivedEvent, ReconciliationItem, ReconciliationReason } from '../events/derived.ts';
import type { BrokerSnapshot } from '../events/inputs.ts';
import { trip } from '../pipeline/6-risk/kill-switch.ts';
import { adopt } from './adopt.ts';
import { differencesOf, isOfOrder, isSame } from './differences.ts';
import type { Engine } from './engine-state.ts';
import { requestCancel, stopExposure } from './operator.ts';
import { findOrder } from './order-book.ts';
import type { Difference, OpenDifference, Reconciliation } from './reconciliation.ts';

/** Asks the broker for its account; the runtime carries it out. */
export function requestReconciliation(
  { reconciliation }: Engine,
  reason: ReconciliationReason,
  out: DerivedEvent[],
): void {
  reconciliation.cycles = 0;
  reconciliation.isRecheckDue = false;
  out.push({ type: 'ReconciliationRequested', reason });
}

/** A cycle is complete: asks every so many of them, and where the last answer differed. Not while nobody would answer. */
export function countCycle(engine: Engine, out: DerivedEvent[]): void {
  const { reconciliation, settings, isLost } = engine;
  reconciliation.cycles += 1;
  if (isLost.broker) return;
  if (reconciliation.isRecheckDue) requestReconciliation(engine, 'mismatch', out);
  else if (reconciliation.cycles >= settings.reconciliation.everyCycles) {
    requestReconciliation(engine, 'cycle', out);
  }
}

/**
 * Compares the books with what the broker says. A symbol that differs is not traded from the first snapshot that shows
 * it, because sizes computed from wrong books are wrong orders. But a report on its way makes a difference, too: only
 * when snapshots in a row show the same one is it raised, or taken over.
 */
export function reconcile(engine: Engine, snapshot: BrokerSnapshot, out: DerivedEvent[]): void {
  const { reconciliation, settings } = engine;
  const { confirmations, mode } = settings.reconciliation;
  out.push({ type: 'ReconciliationStarted' });
  const found = differencesOf(engine, snapshot);
  for (const difference of found) out.push({ type: 'ReconciliationMismatched', ...difference });
  out.push({ type: 'ReconciliationEnded', mismatches: found.length });
  let raised = 0;
  let isWaiting = false;
  const left: OpenDifference[] = [];
  for (const open of follow(reconciliation.open, found, snapshot)) {
    const isConfirmed = open.seen >= confirmations;
    if (isConfirmed && mode === 'auto_sync' && adopt(engine, open.difference, out)) continue;
    left.push(open);
    if (open.isActedOn || !isConfirmed) {
      isWaiting ||= !open.isActedOn;
      continue;
    }
    open.isActedOn = true;
    callBack(engine, open.difference, out);
    out.push(errorOf(open.difference));
    raised += 1;
  }
  reconciliation.open = left;
  block(reconciliation, engine.layout.symbols);
  if (raised > 0 && mode === 'strict') {
    stopExposure(engine, trip(engine.kill, 'order_state', { value: raised, limit: 0 }), out);
  }
  if (isWaiting) askAgain(engine, out);
  else reconciliation.rechecks = 0;
}

/** How often the differences found have been seen; those of orders wait where this snapshot knows of none. */
function follow(
  before: readonly OpenDifference[],
  found: readonly Difference[],
  { openOrders }: BrokerSnapshot,
): OpenDifference[] {
  const seen = found.map((difference) => {
    const earlier = before.find((open) => isSame(open.difference, difference));
    return { difference, seen: (earlier?.seen ?? 0) + 1, isActedOn: earlier?.isActedOn ?? false };
  });
  if (openOrders !== undefined) return seen;
  return [...seen, ...before.filter(({ difference }) => isOfOrder(difference))];
}

/**
 * An order of ours that works at the broker and not in the books, or as another than it was decided, is called back. One
 * that carries no id of this run is left to whoever placed it.
 */
function callBack(engine: Engine, { item, clientOrderId = '' }: Difference, out: DerivedEvent[]): void {
  if (item === 'order_shares' || item === 'order_price') {
    const order = findOrder(engine.orders, clientOrderId);
    if (order !== undefined) requestCancel(order, { reason: item, nowUs: engine.nowUs }, out);
    return;
  }
  const isOurs = clientOrderId.startsWith(`${engine.runTag}-`);
  if (item !== 'unknown_order' || !isOurs) return;
  if (engine.orders.workingOrdinals.has(clientOrderId)) return;
  engine.reconciliation.calledBack[clientOrderId] = true;
  out.push({ type: 'CancelIntended', clientOrderId, reason: 'unknown_order' });
}

const UNITS: Partial<Record<ReconciliationItem, string>> = {
  cash: 'micro-dollars',
  order_price: 'ten-thousandths of a dollar',
};

function errorOf({ item, symbol, clientOrderId, ours, theirs }: Difference): DerivedEvent {
  const unit = UNITS[item] ?? 'shares';
  const of = clientOrderId === undefined ? '' : ` ${clientOrderId === '' ? 'without an id' : clientOrderId}`;
  const message = `${item}${of}: engine ${ours}, broker ${theirs} ${unit}`;
  const error = { type: 'ErrorRaised', code: 'RECONCILIATION_MISMATCHED', message } as const;
  return symbol === undefined ? error : { ...error, symbol };
}

function block(reconciliation: Reconciliation, symbols: readonly string[]): void {
  const { open, unreconciled } = reconciliation;
  unreconciled.fill(0);
  for (const { difference } of open) {
    const i = difference.symbol === undefined ? -1 : indexOfSymbol(symbols, difference.symbol);
    if (i >= 0) unreconciled[i] = 1;
  }
  reconciliation.isCashUnreconciled = open.some(({ difference }) => difference.item === 'cash');
}

/**
 * At once where nothing works, so that no report can be on its way; else with the next cycle. A broker whose every answer
 * is another is not asked at once for ever.
 */
function askAgain(engine: Engine, out: DerivedEvent[]): void {
  const { clock, nowUs, orders, reconciliation, settings } = engine;
  const isQuiet = orders.working.length === 0 || !clock.isOpen || nowUs >= clock.closeUs;
  if (isQuiet && !engine.isLost.broker && reconciliation.rechecks < settings.reconciliation.confirmations) {
    reconciliation.rechecks += 1;
    requestReconciliation(engine, 'mismatch', out);
  } else reconciliation.isRecheckDue = true;
}
