import { compareCodeUnits } from '../../domain/compare.ts';
import { invariant } from '../../domain/errors.ts';
import { proRataMicros } from '../../domain/lots.ts';
import { exactMicros } from '../../domain/money.ts';
import { type Side as OrderSide, type OrderStatus, sideSign } from '../../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../../domain/units.ts';
import { quoteAt, type SessionBars } from './session-bars.ts';
import { filledShares, type SideOrder, type SideSession } from './side.ts';

/**
 * What an order cost against the paper portfolio that trades all of it at the decision price (Perold 1988, "The
 * implementation shortfall: paper versus reality"). With D the mid at the decision, A the mid when it was accepted, T the
 * mid and `touch` the near side when it traded, p its price and M the closing mark, a buy of Q shares that fills q costs
 *
 * `delay (A - D) q`, `waiting (T - A) q`, `spread (touch - T) q`, `slippage (p - touch) q`, `fees`, `unfilled (M - D)(Q - q)`
 *
 * and so gains `(M - D) Q` less all of them: to the micro-dollar, because prices are whole halves of 1e-4 dollars.
 */
const COSTS = ['delay', 'waiting', 'spread', 'slippage', 'fees', 'unfilled'] as const;

interface OrderCosts {
  /** What the paper portfolio gains. */
  readonly paperMicros: MoneyMicros;
  readonly costs: Readonly<Record<(typeof COSTS)[number], MoneyMicros>>;
}

/** What a part of the shortfall cost each side: a gain is negative. Its share of the shortfall is the difference. */
export interface PartCosts {
  simulatedMicros: MoneyMicros;
  actualMicros: MoneyMicros;
}

/**
 * By name: those of COSTS on shares that both sides decided on, `unfilled` as `missed` or, for an order that was refused,
 * `refused REASON`; `drift`, all that came of shares that one side decided on and the other did not; `borrow`; `carried`,
 * positions from the session before and what was paid on them; `books`, what no order of the session explains.
 */
export type Parts = Map<string, PartCosts>;

/** An order as one side had it. */
export interface SideOutcome {
  readonly quantity: Shares;
  readonly filled: Shares;
  readonly status: OrderStatus;
  readonly gainMicros: MoneyMicros;
}

/** What became of one decision on both sides; null where a side decided otherwise. */
export interface OrderShortfall {
  readonly date: string;
  readonly cycle: number;
  readonly decidedUs: TimeUs;
  readonly symbol: string;
  readonly side: OrderSide;
  readonly horizon: string | null;
  readonly simulated: SideOutcome | null;
  readonly actual: SideOutcome | null;
  readonly parts: Parts;
  readonly tradedMicros: MoneyMicros;
}

/** A symbol over a session, or all that is of none (null). */
export interface SymbolShortfall {
  readonly date: string;
  readonly symbol: string | null;
  readonly simulatedMicros: MoneyMicros;
  readonly actualMicros: MoneyMicros;
  readonly tradedMicros: MoneyMicros;
  readonly orders: readonly OrderShortfall[];
  /** Of its orders, and of the rest: `borrow`, `carried`, `books`. */
  readonly parts: Parts;
  readonly restParts: Parts;
}

/** One session as both sides had it. */
export interface SessionPair {
  readonly date: string;
  readonly symbols: readonly string[];
  readonly bars: SessionBars;
  /** Closing marks, halves of 1e-4 dollars. */
  readonly markE4: Float64Array;
  readonly simulated: SideSession;
  readonly actual: SideSession;
}

/**
 * Attributes what one session's profits differ by. The parts of each symbol, and of all, sum to the difference.
 * @throws InvariantError where they would not: nothing is reported that does not add up
 */
export function attributeSession(pair: SessionPair): SymbolShortfall[] {
  const pairs = pairOrders(pair);
  const rows: SymbolShortfall[] = [];
  for (let i = 0; i < pair.symbols.length; i += 1) {
    const row = symbolRow(pair, i, pairs.get(i) ?? []);
    if (row !== undefined) rows.push(row);
  }
  const [simulatedMicros, actualMicros] = [pair.simulated.accountMicros, pair.actual.accountMicros];
  if (simulatedMicros !== 0 || actualMicros !== 0) {
    const parts: Parts = new Map();
    addCosts(parts, 'books', { simulatedMicros: -simulatedMicros, actualMicros: -actualMicros });
    const rest = { tradedMicros: 0, orders: [], parts, restParts: parts };
    rows.push({ date: pair.date, symbol: null, simulatedMicros, actualMicros, ...rest });
  }
  for (const name of ['simulatedMicros', 'actualMicros'] as const) {
    const side = name === 'actualMicros' ? pair.actual : pair.simulated;
    const sum = rows.reduce((total, row) => total + row[name], 0);
    invariant(
      sum === side.equityChangeMicros,
      `shadow ${pair.date}: symbols gain ${sum} micro-dollars in all, books ${side.equityChangeMicros}`,
    );
  }
  return rows;
}

