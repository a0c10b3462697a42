import { type CorporateAction, rebasedMarkE4 } from '../domain/corporate-actions.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketSlice } from '../domain/market-table.ts';
import type { PriceE4, TimeUs } from '../domain/units.ts';

/**
 * The newest known quote and trade of every symbol of the universe, as columns. 0 means "not seen yet".
 * A one-sided quote clears the missing side: a stale other side must not look like a market.
 */
export interface MarketState {
  readonly bidE4: Float64Array;
  readonly askE4: Float64Array;
  /** Mid of the newest valid two-sided quote, 1e-4 dollars (may end in .5); kept when the quote becomes invalid. */
  readonly midE4: Float64Array;
  readonly lastTradeE4: Float64Array;
  /** Time of the newest quote row, valid or not. */
  readonly quoteUs: Float64Array;
  /** Time of the newest valid two-sided quote: when `midE4` was last set. */
  readonly midUs: Float64Array;
  /** Time of the newest bar of any kind. */
  readonly dataUs: Float64Array;
  readonly isHalted: Uint8Array;
  /** N, 1 from the moment its source missed a bar to the next one. */
  readonly isOverdue: Uint8Array;
}

export function createMarketState(symbolCount: number): MarketState {
  return {
    bidE4: new Float64Array(symbolCount),
    askE4: new Float64Array(symbolCount),
    midE4: new Float64Array(symbolCount),
    lastTradeE4: new Float64Array(symbolCount),
    quoteUs: new Float64Array(symbolCount),
    midUs: new Float64Array(symbolCount),
    dataUs: new Float64Array(symbolCount),
    isHalted: new Uint8Array(symbolCount),
    isOverdue: new Uint8Array(symbolCount),
  };
}

/** A new session has no quotes yet: last night's touch is not a price to trade at. Mids stay, as marks. */
export function forgetQuotes(state: MarketState): void {
  state.bidE4.fill(0);
  state.askE4.fill(0);
  state.isHalted.fill(0);
}

/**
 * Mid and last trade as they would have been on the terms after a corporate action, so that marks stand until the
 * first bar of the day. A quote of before it is no price to trade at.
 */
export function rebaseQuotes(state: MarketState, i: number, action: CorporateAction): void {
  state.midE4[i] = rebasedMarkE4(action, state.midE4[i]);
  state.lastTradeE4[i] = rebasedMarkE4(action, state.lastTradeE4[i]);
  state.bidE4[i] = 0;
  state.askE4[i] = 0;
}

/** Mid of a two-sided, uncrossed quote in 1e-4 dollars, or 0 when there is none. */
export function validMidE4(bidE4: PriceE4, askE4: PriceE4): number {
  return bidE4 > 0 && askE4 >= bidE4 ? (bidE4 + askE4) / 2 : 0;
}

/** Applies row `row` of a slice to symbol `i`. */
export function applyMarketRow(
  state: MarketState,
  { table }: MarketSlice,
  row: number,
  i: number,
  tUs: TimeUs,
): void {
  const flags = table.flags[row];
  state.dataUs[i] = tUs;
  // a row without quote and trade is no bar
  if (flags !== 0) state.isOverdue[i] = 0;
  state.isHalted[i] = (flags & IS_HALTED) === 0 ? 0 : 1;
  if ((flags & (HAS_BID | HAS_ASK)) !== 0) {
    const bid = (flags & HAS_BID) === 0 ? 0 : table.bidCloseE4[row];
    const ask = (flags & HAS_ASK) === 0 ? 0 : table.askCloseE4[row];
    state.bidE4[i] = bid;
    state.askE4[i] = ask;
    state.quoteUs[i] = tUs;
    const mid = validMidE4(bid, ask);
    if (mid > 0) {
      state.midE4[i] = mid;
      state.midUs[i] = tUs;
    }
  }
  if ((flags & HAS_TRADE) !== 0) state.lastTradeE4[i] = table.closeE4[row];
}

/** Price a position is marked at: the newest valid mid, else the last trade, else 0. 1e-4 dollars. */
export function markE4(state: MarketState, i: number): number {
  return state.midE4[i] > 0 ? state.midE4[i] : state.lastTradeE4[i];
}
