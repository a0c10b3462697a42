import { markedMicros } from '../../domain/ledger.ts';
import {
  canMove,
  type Execution,
  type OrderRejectReason,
  type OrderRequest,
  type OrderStatus,
} from '../../domain/orders.ts';
import { indexOfSymbol } from '../../domain/symbol-index.ts';
import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../../domain/units.ts';
import type { DerivedEvent } from '../../events/derived.ts';
import type { InputEvent } from '../../events/inputs.ts';
import {
  collectDerived,
  collectInput,
  createRunCollector,
  currentEquityMicros,
  type RunCollector,
} from '../../report/collect.ts';

/** What one report did to the books of an order: an execution, a correction of one, or a late fee. */
export interface OrderFlow {
  /** When the shares were traded, not when it was told. */
  readonly tradeUs: TimeUs;
  /** Signed. */
  readonly shares: Shares;
  /** What cash changed by, the fee not counted. */
  readonly cashMicros: MoneyMicros;
  readonly feeMicros: MoneyMicros;
}

/** An order as one side decided it, and what became of it there. */
export interface SideOrder {
  readonly request: OrderRequest;
  readonly cycle: number;
  readonly decidedUs: TimeUs;
  readonly symbolIx: number;
  readonly horizon: string | null;
  /** Mid of the view that the cycle decided on, in half ten-thousandths of a dollar. */
  readonly decisionE4: PriceE4;
  /** When it was heard that the broker has it; undefined where it never was. */
  acceptedUs: TimeUs | undefined;
  status: OrderStatus;
  rejectReason: OrderRejectReason | null;
  readonly flows: OrderFlow[];
}

/** What moved the books of one side from one session's marks to the next, by universe index where it is of a symbol. */
export interface SideSession {
  readonly orders: readonly SideOrder[];
  /** Value of positions at the closing marks before it, and at its own. */
  readonly startMicros: Float64Array;
  readonly endMicros: Float64Array;
  /** Charged for borrowed shares. */
  readonly borrowMicros: Float64Array;
  /** Paid on positions: dividends, fractions of a share. */
  readonly paidMicros: Float64Array;
  /** Shares and cash of no order of the session: taken over from the broker, traded by hand, put right later. */
  readonly bookedShares: Float64Array;
  readonly bookedMicros: Float64Array;
  /** Cash taken over that is of no symbol. */
  readonly accountMicros: MoneyMicros;
  /** By the books as the run summary has them. */
  readonly equityChangeMicros: MoneyMicros;
}

/** One of the two that are compared. It keeps the collector of the run summary, so that their numbers are the same. */
export interface Side {
  readonly collector: RunCollector;
  /** Orders decided in the session under way, by client id. */
  orders: Map<string, SideOrder>;
  readonly executions: Map<string, Pick<Execution, 'clientOrderId' | 'symbol' | 'tradeTimeUs'>>;
  flows: SymbolFlows;
  startMicros: Float64Array;
  startEquityMicros: MoneyMicros;
  /** Newest reason in the books or at the broker to hold trading, as a code; null before there was one. */
  trouble: string | null;
}

type SymbolFlows = Pick<SideSession, 'borrowMicros' | 'paidMicros' | 'bookedShares' | 'bookedMicros'> & {
  accountMicros: MoneyMicros;
};

export function createSide(options: {
  readonly symbols: readonly string[];
  readonly initialCashMicros: MoneyMicros;
}): Side {
  const count = options.symbols.length;
  return {
    collector: createRunCollector(options),
    orders: new Map(),
    executions: new Map(),
    flows: noFlows(count),
    startMicros: new Float64Array(count),
    startEquityMicros: options.initialCashMicros,
    trouble: null,
  };
}

function noFlows(count: number): SymbolFlows {
  return {
    borrowMicros: new Float64Array(count),
    paidMicros: new Float64Array(count),
    bookedShares: new Float64Array(count),
    bookedMicros: new Float64Array(count),
    accountMicros: 0,
  };
}

/** Takes one input event of its tape. */
export function takeInput(side: Side, event: InputEvent): void {
  const { collector, flows } = side;
  switch (event.type) {
    case 'OrderPartiallyFilled':
    case 'OrderFilled':
      side.executions.set(event.execution.executionId, event.execution);
      takeExecution(side, event, event.execution.executionId);
      return;
    case 'ExecutionCorrected': {
      const original = side.executions.get(event.corrects) ?? event.execution;
      const { clientOrderId, symbol } = event.execution;
      const { tradeTimeUs } = original;
      side.executions.set(event.execution.executionId, { clientOrderId, symbol, tradeTimeUs });
      takeExecution(side, event, event.execution.executionId);
      return;
    }
    case 'CommissionReported':
      takeExecution(side, event, event.executionId);
      return;
    case 'BorrowFeeCharged': {
      const i = indexOfSymbol(collector.ledger.symbols, event.symbol);
      flows.borrowMicros[i] -= cashChange(side, () => collectInput(collector, event));
      return;
    }
    case 'CorporateActionApplied': {
      const i = indexOfSymbol(collector.ledger.symbols, event.action.symbol);
      flows.paidMicros[i] += cashChange(side, () => collectInput(collector, event));
      return;
    }
    default:
      collectInput(collector, event);
      followOrder(side, event);
  }
}