export function addCosts(parts: Parts, name: string, { simulatedMicros, actualMicros }: PartCosts): void {
  const part = parts.get(name) ?? { simulatedMicros: 0, actualMicros: 0 };
  part.simulatedMicros = exactMicros(part.simulatedMicros + simulatedMicros);
  part.actualMicros = exactMicros(part.actualMicros + actualMicros);
  parts.set(name, part);
}

export function addParts(parts: Parts, more: Parts): void {
  for (const [name, part] of more) addCosts(parts, name, part);
}

/** What the parts sum to: simulated less actual profit. */
export function shortfallOf(parts: Parts): MoneyMicros {
  let sum = 0;
  for (const { simulatedMicros, actualMicros } of parts.values()) sum += actualMicros - simulatedMicros;
  return exactMicros(sum);
}

/** A price in halves of 1e-4 dollars: where a mid of whole ones is, and a mark after a split may not be. */
export function halfE4(priceE4: number): PriceE4 {
  return Math.round(priceE4 * 2) / 2;
}

function pairOrders(pair: SessionPair): Map<number, OrderShortfall[]> {
  const keyOf = ({ cycle, symbolIx, request }: SideOrder): string => `${cycle} ${symbolIx} ${request.side}`;
  const simulated = new Map(pair.simulated.orders.map((order) => [keyOf(order), order]));
  const found = new Map<number, OrderShortfall[]>();
  const add = (orders: { readonly simulated?: SideOrder | undefined; readonly actual?: SideOrder }): void => {
    const { symbolIx } = (orders.actual ?? orders.simulated)!;
    const list = found.get(symbolIx) ?? [];
    found.set(symbolIx, list);
    list.push(orderRow(pair, orders));
  };
  for (const actual of pair.actual.orders) {
    const key = keyOf(actual);
    add({ actual, simulated: simulated.get(key) });
    simulated.delete(key);
  }
  for (const order of simulated.values()) add({ simulated: order });
  for (const list of found.values()) {
    list.sort((a, b) => a.cycle - b.cycle || compareCodeUnits(a.side, b.side));
  }
  return found;
}

function orderRow(
  pair: SessionPair,
  {
    simulated,
    actual,
  }: { readonly simulated?: SideOrder | undefined; readonly actual?: SideOrder | undefined },
): OrderShortfall {
  const { request, cycle, decidedUs, horizon, decisionE4, symbolIx } = (actual ?? simulated)!;
  const both = Math.min(actual?.request.quantity ?? 0, simulated?.request.quantity ?? 0);
  const paperOfBoth = paperMicros({
    shares: both,
    side: request.side,
    decisionE4,
    markE4: pair.markE4[symbolIx],
  });
  const parts: Parts = new Map();
  const outcomes = { simulated: null as SideOutcome | null, actual: null as SideOutcome | null };
  for (const [name, order] of [
    ['simulated', simulated],
    ['actual', actual],
  ] as const) {
    if (order === undefined) continue;
    const costs = costsOf(order, pair);
    outcomes[name] = outcomeOf(order, costs);
    const own = ofSide(name);
    let driftMicros = paperOfBoth - costs.paperMicros;
    for (const cost of COSTS) {
      const ofBoth = proRataMicros(costs.costs[cost], both, order.request.quantity);
      driftMicros += costs.costs[cost] - ofBoth;
      if (both > 0) addCosts(parts, nameOf(cost, order), own(ofBoth));
    }
    addCosts(parts, 'drift', own(driftMicros));
  }
  return {
    date: pair.date,
    ...{ cycle, decidedUs, horizon, symbol: request.symbol, side: request.side },
    ...outcomes,
    parts,
    tradedMicros: actual === undefined ? 0 : tradedMicros(actual),
  };
}

function ofSide(name: 'simulated' | 'actual'): (micros: MoneyMicros) => PartCosts {
  return (micros) => ({
    simulatedMicros: name === 'simulated' ? micros : 0,
    actualMicros: name === 'actual' ? micros : 0,
  });
}

function nameOf(cost: (typeof COSTS)[number], { status, rejectReason }: SideOrder): string {
  if (cost !== 'unfilled') return cost;
  return status === 'rejected' ? `refused ${rejectReason ?? 'refused'}` : 'missed';
}

function outcomeOf(order: SideOrder, costs: OrderCosts): SideOutcome {
  const { status } = order;
  const { quantity } = order.request;
  return { quantity, filled: filledShares(order), status, gainMicros: gainOf(costs) };
}

function gainOf({ paperMicros: gain, costs }: OrderCosts): MoneyMicros {
  return exactMicros(COSTS.reduce((left, cost) => left - costs[cost], gain));
}

function paperMicros(trade: {
  readonly shares: Shares;
  readonly side: OrderSide;
  readonly decisionE4: PriceE4;
  readonly markE4: PriceE4;
}): MoneyMicros {
  return moved(sideSign(trade.side) * trade.shares, trade.decisionE4, trade.markE4);
}

