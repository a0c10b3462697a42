import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import {
  HAS_ASK,
  HAS_BID,
  HAS_TRADE,
  MARKET_VALUE_COLUMNS,
  type MarketTable,
} from '../domain/market-table.ts';
import { type BarRow, CELLS } from './bar-row.ts';
import { createMarketTable } from './market-columns.ts';
import { orderByEndThenSymbol } from './row-order.ts';

/** Doubles of one collected row: end, symbol, flags, 15 values, file, line. */
const WIDTH = 3 + CELLS + 2;
const AT_SYMBOL = 1;
const AT_FLAGS = 2;
const AT_VALUES = 3;
const AT_FILE = AT_VALUES + CELLS;
const AT_LINE = AT_FILE + 1;
const ROW_BYTES = WIDTH * 8;

const FIRST_ROWS = 512;
const MAX_SYMBOLS = 100_000;
/** One session of second bars for 500 symbols is 12 million rows. */
const MAX_SESSION_ROWS = 13_000_000;
const SIDES = HAS_BID | HAS_ASK | HAS_TRADE;

/** Where a row came from: index into the import's files, line or row number in it. */
export interface RowOrigin {
  readonly file: number;
  readonly line: number;
}

/**
 * Gathers checked rows by session in any order, in bounded memory: beyond `memoryRows` the rows of all sessions move
 * to files in `spillDir`.
 */
export interface SessionRows {
  add(session: string, row: BarRow, origin: RowOrigin): void;
  /** Sessions with rows, ascending. */
  sessions(): string[];
  /**
   * Builds one session and forgets its rows. Rows of one (end, symbol) become one where they hold different sides;
   * otherwise the first in input order stays and `onDuplicate` hears of the others.
   */
  take(session: string, onDuplicate: (origin: RowOrigin, what: string) => void): MarketTable;
}

interface Pending {
  rows: Float64Array;
  count: number;
  spilled: number;
}

export interface SessionRowsOptions {
  readonly barSeconds: number;
  readonly spillDir: string;
  /** Default 2 million, about 320 MB. */
  readonly memoryRows?: number;
}

export function createSessionRows(options: SessionRowsOptions): SessionRows {
  const { barSeconds, spillDir, memoryRows = 2_000_000 } = options;
  const bySession = new Map<string, Pending>();
  const symbolIds = new Map<string, number>();
  const symbols: string[] = [];
  let buffered = 0;
  const fileOf = (session: string): string => join(spillDir, `${session}.rows`);

  const spill = (): void => {
    mkdirSync(spillDir, { recursive: true });
    for (const [session, pending] of bySession) {
      if (pending.count === 0) continue;
      appendFileSync(fileOf(session), new Uint8Array(pending.rows.buffer, 0, pending.count * ROW_BYTES));
      pending.spilled += pending.count;
      pending.count = 0;
      pending.rows = new Float64Array(FIRST_ROWS * WIDTH);
    }
    buffered = 0;
  };

  const symbolId = (symbol: string): number => {
    const known = symbolIds.get(symbol);
    if (known !== undefined) return known;
    if (symbols.length >= MAX_SYMBOLS) {
      throw new InputError('IMPORT_LIMIT', `more than ${MAX_SYMBOLS} symbols; choose some with --symbols`);
    }
    symbolIds.set(symbol, symbols.length);
    return symbols.push(symbol) - 1;
  };

  return {
    add: (session, row, origin) => {
      let pending = bySession.get(session);
      if (pending === undefined) {
        pending = { rows: new Float64Array(FIRST_ROWS * WIDTH), count: 0, spilled: 0 };
        bySession.set(session, pending);
      }
      if (pending.count + pending.spilled >= MAX_SESSION_ROWS) {
        throw new InputError(
          'IMPORT_LIMIT',
          `session ${session}: more than ${MAX_SESSION_ROWS} rows; choose symbols with --symbols`,
        );
      }
      if ((pending.count + 1) * WIDTH > pending.rows.length) pending.rows = grown(pending.rows);
      writeRow({ rows: pending.rows, at: pending.count * WIDTH, row, symbol: symbolId(row.symbol), origin });
      pending.count += 1;
      buffered += 1;
      if (buffered >= memoryRows) spill();
    },
    sessions: () => [...bySession.keys()].sort(compareCodeUnits),
    take: (session, onDuplicate) => {
      const pending = bySession.get(session);
      if (pending === undefined) return createMarketTable({ session, barSeconds, symbols: [], rowCount: 0 });
      bySession.delete(session);
      buffered -= pending.count;
      let { rows, count } = pending;
      if (pending.spilled > 0) {
        rows = withSpilled(fileOf(session), pending);
        count += pending.spilled;
        rmSync(fileOf(session));
      }
      return buildTable({ session, barSeconds, rows, count, symbols, onDuplicate });
    },
  };
}

