import { assertNever } from '../domain/errors.ts';
import { canMove, isWorking, type OrderStatus } from '../domain/orders.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { BrokerReport } from '../events/inputs.ts';
import type { Engine } from './engine-state.ts';
import { applyCommission, applyCorrection, applyFill } from './executions.ts';
import { findOrder, moveOrder, type OrderRecord } from './order-book.ts';
import { raiseFault } from './order-faults.ts';

type OtherReport = Exclude<
  BrokerReport,
  {
    readonly type: 'OrderFilled' | 'OrderPartiallyFilled' | 'ExecutionCorrected' | 'CommissionReported';
  }
>;

/** Takes one broker report: order lifecycle, positions, cash. One that cannot be right trips the kill switch. */
export function applyReport(engine: Engine, report: BrokerReport, out: DerivedEvent[]): void {
  switch (report.type) {
    case 'OrderFilled':
    case 'OrderPartiallyFilled':
      applyFill(engine, report, out);
      return;
    case 'ExecutionCorrected':
      applyCorrection(engine, report, out);
      return;
    case 'CommissionReported':
      applyCommission(engine, report, out);
      return;
    default: {
      const order = findOrder(engine.orders, report.clientOrderId);
      if (order !== undefined) followOrder(engine, order, report, out);
      else if (!Object.hasOwn(engine.reconciliation.calledBack, report.clientOrderId)) {
        const message = `${report.type} for unknown order ${report.clientOrderId}`;
        raiseFault(engine, { code: 'ORDER_UNKNOWN', message }, out);
      }
    }
  }
}

function followOrder(engine: Engine, order: OrderRecord, report: OtherReport, out: DerivedEvent[]): void {
  switch (report.type) {
    case 'OrderAccepted':
      accept(engine, order, out);
      return;
    case 'OrderRejected':
      if (order.status === 'rejected' && order.rejectReason === report.reason) return;
      if (move(engine, order, 'rejected', out)) order.rejectReason = report.reason;
      return;
    case 'OrderCancelled':
      if (order.status !== 'cancelled') move(engine, order, 'cancelled', out);
      return;
    case 'OrderExpired':
      if (order.status !== 'expired') move(engine, order, 'expired', out);
      return;
    case 'OrderUpdated':
      noteProgress(engine, order, report, out);
      return;
    case 'CancelRejected':
      allowAnotherCancel(engine, order);
      return;
    default:
      assertNever(report);
  }
}

/** One that comes again, or after a fill, says nothing new; one that first comes after the order ended does. */
function accept(engine: Engine, order: OrderRecord, out: DerivedEvent[]): void {
  if (order.isAccepted) return;
  if (move(engine, order, 'accepted', out)) order.isAccepted = true;
}

/** @returns false, having raised it, for a move that is not legal */
function move(engine: Engine, order: OrderRecord, to: OrderStatus, out: DerivedEvent[]): boolean {
  const from = order.status;
  if (canMove(from, to)) {
    moveOrder(engine.orders, order, to);
    return true;
  }
  const message = `order ${order.request.clientOrderId}: ${from} -> ${to} is not a legal move`;
  raiseFault(engine, { code: 'ORDER_ILLEGAL_MOVE', message }, out);
  return false;
}

/** For the record; but a second order at the broker, where none was to take the place of the first, is one too many. */
function noteProgress(
  engine: Engine,
  order: OrderRecord,
  { brokerOrderId, status }: Extract<BrokerReport, { readonly type: 'OrderUpdated' }>,
  out: DerivedEvent[],
): void {
  const { brokerOrderId: known, progress } = order;
  const isReplaced = [status, progress].some((state) => state === 'replaced' || state === 'pending_replace');
  if (known !== null && known !== brokerOrderId && !isReplaced) {
    const { clientOrderId } = order.request;
    const message = `order ${clientOrderId}: the broker has it as ${known} and as ${brokerOrderId}`;
    raiseFault(engine, { code: 'ORDER_DUPLICATED', message }, out);
    return;
  }
  order.brokerOrderId = brokerOrderId;
  if (isWorking(order.status)) order.progress = status;
}

/** The wait doubles with each refusal, up to this many times. */
const MOST_DOUBLINGS = 6;

/** The order works on. Its cancellation is asked for again, but not in every cycle of a broker that keeps refusing. */
function allowAnotherCancel({ nowUs, settings }: Engine, { cancel }: OrderRecord): void {
  if (cancel === null) return;
  const doublings = Math.min(cancel.refusals, MOST_DOUBLINGS);
  const waitUs = settings.execution.cancelRetrySeconds * US_PER_SECOND;
  cancel.notBeforeUs = nowUs + waitUs * (1 << doublings);
  cancel.refusals += 1;
  cancel.isAsked = false;
}
