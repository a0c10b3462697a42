import { type KnownExecution, lookUpExecution } from '../domain/execution-journal.ts';
import type { Execution } from '../domain/orders.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import { findOrder, type OrderRecord } from '../engine/order-book.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker, Untimed } from '../ports/broker.ts';
import { newsOf } from '../runtime/broker-desk.ts';
import type { LiveLoop } from '../runtime/live-loop.ts';

export interface RecoveryOptions {
  readonly loop: LiveLoop;
  readonly engine: Engine;
  readonly broker: Broker;
}

/**
 * Squares the orders of a run that crashed with the broker: executions that were missed are told first, then how orders
 * ended, then cancels are asked for again, and an intent that nobody has reported on is sent, where the broker does not
 * know it and it is young enough. The broker's promise to place an order once holds across the crash.
 */
export async function settleOrders(options: RecoveryOptions): Promise<void> {
  const { loop, engine } = options;
  const working = [...engine.orders.working];
  if (engine.orders.nextOrdinal > 0) {
    // from the opening of the session on: an order that had ended may have been filled late
    const sinceUs = working.reduce(
      (least, { intendedUs }) => Math.min(least, intendedUs),
      engine.clock.openUs,
    );
    await tellMissed(options, sinceUs);
  }
  for (const order of working) await settle(options, order);
  // orders that are not ours were asked to be called back by a process that is gone
  for (const clientOrderId of Object.keys(engine.reconciliation.calledBack)) loop.recancel(clientOrderId);
  await loop.settled();
  if (engine.isLost.market_data) loop.offer({ type: 'ConnectionRestored', source: 'market_data' });
  // one that was lost meanwhile says itself when it is back
  if (loop.isBrokerHeard) loop.offer({ type: 'ConnectionRestored', source: 'broker' });
  await loop.settled();
}

async function tellMissed({ loop, engine, broker }: RecoveryOptions, sinceUs: TimeUs): Promise<void> {
  const filled = new Map<string, number>();
  for (const { corrects, ...execution } of await broker.getExecutions(sinceUs)) {
    const order = findOrder(engine.orders, execution.clientOrderId);
    if (order === undefined) continue;
    const known = engine.ledger.journal && lookUpExecution(engine.ledger.journal, execution.executionId);
    if (known) {
      const fee = feeNews(known, execution);
      if (fee !== undefined) loop.offer(fee);
    } else if (corrects !== undefined) loop.offer({ type: 'ExecutionCorrected', execution, corrects });
    else {
      const { clientOrderId, quantity } = order.request;
      const before = filled.get(clientOrderId) ?? order.filledQuantity;
      filled.set(clientOrderId, before + execution.quantity);
      loop.offer(fillOf(execution, quantity - before - execution.quantity));
    }
  }
  await loop.settled();
}

/** A fee that became known while the run was down. */
function feeNews(
  known: KnownExecution,
  { executionId, feeMicros }: Execution,
): Untimed<InputEvent> | undefined {
  if (known.kind !== 'kept' || !known.isNewest || known.version?.feeMicros === feeMicros) return undefined;
  return { type: 'CommissionReported', executionId, feeMicros };
}

function fillOf(execution: Execution, leavesQuantity: number): Untimed<InputEvent> {
  return leavesQuantity > 0
    ? { type: 'OrderPartiallyFilled', execution, leavesQuantity }
    : { type: 'OrderFilled', execution };
}

/** The desk looks up what may have been placed, and sends only what is young and was not called back since. */
async function settle({ loop, engine, broker }: RecoveryOptions, order: OrderRecord): Promise<void> {
  const { clientOrderId } = order.request;
  if (!engine.orders.workingOrdinals.has(clientOrderId)) return;
  if (order.status === 'intended') loop.resend(order.request);
  else {
    const found = await broker.findOrder(clientOrderId);
    const news = found && newsOf(found, order);
    if (news !== undefined) loop.offer(news);
  }
  if (order.cancel !== null) loop.recancel(clientOrderId);
}
