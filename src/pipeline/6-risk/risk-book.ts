import type { OrderPurpose, OrderType, Side, TimeInForce } from '../../domain/orders.ts';
import { sideSign } from '../../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../../domain/units.ts';
import { type MarketState, markE4 } from '../market-state.ts';
import type { RiskMemory } from './risk-memory.ts';
import type { SymbolRules } from './symbol-rules.ts';

/** An order as sizing wants it, before risk has seen it. */
export interface OrderDraft {
  readonly symbolIx: number;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  /** Positive. */
  readonly quantity: Shares;
  /** Set for `limit` and `marketable_limit`, absent for `market`. */
  readonly limitPriceE4?: PriceE4;
  readonly purpose: OrderPurpose;
}

/** An order at the broker, or on its way there. */
export interface WorkingOrder {
  readonly symbolIx: number;
  readonly side: Side;
  /** Unfilled shares, positive. */
  readonly leavesQuantity: Shares;
  /** Absent for a market order. */
  readonly limitPriceE4?: PriceE4 | undefined;
}

/** Portfolio, market and working orders at one moment: what a book is opened from. */
export interface RiskFacts {
  readonly tUs: TimeUs;
  readonly isSessionOpen: boolean;
  readonly isKilled: boolean;
  readonly isPaused: boolean;
  readonly isDisconnected: boolean;
  /** N: 1 where our books and the broker's differ. */
  readonly unreconciled: Uint8Array;
  readonly isCashUnreconciled: boolean;
  readonly equityMicros: MoneyMicros;
  readonly market: MarketState;
  /** N signed shares. */
  readonly positionShares: Float64Array;
  /** N average daily volumes in dollars, 0 where unknown. */
  readonly advDollars: Float64Array;
  readonly rules: SymbolRules;
  readonly working: readonly WorkingOrder[];
}

/** Exposure if working orders fill in the worst way, micro-dollars. */
export interface WorstExposure {
  grossMicros: number;
  /** Sum of positions with all buys filled and no sells, and the reverse. */
  highestNetMicros: number;
  lowestNetMicros: number;
}

/**
 * The book as risk sees it: facts, and what working orders make of them by symbol, kept by `openRiskBook` and
 * `recordIntent` so that no check ever scans orders or symbols. Sums stay exact: shares times a mark of 1e-4 dollars
 * (mids may end in .5) is a whole number of micro-dollars.
 */
export interface RiskBook extends RiskFacts {
  /** Cost of new exposure that can still be paid for, working orders taken off. */
  buyingPowerMicros: MoneyMicros;
  readonly working: WorkingOrder[];
  readonly open: OpenOrders;
  readonly worst: WorstExposure;
}

/** Working orders by symbol: plain arrays, reused from cycle to cycle. */
export interface OpenOrders {
  /** N unfilled shares of each side, positive, and orders. */
  readonly buyShares: Float64Array;
  readonly sellShares: Float64Array;
  readonly buyOrders: Int32Array;
  readonly sellOrders: Int32Array;
  /** N places in `working` of each symbol's newest order, -1 for none. */
  readonly newest: Int32Array;
  /** By place in `working`: the symbol's order before it, -1 for none. */
  readonly older: number[];
  /** Worst gross of each sector, micro-dollars. */
  readonly sectorMicros: Float64Array;
}

export function createOpenOrders(symbolCount: number, sectorCount: number): OpenOrders {
  return {
    buyShares: new Float64Array(symbolCount),
    sellShares: new Float64Array(symbolCount),
    buyOrders: new Int32Array(symbolCount),
    sellOrders: new Int32Array(symbolCount),
    newest: new Int32Array(symbolCount).fill(-1),
    older: [],
    sectorMicros: new Float64Array(sectorCount),
  };
}

/**
 * Opens the book of a cycle: one pass over orders, one over symbols.
 * @param open emptied and filled again
 * @param leverage buying power is equity times this, less the worst gross of positions and working orders
 */
