import type { RiskCheck } from '../../domain/decisions.ts';
import { tickAtE4 } from '../../domain/tick.ts';
import { type Shares, US_PER_SECOND } from '../../domain/units.ts';
import { grossLimit, netLimit, positionLimit, sectorLimit } from './exposure-checks.ts';
import { hasTwin } from './risk-book.ts';
import {
  blockedIf,
  type CheckResult,
  cutReductions,
  notMeasured,
  type RiskCase,
  valueMicros,
} from './risk-case.ts';
import { executedOrders } from './risk-memory.ts';

export interface RiskCheckRow {
  readonly check: RiskCheck;
  /** Unit of value and limit; empty for a count, and for a condition that is 1 where it holds, against a limit of 0. */
  readonly unit: string;
  /** Whether orders that only reduce a position skip this check: getting out must stay possible. */
  readonly reductionsPass: boolean;
  readonly run: (order: RiskCase) => CheckResult;
}

/** Too old by the clock, or missed by its source: an overdue symbol is held until its next bar, whatever age is allowed. */
function staleData({ book, draft, settings }: RiskCase): CheckResult {
  const ageUs = book.tUs - book.market.dataUs[draft.symbolIx];
  const limit = settings.maxDataAgeSeconds;
  const isStale = ageUs > limit * US_PER_SECOND || book.market.isOverdue[draft.symbolIx] === 1;
  return blockedIf(isStale, { value: ageUs / US_PER_SECOND, limit });
}

/** The quote an order is priced and judged by; trades alone keep data fresh, not the quote. */
function staleQuote({ book, draft, settings }: RiskCase): CheckResult {
  const ageUs = book.tUs - book.market.quoteUs[draft.symbolIx];
  const limit = settings.maxQuoteAgeSeconds;
  return blockedIf(ageUs > limit * US_PER_SECOND, { value: ageUs / US_PER_SECOND, limit });
}

/**
 * Distance of the order's price from the touch. The collar ends on the price grid, rounded outward: at $1.20 a cent is
 * 83 bps, and with a narrower collar no price beyond the touch would pass. A market order has no price to judge, but
 * there must be a market to judge it by.
 */
function priceCollar({ draft, touchE4, valueE4, isReducing, settings }: RiskCase): CheckResult {
  const { priceCollarBps } = settings;
  const { limitPriceE4 } = draft;
  if (limitPriceE4 === undefined) {
    const isBlind = valueE4 === 0 && !isReducing;
    return isBlind ? { kind: 'blocked', value: 0, limit: priceCollarBps } : notMeasured();
  }
  if (touchE4 === 0) return { kind: 'blocked', value: 0, limit: priceCollarBps };
  const reachE4 = (touchE4 * priceCollarBps) / 10_000;
  const edgeE4 = limitPriceE4 > touchE4 ? touchE4 + reachE4 : touchE4 - reachE4;
  const tickE4 = tickAtE4(edgeE4, settings);
  const ticks = edgeE4 / tickE4;
  const lastE4 = (limitPriceE4 > touchE4 ? Math.ceil(ticks) : Math.floor(ticks)) * tickE4;
  const value = (Math.abs(limitPriceE4 - touchE4) / touchE4) * 10_000;
  const limit = (Math.abs(lastE4 - touchE4) / touchE4) * 10_000;
  return blockedIf(value > limit, { value, limit });
}

function maxOrderValue(order: RiskCase): CheckResult {
  if (order.valueE4 === 0) return notMeasured();
  const limit = order.settings.maxOrderValueMicros;
  const value = valueMicros(order.quantity, order.valueE4);
  return cutReductions(order, Math.floor(limit / valueMicros(1, order.valueE4)), { value, limit });
}

function maxOrderShares(order: RiskCase): CheckResult {
  const limit = order.settings.maxOrderShares;
  return cutReductions(order, limit, { value: order.quantity, limit });
}

function maxAdvFraction(order: RiskCase): CheckResult {
  const adv = order.book.advDollars[order.draft.symbolIx];
  const limit = order.settings.maxAdvFraction;
  if (!(adv > 0) || order.valueE4 === 0) return notMeasured();
  const perShare = order.valueE4 / 10_000;
  const value = (order.quantity * perShare) / adv;
  return cutReductions(order, Math.floor((limit * adv) / perShare), { value, limit });
}

function lotSize({ quantity, position, sign, settings }: RiskCase): CheckResult {
  const isFullClose = position !== 0 && quantity * sign === -position;
  const remainder = quantity % settings.lotShares;
  return blockedIf(remainder !== 0 && !isFullClose, { value: quantity, limit: settings.lotShares });
}

function tickSize({ draft, settings }: RiskCase): CheckResult {
  const price = draft.limitPriceE4;
  if (price === undefined) return notMeasured();
  const limit = tickAtE4(price, settings);
  return blockedIf(price <= 0 || price % limit !== 0, { value: price, limit });
}

function openOrdersOfSymbol({ workingOrders, settings }: RiskCase): CheckResult {
  const value = workingOrders + 1;
  const limit = settings.maxOpenOrdersPerSymbol;
  return blockedIf(value > limit, { value, limit });
}

function openOrders({ book, settings }: RiskCase): CheckResult {
  const value = book.working.length + 1;
  const limit = settings.maxOpenOrders;
  return blockedIf(value > limit, { value, limit });
}

function orderRate({ memory, settings }: RiskCase): CheckResult {
  const value = memory.intentTimesUs.length + 1;
  const limit = settings.maxOrdersPerMinute;
  return blockedIf(value > limit, { value, limit });
}

/**
 * A symbol that keeps executing the same way looks like a loop, not like a decision: no order may lead beyond the
 * number at which the throttle trips the kill switch, working ones counted as executed. Off without a limit.
 */
