import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketSlice } from '../../domain/market-table.ts';
import type { Side } from '../../domain/orders.ts';
import type { PriceE4, Shares, TimeUs } from '../../domain/units.ts';
import { barOpenUs } from '../../exchange/fills.ts';

/** The bars of one session as the tape carries them, in the order they ended. */
export interface SessionBars {
  readonly bars: SessionBar[];
}

interface SessionBar {
  readonly slice: MarketSlice;
  /** Universe index by the table's `symbolIx`. */
  readonly universeIxOf: Int32Array;
  readonly endUs: TimeUs;
}

export interface TwoSidedQuote {
  readonly bidE4: PriceE4;
  readonly askE4: PriceE4;
}

export function createSessionBars(): SessionBars {
  return { bars: [] };
}

export function addBars({ bars }: SessionBars, slice: MarketSlice, universeIxOf: Int32Array): void {
  bars.push({ slice, universeIxOf, endUs: slice.table.endUs[slice.from] });
}

/**
 * The newest two-sided quote that stood at a time, as far as bars tell: what the bar under way opened with, or what an
 * earlier one closed with. Undefined where the session had none until then.
 */
export function quoteAt(session: SessionBars, symbolIx: number, tUs: TimeUs): TwoSidedQuote | undefined {
  const { bars } = session;
  const at = barUnderWay(session, tUs);
  const opening = bars[at] === undefined ? -1 : rowOf(bars[at], symbolIx);
  if (opening >= 0) {
    const { table } = bars[at].slice;
    const quote = { bidE4: table.bidOpenE4[opening], askE4: table.askOpenE4[opening] };
    if (barOpenUs(table, opening) <= tUs && isTwoSided(table.flags[opening], quote)) return quote;
  }
  for (let k = at - 1; k >= 0; k -= 1) {
    const row = rowOf(bars[k], symbolIx);
    if (row < 0) continue;
    const { table } = bars[k].slice;
    const quote = { bidE4: table.bidCloseE4[row], askE4: table.askCloseE4[row] };
    if (isTwoSided(table.flags[row], quote)) return quote;
  }
  return undefined;
}

/**
 * What the exchange would measure participation in the bar of a time against: its volume, or what the touched side
 * displays in a bar without trades. 0 where there is none.
 */
export function liquidityAt(
  session: SessionBars,
  symbolIx: number,
  { tUs, side }: { readonly tUs: TimeUs; readonly side: Side },
): Shares {
  const bar = session.bars[barUnderWay(session, tUs)];
  const row = bar === undefined ? -1 : rowOf(bar, symbolIx);
  if (bar === undefined || row < 0) return 0;
  const { table } = bar.slice;
  if ((table.flags[row] & HAS_TRADE) !== 0) return table.volume[row];
  return side === 'buy' ? table.askSize[row] : table.bidSize[row];
}

/** Place of the first bar that ends after a time; the number of bars where none does. */
export function barUnderWay({ bars }: SessionBars, tUs: TimeUs): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bars[middle].endUs > tUs) high = middle;
    else low = middle + 1;
  }
  return low;
}

function rowOf({ slice: { table, from, to }, universeIxOf }: SessionBar, symbolIx: number): number {
  for (let row = from; row < to; row += 1) if (universeIxOf[table.symbolIx[row]] === symbolIx) return row;
  return -1;
}

function isTwoSided(flags: number, { bidE4, askE4 }: TwoSidedQuote): boolean {
  return (flags & HAS_BID) !== 0 && (flags & HAS_ASK) !== 0 && bidE4 > 0 && askE4 >= bidE4;
}
