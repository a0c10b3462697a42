import type { RiskCheck } from '../../domain/decisions.ts';
import type { RiskSettings } from '../../domain/settings.ts';
import {
  type MoneyMicros,
  type PriceE4,
  type Shares,
  US_PER_MINUTE,
  US_PER_SECOND,
} from '../../domain/units.ts';
import {
  type OrderDraft,
  type RestOfBook,
  type RiskBook,
  type RiskMemory,
  type WorkingShares,
  worstShares,
} from './risk-book.ts';

/** One order under check, with what several checks need of it. */
export interface RiskCase {
  readonly draft: OrderDraft;
  /** Shares still asked for: the draft's, less what earlier checks scaled away. */
  quantity: Shares;
  readonly book: RiskBook;
  readonly memory: RiskMemory;
  readonly settings: RiskSettings & { readonly lotShares: Shares };
  /** 1 for a buy, -1 for a sell. */
  readonly sign: 1 | -1;
  readonly isReducing: boolean;
  readonly position: Shares;
  readonly working: WorkingShares;
  readonly rest: RestOfBook;
  /** Price the symbol's position is valued at: its mark, else the order's own price, else 0. */
  readonly markE4: PriceE4;
  /** Ask for a buy, bid for a sell, 0 where that side is missing. */
  readonly touchE4: PriceE4;
  /** Price the order is valued at: its limit, else the touch, else the mark; 0 where none is known. */
  readonly valueE4: PriceE4;
}

export type CheckResult =
  | { readonly kind: 'passed' }
  | { readonly kind: 'blocked'; readonly value: number; readonly limit: number }
  | { readonly kind: 'scaled'; readonly quantity: Shares; readonly value: number; readonly limit: number };

export interface RiskCheckRow {
  readonly check: RiskCheck;
  /** Whether orders that only reduce a position skip this check: getting out must stay possible. */
  readonly reductionsPass: boolean;
  readonly run: (order: RiskCase) => CheckResult;
}

const PASSED: CheckResult = { kind: 'passed' };

function blockedIf(fails: boolean, value: number, limit: number): CheckResult {
  return fails ? { kind: 'blocked', value, limit } : PASSED;
}

/** Cuts an order to the most shares a limit leaves room for, in whole lots; blocks it when not one lot fits. */
function cutTo(order: RiskCase, roomShares: Shares, against: { value: number; limit: number }): CheckResult {
  const { lotShares } = order.settings;
  const quantity = Math.floor(Math.max(0, roomShares) / lotShares) * lotShares;
  return quantity >= lotShares ? { kind: 'scaled', quantity, ...against } : { kind: 'blocked', ...against };
}

/** Size limits stop an order that opens; one that reduces is cut to the limit, and the rest follows in later cycles. */
function cutReductions(
  order: RiskCase,
  roomShares: Shares,
  against: { value: number; limit: number },
): CheckResult {
  if (against.value <= against.limit) return PASSED;
  return order.isReducing ? cutTo(order, roomShares, against) : { kind: 'blocked', ...against };
}

/** Value of a number of shares, micro-dollars as a plain double: limits do not need the books' exactness. */
function valueMicros(shares: Shares, priceE4: PriceE4): MoneyMicros {
  return shares * priceE4 * 100;
}

function staleData({ book, draft, settings }: RiskCase): CheckResult {
  const ageUs = book.tUs - book.market.dataUs[draft.symbolIx];
  const limit = settings.maxDataAgeSeconds;
  return blockedIf(ageUs > limit * US_PER_SECOND, ageUs / US_PER_SECOND, limit);
}

function priceCollar({ draft, touchE4, valueE4, isReducing, settings }: RiskCase): CheckResult {
  const limit = settings.priceCollarBps;
  if (draft.limitPriceE4 === undefined) return blockedIf(valueE4 === 0 && !isReducing, 0, limit);
  if (touchE4 === 0) return { kind: 'blocked', value: 0, limit };
  const distanceBps = (Math.abs(draft.limitPriceE4 - touchE4) / touchE4) * 10_000;
  return blockedIf(distanceBps > limit, distanceBps, limit);
}

