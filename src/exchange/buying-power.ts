import { applyExecution, equityMicros, grossMicros, markedMicros } from '../domain/ledger.ts';
import { markAtTrade } from '../domain/marks.ts';
import { exactMicros, notionalMicros } from '../domain/money.ts';
import type { Execution, OrderRequest, Side } from '../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares } from '../domain/units.ts';
import { feeDueMicros } from './fees.ts';
import { roundAgainst, slippedPriceE4 } from './prices.ts';
import type { Claimed, ExchangeState } from './state.ts';

/** An order's claim on buying power: what is left of it, at the worst price it can fill at. */
export interface Claim {
  readonly symbolIx: number;
  readonly side: Side;
  readonly quantity: Shares;
  readonly worstPriceE4: PriceE4;
  readonly feeMicros: MoneyMicros;
}

/**
 * The worst price an order is reckoned with. Buys: the limit, or the newest ask plus slippage at full participation.
 * Sells, whose fills open a short position at most at the market's value: the highest of limit, mark and bid.
 * A market order may still open beyond it; that is checked again when it fills.
 */
export function worstPriceE4(state: ExchangeState, request: OrderRequest, symbolIx: number): PriceE4 {
  const { limitPriceE4, side } = request;
  if (side === 'sell') {
    return Math.ceil(Math.max(limitPriceE4 ?? 0, state.marks.priceE4[symbolIx], state.bidE4[symbolIx]));
  }
  if (limitPriceE4 !== undefined) return limitPriceE4;
  const { slippageBps, impactBps } = state.settings;
  return roundAgainst('buy', slippedPriceE4('buy', state.askE4[symbolIx], slippageBps + impactBps));
}

export function claimOf(
  state: ExchangeState,
  order: { readonly request: OrderRequest; readonly symbolIx: number; readonly leavesQuantity: Shares },
): Claim {
  const price = worstPriceE4(state, order.request, order.symbolIx);
  const quantity = order.leavesQuantity;
  const filled = { shares: quantity, notionalMicros: notionalMicros(price, quantity) };
  return {
    symbolIx: order.symbolIx,
    side: order.request.side,
    quantity,
    worstPriceE4: price,
    feeMicros: feeDueMicros(state.settings.fee, filled),
  };
}

/**
 * What equity times leverage leaves when every working order, and `extra`, fills at its worst: negative means too
 * much was asked. Per symbol, the larger of "all buys fill" and "all sells fill": a sale of shares held, or a purchase
 * that covers a short, takes nothing.
 */
export function remainingMicros(state: ExchangeState, extra?: Claim): MoneyMicros {
  const claimed = currentClaims(state);
  let used = claimed.usedMicros;
  if (extra !== undefined) {
    const { symbolIx, side } = extra;
    const worstE4 = side === 'buy' ? claimed.buyWorstE4 : claimed.sellWorstE4;
    const worstBefore = worstE4[symbolIx];
    used -= worstExposureMicros(state, symbolIx);
    used += addShares(claimed, extra);
    used += worstExposureMicros(state, symbolIx);
    addShares(claimed, { ...extra, quantity: -extra.quantity });
    worstE4[symbolIx] = worstBefore;
  }
  return Math.floor(claimed.equityMicros * state.settings.leverage) - used;
}

/** Takes an accepted order into the claims, which otherwise would be counted again for the next. */
export function addClaim(state: ExchangeState, claim: Claim): void {
  const { claimed } = state;
  if (!claimed.isCurrent) return;
  claimed.usedMicros -= worstExposureMicros(state, claim.symbolIx);
  claimed.usedMicros += addShares(claimed, claim);
  claimed.usedMicros += worstExposureMicros(state, claim.symbolIx);
}

/** Called by whatever moves the market, the books or a working order: the claims are counted anew when asked for. */
export function forgetClaims({ claimed }: ExchangeState): void {
  claimed.isCurrent = false;
}

function currentClaims(state: ExchangeState): Claimed {
  const { claimed, ledger, marks, symbols } = state;
  if (claimed.isCurrent) return claimed;
  for (const column of [claimed.buyShares, claimed.buyWorstE4, claimed.sellShares, claimed.sellWorstE4]) {
    column.fill(0);
  }
  let used = 0;
  for (const order of state.working) used += addShares(claimed, claimOf(state, order));
  for (let i = 0; i < symbols.length; i += 1) used += worstExposureMicros(state, i);
  claimed.usedMicros = used;
  claimed.equityMicros = equityMicros(ledger, marks.priceE4);
  claimed.isCurrent = true;
  return claimed;
}

