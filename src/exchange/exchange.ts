import type { CorporateAction } from '../domain/corporate-actions.ts';
import { equityMicros } from '../domain/ledger.ts';
import { applyCorporateAction as bookCorporateAction } from '../domain/ledger-actions.ts';
import { HAS_ASK, HAS_BID, IS_HALTED, type MarketSlice, type Session } from '../domain/market-table.ts';
import { rebaseMark, updateMarks } from '../domain/marks.ts';
import { exactMicros, notionalMicros } from '../domain/money.ts';
import type { Execution, OpenOrder, OrderRequest } from '../domain/orders.ts';
import { placeOfOrdinal } from '../domain/ordinal-place.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { MoneyMicros, Shares, TimeUs } from '../domain/units.ts';
import type { BorrowFeeCharged, OrderReport } from '../events/inputs.ts';
import { powerRejection, type Rejection, rejectionOf } from './admission.ts';
import { chargeBorrowFees } from './borrow.ts';
import {
  addClaim,
  bookExecution,
  claimOf,
  forgetClaims,
  type RunningAccount,
  remainingAfterFillMicros,
  runningAccount,
} from './buying-power.ts';
import { feeDueMicros } from './fees.ts';
import { barOpenUs, type Fill, fillFromRow } from './fills.ts';
import type { ExchangeState, WorkingOrder } from './state.ts';

/** What a broker says about an account when asked: the payload of BrokerSnapshot. */
export interface AccountSnapshot {
  readonly cashMicros: MoneyMicros;
  /** Non-zero positions, signed shares, keys in code-unit order. */
  readonly positions: Readonly<Record<string, Shares>>;
  /** In the order of submission. */
  readonly openOrders: readonly OpenOrder[];
}

/** Starts a session. @returns what short positions are charged for the nights before it */
export function openSession(state: ExchangeState, session: Session): BorrowFeeCharged[] {
  const charged = chargeBorrowFees(state, session);
  state.openedUs = session.openUs;
  forgetClaims(state);
  state.isOpen = true;
  state.sessionOrderIds = new Map();
  state.bidE4.fill(0);
  state.askE4.fill(0);
  state.isHalted.fill(0);
  return charged;
}

/**
 * Takes a corporate action to the exchange's own books. Its orders in the symbol were made for other shares and are
 * cancelled; orders here live a day at most, so there are none that an exchange would carry over and reprice.
 */
export function applyCorporateAction(
  state: ExchangeState,
  action: CorporateAction,
  tUs: TimeUs,
): OrderReport[] {
  const symbolIx = indexOfSymbol(state.symbols, action.symbol);
  bookCorporateAction(state.ledger, action, tUs);
  forgetClaims(state);
  rebaseMark(state.marks, symbolIx, action);
  state.bidE4[symbolIx] = 0;
  state.askE4[symbolIx] = 0;
  const cancelled = state.working.filter((order) => order.symbolIx === symbolIx);
  state.working = state.working.filter((order) => order.symbolIx !== symbolIx);
  return cancelled.map(({ request: { clientOrderId } }) => ({ type: 'OrderCancelled', tUs, clientOrderId }));
}

/** Ends the session: orders of the day expire, in the order of submission; an IOC order no bar came for is cancelled. */
export function closeSession(state: ExchangeState, tUs: TimeUs): OrderReport[] {
  const reports: OrderReport[] = state.working.map(({ request: { clientOrderId, timeInForce } }) =>
    timeInForce === 'ioc'
      ? { type: 'OrderCancelled', tUs, clientOrderId }
      : { type: 'OrderExpired', tUs, clientOrderId },
  );
  state.working = [];
  forgetClaims(state);
  state.isOpen = false;
  return reports;
}

/**
 * Accepts or rejects an order. It can fill from the first slice applied afterwards, never earlier.
 * @returns one report, OrderAccepted or OrderRejected with a reason and the numbers behind it
 */
