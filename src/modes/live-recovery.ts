import { type KnownExecution, lookUpExecution } from '../domain/execution-journal.ts';
import type { Execution } from '../domain/orders.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import { findOrder, type OrderRecord } from '../engine/order-book.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker, BrokerOrder, Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveLoop } from '../runtime/live-loop.ts';

export interface RecoveryOptions {
  readonly loop: LiveLoop;
  readonly engine: Engine;
  readonly broker: Broker;
  readonly clock: Clock;
  /** An intent that is older was decided for another market: it is not sent any more. */
  readonly maxResendAgeUs: number;
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
  await loop.settled();
  loop.offer({ type: 'ConnectionRestored', source: 'broker' });
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

async function settle(options: RecoveryOptions, order: OrderRecord): Promise<void> {
  const { loop, engine, broker, clock, maxResendAgeUs } = options;
  const { clientOrderId } = order.request;
  if (!Object.hasOwn(engine.orders.workingOrdinals, clientOrderId)) return;
  const isYoung = clock.nowUs() - order.intendedUs <= maxResendAgeUs;
  if (order.status === 'intended' && isYoung) {
    loop.resend(order.request);
  } else {
    const found = await broker.findOrder(clientOrderId);
    const news = found === undefined ? notPlaced(order) : newsOf(found, order);
    if (news !== undefined) loop.offer(news);
  }
  if (order.cancel !== null) loop.recancel(clientOrderId);
}

/** What the broker does not know of was never placed; of an order it had accepted that is for the reconciliation to say. */
function notPlaced({ status, request }: OrderRecord): Untimed<InputEvent> | undefined {
  if (status !== 'intended') return undefined;
  const detail = 'the run crashed before it was sent, and it is too old to send now';
  return { type: 'OrderRejected', clientOrderId: request.clientOrderId, reason: 'not_placed', detail };
}

function newsOf({ status, clientOrderId }: BrokerOrder, known: OrderRecord): Untimed<InputEvent> | undefined {
  switch (status) {
    case 'cancelled':
      return { type: 'OrderCancelled', clientOrderId };
    case 'expired':
      return { type: 'OrderExpired', clientOrderId };
    case 'rejected':
      return {
        type: 'OrderRejected',
        clientOrderId,
        reason: 'refused',
        detail: 'refused while the run was down',
      };
    case 'working':
      return known.status === 'intended' ? { type: 'OrderAccepted', clientOrderId } : undefined;
    case 'filled':
      return undefined;
  }
}
