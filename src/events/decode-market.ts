import {
  MARKET_VALUE_COLUMNS,
  type MarketSlice,
  type MarketTable,
  type MarketValueColumn,
} from '../domain/market-table.ts';
import { type Base64Codec, float32FromBytes, float64FromBytes, int32FromBytes } from './base64.ts';
import {
  choiceField,
  dateField,
  expectOnly,
  type FieldReader,
  fail,
  integerField,
  objectField,
  objectsField,
  payloadReader,
  risingField,
  stringField,
  stringsField,
} from './decode-fields.ts';
import type { ModelFault, ModelFaultReason, Predictions } from './inputs.ts';
import type { TapeRecord } from './record.ts';

/** Where a backtest's slice lies: rows `[from, to)` of the session's table. */
export interface SliceReference {
  readonly session: string;
  readonly from: number;
  readonly to: number;
}

/** The reference in a MarketSlice record, or null when the record carries its rows itself. */
export function decodeSliceReference(record: TapeRecord): SliceReference | null {
  if (Object.hasOwn(record.payload, 'columns')) return null;
  const reader = payloadReader(record);
  expectOnly(reader, ['from', 'session', 'to']);
  const from = integerField(reader, 'from', 0);
  return { session: dateField(reader, 'session'), from, to: integerField(reader, 'to', from + 1) };
}

/** Rows carried in the record, as a table of their own. @throws RecordInvalidError */
export function decodeInlineSlice(record: TapeRecord, base64: Base64Codec): MarketSlice {
  const reader = payloadReader(record);
  expectOnly(reader, ['barSeconds', 'columns', 'endUs', 'flags', 'session', 'symbolIx', 'symbols']);
  const flags = new Uint8Array(bytesField(reader, 'flags', base64, 1));
  const rowCount = flags.length;
  if (rowCount === 0) fail(reader, 'flags', 'expected at least one row');
  const columns = valueColumns(objectField(reader, 'columns'), rowCount, base64);
  const symbols = stringsField(reader, 'symbols');
  const symbolIx = int32FromBytes(bytesField(reader, 'symbolIx', base64, 4, rowCount));
  for (let row = 0; row < rowCount; row += 1) {
    if (symbolIx[row] < 0 || symbolIx[row] >= symbols.length) {
      fail(reader, 'symbolIx', `row ${row} points at ${symbolIx[row]} of ${symbols.length} symbols`);
    }
  }
  const table: MarketTable = {
    session: dateField(reader, 'session'),
    barSeconds: integerField(reader, 'barSeconds', 1),
    symbols,
    rowCount,
    endUs: new Float64Array(rowCount).fill(integerField(reader, 'endUs')),
    symbolIx,
    flags,
    ...columns,
  };
  return { table, from: 0, to: rowCount };
}

function valueColumns(
  reader: FieldReader,
  rowCount: number,
  base64: Base64Codec,
): Record<MarketValueColumn, Float64Array> {
  expectOnly(reader, MARKET_VALUE_COLUMNS);
  const columns: Partial<Record<MarketValueColumn, Float64Array>> = {};
  for (const name of MARKET_VALUE_COLUMNS) {
    const values = float64FromBytes(bytesField(reader, name, base64, 8, rowCount));
    for (let row = 0; row < rowCount; row += 1) {
      if (!Number.isFinite(values[row]))
        fail(reader, name, `row ${row} is ${values[row]}, not a finite number`);
    }
    columns[name] = values;
  }
  return columns as Record<MarketValueColumn, Float64Array>;
}

/** @throws RecordInvalidError when lengths differ, spare bits are set, or a value is not what its bit says */
export function decodePredictions(record: TapeRecord, base64: Base64Codec): Predictions {
  const reader = payloadReader(record);
  expectOnly(reader, ['cycle', 'faults', 'valid', 'values']);
  const values = float32FromBytes(bytesField(reader, 'values', base64, 4));
  const bits = bytesField(reader, 'valid', base64, 1, (values.length + 7) >> 3);
  const valid = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    valid[i] = (bits[i >> 3] >> (i & 7)) & 1;
    if (!Number.isFinite(values[i]) || (valid[i] === 0 && values[i] !== 0)) {
      fail(reader, 'values', `index ${i} is ${values[i]} with validity ${valid[i]}`);
    }
  }
  if (values.length % 8 !== 0 && bits[bits.length - 1] >> (values.length & 7) !== 0) {
    fail(reader, 'valid', `bits set beyond the ${values.length} values`);
  }
  const cycle = integerField(reader, 'cycle', 0);
  if (!Object.hasOwn(record.payload, 'faults')) return { cycle, values, valid };
  return { cycle, values, valid, faults: decodeFaults(reader, values.length) };
}

const FAULT_REASONS = Object.keys({
  not_finite: true,
  wrong_shape: true,
  failed: true,
  late: true,
} satisfies Record<ModelFaultReason, true>) as ModelFaultReason[];

/** @param size number of predictions, which bounds both indices */
function decodeFaults(reader: FieldReader, size: number): readonly ModelFault[] {
  return objectsField(reader, 'faults').map((item) => {
    expectOnly(item, ['column', 'detail', 'reason', 'symbols']);
    const fault = {
      column: indexField(item, 'column', size),
      reason: choiceField(item, 'reason', FAULT_REASONS),
      detail: stringField(item, 'detail'),
    };
    return Object.hasOwn(item.object, 'symbols')
      ? { ...fault, symbols: risingField(item, 'symbols', size) }
      : fault;
  });
}

/**
 * Predictions as a run over these columns and symbols records them.
 * @throws RecordInvalidError for another count of values, and for a fault of a column or symbol that is not there
 */
export function expectPredictionsOf(
  { columns, symbols }: { readonly columns: readonly unknown[]; readonly symbols: readonly unknown[] },
  record: TapeRecord,
  { values, faults = [] }: Predictions,
): void {
  const reader = payloadReader(record);
  const size = columns.length * symbols.length;
  if (values.length !== size) fail(reader, 'values', `expected ${size} values, found ${values.length}`);
  faults.forEach((fault, k) => {
    expectIndex(reader, `faults[${k}].column`, { value: fault.column, limit: columns.length });
    fault.symbols?.forEach((value, s) => {
      expectIndex(reader, `faults[${k}].symbols[${s}]`, { value, limit: symbols.length });
    });
  });
}

function indexField(reader: FieldReader, field: string, limit: number): number {
  const value = integerField(reader, field, 0);
  expectIndex(reader, field, { value, limit });
  return value;
}

function expectIndex(
  reader: FieldReader,
  field: string,
  { value, limit }: { readonly value: number; readonly limit: number },
): void {
  if (value >= limit) fail(reader, field, `expected an index below ${limit}, found ${value}`);
}

function bytesField(
  reader: FieldReader,
  field: string,
  base64: Base64Codec,
  bytesPerValue: number,
  count?: number,
): Uint8Array {
  const bytes = base64.decode(stringField(reader, field));
  if (bytes === null) return fail(reader, field, 'expected base64');
  if (bytes.length % bytesPerValue !== 0 || (count !== undefined && bytes.length !== count * bytesPerValue)) {
    const expected = count === undefined ? `a multiple of ${bytesPerValue}` : `${count * bytesPerValue}`;
    return fail(reader, field, `expected ${expected} bytes, found ${bytes.length}`);
  }
  return bytes;
}
