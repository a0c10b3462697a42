import type { OrderPurpose, OrderType, Side, TimeInForce } from '../../domain/orders.ts';
import { sideSign } from '../../domain/orders.ts';
import type { RiskSettings } from '../../domain/settings.ts';
import {
  type MoneyMicros,
  type PriceE4,
  type Shares,
  type TimeUs,
  US_PER_MINUTE,
} from '../../domain/units.ts';
import { type MarketState, markE4 } from '../market-state.ts';

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

/** Portfolio, market and working orders as risk sees them at one moment. `recordIntent` keeps it current within a cycle. */
export interface RiskBook {
  readonly symbols: readonly string[];
  readonly tUs: TimeUs;
  readonly isSessionOpen: boolean;
  readonly isKilled: boolean;
  readonly equityMicros: MoneyMicros;
  readonly market: MarketState;
  /** N signed shares. */
  readonly positionShares: Float64Array;
  /** N average daily volumes in dollars, 0 where unknown. */
  readonly advDollars: Float64Array;
  /** N, 1 where the symbol is on the restricted list. */
  readonly restricted: Uint8Array;
  /** Cost of new exposure that can still be paid for, working orders taken off. */
  buyingPowerMicros: MoneyMicros;
  readonly working: WorkingOrder[];
}

/** What risk remembers between cycles. Plain data, part of the engine's state. */
export interface RiskMemory {
  /** N times of the newest intent by symbol, 0 for never. */
  readonly lastIntentUs: Float64Array;
  /** Times of the intents of the last minute, oldest first. */
  intentTimesUs: TimeUs[];
  /** Orders that executed in the last minute, oldest first; one entry an order. */
  executions: {
    readonly tUs: TimeUs;
    readonly symbolIx: number;
    readonly side: Side;
    readonly clientOrderId: string;
  }[];
}

export function createRiskMemory(symbolCount: number): RiskMemory {
  return { lastIntentUs: new Float64Array(symbolCount), intentTimesUs: [], executions: [] };
}

export function restrictedMask(
  symbols: readonly string[],
  { restrictedSymbols }: Pick<RiskSettings, 'restrictedSymbols'>,
): Uint8Array {
  return Uint8Array.from(symbols, (symbol) => (restrictedSymbols.includes(symbol) ? 1 : 0));
}

/** Remembers that an order executed, once however many fills it takes. */
export function recordExecution(
  memory: RiskMemory,
  execution: {
    readonly tUs: TimeUs;
    readonly symbolIx: number;
    readonly side: Side;
    readonly clientOrderId: string;
  },
): void {
  memory.executions = memory.executions.filter(({ tUs }) => tUs > execution.tUs - US_PER_MINUTE);
  const isKnown = memory.executions.some(({ clientOrderId }) => clientOrderId === execution.clientOrderId);
  if (!isKnown) memory.executions.push(execution);
}

/** Unfilled shares of one symbol's working orders, by side. */
export interface WorkingShares {
  readonly buy: Shares;
  readonly sell: Shares;
  readonly orders: number;
}

export function workingSharesOf({ working }: Pick<RiskBook, 'working'>, symbolIx: number): WorkingShares {
  let buy = 0;
  let sell = 0;
  let orders = 0;
  for (const order of working) {
    if (order.symbolIx !== symbolIx) continue;
    orders += 1;
    if (order.side === 'buy') buy += order.leavesQuantity;
    else sell += order.leavesQuantity;
  }
  return { buy, sell, orders };
}

/** Largest position, either way, that the working orders can lead to. */
export function worstShares(position: Shares, { buy, sell }: Pick<WorkingShares, 'buy' | 'sell'>): Shares {
  return Math.max(Math.abs(position + buy), Math.abs(position - sell));
}

/** Exposure of everything but one symbol if working orders fill in the worst way, micro-dollars. */
export interface RestOfBook {
  readonly grossMicros: number;
  /** Sum of positions with all buys filled and no sells, and the reverse. */
  readonly highestNetMicros: number;
  readonly lowestNetMicros: number;
}

/** Unfilled shares by symbol, buys at `2 * i` and sells behind them: scratch, as long as the largest universe so far. */
let workingSides = new Float64Array(0);

export function restOfBook(book: RiskBook, exceptIx: number): RestOfBook {
  const { positionShares, market } = book;
  if (workingSides.length < 2 * positionShares.length) {
    workingSides = new Float64Array(2 * positionShares.length);
  }
  workingSides.fill(0);
  for (const { symbolIx, side, leavesQuantity } of book.working) {
    workingSides[2 * symbolIx + (side === 'buy' ? 0 : 1)] += leavesQuantity;
  }
  let grossMicros = 0;
  let highestNetMicros = 0;
  let lowestNetMicros = 0;
  for (let i = 0; i < positionShares.length; i++) {
    if (i === exceptIx) continue;
    const highest = positionShares[i] + workingSides[2 * i];
    const lowest = positionShares[i] - workingSides[2 * i + 1];
    const perShareMicros = markE4(market, i) * 100;
    grossMicros += Math.max(Math.abs(highest), Math.abs(lowest)) * perShareMicros;
    highestNetMicros += highest * perShareMicros;
    lowestNetMicros += lowest * perShareMicros;
  }
  return { grossMicros, highestNetMicros, lowestNetMicros };
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
  book.working.push({ symbolIx, side, leavesQuantity: intent.quantity, limitPriceE4 });
  book.buyingPowerMicros -= intent.costMicros;
  memory.lastIntentUs[symbolIx] = book.tUs;
  const minuteAgoUs = book.tUs - US_PER_MINUTE;
  const isAged = memory.intentTimesUs.length > 0 && memory.intentTimesUs[0] <= minuteAgoUs;
  if (isAged) memory.intentTimesUs = memory.intentTimesUs.filter((tUs) => tUs > minuteAgoUs);
  memory.intentTimesUs.push(book.tUs);
}

/**
 * Whether an order can only bring the position closer to 0, whatever working orders do. The draft's own purpose is not
 * believed: a second closing order beside a working one would open the other side.
 */
export function isReducing(book: RiskBook, { symbolIx, side, quantity }: OrderDraft): boolean {
  const position = book.positionShares[symbolIx];
  if (position * sideSign(side) >= 0) return false;
  const working = workingSharesOf(book, symbolIx);
  const sameSide = side === 'buy' ? working.buy : working.sell;
  return quantity + sameSide <= Math.abs(position);
}
