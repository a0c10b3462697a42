import { type CorporateAction, rebasedMarkE4 } from './corporate-actions.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketSlice } from './market-table.ts';
import type { PriceE4 } from './units.ts';

/**
 * The price each symbol of a universe is marked at, 1e-4 dollars: the mid of its newest valid two-sided quote (may
 * end in .5), or its last trade while it never had one. 0 until something is known.
 */
export interface Marks {
  readonly priceE4: Float64Array;
  /** 1 where the mark is a mid: a later trade print does not replace it. */
  readonly isMid: Uint8Array;
}

export function createMarks(symbolCount: number): Marks {
  return { priceE4: new Float64Array(symbolCount), isMid: new Uint8Array(symbolCount) };
}

/** @param universeIxOf universe index by the table's `symbolIx`, -1 for symbols outside the universe */
export function updateMarks(marks: Marks, slice: MarketSlice, universeIxOf: Int32Array): void {
  const { table } = slice;
  for (let row = slice.from; row < slice.to; row += 1) {
    const i = universeIxOf[table.symbolIx[row]];
    if (i < 0) continue;
    const flags = table.flags[row];
    const bid = table.bidCloseE4[row];
    const ask = table.askCloseE4[row];
    if ((flags & HAS_BID) !== 0 && (flags & HAS_ASK) !== 0 && bid > 0 && ask >= bid) {
      marks.priceE4[i] = (bid + ask) / 2;
      marks.isMid[i] = 1;
    } else if ((flags & HAS_TRADE) !== 0) {
      markAtTrade(marks, i, table.closeE4[row]);
    }
  }
}

/** A trade, ours included, marks a symbol that never had a two-sided quote. */
export function markAtTrade(marks: Marks, symbolIx: number, priceE4: PriceE4): void {
  if (marks.isMid[symbolIx] === 0) marks.priceE4[symbolIx] = priceE4;
}

/** A mark on the terms after a corporate action. */
export function rebaseMark(marks: Marks, symbolIx: number, action: CorporateAction): void {
  marks.priceE4[symbolIx] = rebasedMarkE4(action, marks.priceE4[symbolIx]);
}

/** The index last made for a table's symbols: asked for with every slice, different only from table to table. */
const knownIndexes = new WeakMap<
  readonly string[],
  { readonly universe: readonly string[]; readonly indexOf: Int32Array }
>();

/** Universe index by the table's symbol index: what every walk over a slice's rows goes through. Not to be written to. */
export function universeIndexOf(universe: readonly string[], tableSymbols: readonly string[]): Int32Array {
  const known = knownIndexes.get(tableSymbols);
  if (known !== undefined && known.universe === universe) return known.indexOf;
  const indexOf = makeIndex(universe, tableSymbols);
  knownIndexes.set(tableSymbols, { universe, indexOf });
  return indexOf;
}

function makeIndex(universe: readonly string[], tableSymbols: readonly string[]): Int32Array {
  const indexOf = new Int32Array(tableSymbols.length).fill(-1);
  let i = 0;
  for (let k = 0; k < tableSymbols.length; k += 1) {
    while (i < universe.length && universe[i] < tableSymbols[k]) i += 1;
    if (i < universe.length && universe[i] === tableSymbols[k]) indexOf[k] = i;
  }
  return indexOf;
}
