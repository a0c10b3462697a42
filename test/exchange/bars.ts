import {
  HAS_ASK,
  HAS_BID,
  HAS_TRADE,
  MARKET_VALUE_COLUMNS,
  type MarketSlice,
  type MarketTable,
  type MarketValueColumn,
} from '../../src/domain/market-table.ts';
import { universeIndexOf } from '../../src/domain/marks.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import type { ExchangeSettings } from '../../src/domain/settings.ts';
import { openSession } from '../../src/exchange/exchange.ts';
import { createExchange, type ExchangeState } from '../../src/exchange/state.ts';

export const MINUTE_US = 60_000_000;
/** 2024-03-04 14:30 UTC, the opening of a New York session. */
export const OPEN_US = 1_709_562_600_000_000;

export const SETTINGS: ExchangeSettings = {
  decisionAllowanceUs: 0,
  slippageBps: 0,
  impactBps: 0,
  participationCap: 0.1,
  displayedSizeCap: 1,
  fee: { kind: 'bps', bps: 0 },
  allowShort: true,
  borrow: { annualBps: 0, annualBpsBySymbol: {}, noBorrowSymbols: [] },
  leverage: 2,
};

/** One row: minute 1 is the bar that ends a minute after the opening. Unset prices follow bid and ask at the open. */
export type BarRow = { readonly symbol: string; readonly minute: number; readonly flags?: number } & Partial<
  Record<MarketValueColumn, number>
>;

/** A table of minute bars. A row is quoted at `bidOpenE4`/`askOpenE4` over the whole bar unless it says otherwise. */
export function tableOf(rows: readonly BarRow[]): MarketTable {
  const sorted = [...rows].sort((a, b) => a.minute - b.minute || (a.symbol < b.symbol ? -1 : 1));
  const symbols = [...new Set(rows.map((row) => row.symbol))].sort();
  const column = (name: MarketValueColumn): Float64Array =>
    Float64Array.from(sorted, (row) => cellOf(row, name));
  const columns = Object.fromEntries(MARKET_VALUE_COLUMNS.map((name) => [name, column(name)])) as Record<
    MarketValueColumn,
    Float64Array
  >;
  return {
    session: '2024-03-04',
    barSeconds: 60,
    symbols,
    rowCount: sorted.length,
    endUs: Float64Array.from(sorted, (row) => OPEN_US + row.minute * MINUTE_US),
    symbolIx: Int32Array.from(sorted, (row) => symbols.indexOf(row.symbol)),
    flags: Uint8Array.from(sorted, (row) => row.flags ?? HAS_BID | HAS_ASK | HAS_TRADE),
    ...columns,
  };
}

function cellOf(row: BarRow, name: MarketValueColumn): number {
  const given = row[name];
  if (given !== undefined) return given;
  if (name === 'volume' || name.endsWith('Size')) return 1_000_000;
  if (name.startsWith('ask')) return row.askOpenE4 ?? 1_001_000;
  return row.bidOpenE4 ?? 1_000_000;
}

/** The slices of a table, in time order. */
export function slicesOf(table: MarketTable): MarketSlice[] {
  const slices: MarketSlice[] = [];
  for (let from = 0; from < table.rowCount; ) {
    let to = from + 1;
    while (to < table.rowCount && table.endUs[to] === table.endUs[from]) to += 1;
    slices.push({ table, from, to });
    from = to;
  }
  return slices;
}

export function sliceTimeUs(slice: MarketSlice): number {
  return slice.table.endUs[slice.from];
}

export function indexOf(state: ExchangeState, slice: MarketSlice): Int32Array {
  return universeIndexOf(state.symbols, slice.table.symbols);
}

export const SESSION = {
  date: '2024-03-04',
  openUs: OPEN_US,
  closeUs: OPEN_US + 390 * MINUTE_US,
  isHalfDay: false,
};

export function openExchange(
  settings: Partial<ExchangeSettings> = {},
  universe: { readonly symbols?: readonly string[]; readonly cashMicros?: number } = {},
): ExchangeState {
  const state = createExchange(
    { ...SETTINGS, ...settings },
    { symbols: universe.symbols ?? ['AAA'], initialCashMicros: universe.cashMicros ?? 1_000_000_000_000 },
  );
  openSession(state, SESSION);
  return state;
}

let ordinal = 0;
export function order(rest: Partial<OrderRequest>): OrderRequest {
  ordinal += 1;
  return {
    clientOrderId: `o${ordinal}`,
    symbol: 'AAA',
    side: 'buy',
    type: 'market',
    timeInForce: 'day',
    quantity: 100,
    purpose: 'open',
    ...rest,
  };
}
