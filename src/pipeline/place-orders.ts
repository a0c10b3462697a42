import { sideSign } from '../domain/orders.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import { BLOCKED, EXIT, HOLD, sizePortfolio, sizingReason, TRADE } from './5-sizing/size-portfolio.ts';
import { assessOrder, type RiskApproved } from './6-risk/assess-order.ts';
import { clearLog } from './6-risk/check-log.ts';
import { draftOrder } from './6-risk/draft-orders.ts';
import {
  isReducing,
  type OrderDraft,
  openRiskBook,
  type RiskBook,
  recordIntent,
} from './6-risk/risk-book.ts';
import { ageMemory } from './6-risk/risk-memory.ts';
import { setOutcome } from './cycle-work.ts';
import { type DecisionView, isExposureStopped } from './decision-view.ts';
import type { Pipeline } from './pipeline-state.ts';

/** What a cycle asks the broker for: cancels first, then orders that risk approved. */
export interface CycleOrders {
  /** Symbols whose working orders stand against what is wanted now. */
  readonly cancelSymbols: readonly number[];
  readonly approved: readonly RiskApproved[];
}

/** Stage 5: target weights and shares for the decisions of stage 4, and what sizing made of them. */
export function sizeDecisions({ work, settings, symbolCount, marksE4 }: Pipeline, view: DecisionView): void {
  sizePortfolio(
    {
      symbolCount,
      kind: work.kind,
      signalWeight: work.signalWeight,
      positionShares: work.effectiveShares,
      priceE4: marksE4,
      equityMicros: view.equityMicros,
    },
    settings.sizing,
    work.sizing,
  );
  for (let i = 0; i < symbolCount; i += 1) {
    if (work.kind[i] !== TRADE) continue;
    const reason = sizingReason(work.sizing.reason[i]);
    if (reason === undefined) continue;
    setOutcome(work, i, work.sizing.deltaShares[i] === 0 ? HOLD : TRADE, reason);
  }
}

/**
 * Stage 6: a draft for every wanted trade, reductions before increases so that they make room, each against the book
 * as the ones before it leave it. A symbol with a working order gets no second one: it waits, or the order is
 * cancelled when it no longer serves what is wanted.
 */
export function placeOrders(pipeline: Pipeline, view: DecisionView): CycleOrders {
  const { work, symbolCount } = pipeline;
  const cancelSymbols: number[] = [];
  const wanted: number[] = [];
  work.orderShares.fill(0);
  work.exitStopped.fill(0);
  clearLog(work.checks);
  noteResting(pipeline, view);
  for (let i = 0; i < symbolCount; i += 1) {
    const delta = work.sizing.deltaShares[i];
    if (view.workingShares[i] !== 0) {
      if (isObsolete(pipeline, view, i)) cancelSymbols.push(i);
      if (delta !== 0 && work.kind[i] === TRADE) setOutcome(work, i, HOLD, 'order_working');
    } else if (delta !== 0) wanted.push(i);
  }
  if (wanted.length === 0) return { cancelSymbols, approved: [] };
  return { cancelSymbols, approved: approveOrders(pipeline, view, wanted) };
}

/**
 * Whether a symbol's working order no longer serves: it stands against the trade wanted now, it adds exposure that no
 * signal of this cycle asks for or that nothing may add, or it rests at a price while the position must be left.
 */
function isObsolete({ work }: Pipeline, view: DecisionView, i: number): boolean {
  const working = view.workingShares[i];
  if (working * work.sizing.deltaShares[i] < 0) return true;
  const addsExposure = working * view.positionShares[i] >= 0;
  if (addsExposure)
    return isExposureStopped(view) || view.isFlattening || working * work.signalWeight[i] <= 0;
  return work.kind[i] === EXIT && work.isResting[i] === 1;
}

/**
 * Notes where a working order waits for a price: one made to, and one through the touch that stays in the market and that
 * the touch has left behind. A market order only waits for the next bar.
 */