export function submitOrder(state: ExchangeState, request: OrderRequest, tUs: TimeUs): OrderReport[] {
  const { clientOrderId } = request;
  const symbolIx = indexOfSymbol(state.symbols, request.symbol);
  const rejection = rejectionOf(state, request, symbolIx);
  if (rejection !== undefined) return [{ type: 'OrderRejected', tUs, clientOrderId, ...rejection }];
  const ordinal = state.nextOrderOrdinal;
  state.nextOrderOrdinal += 1;
  state.sessionOrderIds.set(clientOrderId, ordinal);
  const leavesQuantity = request.quantity;
  addClaim(state, claimOf(state, { request, symbolIx, leavesQuantity }));
  state.working.push({
    ordinal,
    request,
    symbolIx,
    submittedUs: tUs,
    leavesQuantity,
    filledNotionalMicros: 0,
    feesMicros: 0,
  });
  return [{ type: 'OrderAccepted', tUs, clientOrderId }];
}

/** Cancels a working order; nothing to say when it is done already or was never here. */
export function cancelOrder(state: ExchangeState, clientOrderId: string, tUs: TimeUs): OrderReport[] {
  const ordinal = state.sessionOrderIds.get(clientOrderId);
  if (ordinal === undefined) return [];
  const at = placeOfOrdinal(state.working, ordinal);
  if (at < 0) return [];
  state.working.splice(at, 1);
  forgetClaims(state);
  return [{ type: 'OrderCancelled', tUs, clientOrderId }];
}

/**
 * Fills working orders from the bars of one slice, then takes its closing quotes and marks.
 * Orders go in the order of submission and share each bar's liquidity.
 * @param universeIxOf universe index by the table's `symbolIx`, -1 for symbols outside the universe
 */
export function applySlice(
  state: ExchangeState,
  slice: MarketSlice,
  universeIxOf: Int32Array,
  tUs: TimeUs,
): OrderReport[] {
  const reports: OrderReport[] = [];
  forgetClaims(state);
  if (state.working.length > 0) {
    indexRows(state, slice, universeIxOf);
    const work = { slice, tUs, reports, account: runningAccount(state) };
    state.working = state.working.filter((order) => !workOrder(state, order, work));
  }
  updateMarks(state.marks, slice, universeIxOf);
  updateQuotes(state, slice, universeIxOf);
  return reports;
}

export function accountSnapshot(state: ExchangeState): AccountSnapshot {
  const positions: Record<string, Shares> = {};
  for (let i = 0; i < state.symbols.length; i += 1) {
    if (state.ledger.shares[i] !== 0) positions[state.symbols[i]] = state.ledger.shares[i];
  }
  const openOrders = state.working.map(({ request: { clientOrderId, symbol, side }, leavesQuantity }) => ({
    clientOrderId,
    symbol,
    side,
    leavesQuantity,
  }));
  return { cashMicros: state.ledger.cashMicros, positions, openOrders };
}

/** Cash plus positions at the exchange's own marks, micro-dollars. */
export function exchangeEquityMicros(state: ExchangeState): MoneyMicros {
  return equityMicros(state.ledger, state.marks.priceE4);
}

interface SliceWork {
  readonly slice: MarketSlice;
  readonly tUs: TimeUs;
  readonly reports: OrderReport[];
  readonly account: RunningAccount;
}

interface OrderFill {
  readonly order: WorkingOrder;
  readonly fill: Fill;
}

/** Lets one order trade against the slice. @returns true when the order is done */
function workOrder(state: ExchangeState, order: WorkingOrder, work: SliceWork): boolean {
  const { slice, tUs, reports, account } = work;
  const { clientOrderId, timeInForce } = order.request;
  // A bar that opened before the order existed shows a price from before it: the order waits for the next. What a live
  // decision takes of the bar it is made for is not held against it.
  const latestUs = barOpenUs(slice.table, slice.from) + state.settings.decisionAllowanceUs;
  if (latestUs < order.submittedUs) return false;
  const row = state.rowOf[order.symbolIx];
  const at = { table: slice.table, row, takenShares: state.takenShares[order.symbolIx] };
  const fill = row < 0 ? undefined : fillFromRow(order, state.settings, at);
  if (fill !== undefined) {
    const refusal = refusalAtFill(state, account, { order, fill });
    if (refusal !== undefined) {
      reports.push(
        order.filledNotionalMicros > 0
          ? { type: 'OrderCancelled', tUs, clientOrderId }
          : { type: 'OrderRejected', tUs, clientOrderId, ...refusal },
      );
      return true;
    }
    reports.push(execute(state, { order, fill }, work));
  }
  if (order.leavesQuantity === 0) return true;
  if (timeInForce !== 'ioc') return false;
  reports.push({ type: 'OrderCancelled', tUs, clientOrderId });
  return true;
}