function repeatedExecution({ memory, draft, sameSideOrders, settings }: RiskCase): CheckResult {
  const limit = settings.maxRepeatedExecutions;
  if (limit === undefined) return notMeasured();
  const value = executedOrders(memory, draft) + sameSideOrders + 1;
  return blockedIf(value > limit, { value, limit });
}

function duplicateIntent({ book, draft, quantity }: RiskCase): CheckResult {
  return blockedIf(hasTwin(book, draft, quantity), { value: quantity, limit: 0 });
}

function cooldown({ book, memory, draft, settings }: RiskCase): CheckResult {
  const limit = settings.cooldownSeconds;
  const last = memory.lastIntentUs[draft.symbolIx];
  if (last === 0) return notMeasured();
  const value = (book.tUs - last) / US_PER_SECOND;
  return blockedIf(value < limit, { value, limit });
}

/** Shares below 0 that the order can lead to with all sells working; 0 for a buy or a sale of what is held. */
function shortShares({ sign, position, workingSell, quantity }: RiskCase): Shares {
  return sign === 1 ? 0 : Math.max(0, workingSell + quantity - position);
}

function oppositeSide({ sign, workingBuy, workingSell }: RiskCase): CheckResult {
  const value = sign === 1 ? workingSell : workingBuy;
  return blockedIf(value > 0, { value, limit: 0 });
}

function buyingPower({ book, quantity, valueE4 }: RiskCase): CheckResult {
  const value = valueMicros(quantity, valueE4);
  return blockedIf(value > book.buyingPowerMicros, { value, limit: book.buyingPowerMicros });
}

/** A condition that must not hold. */
function flag(holds: boolean): CheckResult {
  return blockedIf(holds, { value: holds ? 1 : 0, limit: 0 });
}

/** The checks of stage 6 in the order they run; a new one is a row. A value that equals its limit passes. */
export const RISK_CHECKS: readonly RiskCheckRow[] = [
  { check: 'kill_switch', unit: '', reductionsPass: true, run: ({ book }) => flag(book.isKilled) },
  { check: 'trading_paused', unit: '', reductionsPass: true, run: ({ book }) => flag(book.isPaused) },
  { check: 'connection_lost', unit: '', reductionsPass: true, run: ({ book }) => flag(book.isDisconnected) },
  {
    check: 'unreconciled',
    unit: '',
    reductionsPass: false,
    run: ({ book, draft }) => flag(book.unreconciled[draft.symbolIx] === 1),
  },
  {
    check: 'cash_unreconciled',
    unit: '',
    reductionsPass: true,
    run: ({ book }) => flag(book.isCashUnreconciled),
  },
  { check: 'session_closed', unit: '', reductionsPass: false, run: ({ book }) => flag(!book.isSessionOpen) },
  {
    check: 'halted_symbol',
    unit: '',
    reductionsPass: false,
    run: ({ book, draft }) => flag(book.market.isHalted[draft.symbolIx] === 1),
  },
  {
    check: 'restricted_symbol',
    unit: '',
    reductionsPass: true,
    run: ({ book, draft }) => flag(book.rules.restricted[draft.symbolIx] === 1),
  },
  {
    check: 'short_not_allowed',
    unit: 'shares short',
    reductionsPass: true,
    run: (order) => {
      const value = shortShares(order);
      return blockedIf(!order.settings.allowShort && value > 0, { value, limit: 0 });
    },
  },
  {
    check: 'no_borrow',
    unit: 'shares short',
    reductionsPass: true,
    run: (order) => {
      const value = shortShares(order);
      const isLocked = order.book.rules.noBorrow[order.draft.symbolIx] === 1;
      return blockedIf(isLocked && value > 0, { value, limit: 0 });
    },
  },
  { check: 'stale_data', unit: 's', reductionsPass: true, run: staleData },
  { check: 'stale_quote', unit: 's', reductionsPass: true, run: staleQuote },
  { check: 'price_collar', unit: 'bps', reductionsPass: false, run: priceCollar },
  { check: 'max_order_value', unit: 'micro-dollars', reductionsPass: false, run: maxOrderValue },
  { check: 'max_order_shares', unit: 'shares', reductionsPass: false, run: maxOrderShares },
  { check: 'max_adv_fraction', unit: 'of ADV', reductionsPass: false, run: maxAdvFraction },
  { check: 'lot_size', unit: 'shares', reductionsPass: false, run: lotSize },
  { check: 'tick_size', unit: '1e-4 $', reductionsPass: false, run: tickSize },
  { check: 'max_open_orders_symbol', unit: 'orders', reductionsPass: true, run: openOrdersOfSymbol },
  { check: 'max_open_orders', unit: 'orders', reductionsPass: true, run: openOrders },
  { check: 'order_rate', unit: 'orders', reductionsPass: true, run: orderRate },
  { check: 'repeated_execution', unit: 'orders', reductionsPass: true, run: repeatedExecution },
  { check: 'duplicate_intent', unit: 'shares', reductionsPass: false, run: duplicateIntent },
  { check: 'cooldown', unit: 's', reductionsPass: true, run: cooldown },
  { check: 'opposite_side_working', unit: 'shares', reductionsPass: false, run: oppositeSide },
  { check: 'position_limit', unit: 'of equity', reductionsPass: true, run: positionLimit },
  { check: 'gross_limit', unit: 'of equity', reductionsPass: true, run: grossLimit },
  { check: 'net_limit', unit: 'of equity', reductionsPass: true, run: netLimit },
  { check: 'sector_limit', unit: 'of equity', reductionsPass: true, run: sectorLimit },
  { check: 'buying_power', unit: 'micro-dollars', reductionsPass: true, run: buyingPower },
];