/** @returns the claim's fee */
function addShares(claimed: Claimed, claim: Claim): MoneyMicros {
  const shares = claim.side === 'buy' ? claimed.buyShares : claimed.sellShares;
  const worstE4 = claim.side === 'buy' ? claimed.buyWorstE4 : claimed.sellWorstE4;
  shares[claim.symbolIx] += claim.quantity;
  worstE4[claim.symbolIx] = Math.max(worstE4[claim.symbolIx], claim.worstPriceE4);
  return claim.feeMicros;
}

function worstExposureMicros({ ledger, marks, claimed }: ExchangeState, symbolIx: number): MoneyMicros {
  const position = ledger.shares[symbolIx];
  const valueMicros = markedMicros(ledger, marks.priceE4, symbolIx);
  const bought = Math.max(0, claimed.buyShares[symbolIx] - Math.max(0, -position));
  const sold = Math.max(0, claimed.sellShares[symbolIx] - Math.max(0, position));
  // Plain doubles: a sum beyond 2^53 loses its last digits, and is refused all the same.
  const long = Math.max(0, valueMicros) + claimed.buyWorstE4[symbolIx] * bought * 100;
  const short = Math.max(0, -valueMicros) + claimed.sellWorstE4[symbolIx] * sold * 100;
  return Math.max(long, short);
}

/** Shares by which an order would add to its position when every working order of its side fills first. */
export function increasingShares(
  state: ExchangeState,
  order: { readonly symbolIx: number; readonly side: Side; readonly quantity: Shares },
): Shares {
  const { symbolIx, side, quantity } = order;
  const position = state.ledger.shares[symbolIx];
  const claimed = currentClaims(state);
  const working = side === 'buy' ? claimed.buyShares[symbolIx] : claimed.sellShares[symbolIx];
  const reducible = Math.max(0, side === 'buy' ? -position : position);
  return Math.max(0, quantity - Math.max(0, reducible - working));
}

/** Equity and gross of the account, kept over the fills of one slice instead of added up again for each. */
export interface RunningAccount {
  equityMicros: MoneyMicros;
  grossMicros: MoneyMicros;
}

export function runningAccount({ ledger, marks }: ExchangeState): RunningAccount {
  return {
    equityMicros: equityMicros(ledger, marks.priceE4),
    grossMicros: grossMicros(ledger, marks.priceE4),
  };
}

/** Books an execution, with the mark it makes where no quote was ever seen, in ledger and account. */
export function bookExecution(
  { ledger, marks }: ExchangeState,
  account: RunningAccount,
  { execution, symbolIx }: { readonly execution: Execution; readonly symbolIx: number },
): void {
  const cashBefore = ledger.cashMicros;
  const valueBefore = markedMicros(ledger, marks.priceE4, symbolIx);
  applyExecution(ledger, execution);
  markAtTrade(marks, symbolIx, execution.priceE4);
  const value = markedMicros(ledger, marks.priceE4, symbolIx);
  account.equityMicros += ledger.cashMicros - cashBefore + value - valueBefore;
  account.grossMicros += Math.abs(value) - Math.abs(valueBefore);
}

/**
 * What one execution leaves of equity times leverage, at the marks before it: the check at the moment of the fill,
 * when the price is known. In a cash account (leverage 1, no shorts) it says that no purchase takes cash below zero.
 */
export function remainingAfterFillMicros(
  state: ExchangeState,
  account: RunningAccount,
  fill: {
    readonly symbolIx: number;
    readonly side: Side;
    readonly quantity: Shares;
    readonly priceE4: PriceE4;
    readonly feeMicros: MoneyMicros;
  },
): MoneyMicros {
  const { ledger, marks, settings } = state;
  const position = ledger.shares[fill.symbolIx];
  const covered = Math.min(fill.quantity, Math.max(0, fill.side === 'buy' ? -position : position));
  const coveredMicros = Math.round(covered * marks.priceE4[fill.symbolIx] * 100);
  const used =
    account.grossMicros -
    coveredMicros +
    notionalMicros(fill.priceE4, fill.quantity - covered) +
    fill.feeMicros;
  return exactMicros(Math.floor(account.equityMicros * settings.leverage) - used);
}