/** The market may open beyond what the order was accepted at: no fill may overdraw the account. */
function refusalAtFill(
  state: ExchangeState,
  account: RunningAccount,
  { order, fill }: OrderFill,
): Rejection | undefined {
  const { side } = order.request;
  const { symbolIx } = order;
  const position = state.ledger.shares[symbolIx];
  const reducible = side === 'buy' ? -position : position;
  if (fill.quantity <= reducible) return undefined;
  const feeMicros = feeOf(state, order, fill);
  const after = { symbolIx, side, quantity: fill.quantity, priceE4: fill.priceE4, feeMicros };
  const remaining = remainingAfterFillMicros(state, account, after);
  if (remaining >= 0) return undefined;
  const needed = notionalMicros(fill.priceE4, fill.quantity - Math.max(0, reducible)) + feeMicros;
  return powerRejection(needed, needed + remaining);
}

function feeOf(state: ExchangeState, order: WorkingOrder, fill: Fill): MoneyMicros {
  const filled = {
    shares: order.request.quantity - order.leavesQuantity + fill.quantity,
    notionalMicros: exactMicros(order.filledNotionalMicros + notionalMicros(fill.priceE4, fill.quantity)),
  };
  return feeDueMicros(state.settings.fee, filled) - order.feesMicros;
}

/** Books a fill on the order and in the exchange's own ledger. @returns its report */
function execute(state: ExchangeState, { order, fill }: OrderFill, { tUs, account }: SliceWork): OrderReport {
  const { clientOrderId, symbol, side } = order.request;
  const feeMicros = feeOf(state, order, fill);
  const execution: Execution = {
    executionId: `x${state.nextExecutionOrdinal}`,
    clientOrderId,
    symbol,
    side,
    quantity: fill.quantity,
    priceE4: fill.priceE4,
    feeMicros,
    tradeTimeUs: fill.tradeTimeUs,
  };
  state.nextExecutionOrdinal += 1;
  state.takenShares[order.symbolIx] += fill.quantity;
  order.leavesQuantity -= fill.quantity;
  order.feesMicros += feeMicros;
  order.filledNotionalMicros += notionalMicros(fill.priceE4, fill.quantity);
  bookExecution(state, account, { execution, symbolIx: order.symbolIx });
  if (order.leavesQuantity === 0) return { type: 'OrderFilled', tUs, execution };
  return { type: 'OrderPartiallyFilled', tUs, execution, leavesQuantity: order.leavesQuantity };
}

function indexRows(state: ExchangeState, slice: MarketSlice, universeIxOf: Int32Array): void {
  state.rowOf.fill(-1);
  state.takenShares.fill(0);
  for (let row = slice.from; row < slice.to; row += 1) {
    const i = universeIxOf[slice.table.symbolIx[row]];
    if (i >= 0) state.rowOf[i] = row;
  }
}

function updateQuotes(
  state: ExchangeState,
  { table, from, to }: MarketSlice,
  universeIxOf: Int32Array,
): void {
  for (let row = from; row < to; row += 1) {
    const i = universeIxOf[table.symbolIx[row]];
    if (i < 0) continue;
    const flags = table.flags[row];
    state.isHalted[i] = (flags & IS_HALTED) === 0 ? 0 : 1;
    if ((flags & (HAS_BID | HAS_ASK)) === 0) continue;
    const bid = (flags & HAS_BID) === 0 ? 0 : table.bidCloseE4[row];
    const ask = (flags & HAS_ASK) === 0 ? 0 : table.askCloseE4[row];
    const isMarket = bid > 0 && ask >= bid;
    state.bidE4[i] = isMarket ? bid : 0;
    state.askE4[i] = isMarket ? ask : 0;
  }
}
