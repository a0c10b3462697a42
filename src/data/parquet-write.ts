import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../domain/market-table.ts';
import { VALUE_COLUMN_NAMES } from './market-columns.ts';
import { orderBySymbol } from './row-order.ts';

const ROWS_PER_GROUP = 131_072;
const INT32_MAX = 2 ** 31 - 1;
/** One page a column in every group: fewer, larger pages decode faster. */
const PAGE_BYTES = 16 * 1024 * 1024;

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema'];

/**
 * A session as a Parquet file: same table, same bytes, on any machine (delta packing and Snappy, both in JavaScript).
 * Rows are stored symbol by symbol, in time order within each: neighbours differ little, so prices pack to about a
 * byte each. Value columns are INT32, or INT64 in files whose values need it. Slots without their flag hold 0.
 */
export function writeSessionParquet(table: MarketTable): Uint8Array {
  const writer = new ByteWriter(1 << 16);
  const wide = new Set<string>();
  for (const column of MARKET_VALUE_COLUMNS) {
    if (!fitsInt32(table[column])) wide.add(VALUE_COLUMN_NAMES[column]);
  }
  const file = new ParquetWriter({
    writer,
    schema: sessionSchema(wide),
    codec: 'SNAPPY',
    statistics: false,
    createdBy: 'sametape',
  });
  const order = orderBySymbol({ ...table, symbolCount: table.symbols.length });
  for (let from = 0; from < table.rowCount; from += ROWS_PER_GROUP) {
    const rows = order.subarray(from, Math.min(from + ROWS_PER_GROUP, table.rowCount));
    file.write({
      columnData: groupColumns(table, rows, wide),
      rowGroupSize: ROWS_PER_GROUP,
      pageSize: PAGE_BYTES,
    });
  }
  file.finish();
  return new Uint8Array(writer.getBuffer());
}

function fitsInt32(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) {
    if (values[i] > INT32_MAX) return false;
  }
  return true;
}

function sessionSchema(wide: ReadonlySet<string>): Schema {
  const names = MARKET_VALUE_COLUMNS.map((column) => VALUE_COLUMN_NAMES[column]);
  return [
    { name: 'root', num_children: 3 + names.length },
    { name: 'end_us', type: 'INT64', repetition_type: 'REQUIRED' },
    { name: 'symbol', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    { name: 'flags', type: 'INT32', repetition_type: 'REQUIRED' },
    ...names.map(
      (name) =>
        ({ name, type: wide.has(name) ? 'INT64' : 'INT32', repetition_type: 'REQUIRED' }) as Schema[number],
    ),
  ];
}

/** Columns of the given rows, in the given order. */
function groupColumns(table: MarketTable, rows: Int32Array, wide: ReadonlySet<string>): ColumnSource[] {
  const { symbols, symbolIx } = table;
  const symbol: string[] = new Array(rows.length);
  for (let k = 0; k < rows.length; k++) symbol[k] = symbols[symbolIx[rows[k]]];
  const columns: ColumnSource[] = [
    { name: 'end_us', data: gatherInt64(table.endUs, rows), encoding: 'DELTA_BINARY_PACKED' },
    { name: 'symbol', data: symbol, encoding: 'RLE_DICTIONARY' },
    { name: 'flags', data: gatherInt32(table.flags, rows), encoding: 'RLE_DICTIONARY' },
  ];
  for (const column of MARKET_VALUE_COLUMNS) {
    const name = VALUE_COLUMN_NAMES[column];
    const data = wide.has(name) ? gatherInt64(table[column], rows) : gatherInt32(table[column], rows);
    columns.push({ name, data, encoding: 'DELTA_BINARY_PACKED' });
  }
  return columns;
}

function gatherInt32(values: ArrayLike<number>, rows: Int32Array): Int32Array {
  const out = new Int32Array(rows.length);
  for (let k = 0; k < rows.length; k++) out[k] = values[rows[k]];
  return out;
}

function gatherInt64(values: Float64Array, rows: Int32Array): BigInt64Array {
  const out = new BigInt64Array(rows.length);
  for (let k = 0; k < rows.length; k++) out[k] = BigInt(values[rows[k]]);
  return out;
}