function grown(rows: Float64Array): Float64Array {
  const larger = new Float64Array(rows.length * 2);
  larger.set(rows);
  return larger;
}

interface WriteRowInput {
  readonly rows: Float64Array;
  readonly at: number;
  readonly row: BarRow;
  readonly symbol: number;
  readonly origin: RowOrigin;
}

function writeRow({ rows, at, row, symbol, origin }: WriteRowInput): void {
  rows[at] = row.endUs;
  rows[at + AT_SYMBOL] = symbol;
  rows[at + AT_FLAGS] = row.flags;
  rows.set(row.cells, at + AT_VALUES);
  rows[at + AT_FILE] = origin.file;
  rows[at + AT_LINE] = origin.line;
}

function withSpilled(path: string, pending: Pending): Float64Array {
  const rows = new Float64Array((pending.spilled + pending.count) * WIDTH);
  new Uint8Array(rows.buffer).set(readFileSync(path));
  rows.set(pending.rows.subarray(0, pending.count * WIDTH), pending.spilled * WIDTH);
  return rows;
}

interface BuildInput {
  readonly session: string;
  readonly barSeconds: number;
  readonly rows: Float64Array;
  readonly count: number;
  /** By symbol id. */
  readonly symbols: readonly string[];
  readonly onDuplicate: (origin: RowOrigin, what: string) => void;
}

function buildTable(input: BuildInput): MarketTable {
  const { session, barSeconds, rows, count, onDuplicate } = input;
  const { names, rankOfId } = rankSymbols(input);
  const endUs = new Float64Array(count);
  const symbolIx = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    endUs[i] = rows[i * WIDTH];
    symbolIx[i] = rankOfId[rows[i * WIDTH + AT_SYMBOL]];
  }
  const order = orderByEndThenSymbol({
    endUs,
    symbolIx,
    rowCount: count,
    symbolCount: names.length,
    barSeconds,
  });
  const kept = new Int32Array(count);
  let keptCount = 0;
  for (let k = 0; k < count; k++) {
    const i = order === undefined ? k : order[k];
    const last = keptCount === 0 ? -1 : kept[keptCount - 1];
    if (last < 0 || endUs[last] !== endUs[i] || symbolIx[last] !== symbolIx[i]) kept[keptCount++] = i;
    else if (!mergeSides({ rows, into: last * WIDTH, from: i * WIDTH })) {
      const origin = { file: rows[i * WIDTH + AT_FILE], line: rows[i * WIDTH + AT_LINE] };
      onDuplicate(origin, names[symbolIx[i]]);
    }
  }
  const table = createMarketTable({ session, barSeconds, symbols: names, rowCount: keptCount });
  for (let k = 0; k < keptCount; k++) {
    table.endUs[k] = endUs[kept[k]];
    table.symbolIx[k] = symbolIx[kept[k]];
    table.flags[k] = rows[kept[k] * WIDTH + AT_FLAGS];
  }
  for (const [c, column] of MARKET_VALUE_COLUMNS.entries()) {
    const out = table[column];
    for (let k = 0; k < keptCount; k++) out[k] = rows[kept[k] * WIDTH + AT_VALUES + c];
  }
  return table;
}

/** Symbols of the session in code-unit order, and the rank of each symbol id. */
function rankSymbols({ rows, count, symbols }: BuildInput): { names: string[]; rankOfId: Int32Array } {
  const isHere = new Uint8Array(symbols.length);
  for (let i = 0; i < count; i++) isHere[rows[i * WIDTH + AT_SYMBOL]] = 1;
  const ids = symbols.map((_, id) => id).filter((id) => isHere[id] === 1);
  ids.sort((a, b) => compareCodeUnits(symbols[a], symbols[b]));
  const rankOfId = new Int32Array(symbols.length);
  for (const [rank, id] of ids.entries()) rankOfId[id] = rank;
  return { names: ids.map((id) => symbols[id]), rankOfId };
}

/** @returns false when both rows hold the same side, or neither adds anything */
function mergeSides({ rows, into, from }: { rows: Float64Array; into: number; from: number }): boolean {
  const have = rows[into + AT_FLAGS];
  const extra = rows[from + AT_FLAGS];
  if ((have & extra) !== 0 || (extra & SIDES) === 0) return false;
  rows[into + AT_FLAGS] = have | extra;
  for (let c = AT_VALUES; c < AT_VALUES + CELLS; c++) rows[into + c] += rows[from + c];
  return true;
}