/** Takes one derived event, at the time of the input it followed from. @param decisionE4 mid of a symbol in the cycle's view */
export function takeDerived(
  side: Side,
  event: DerivedEvent,
  { tUs, decisionE4 }: { readonly tUs: TimeUs; readonly decisionE4: (symbolIx: number) => PriceE4 },
): void {
  const { collector, flows } = side;
  switch (event.type) {
    case 'OrderIntended': {
      const { order: request, cycle, horizon = null } = event;
      const symbolIx = indexOfSymbol(collector.ledger.symbols, request.symbol);
      const decided = { request, cycle, decidedUs: tUs, symbolIx, horizon, decisionE4: decisionE4(symbolIx) };
      side.orders.set(request.clientOrderId, {
        ...decided,
        acceptedUs: undefined,
        status: 'intended',
        rejectReason: null,
        flows: [],
      });
      collectDerived(collector, event, tUs);
      return;
    }
    case 'PositionAdopted': {
      const i = indexOfSymbol(collector.ledger.symbols, event.symbol);
      const before = collector.ledger.shares[i];
      flows.bookedMicros[i] += cashChange(side, () => collectDerived(collector, event, tUs));
      flows.bookedShares[i] += collector.ledger.shares[i] - before;
      return;
    }
    case 'CashAdopted':
      flows.accountMicros += cashChange(side, () => collectDerived(collector, event, tUs));
      return;
    case 'OrderDropped':
      move(side.orders.get(event.clientOrderId), 'cancelled');
      collectDerived(collector, event, tUs);
      return;
    case 'KillSwitchTripped':
      side.trouble = `kill_switch ${event.cause}`;
      return;
    case 'ReconciliationMismatched':
      side.trouble = `mismatched ${event.item}`;
      return;
    default:
      collectDerived(collector, event, tUs);
  }
}

/** Ends the session: what moved the books since the last one, and a fresh start. */
export function endSession(side: Side): SideSession {
  const { collector, flows, orders } = side;
  const { ledger, marks } = collector;
  const endMicros = Float64Array.from(ledger.symbols, (_, i) => markedMicros(ledger, marks.priceE4, i));
  const equityMicros = currentEquityMicros(collector);
  const ended: SideSession = {
    ...flows,
    orders: [...orders.values()],
    startMicros: side.startMicros,
    endMicros,
    equityChangeMicros: equityMicros - side.startEquityMicros,
  };
  side.orders = new Map();
  side.flows = noFlows(ledger.symbols.length);
  side.startMicros = endMicros;
  side.startEquityMicros = equityMicros;
  return ended;
}

/** Shares that an order has filled, corrections counted. */
export function filledShares({ flows, request: { side } }: SideOrder): Shares {
  const signed = flows.reduce((sum, { shares }) => sum + shares, 0);
  return side === 'buy' ? signed : 0 - signed;
}

function takeExecution(
  side: Side,
  event: Extract<
    InputEvent,
    { readonly type: 'OrderPartiallyFilled' | 'OrderFilled' | 'ExecutionCorrected' | 'CommissionReported' }
  >,
  executionId: string,
): void {
  const { collector, flows, executions, orders } = side;
  const { ledger } = collector;
  const known = executions.get(executionId);
  const i = known === undefined ? -1 : indexOfSymbol(ledger.symbols, known.symbol);
  const before = i < 0 ? 0 : ledger.shares[i];
  const feesBefore = ledger.feesMicros;
  const paidMicros = cashChange(side, () => collectInput(collector, event));
  if (known === undefined || i < 0) return;
  const shares = ledger.shares[i] - before;
  const feeMicros = ledger.feesMicros - feesBefore;
  const order = orders.get(known.clientOrderId);
  if (order === undefined || order.symbolIx !== i) {
    flows.bookedShares[i] += shares;
    flows.bookedMicros[i] += paidMicros;
    return;
  }
  if (event.type === 'OrderFilled') move(order, 'filled');
  if (event.type === 'OrderPartiallyFilled') move(order, 'partially_filled');
  // one that was told before moves nothing
  if (shares === 0 && paidMicros === 0) return;
  order.flows.push({ tradeUs: known.tradeTimeUs, shares, cashMicros: paidMicros + feeMicros, feeMicros });
}

function followOrder(side: Side, event: InputEvent): void {
  switch (event.type) {
    case 'OrderAccepted': {
      const order = side.orders.get(event.clientOrderId);
      if (order !== undefined) order.acceptedUs ??= event.tUs;
      move(order, 'accepted');
      return;
    }
    case 'OrderRejected': {
      const order = side.orders.get(event.clientOrderId);
      if (move(order, 'rejected') && order !== undefined) order.rejectReason = event.reason;
      return;
    }
    case 'OrderCancelled':
      move(side.orders.get(event.clientOrderId), 'cancelled');
      return;
    case 'OrderExpired':
      move(side.orders.get(event.clientOrderId), 'expired');
      return;
    case 'ConnectionLost':
      side.trouble = `connection_lost ${event.source}`;
      return;
    default:
      return;
  }
}

function move(order: SideOrder | undefined, to: OrderStatus): boolean {
  if (order === undefined || !canMove(order.status, to)) return false;
  order.status = to;
  return true;
}

function cashChange({ collector: { ledger } }: Side, book: () => void): MoneyMicros {
  const before = ledger.cashMicros;
  book();
  return ledger.cashMicros - before;
}
