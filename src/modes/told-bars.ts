import type { MarketSlice } from '../domain/market-table.ts';
import { universeIndexOf } from '../domain/marks.ts';
import type { TimeUs } from '../domain/units.ts';

/** Which bars of one session a run has taken in, minute by minute. */
export interface ToldBars {
  /** Forgets all of them: another session begins. */
  clear(): void;
  note(slice: MarketSlice): void;
  /** Symbols of the universe that a slice has a bar of and its minute had none of, each minute's once. */
  missingIn(slice: MarketSlice): readonly string[];
}

export function createToldBars(symbols: readonly string[]): ToldBars {
  const told = new Map<TimeUs, Uint8Array>();

  /** Marks the bars of a slice. @returns universe indices of those that had not been marked */
  function mark({ table, from, to }: MarketSlice): readonly number[] {
    const endUs = table.endUs[from]!;
    const ofMinute = told.get(endUs) ?? new Uint8Array(symbols.length);
    told.set(endUs, ofMinute);
    const universeIxOf = universeIndexOf(symbols, table.symbols);
    const added: number[] = [];
    for (let row = from; row < to; row += 1) {
      const i = universeIxOf[table.symbolIx[row]!]!;
      // a row without quote and trade is no bar
      if (i < 0 || table.flags[row] === 0 || ofMinute[i] === 1) continue;
      ofMinute[i] = 1;
      added.push(i);
    }
    return added;
  }

  return {
    clear: () => told.clear(),
    note: (slice) => void mark(slice),
    missingIn: (slice) => mark(slice).map((i) => symbols[i]!),
  };
}
