import type { MarketTable, MarketValueColumn } from '../domain/market-table.ts';

/** Names of the value columns on disk and in Arrow, by field of MarketTable: snake case, unit last. */
export const VALUE_COLUMN_NAMES: Readonly<Record<MarketValueColumn, string>> = {
  bidOpenE4: 'bid_open_e4',
  bidHighE4: 'bid_high_e4',
  bidLowE4: 'bid_low_e4',
  bidCloseE4: 'bid_close_e4',
  bidSize: 'bid_size',
  askOpenE4: 'ask_open_e4',
  askHighE4: 'ask_high_e4',
  askLowE4: 'ask_low_e4',
  askCloseE4: 'ask_close_e4',
  askSize: 'ask_size',
  openE4: 'open_e4',
  highE4: 'high_e4',
  lowE4: 'low_e4',
  closeE4: 'close_e4',
  volume: 'volume',
};

/** A daily bar ends at the close of its session, whatever the length of the session. */
export const DAILY_BAR_SECONDS = 86_400;

export interface TableShape {
  readonly session: string;
  readonly barSeconds: number;
  /** Code-unit order. */
  readonly symbols: readonly string[];
  readonly rowCount: number;
}

/** A table of zeros: every slot missing. */
export function createMarketTable(shape: TableShape): MarketTable {
  const n = shape.rowCount;
  return {
    session: shape.session,
    barSeconds: shape.barSeconds,
    symbols: shape.symbols,
    rowCount: n,
    endUs: new Float64Array(n),
    symbolIx: new Int32Array(n),
    flags: new Uint8Array(n),
    bidOpenE4: new Float64Array(n),
    bidHighE4: new Float64Array(n),
    bidLowE4: new Float64Array(n),
    bidCloseE4: new Float64Array(n),
    bidSize: new Float64Array(n),
    askOpenE4: new Float64Array(n),
    askHighE4: new Float64Array(n),
    askLowE4: new Float64Array(n),
    askCloseE4: new Float64Array(n),
    askSize: new Float64Array(n),
    openE4: new Float64Array(n),
    highE4: new Float64Array(n),
    lowE4: new Float64Array(n),
    closeE4: new Float64Array(n),
    volume: new Float64Array(n),
  };
}
