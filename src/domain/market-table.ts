import type { TimeUs } from './units.ts';

/** Row flags: which parts of a market row hold values. A slot without its flag holds 0 and means "missing". */
export const HAS_BID = 1;
export const HAS_ASK = 2;
export const HAS_TRADE = 4;
/** The instrument is halted at the end of this bar: no orders fill, quotes are not tradable. */
export const IS_HALTED = 8;

/**
 * One session of bars for many symbols, as columns: one row per (bar end, symbol), sorted by end time, then by
 * symbol in code-unit order. A row is known at `endUs`, never before. Prices are integers in 1e-4 dollars, sizes
 * and volume are shares. Columns are plain typed arrays (the buffers of Arrow vectors), never per-row objects.
 */
export interface MarketTable {
  /** Session date, `YYYY-MM-DD` in New York. */
  readonly session: string;
  /** Bar length in seconds: 60 for minute bars. */
  readonly barSeconds: number;
  /** Symbols of the table, code-unit order; `symbolIx` points into it. */
  readonly symbols: readonly string[];
  readonly rowCount: number;
  readonly endUs: Float64Array;
  readonly symbolIx: Int32Array;
  readonly flags: Uint8Array;
  readonly bidOpenE4: Float64Array;
  readonly bidHighE4: Float64Array;
  readonly bidLowE4: Float64Array;
  readonly bidCloseE4: Float64Array;
  readonly bidSize: Float64Array;
  readonly askOpenE4: Float64Array;
  readonly askHighE4: Float64Array;
  readonly askLowE4: Float64Array;
  readonly askCloseE4: Float64Array;
  readonly askSize: Float64Array;
  readonly openE4: Float64Array;
  readonly highE4: Float64Array;
  readonly lowE4: Float64Array;
  readonly closeE4: Float64Array;
  readonly volume: Float64Array;
}

/** Names of the price and size columns of a market table, in storage order. */
export const MARKET_VALUE_COLUMNS = [
  'bidOpenE4',
  'bidHighE4',
  'bidLowE4',
  'bidCloseE4',
  'bidSize',
  'askOpenE4',
  'askHighE4',
  'askLowE4',
  'askCloseE4',
  'askSize',
  'openE4',
  'highE4',
  'lowE4',
  'closeE4',
  'volume',
] as const;

export type MarketValueColumn = (typeof MARKET_VALUE_COLUMNS)[number];

/** Rows `[from, to)` of a table that share one end time: what becomes known at that moment. */
export interface MarketSlice {
  readonly table: MarketTable;
  readonly from: number;
  readonly to: number;
}

/** A trading session of the exchange calendar. */
export interface Session {
  /** `YYYY-MM-DD` in New York. */
  readonly date: string;
  readonly openUs: TimeUs;
  readonly closeUs: TimeUs;
  readonly isHalfDay: boolean;
}

/** One past the last row that ends when row `from` does: the end of the slice that begins there. */
export function sliceEnd({ endUs, rowCount }: MarketTable, from: number): number {
  let to = from + 1;
  while (to < rowCount && endUs[to] === endUs[from]) to += 1;
  return to;
}
