import { sessionOn } from '../../src/data/calendar.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import {
  HAS_ASK,
  HAS_BID,
  HAS_TRADE,
  IS_HALTED,
  MARKET_VALUE_COLUMNS,
  type MarketTable,
  type Session,
} from '../../src/domain/market-table.ts';

export function session(date: string): Session {
  const found = sessionOn(date);
  if (found === undefined) throw new Error(`${date} is not a session`);
  return found;
}

/** Small deterministic numbers for tables whose values do not matter: 0 to 1. */
export function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export interface TableSpec {
  readonly date: string;
  readonly symbols: readonly string[];
  readonly minutes: number;
  readonly seed: number;
  /** Share of rows that exist, and of sides that hold values. */
  readonly density?: number;
}

/** A valid table with gaps: missing rows, missing sides, halted bars. */
export function randomTable({ date, symbols, minutes, seed, density = 0.9 }: TableSpec): MarketTable {
  const { openUs } = session(date);
  const random = lcg(seed);
  const sorted = [...symbols].sort();
  const keys: [number, number][] = [];
  for (let m = 1; m <= minutes; m++) {
    for (let s = 0; s < sorted.length; s++) if (random() < density) keys.push([m, s]);
  }
  const table = createMarketTable({ session: date, barSeconds: 60, symbols: sorted, rowCount: keys.length });
  for (const [i, [m, s]] of keys.entries()) {
    table.endUs[i] = openUs + m * 60_000_000;
    table.symbolIx[i] = s;
    for (const [side, flag] of [HAS_BID, HAS_ASK, HAS_TRADE].entries()) {
      if (random() >= density) continue;
      table.flags[i] |= flag;
      const low = 10_000 * (s + 1) + Math.floor(random() * 500) + (side === 1 ? 2_000 : 0);
      const [open, high, close] = [low + 10, low + 700, low + 300];
      for (const [part, value] of [open, high, low, close, Math.floor(random() * 1e4)].entries()) {
        table[MARKET_VALUE_COLUMNS[side * 5 + part]][i] = value;
      }
    }
    if (random() < 0.02) table.flags[i] |= IS_HALTED;
  }
  return table;
}