/** What a move of the price is worth for signed shares. */
function moved(shares: Shares, fromE4: PriceE4, toE4: PriceE4): MoneyMicros {
  return exactMicros(shares * (toE4 - fromE4) * 100);
}

function costsOf(order: SideOrder, { bars, markE4 }: SessionPair): OrderCosts {
  const { request, symbolIx, decisionE4, acceptedUs } = order;
  const { side, quantity } = request;
  const closeE4 = markE4[symbolIx];
  const costs = { delay: 0, waiting: 0, spread: 0, slippage: 0, fees: 0, unfilled: 0 };
  for (const { tradeUs, shares, cashMicros, feeMicros } of order.flows) {
    const quote = quoteAt(bars, symbolIx, tradeUs);
    // it arrived no later than it traded, whenever that was heard
    const arrived = quoteAt(bars, symbolIx, Math.min(acceptedUs ?? tradeUs, tradeUs)) ?? quote;
    const tradeE4 = quote === undefined ? decisionE4 : (quote.bidE4 + quote.askE4) / 2;
    const arrivalE4 = arrived === undefined ? decisionE4 : (arrived.bidE4 + arrived.askE4) / 2;
    const touchE4 = quote === undefined ? tradeE4 : side === 'buy' ? quote.askE4 : quote.bidE4;
    costs.delay += moved(shares, decisionE4, arrivalE4);
    costs.waiting += moved(shares, arrivalE4, tradeE4);
    costs.spread += moved(shares, tradeE4, touchE4);
    costs.slippage += exactMicros(-cashMicros - shares * touchE4 * 100);
    costs.fees += feeMicros;
  }
  const left = quantity - filledShares(order);
  costs.unfilled = paperMicros({ shares: left, side, decisionE4, markE4: closeE4 });
  return { paperMicros: paperMicros({ shares: quantity, side, decisionE4, markE4: closeE4 }), costs };
}

function tradedMicros({ flows, request: { side } }: SideOrder): MoneyMicros {
  const sign = sideSign(side);
  return exactMicros(
    flows.reduce((sum, { shares, cashMicros }) => (shares * sign > 0 ? sum + Math.abs(cashMicros) : sum), 0),
  );
}

/** @returns undefined where neither side had anything to do with the symbol */
function symbolRow(
  pair: SessionPair,
  i: number,
  orders: readonly OrderShortfall[],
): SymbolShortfall | undefined {
  const restParts: Parts = new Map();
  for (const name of ['simulated', 'actual'] as const) {
    const rest = restOf(pair[name], { symbolIx: i, markE4: pair.markE4[i] });
    for (const [part, micros] of Object.entries(rest)) {
      if (micros !== 0) addCosts(restParts, part, ofSide(name)(micros));
    }
  }
  if (orders.length === 0 && restParts.size === 0) return undefined;
  const parts: Parts = new Map();
  for (const order of orders) addParts(parts, order.parts);
  addParts(parts, restParts);
  const simulatedMicros = profitOf(pair.simulated, i);
  const actualMicros = profitOf(pair.actual, i);
  const symbol = pair.symbols[i];
  invariant(
    shortfallOf(parts) === simulatedMicros - actualMicros,
    `shadow ${pair.date} ${symbol}: parts sum to ${shortfallOf(parts)} micro-dollars, profits differ by ${simulatedMicros - actualMicros}`,
  );
  const traded = orders.reduce((sum, order) => sum + order.tradedMicros, 0);
  return {
    ...{ date: pair.date, symbol, simulatedMicros, actualMicros, tradedMicros: traded },
    ...{ orders, parts, restParts },
  };
}

/** What a symbol cost one side beside its orders. */
function restOf(
  session: SideSession,
  { symbolIx: i, markE4 }: { readonly symbolIx: number; readonly markE4: PriceE4 },
): { readonly borrow: MoneyMicros; readonly carried: MoneyMicros; readonly books: MoneyMicros } {
  let traded = session.bookedShares[i];
  for (const order of session.orders) {
    if (order.symbolIx === i) for (const { shares } of order.flows) traded += shares;
  }
  // what was not traded in the session was held before it, on the terms of before a split
  const keptMicros = session.endMicros[i] - exactMicros(traded * markE4 * 100);
  return {
    borrow: session.borrowMicros[i],
    carried: exactMicros(session.startMicros[i] - keptMicros - session.paidMicros[i]),
    books: exactMicros(-session.bookedShares[i] * markE4 * 100 - session.bookedMicros[i]),
  };
}

/** What a symbol gained: the change of its positions' value, and all cash that was of it. */
function profitOf(session: SideSession, i: number): MoneyMicros {
  let cash = session.paidMicros[i] + session.bookedMicros[i] - session.borrowMicros[i];
  for (const order of session.orders) {
    if (order.symbolIx === i) for (const flow of order.flows) cash += flow.cashMicros - flow.feeMicros;
  }
  return exactMicros(session.endMicros[i] - session.startMicros[i] + cash);
}
