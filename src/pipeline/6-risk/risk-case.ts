import { sideSign } from '../../domain/orders.ts';
import type { RiskSettings } from '../../domain/settings.ts';
import type { MoneyMicros, PriceE4, Shares } from '../../domain/units.ts';
import { markE4 } from '../market-state.ts';
import { isReducing, type OrderDraft, type RiskBook } from './risk-book.ts';
import type { RiskMemory } from './risk-memory.ts';

/** What the checks of stage 6 ask of the settings. */
export type RiskLimits = RiskSettings & { readonly lotShares: Shares };

/** One order under check, with what several checks need of it. */
export interface RiskCase {
  readonly draft: OrderDraft;
  /** Shares still asked for: the draft's, less what earlier checks scaled away. */
  quantity: Shares;
  readonly book: RiskBook;
  readonly memory: RiskMemory;
  readonly settings: RiskLimits;
  /** 1 for a buy, -1 for a sell. */
  readonly sign: 1 | -1;
  readonly isReducing: boolean;
  readonly position: Shares;
  /** Unfilled shares of the symbol's working orders by side, positive; orders in all and of the draft's side. */
  readonly workingBuy: Shares;
  readonly workingSell: Shares;
  readonly workingOrders: number;
  readonly sameSideOrders: number;
  /** Price the symbol's position is valued at: its mark, else the order's own price, else 0. */
  readonly markE4: PriceE4;
  /** Ask for a buy, bid for a sell, 0 where that side is missing. */
  readonly touchE4: PriceE4;
  /** Price the order is valued at: its limit, else the touch, else the mark; 0 where none is known. */
  readonly valueE4: PriceE4;
}

export interface Measured {
  /** What was measured and what it may be, in the unit of the check. */
  readonly value: number;
  readonly limit: number;
}

export type CheckResult =
  | ({ readonly kind: 'passed' } & Measured)
  /** There was nothing to measure, or no limit to measure it by, and the order passes: value and limit are 0. */
  | ({ readonly kind: 'not_measured' } & Measured)
  | ({ readonly kind: 'blocked' } & Measured)
  /** Beyond the limit, and let through all the same. */
  | ({ readonly kind: 'waived' } & Measured)
  | ({ readonly kind: 'scaled'; readonly quantity: Shares } & Measured);

export function openCase(
  draft: OrderDraft,
  book: RiskBook,
  memory: RiskMemory,
  settings: RiskLimits,
): RiskCase {
  const i = draft.symbolIx;
  const { open, market } = book;
  const isBuy = draft.side === 'buy';
  const touchE4 = isBuy ? market.askE4[i] : market.bidE4[i];
  const mark = markE4(market, i);
  const valueE4 = draft.limitPriceE4 ?? (touchE4 > 0 ? touchE4 : mark);
  return {
    draft,
    quantity: draft.quantity,
    book,
    memory,
    settings,
    sign: sideSign(draft.side),
    isReducing: isReducing(book, draft),
    position: book.positionShares[i],
    workingBuy: open.buyShares[i],
    workingSell: open.sellShares[i],
    workingOrders: open.buyOrders[i] + open.sellOrders[i],
    sameSideOrders: isBuy ? open.buyOrders[i] : open.sellOrders[i],
    markE4: mark > 0 ? mark : valueE4,
    touchE4,
    valueE4,
  };
}

export function passed({ value, limit }: Measured): CheckResult {
  return { kind: 'passed', value, limit };
}

export function notMeasured(): CheckResult {
  return { kind: 'not_measured', value: 0, limit: 0 };
}

export function blockedIf(fails: boolean, { value, limit }: Measured): CheckResult {
  return { kind: fails ? 'blocked' : 'passed', value, limit };
}

/** Cuts an order to the most shares a limit leaves room for, in whole lots; blocks it when not one lot fits. */
export function cutTo(order: RiskCase, roomShares: Shares, { value, limit }: Measured): CheckResult {
  const { lotShares } = order.settings;
  const quantity = Math.floor(Math.max(0, roomShares) / lotShares) * lotShares;
  return quantity >= lotShares
    ? { kind: 'scaled', quantity, value, limit }
    : { kind: 'blocked', value, limit };
}

/**
 * Size limits stop an order that opens; one that reduces is cut to the limit, and the rest follows in later cycles. It
 * is never cut below one lot: a limit that leaves room for none would make the position impossible to leave.
 */
export function cutReductions(order: RiskCase, roomShares: Shares, against: Measured): CheckResult {
  if (against.value <= against.limit) return passed(against);
  if (!order.isReducing) return { kind: 'blocked', ...against };
  const { lotShares } = order.settings;
  if (order.quantity <= lotShares) return { kind: 'waived', ...against };
  return cutTo(order, Math.max(roomShares, lotShares), against);
}

/** Value of a number of shares, micro-dollars as a plain double: limits do not need the books' exactness. */
export function valueMicros(shares: Shares, priceE4: PriceE4): MoneyMicros {
  return shares * priceE4 * 100;
}
