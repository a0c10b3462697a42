import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketTable } from '../domain/market-table.ts';
import { exp, ln } from '../math/elementary.ts';
import type { Prng } from './synth-random.ts';

/** Path points within a minute after its first. */
export const STEPS = 4;
const TICK_E4 = 100;

/** One minute of a symbol, filled anew for every bar. */
export interface SynthBar {
  readonly bid: Float64Array;
  readonly ask: Float64Array;
  readonly trade: Float64Array;
}

export function createSynthBar(): SynthBar {
  return {
    bid: new Float64Array(STEPS + 1),
    ask: new Float64Array(STEPS + 1),
    trade: new Float64Array(STEPS + 1),
  };
}

interface QuoteInput {
  readonly logMid: number;
  /** Fraction of mid. */
  readonly spread: number;
  readonly prng: Prng;
}

/** Bid and ask on the tick around a mid, at least a tick apart, and a trade at one of them. */
export function quote(bar: SynthBar, step: number, { logMid, spread, prng }: QuoteInput): void {
  const mid = exp(logMid);
  const half = (mid * spread) / 2;
  const bid = Math.max(TICK_E4, Math.round((mid - half) / TICK_E4) * TICK_E4);
  const ask = Math.max(bid + TICK_E4, Math.round((mid + half) / TICK_E4) * TICK_E4);
  bar.bid[step] = bid;
  bar.ask[step] = ask;
  bar.trade[step] = prng() < 0.5 ? bid : ask;
}

/** A quoted size in round lots, 600 shares on average. */
export function drawSize(prng: Prng): number {
  return 100 * (1 + Math.floor(-ln(1 - prng()) * 6));
}

interface WriteBarInput {
  readonly table: MarketTable;
  readonly row: number;
  readonly bar: SynthBar;
  readonly shares: number;
  /** Bid and ask size. */
  readonly sizes: readonly [number, number];
}

/** Writes a minute with both sides and trades into a row. */
export function writeBar({ table, row, bar, shares, sizes }: WriteBarInput): void {
  table.flags[row] = HAS_BID | HAS_ASK | HAS_TRADE;
  table.bidOpenE4[row] = bar.bid[0];
  table.bidHighE4[row] = highest(bar.bid);
  table.bidLowE4[row] = lowest(bar.bid);
  table.bidCloseE4[row] = bar.bid[STEPS];
  table.bidSize[row] = sizes[0];
  table.askOpenE4[row] = bar.ask[0];
  table.askHighE4[row] = highest(bar.ask);
  table.askLowE4[row] = lowest(bar.ask);
  table.askCloseE4[row] = bar.ask[STEPS];
  table.askSize[row] = sizes[1];
  table.openE4[row] = bar.trade[0];
  table.highE4[row] = highest(bar.trade);
  table.lowE4[row] = lowest(bar.trade);
  table.closeE4[row] = bar.trade[STEPS];
  table.volume[row] = shares;
}

function highest(values: Float64Array): number {
  let high = values[0];
  for (const value of values) high = Math.max(high, value);
  return high;
}

function lowest(values: Float64Array): number {
  let low = values[0];
  for (const value of values) low = Math.min(low, value);
  return low;
}