export function openRiskBook(
  facts: RiskFacts,
  open: OpenOrders,
  { leverage }: { readonly leverage: number },
): RiskBook {
  const worst = { grossMicros: 0, highestNetMicros: 0, lowestNetMicros: 0 };
  const {
    tUs,
    isSessionOpen,
    isKilled,
    isPaused,
    isDisconnected,
    unreconciled,
    isCashUnreconciled,
    equityMicros,
    market,
    positionShares,
    advDollars,
    rules,
  } = facts;
  // field by field: a spread with other keys costs microseconds on Node 20
  const book: RiskBook = {
    tUs,
    isSessionOpen,
    isKilled,
    isPaused,
    isDisconnected,
    unreconciled,
    isCashUnreconciled,
    equityMicros,
    market,
    positionShares,
    advDollars,
    rules,
    working: [],
    buyingPowerMicros: 0,
    open,
    worst,
  };
  for (const column of [open.buyShares, open.sellShares, open.buyOrders, open.sellOrders]) column.fill(0);
  open.sectorMicros.fill(0);
  open.newest.fill(-1);
  open.older.length = 0;
  for (const order of facts.working) addWorking(book, order);
  for (let i = 0; i < facts.positionShares.length; i += 1) countExposure(book, i, 1);
  book.buyingPowerMicros = Math.floor(facts.equityMicros * leverage - worst.grossMicros);
  return book;
}

function addWorking({ open, working }: RiskBook, order: WorkingOrder): void {
  const { symbolIx: i, side, leavesQuantity } = order;
  open.older.push(open.newest[i]);
  open.newest[i] = working.length;
  working.push(order);
  if (side === 'buy') {
    open.buyShares[i] += leavesQuantity;
    open.buyOrders[i] += 1;
  } else {
    open.sellShares[i] += leavesQuantity;
    open.sellOrders[i] += 1;
  }
}

/** Adds a symbol's worst exposure to the sums, or takes it off again. */
function countExposure(book: RiskBook, i: number, sign: 1 | -1): void {
  const { worst, open, rules } = book;
  const gross = sign * symbolGrossMicros(book, i);
  worst.grossMicros += gross;
  worst.highestNetMicros += sign * highestMicros(book, i);
  worst.lowestNetMicros += sign * lowestMicros(book, i);
  const sector = rules.sectorIx[i];
  if (sector >= 0) open.sectorMicros[sector] += gross;
}

/** Value of a symbol with all its buys filled and no sells, signed micro-dollars; `lowestMicros` is the reverse. */
export function highestMicros({ positionShares, open, market }: RiskBook, i: number): number {
  return (positionShares[i] + open.buyShares[i]) * (markE4(market, i) * 100);
}

export function lowestMicros({ positionShares, open, market }: RiskBook, i: number): number {
  return (positionShares[i] - open.sellShares[i]) * (markE4(market, i) * 100);
}

/** Largest position, either way, that a symbol's working orders can lead to. */
export function worstShares({ positionShares, open }: RiskBook, i: number): Shares {
  const position = positionShares[i];
  return Math.max(Math.abs(position + open.buyShares[i]), Math.abs(position - open.sellShares[i]));
}

export function symbolGrossMicros(book: RiskBook, i: number): number {
  return worstShares(book, i) * (markE4(book.market, i) * 100);
}

/** Takes an approved order into book and memory, so that the next draft of the cycle sees it as working. */
export function recordIntent(
  book: RiskBook,
  memory: RiskMemory,
  intent: {
    readonly draft: OrderDraft;
    readonly quantity: Shares;
    /** What the order takes of buying power, 0 for a reduction. */
    readonly costMicros: MoneyMicros;
  },
): void {
  const { symbolIx, side, limitPriceE4 } = intent.draft;
  countExposure(book, symbolIx, -1);
  addWorking(book, { symbolIx, side, leavesQuantity: intent.quantity, limitPriceE4 });
  countExposure(book, symbolIx, 1);
  book.buyingPowerMicros -= intent.costMicros;
  memory.lastIntentUs[symbolIx] = book.tUs;
  memory.intentTimesUs.push(book.tUs);
}

/** True when a symbol has a working order of this side, size and price already. */
export function hasTwin(
  { working, open }: RiskBook,
  { symbolIx, side, limitPriceE4 }: OrderDraft,
  quantity: Shares,
): boolean {
  for (let k = open.newest[symbolIx]; k >= 0; k = open.older[k]) {
    const order = working[k];
    if (order.side === side && order.leavesQuantity === quantity && order.limitPriceE4 === limitPriceE4) {
      return true;
    }
  }
  return false;
}

/**
 * Whether an order can only bring the position closer to 0, whatever working orders do. The draft's own purpose is not
 * believed: a second closing order beside a working one would open the other side.
 */
export function isReducing({ positionShares, open }: RiskBook, draft: OrderDraft): boolean {
  const { symbolIx, side, quantity } = draft;
  const position = positionShares[symbolIx];
  if (position * sideSign(side) >= 0) return false;
  const sameSide = side === 'buy' ? open.buyShares[symbolIx] : open.sellShares[symbolIx];
  return quantity + sameSide <= Math.abs(position);
}
