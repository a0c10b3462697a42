import { applyExecution, type LedgerChange } from '../domain/ledger.ts';
import { type Execution, type OrderStatus, sideSign } from '../domain/orders.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { BrokerReport } from '../events/inputs.ts';
import { markRepeats, trip } from '../pipeline/6-risk/kill-switch.ts';
import { recordExecution } from '../pipeline/6-risk/risk-memory.ts';
import { startTimer } from '../pipeline/horizon-timers.ts';
import type { Engine } from './engine-state.ts';
import { learnFromExecution } from './learn.ts';
import { stopExposure } from './operator.ts';
import { findOrder, moveOrder, type OrderFault, type OrderRecord } from './order-book.ts';
import { sessionMinutes } from './session-clock.ts';

/** Books one broker report: order lifecycle, positions, cash. A report that cannot be right trips the kill switch. */
export function applyReport(engine: Engine, report: BrokerReport, out: DerivedEvent[]): void {
  if (report.type === 'ExecutionCorrected' || report.type === 'CommissionReported') {
    raiseUnknownExecution(engine, report, out);
    return;
  }
  const clientOrderId = 'execution' in report ? report.execution.clientOrderId : report.clientOrderId;
  const order = findOrder(engine.orders, clientOrderId);
  if (order === undefined) {
    raise(
      engine,
      { code: 'ORDER_UNKNOWN', message: `${report.type} for unknown order ${clientOrderId}` },
      out,
    );
    if ('execution' in report) book(engine, report.execution, undefined, out);
    return;
  }
  if ('execution' in report) applyFill(engine, order, report.execution, out);
  else if (report.type === 'CancelRejected') order.cancelRequested = false;
  else if (report.type !== 'OrderUpdated') move(engine, order, STATUS_AFTER[report.type], out);
}

function raiseUnknownExecution(
  engine: Engine,
  report: Extract<BrokerReport, { readonly type: 'ExecutionCorrected' | 'CommissionReported' }>,
  out: DerivedEvent[],
): void {
  const executionId = report.type === 'ExecutionCorrected' ? report.corrects : report.executionId;
  const message = `${report.type} for unknown execution ${executionId}`;
  raise(engine, { code: 'EXECUTION_UNKNOWN', message }, out);
}

const STATUS_AFTER = {
  OrderAccepted: 'accepted',
  OrderRejected: 'rejected',
  OrderCancelled: 'cancelled',
  OrderExpired: 'expired',
} as const;

/**
 * A repeated execution is dropped; every other one is booked, because the shares are ours whatever state the order
 * was in, and what should not have happened is raised beside it. An overfilled order ends: nothing of it is left to
 * work, and one that stayed would count as shares to come that never do.
 */
function applyFill(engine: Engine, order: OrderRecord, execution: Execution, out: DerivedEvent[]): void {
  if (order.executionIds.includes(execution.executionId)) return;
  order.executionIds.push(execution.executionId);
  order.filledQuantity += execution.quantity;
  const change = book(engine, execution, order, out);
  if (change.kind === 'opened' || change.kind === 'reversed') startPositionTimer(engine, order, execution);
  const { quantity, clientOrderId } = order.request;
  const fault = moveOrder(
    engine.orders,
    order,
    order.filledQuantity >= quantity ? 'filled' : 'partially_filled',
  );
  if (order.filledQuantity > quantity) {
    const message = `order ${clientOrderId}: ${order.filledQuantity} of ${quantity} shares filled`;
    raise(engine, { code: 'ORDER_OVERFILLED', message }, out);
  } else if (fault !== undefined) raise(engine, fault, out);
  if (order.executionIds.length === 1 && !hasReduced(order, change)) countExecution(engine, order, out);
}

/** Whether the position was on the other side of the order, and did not come out on its own. */
function hasReduced({ request }: OrderRecord, { shares }: LedgerChange): boolean {
  return shares * sideSign(request.side) <= 0;
}

/** The throttle counts orders that executed, not their fills, and no slices of one exit that size limits cut. */
function countExecution(engine: Engine, { symbolIx, request }: OrderRecord, out: DerivedEvent[]): void {
  const { risk } = engine.settings;
  const repeats = recordExecution(
    engine.pipeline.riskMemory,
    { tUs: engine.nowUs, symbolIx, side: request.side },
    risk.repeatedExecutionMinutes * US_PER_MINUTE,
  );
  stopExposure(engine, markRepeats(engine.kill, { repeats, symbol: request.symbol }, risk), out);
}

/** A position lives on the horizon its order was decided for, from the moment it was opened, however late that was. */
function startPositionTimer({ clock, pipeline }: Engine, order: OrderRecord, execution: Execution): void {
  startTimer(pipeline.timers, order.symbolIx, {
    horizonIx: order.horizonIx,
    sessionMinutes: sessionMinutes(clock, execution.tradeTimeUs),
  });
}

function move(engine: Engine, order: OrderRecord, to: OrderStatus, out: DerivedEvent[]): void {
  const fault = moveOrder(engine.orders, order, to);
  if (fault !== undefined) raise(engine, fault, out);
}

function raise(engine: Engine, fault: OrderFault, out: DerivedEvent[]): void {
  out.push({ type: 'ErrorRaised', code: fault.code, message: fault.message });
  stopExposure(engine, trip(engine.kill, 'order_state', { value: 1, limit: 0 }), out);
}

function book(
  engine: Engine,
  execution: Execution,
  order: OrderRecord | undefined,
  out: DerivedEvent[],
): LedgerChange {
  const change = applyExecution(engine.ledger, execution);
  const { marksE4 } = engine.pipeline;
  if (marksE4[change.symbolIx] === 0) marksE4[change.symbolIx] = execution.priceE4;
  out.push(...positionEvents(change));
  learnFromExecution(engine.pipeline, { change, order }, out);
  return change;
}

function positionEvents(change: LedgerChange): DerivedEvent[] {
  const { symbol, shares, priceE4, realizedMicros } = change;
  const closed: DerivedEvent = { type: 'PositionClosed', symbol, priceE4, realizedMicros };
  const opened: DerivedEvent = { type: 'PositionOpened', symbol, shares, priceE4 };
  switch (change.kind) {
    case 'opened':
      return [opened];
    case 'changed':
      return [{ type: 'PositionChanged', symbol, shares, priceE4 }];
    case 'closed':
      return [closed];
    case 'reversed':
      return [closed, opened];
  }
}
