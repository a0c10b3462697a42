import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { DecisionKind, DecisionReason } from '../domain/decisions.ts';
import { invariant } from '../domain/errors.ts';
import { lookUpExecution } from '../domain/execution-journal.ts';
import {
  applyExecution,
  chargeBorrowFee,
  createLedger,
  equityMicros,
  grossMicros,
  type Ledger,
  markedMicros,
} from '../domain/ledger.ts';
import { applyCorporateAction } from '../domain/ledger-actions.ts';
import { ageJournal, whyNotBookable } from '../domain/ledger-corrections.ts';
import type { MarketSlice, MarketTable } from '../domain/market-table.ts';
import {
  createMarks,
  type Marks,
  markAtTrade,
  rebaseMark,
  universeIndexOf,
  updateMarks,
} from '../domain/marks.ts';
import { notionalMicros } from '../domain/money.ts';
import { type Execution, type OrderRejectReason, type OrderRequest, sideSign } from '../domain/orders.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { MoneyMicros, TimeUs } from '../domain/units.ts';
import type { Decision, DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { collectAdopted, collectLateReport } from './collect-revisions.ts';
import { createDrawdown, type Drawdown, updateDrawdown } from './measures.ts';
import {
  type ClosedTrade,
  collectTrip,
  createTripTotals,
  type OrderOrigin,
  type TripTotals,
} from './trip-totals.ts';

/** Counts of decisions by kind, then reason; only what occurred is a key. */
export type DecisionCounts = Partial<Record<DecisionKind, Partial<Record<DecisionReason, number>>>>;

export interface OrderCounts {
  intended: number;
  accepted: number;
  rejected: number;
  filled: number;
  /** Cancelled or expired with part of it filled count here too. */
  cancelled: number;
  expired: number;
  /** Executions, partial ones included. */
  fills: number;
  readonly rejectedBy: Partial<Record<OrderRejectReason, number>>;
}

/** Equity at a session's close. */
export interface SessionPoint {
  readonly date: string;
  readonly tUs: TimeUs;
  readonly equityMicros: MoneyMicros;
}

/**
 * What the statistics of a run are made from, gathered as events pass by: counters, sums, one point a session and
 * one entry a closed trade, so memory does not grow with cycles. It keeps its own ledger from the reports and marks from the market.
 */
export interface RunCollector {
  readonly ledger: Ledger;
  readonly marks: Marks;
  table: MarketTable | undefined;
  universeIxOf: Int32Array;
  readonly orders: OrderCounts;
  readonly decisions: DecisionCounts;
  readonly trips: TripTotals;
  /** Closed trades, in the order they closed, and what opened the position of each symbol. */
  readonly trades: ClosedTrade[];
  readonly openedBy: (OrderOrigin | null)[];
  readonly sessions: SessionPoint[];
  drawdown: Drawdown | undefined;
  cycles: number;
  /** Sums over cycles, for the means. */
  equitySumMicros: number;
  grossFracSum: number;
  netFracSum: number;
  cyclesInMarket: number;
  tradedMicros: number;
  /** Mark of the symbol when the order was decided, by client order id, while the order is working. */
  readonly arrivalE4: Map<string, number>;
  /** What an order was decided for, by client order id, while the order is working. */
  readonly originOf: Map<string, OrderOrigin>;
  slippageMicros: number;
  /** Traded value that slippage was measured on. */
  slippageBaseMicros: number;
}

/** @param options.symbols the universe, code-unit order */
export function createRunCollector(options: {
  readonly symbols: readonly string[];
  readonly initialCashMicros: MoneyMicros;
}): RunCollector {
  const { symbols, initialCashMicros } = options;
  return {
    ledger: createLedger({ symbols, cashMicros: initialCashMicros, keepsJournal: true }),
    marks: createMarks(symbols.length),
    table: undefined,
    universeIxOf: new Int32Array(0),
    orders: {
      intended: 0,
      accepted: 0,
      rejected: 0,
      filled: 0,
      cancelled: 0,
      expired: 0,
      fills: 0,
      rejectedBy: {},
    },
    decisions: {},
    trips: createTripTotals(),
    trades: [],
    openedBy: symbols.map(() => null),
    sessions: [],
    drawdown: undefined,
    cycles: 0,
    equitySumMicros: 0,
    grossFracSum: 0,
    netFracSum: 0,
    cyclesInMarket: 0,
    tradedMicros: 0,
    arrivalE4: new Map(),
    originOf: new Map(),
    slippageMicros: 0,
    slippageBaseMicros: 0,
  };
}

/** Takes one input event. Types that say nothing about trading are passed over. */
export function collectInput(collector: RunCollector, event: InputEvent): void {
  const { orders } = collector;
  switch (event.type) {
    case 'SessionOpened':
      ageJournal(collector.ledger, event.tUs);
      collector.drawdown ??= createDrawdown({
        equityMicros: collector.ledger.initialCashMicros,
        tUs: event.tUs,
      });
      return;
    case 'CorporateActionApplied':
      collectAction(collector, event.action, event.tUs);
      return;
    case 'MarketSlice':
      collectSlice(collector, event.slice);
      return;
    case 'SessionClosed':
      collectPoint(collector, {
        date: event.date,
        tUs: event.tUs,
        equityMicros: currentEquityMicros(collector),
      });
      return;
    case 'OrderAccepted':
      orders.accepted += 1;
      return;
    case 'OrderRejected':
      orders.rejected += 1;
      orders.rejectedBy[event.reason] = (orders.rejectedBy[event.reason] ?? 0) + 1;
      forgetOrder(collector, event.clientOrderId);
      return;
    case 'OrderPartiallyFilled':
      collectExecution(collector, event.execution);
      return;
    case 'OrderFilled':
      if (collectExecution(collector, event.execution)) orders.filled += 1;
      forgetOrder(collector, event.execution.clientOrderId);
      return;
    case 'ExecutionCorrected':
    case 'CommissionReported':
      collectLateReport(collector, event);
      return;
    case 'BorrowFeeCharged':
      chargeBorrowFee(collector.ledger, event.feeMicros);
      return;
    case 'OrderCancelled':
      orders.cancelled += 1;
      forgetOrder(collector, event.clientOrderId);
      return;
    case 'OrderExpired':
      orders.expired += 1;
      forgetOrder(collector, event.clientOrderId);
      return;
    default:
      return;
  }
}

/** Takes one derived event, at the logical time of the input it followed from. */
export function collectDerived(collector: RunCollector, event: DerivedEvent, tUs: TimeUs): void {
  switch (event.type) {
    case 'OrderIntended':
      collectIntent(collector, event.order);
      collector.originOf.set(event.order.clientOrderId, {
        cycle: event.cycle,
        horizon: event.horizon ?? null,
      });
      return;
    case 'OrderDropped':
      collector.orders.cancelled += 1;
      forgetOrder(collector, event.clientOrderId);
      return;
    case 'CashAdopted':
    case 'PositionAdopted':
      collectAdopted(collector, event, tUs);
      return;
    case 'CycleCompleted':
      collectCycle(collector, { equityMicros: event.equityMicros, tUs });
      for (const decision of event.decisions) countDecision(collector.decisions, decision);
      return;
    default:
      return;
  }
}

/** Cash plus positions at the newest marks. */
export function currentEquityMicros(collector: RunCollector): MoneyMicros {
  return equityMicros(collector.ledger, collector.marks.priceE4);
}

function collectSlice(collector: RunCollector, slice: MarketSlice): void {
  if (slice.table !== collector.table) {
    collector.table = slice.table;
    collector.universeIxOf = universeIndexOf(collector.ledger.symbols, slice.table.symbols);
  }
  updateMarks(collector.marks, slice, collector.universeIxOf);
}

function collectAction(collector: RunCollector, action: CorporateAction, tUs: TimeUs): void {
  const adjusted = applyCorporateAction(collector.ledger, action, tUs);
  rebaseMark(collector.marks, indexOfSymbol(collector.ledger.symbols, action.symbol), action);
  if (adjusted?.roundTrip !== undefined) collectTrip(collector, adjusted.symbolIx, adjusted.roundTrip, null);
}

function collectPoint(collector: RunCollector, point: SessionPoint): void {
  collector.sessions.push(point);
  if (collector.drawdown !== undefined) updateDrawdown(collector.drawdown, point);
}

function collectIntent(collector: RunCollector, order: OrderRequest): void {
  collector.orders.intended += 1;
  const i = indexOfSymbol(collector.ledger.symbols, order.symbol);
  invariant(i >= 0, `order ${order.clientOrderId}: ${order.symbol} is not in the universe`);
  const mark = collector.marks.priceE4[i];
  if (mark > 0) collector.arrivalE4.set(order.clientOrderId, mark);
}

/** @returns false for an execution that was reported before */
function collectExecution(collector: RunCollector, execution: Execution): boolean {
  const { ledger } = collector;
  const { executionId, clientOrderId, priceE4, quantity, side } = execution;
  if (lookUpExecution(ledger.journal!, executionId) !== undefined) return false;
  if (whyNotBookable(ledger, execution, { least: 1, isNew: true }) !== undefined) return false;
  const { symbolIx, roundTrip, kind } = applyExecution(ledger, execution);
  markAtTrade(collector.marks, symbolIx, priceE4);
  const notional = notionalMicros(priceE4, quantity);
  collector.orders.fills += 1;
  collector.tradedMicros += notional;
  const arrival = collector.arrivalE4.get(clientOrderId);
  if (arrival !== undefined) {
    collector.slippageMicros += Math.round(sideSign(side) * (priceE4 - arrival) * quantity * 100);
    collector.slippageBaseMicros += notional;
  }
  const origin = collector.originOf.get(clientOrderId) ?? null;
  if (roundTrip !== undefined) collectTrip(collector, symbolIx, roundTrip, origin);
  if (kind === 'opened' || kind === 'reversed') collector.openedBy[symbolIx] = origin;
  return true;
}

/** An order ended: what was kept for its fills is not asked for again. */
function forgetOrder({ arrivalE4, originOf }: RunCollector, clientOrderId: string): void {
  arrivalE4.delete(clientOrderId);
  originOf.delete(clientOrderId);
}

function collectCycle(
  collector: RunCollector,
  point: { readonly equityMicros: MoneyMicros; readonly tUs: TimeUs },
): void {
  const { ledger, marks, drawdown } = collector;
  collector.cycles += 1;
  collector.equitySumMicros += point.equityMicros;
  if (drawdown !== undefined) updateDrawdown(drawdown, point);
  const gross = grossMicros(ledger, marks.priceE4);
  if (gross === 0 || point.equityMicros <= 0) return;
  let net = 0;
  for (let i = 0; i < ledger.symbols.length; i += 1) net += markedMicros(ledger, marks.priceE4, i);
  collector.cyclesInMarket += 1;
  collector.grossFracSum += gross / point.equityMicros;
  collector.netFracSum += net / point.equityMicros;
}

function countDecision(counts: DecisionCounts, { kind, reason }: Decision): void {
  const reasons = counts[kind] ?? {};
  counts[kind] = reasons;
  reasons[reason] = (reasons[reason] ?? 0) + 1;
}