function maxOrderValue(order: RiskCase): CheckResult {
  const limit = order.settings.maxOrderValueMicros;
  const value = valueMicros(order.quantity, order.valueE4);
  return cutReductions(order, Math.floor(limit / valueMicros(1, order.valueE4)), { value, limit });
}

function maxAdvFraction(order: RiskCase): CheckResult {
  const adv = order.book.advDollars[order.draft.symbolIx];
  const limit = order.settings.maxAdvFraction;
  if (!(adv > 0) || adv === Number.POSITIVE_INFINITY) return PASSED;
  const perShare = order.valueE4 / 10_000;
  const value = (order.quantity * perShare) / adv;
  return cutReductions(order, Math.floor((limit * adv) / perShare), { value, limit });
}

function lotSize({ quantity, position, sign, settings }: RiskCase): CheckResult {
  const isFullClose = position !== 0 && quantity * sign === -position;
  const remainder = quantity % settings.lotShares;
  return blockedIf(remainder !== 0 && !isFullClose, quantity, settings.lotShares);
}

function tickSize({ draft, settings }: RiskCase): CheckResult {
  const price = draft.limitPriceE4;
  return blockedIf(
    price !== undefined && (price <= 0 || price % settings.tickE4 !== 0),
    price ?? 0,
    settings.tickE4,
  );
}

function orderRate({ book, memory, settings }: RiskCase): CheckResult {
  let recent = 1;
  for (const tUs of memory.intentTimesUs) if (tUs > book.tUs - US_PER_MINUTE) recent += 1;
  return blockedIf(recent > settings.maxOrdersPerMinute, recent, settings.maxOrdersPerMinute);
}

/** A symbol that keeps executing the same way looks like a loop, not like a decision. Off without a limit. */
function repeatedExecution({ book, memory, draft, settings }: RiskCase): CheckResult {
  const limit = settings.maxRepeatedExecutions;
  if (limit === undefined) return PASSED;
  let repeats = 1;
  for (const { tUs, symbolIx, side } of memory.executions) {
    if (tUs > book.tUs - US_PER_MINUTE && symbolIx === draft.symbolIx && side === draft.side) repeats += 1;
  }
  return blockedIf(repeats > limit, repeats, limit);
}

function duplicateIntent({ book, draft, quantity }: RiskCase): CheckResult {
  const isDuplicate = book.working.some(
    (order) =>
      order.symbolIx === draft.symbolIx &&
      order.side === draft.side &&
      order.leavesQuantity === quantity &&
      order.limitPriceE4 === draft.limitPriceE4,
  );
  return blockedIf(isDuplicate, quantity, 0);
}

function cooldown({ book, memory, draft, settings }: RiskCase): CheckResult {
  const last = memory.lastIntentUs[draft.symbolIx];
  const seconds = (book.tUs - last) / US_PER_SECOND;
  return blockedIf(last !== 0 && seconds < settings.cooldownSeconds, seconds, settings.cooldownSeconds);
}

/** The position the order can lead to, signed towards its own side: same-side working orders count as filled. */
function reach({ position, working, sign }: RiskCase): Shares {
  return position * sign + (sign === 1 ? working.buy : working.sell);
}

function positionLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4 } = order;
  const held = reach(order);
  const after = Math.max(0, held + order.quantity);
  const value = book.equityMicros > 0 ? valueMicros(after, markE4) / book.equityMicros : 0;
  const limit = settings.maxPositionFrac;
  const allowedMicros = limit * book.equityMicros;
  if (book.equityMicros > 0 && valueMicros(after, markE4) <= allowedMicros) return PASSED;
  const room = Math.floor(allowedMicros / valueMicros(1, markE4)) - held;
  return cutTo(order, room, { value, limit });
}

function grossLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4, rest, position, working } = order;
  const limit = settings.maxGrossFrac;
  const allowedMicros = limit * book.equityMicros;
  const before = worstShares(position, working);
  const after = Math.max(before, Math.abs(reach(order) + order.quantity));
  const grossMicros = rest.grossMicros + valueMicros(after, markE4);
  if (after === before || (book.equityMicros > 0 && grossMicros <= allowedMicros)) return PASSED;
  const value = book.equityMicros > 0 ? grossMicros / book.equityMicros : 0;
  const room = Math.floor((allowedMicros - rest.grossMicros) / valueMicros(1, markE4)) - reach(order);
  return cutTo(order, room, { value, limit });
}

function netLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4, rest, sign } = order;
  const others = sign === 1 ? rest.highestNetMicros : -rest.lowestNetMicros;
  const netMicros = others + valueMicros(reach(order) + order.quantity, markE4);
  const value = book.equityMicros > 0 ? netMicros / book.equityMicros : 0;
  return blockedIf(netMicros > settings.maxNetFrac * book.equityMicros, value, settings.maxNetFrac);
}

/**
 * The checks of stage 6 in the order they run; a new one is a row. `sector_limit` has no row until sectors are data.
 * A value that equals its limit passes.
 */
export const RISK_CHECKS: readonly RiskCheckRow[] = [
  {
    check: 'kill_switch',
    reductionsPass: true,
    run: ({ book }) => blockedIf(book.isKilled, 1, 0),
  },
  {
    check: 'session_closed',
    reductionsPass: false,
    run: ({ book }) => blockedIf(!book.isSessionOpen, 1, 0),
  },
  {
    check: 'halted_symbol',
    reductionsPass: false,
    run: ({ book, draft }) => blockedIf(book.market.isHalted[draft.symbolIx] === 1, 1, 0),
  },
  {
    check: 'restricted_symbol',
    reductionsPass: true,
    run: ({ book, draft }) => blockedIf(book.restricted[draft.symbolIx] === 1, 1, 0),
  },
  {
    check: 'short_not_allowed',
    reductionsPass: true,
    run: ({ sign, position, working, quantity, settings }) => {
      const lowest = position - working.sell - quantity;
      return blockedIf(sign === -1 && !settings.allowShort && lowest < 0, lowest, 0);
    },
  },
  { check: 'stale_data', reductionsPass: true, run: staleData },
  { check: 'price_collar', reductionsPass: false, run: priceCollar },
  { check: 'max_order_value', reductionsPass: false, run: maxOrderValue },
  {
    check: 'max_order_shares',
    reductionsPass: false,
    run: (order) => {
      const limit = order.settings.maxOrderShares;
      return cutReductions(order, limit, { value: order.quantity, limit });
    },
  },
  { check: 'max_adv_fraction', reductionsPass: false, run: maxAdvFraction },
  { check: 'lot_size', reductionsPass: false, run: lotSize },
  { check: 'tick_size', reductionsPass: false, run: tickSize },
  {
    check: 'max_open_orders_symbol',
    reductionsPass: true,
    run: ({ working, settings: { maxOpenOrdersPerSymbol } }) =>
      blockedIf(working.orders + 1 > maxOpenOrdersPerSymbol, working.orders + 1, maxOpenOrdersPerSymbol),
  },
  {
    check: 'max_open_orders',
    reductionsPass: true,
    run: ({ book, settings: { maxOpenOrders } }) =>
      blockedIf(book.working.length + 1 > maxOpenOrders, book.working.length + 1, maxOpenOrders),
  },
  { check: 'order_rate', reductionsPass: true, run: orderRate },
  { check: 'repeated_execution', reductionsPass: true, run: repeatedExecution },
  { check: 'duplicate_intent', reductionsPass: false, run: duplicateIntent },
  { check: 'cooldown', reductionsPass: true, run: cooldown },
  {
    check: 'opposite_side_working',
    reductionsPass: false,
    run: ({ sign, working }) => {
      const opposite = sign === 1 ? working.sell : working.buy;
      return blockedIf(opposite > 0, opposite, 0);
    },
  },
  { check: 'position_limit', reductionsPass: true, run: positionLimit },
  { check: 'gross_limit', reductionsPass: true, run: grossLimit },
  { check: 'net_limit', reductionsPass: true, run: netLimit },
  {
    check: 'buying_power',
    reductionsPass: true,
    run: ({ book, quantity, valueE4 }) => {
      const cost = valueMicros(quantity, valueE4);
      return blockedIf(cost > book.buyingPowerMicros, cost, book.buyingPowerMicros);
    },
  },
];
