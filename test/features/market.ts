import { HAS_TRADE, type MarketSlice, type MarketTable } from '../../src/domain/market-table.ts';
import { US_PER_MINUTE } from '../../src/domain/units.ts';

/** A trade bar of one symbol; prices in dollars. */
export interface TradeRow {
  readonly minute: number;
  readonly symbol: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** Quote-only row: no trade in it. */
  readonly isQuoteOnly?: boolean;
}

/** A market table with the given trade rows, sorted as a dataset would be. */
export function marketTable(
  rows: readonly TradeRow[],
  symbols: readonly string[],
  openUs: number,
): MarketTable {
  const sorted = [...rows].sort((a, b) => a.minute - b.minute || a.symbol - b.symbol);
  const column = (value: (row: TradeRow) => number) => Float64Array.from(sorted, value);
  const none = () => new Float64Array(sorted.length);
  const e4 = (dollars: number) => Math.round(dollars * 10_000);
  return {
    session: '2024-03-04',
    barSeconds: 60,
    symbols,
    rowCount: sorted.length,
    endUs: column((row) => openUs + row.minute * US_PER_MINUTE),
    symbolIx: Int32Array.from(sorted, (row) => row.symbol),
    flags: Uint8Array.from(sorted, (row) => (row.isQuoteOnly === true ? 0 : HAS_TRADE)),
    bidOpenE4: none(),
    bidHighE4: none(),
    bidLowE4: none(),
    bidCloseE4: none(),
    bidSize: none(),
    askOpenE4: none(),
    askHighE4: none(),
    askLowE4: none(),
    askCloseE4: none(),
    askSize: none(),
    openE4: column((row) => e4(row.close)),
    highE4: column((row) => e4(row.high)),
    lowE4: column((row) => e4(row.low)),
    closeE4: column((row) => e4(row.close)),
    volume: column((row) => row.volume),
  };
}

/** The slices of a table in order of time. */
export function slicesOf(table: MarketTable): MarketSlice[] {
  const slices: MarketSlice[] = [];
  for (let from = 0; from < table.rowCount; ) {
    let to = from + 1;
    while (to < table.rowCount && table.endUs[to] === table.endUs[from]) to++;
    slices.push({ table, from, to });
    from = to;
  }
  return slices;
}
