import { lookUpExecution } from '../domain/execution-journal.ts';
import { bookCommission, bookCorrection, type LateBooking, whyNotRepeated } from '../domain/late-reports.ts';
import { applyExecution, type LedgerChange } from '../domain/ledger.ts';
import { whyNotBookable } from '../domain/ledger-corrections.ts';
import { type Execution, isWorking, sideSign } from '../domain/orders.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import type { AdjustmentCause, DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { markRepeats } from '../pipeline/6-risk/kill-switch.ts';
import { recordExecution } from '../pipeline/6-risk/risk-memory.ts';
import { startTimer } from '../pipeline/horizon-timers.ts';
import type { Engine } from './engine-state.ts';
import { forgetEntry, learnFromExecution } from './learn.ts';
import { stopExposure } from './operator.ts';
import { findOrder, moveOrder, type OrderRecord } from './order-book.ts';
import { raiseFault } from './order-faults.ts';
import { sessionMinutes } from './session-clock.ts';

type Report<T extends InputEvent['type']> = Extract<InputEvent, { readonly type: T }>;

/**
 * Books an execution once. One that is known is dropped where it says the same, and raised where it does not. Every other
 * one is booked, because the shares are ours whatever state the order was in, and what should not have happened is
 * raised beside it. Not booked is only what cannot be: no symbol of ours, no number of shares, or a trade from before
 * anything that is remembered, which may have been booked then.
 */
export function applyFill(
  engine: Engine,
  report: Report<'OrderFilled' | 'OrderPartiallyFilled'>,
  out: DerivedEvent[],
): void {
  const { type, execution } = report;
  const { clientOrderId, executionId } = execution;
  const leavesQuantity = report.type === 'OrderFilled' ? 0 : report.leavesQuantity;
  const known = lookUpExecution(engine.ledger.journal!, executionId);
  if (known !== undefined) {
    const conflict = whyNotRepeated(known, execution);
    if (conflict === undefined) return;
    raiseFault(engine, { code: 'EXECUTION_CONFLICTING', message: conflict }, out);
    return;
  }
  const order = findOrder(engine.orders, clientOrderId);
  if (order === undefined) {
    raiseFault(engine, { code: 'ORDER_UNKNOWN', message: `${type} for unknown order ${clientOrderId}` }, out);
  }
  const problem = whyNotBookable(engine.ledger, execution, { least: 1, isNew: true });
  if (problem !== undefined) {
    const message = `execution ${executionId}: ${problem}`;
    raiseFault(engine, { code: 'EXECUTION_NOT_BOOKED', message }, out);
    return;
  }
  if (order !== undefined && isOfOrder(order, execution)) {
    fillOrder(engine, order, execution, out);
    // a report that is not here yet, or never will be
    if (leavesQuantity < order.request.quantity - order.filledQuantity) {
      engine.reconciliation.isRecheckDue = true;
    }
    return;
  }
  if (order !== undefined) {
    const { side, symbol } = order.request;
    const message = `execution ${executionId}: ${execution.side} ${execution.symbol} for order ${clientOrderId}, which is to ${side} ${symbol}`;
    raiseFault(engine, { code: 'EXECUTION_CONFLICTING', message }, out);
  }
  book(engine, execution, undefined, out);
}

/** An execution takes the place of another: the books become what they would be had it been reported at first. */
export function applyCorrection(
  engine: Engine,
  report: Report<'ExecutionCorrected'>,
  out: DerivedEvent[],
): void {
  const { execution } = report;
  const booking = bookCorrection(engine.ledger, report);
  tellBooking(engine, booking, 'correction', out);
  if (booking.booked !== undefined) markIfNew(engine, booking.booked.symbolIx, execution.priceE4);
  const order = findOrder(engine.orders, execution.clientOrderId);
  if (order !== undefined) countCorrected(engine, order, booking.quantity, out);
}

/** The whole fee of an execution: cash and the fees of its lots move by what it differs from the one booked. */
export function applyCommission(
  engine: Engine,
  report: Report<'CommissionReported'>,
  out: DerivedEvent[],
): void {
  tellBooking(engine, bookCommission(engine.ledger, report), 'commission', out);
}

/** What was learned of a position stays learned; one that never was has nothing to teach. */
function tellBooking(
  engine: Engine,
  { fault, booked }: LateBooking,
  cause: AdjustmentCause,
  out: DerivedEvent[],
): void {
  if (fault !== undefined) raiseFault(engine, fault, out);
  if (booked === undefined) return;
  const { symbol, symbolIx, shares, cashMicros, realizedMicros } = booked;
  if (shares === 0) forgetEntry(engine.pipeline, symbolIx);
  out.push({ type: 'PositionAdjusted', symbol, cause, shares, cashMicros, realizedMicros });
}

function isOfOrder({ request }: OrderRecord, { side, symbol }: Execution): boolean {
  return request.side === side && request.symbol === symbol;
}

/**
 * An overfilled order ends: nothing of it is left to work, and one that stayed would count as shares to come that never
 * do.
 */
function fillOrder(engine: Engine, order: OrderRecord, execution: Execution, out: DerivedEvent[]): void {
  const { clientOrderId, quantity } = order.request;
  const statusBefore = order.status;
  order.isAccepted = true;
  order.executionCount += 1;
  order.filledQuantity += execution.quantity;
  const change = book(engine, execution, order, out);
  if (change.kind === 'opened' || change.kind === 'reversed') startPositionTimer(engine, order, execution);
  const isDone = order.filledQuantity >= quantity;
  if (isWorking(statusBefore)) moveOrder(engine.orders, order, isDone ? 'filled' : 'partially_filled');
  if (order.filledQuantity > quantity) raiseOverfill(engine, order, out);
  else if (!isWorking(statusBefore)) {
    const message = `order ${clientOrderId}: ${execution.quantity} shares filled after it was ${statusBefore}`;
    raiseFault(engine, { code: 'ORDER_FILLED_LATE', message }, out);
  }
  if (order.executionCount === 1 && !hasReduced(order, change)) countExecution(engine, order, out);
}

function raiseOverfill(engine: Engine, { request, filledQuantity }: OrderRecord, out: DerivedEvent[]): void {
  const message = `order ${request.clientOrderId}: ${filledQuantity} of ${request.quantity} shares filled`;
  raiseFault(engine, { code: 'ORDER_OVERFILLED', message }, out);
}

/** An order that ended stays ended, whatever it turns out to have filled. */
function countCorrected(
  engine: Engine,
  order: OrderRecord,
  changedQuantity: number,
  out: DerivedEvent[],
): void {
  if (changedQuantity === 0) return;
  order.filledQuantity += changedQuantity;
  const { quantity } = order.request;
  if (isWorking(order.status) && order.filledQuantity >= quantity) moveOrder(engine.orders, order, 'filled');
  if (order.filledQuantity > quantity && changedQuantity > 0) raiseOverfill(engine, order, out);
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

function book(
  engine: Engine,
  execution: Execution,
  order: OrderRecord | undefined,
  out: DerivedEvent[],
): LedgerChange {
  const change = applyExecution(engine.ledger, execution);
  markIfNew(engine, change.symbolIx, execution.priceE4);
  out.push(...positionEvents(change));
  learnFromExecution(engine.pipeline, { change, order }, out);
  return change;
}

/** What nobody has quoted yet is marked at its own price: equity is never a guess. */
function markIfNew({ pipeline: { marksE4 } }: Engine, symbolIx: number, priceE4: number): void {
  if (marksE4[symbolIx] === 0) marksE4[symbolIx] = priceE4;
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