function noteResting({ work, market, settings }: Pipeline, { working }: DecisionView): void {
  const { orderType, timeInForce } = settings.execution;
  work.isResting.fill(0);
  for (const order of working) {
    if (order.limitPriceE4 === undefined) continue;
    const waits = orderType === 'limit' || (timeInForce === 'day' && isLeftBehind(market, order));
    if (waits) work.isResting[order.symbolIx] = 1;
  }
}

function isLeftBehind(
  { bidE4, askE4 }: Pipeline['market'],
  { symbolIx, side, limitPriceE4 = 0 }: DecisionView['working'][number],
): boolean {
  const touchE4 = side === 'buy' ? askE4[symbolIx] : bidE4[symbolIx];
  return touchE4 > 0 && (side === 'buy' ? limitPriceE4 < touchE4 : limitPriceE4 > touchE4);
}

function approveOrders(pipeline: Pipeline, view: DecisionView, wanted: readonly number[]): RiskApproved[] {
  const book = openBook(pipeline, view);
  const reductions: OrderDraft[] = [];
  const increases: OrderDraft[] = [];
  for (const i of wanted) {
    const draft = draftFor(pipeline, i);
    (isReducing(book, draft) ? reductions : increases).push(draft);
  }
  const approved: RiskApproved[] = [];
  for (const draft of reductions) placeOrder(pipeline, book, draft, approved);
  for (const draft of increases) placeOrder(pipeline, book, draft, approved);
  return approved;
}

function draftFor({ work, layout, market, settings }: Pipeline, i: number): OrderDraft {
  const trade = {
    symbolIx: i,
    symbol: layout.symbols[i],
    deltaShares: work.sizing.deltaShares[i],
    heldShares: work.effectiveShares[i],
    mustFill: work.kind[i] === EXIT,
  };
  return draftOrder(trade, market, settings.execution, settings.risk);
}

function openBook(pipeline: Pipeline, view: DecisionView): RiskBook {
  const { market, work, rules, settings, riskMemory, openOrders } = pipeline;
  const windowUs = settings.risk.repeatedExecutionMinutes * US_PER_MINUTE;
  ageMemory(riskMemory, { tUs: view.tUs, windowUs });
  const facts = {
    tUs: view.tUs,
    isSessionOpen: view.isSessionOpen,
    isKilled: view.isKilled,
    isPaused: view.isPaused,
    isDisconnected: view.isDisconnected,
    unreconciled: view.unreconciled,
    isCashUnreconciled: view.isCashUnreconciled,
    equityMicros: view.equityMicros,
    market,
    positionShares: view.positionShares,
    advDollars: work.advDollars,
    rules,
    working: view.working,
  };
  return openRiskBook(facts, openOrders, { leverage: settings.exchange.leverage });
}

function placeOrder(
  { work, riskLimits, riskMemory }: Pipeline,
  book: RiskBook,
  draft: OrderDraft,
  approved: RiskApproved[],
): void {
  const i = draft.symbolIx;
  const context = { book, memory: riskMemory, settings: riskLimits, log: work.checks };
  const verdict = assessOrder(draft, context);
  if (verdict.kind === 'refused') {
    work.sizing.targetShares[i] = work.effectiveShares[i];
    if (work.kind[i] === EXIT) work.exitStopped[i] = 1;
    setOutcome(work, i, BLOCKED, verdict.check, { value: verdict.value, limit: verdict.limit });
    return;
  }
  const scaled = verdict.scaledBy[0];
  if (scaled !== undefined) {
    const kind = work.kind[i] === EXIT ? EXIT : TRADE;
    if (kind === EXIT) work.exitStopped[i] = 1;
    setOutcome(work, i, kind, scaled.check, { value: scaled.value, limit: scaled.limit });
  }
  const shares = sideSign(draft.side) * verdict.quantity;
  work.orderShares[i] = shares;
  work.sizing.targetShares[i] = work.effectiveShares[i] + shares;
  recordIntent(book, riskMemory, verdict);
  approved.push(verdict);
}
