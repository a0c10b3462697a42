import type { SchemaElement } from 'hyparquet';
import { US_PER_DAY } from '../domain/units.ts';
import { refuse } from './parquet-guard.ts';

/** What a column holds, as far as an importer has to know. */
export type ParquetKind =
  /** `isSingle`: floats of 32 bits. */
  | { readonly kind: 'number'; readonly isSingle: boolean }
  | { readonly kind: 'string' }
  | { readonly kind: 'timestamp'; readonly unit: 'ms' | 'us' | 'ns'; readonly isUtc: boolean }
  | { readonly kind: 'date' }
  | { readonly kind: 'other'; readonly type: string };

/** Values of a column; `valid[i]` is 0 where the file holds null (the value is then 0). Absent: there are no nulls. */
export interface NumberColumn {
  readonly values: Int32Array | Float64Array;
  readonly valid?: Uint8Array;
}

export function kindOfElement(element: SchemaElement): ParquetKind {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (logical?.type === 'TIMESTAMP') {
    const unit = ({ MILLIS: 'ms', MICROS: 'us', NANOS: 'ns' } as const)[logical.unit];
    return { kind: 'timestamp', unit, isUtc: logical.isAdjustedToUTC };
  }
  if (converted === 'TIMESTAMP_MILLIS') return { kind: 'timestamp', unit: 'ms', isUtc: true };
  if (converted === 'TIMESTAMP_MICROS') return { kind: 'timestamp', unit: 'us', isUtc: true };
  if (type === 'INT96') return { kind: 'timestamp', unit: 'ns', isUtc: true };
  if (converted === 'DATE' || logical?.type === 'DATE') return { kind: 'date' };
  if (type === 'BYTE_ARRAY' && converted !== 'DECIMAL') return { kind: 'string' };
  if (type === 'FIXED_LEN_BYTE_ARRAY' && converted !== 'DECIMAL') {
    return { kind: 'other', type: logical?.type ?? 'FIXED_LEN_BYTE_ARRAY' };
  }
  return { kind: 'number', isSingle: type === 'FLOAT' };
}

interface DecodedColumn {
  readonly data: ArrayLike<unknown>;
  readonly kind: ParquetKind;
  readonly column: string;
}

/** @throws ParquetFormatError for values that are not numbers */
export function toNumbers({ data, kind, column }: DecodedColumn): NumberColumn {
  if (kind.kind === 'number' && (data instanceof Int32Array || data instanceof Float64Array)) {
    return { values: data };
  }
  const n = data.length;
  const valid = new Uint8Array(n).fill(1);
  const values = new Float64Array(n);
  const isNanoseconds = kind.kind === 'timestamp' && kind.unit === 'ns';
  const scale =
    kind.kind === 'date' ? US_PER_DAY : kind.kind === 'timestamp' && kind.unit === 'ms' ? 1000 : 1;
  for (let i = 0; i < n; i++) {
    const value = data[i];
    if (value === null) valid[i] = 0;
    else if (typeof value === 'number') values[i] = value * scale;
    else if (typeof value === 'bigint') {
      values[i] = isNanoseconds ? Number((value - (value < 0n ? 999n : 0n)) / 1000n) : Number(value) * scale;
    } else if (typeof value === 'boolean') values[i] = value ? 1 : 0;
    else
      refuse(
        `column ${column} holds ${value === undefined ? 'a broken reference' : typeof value}, not numbers`,
      );
  }
  return { values, valid };
}

/** @throws ParquetFormatError for values that are not text */
export function toStrings(data: ArrayLike<unknown>, column: string): (string | null)[] {
  const values: (string | null)[] = new Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (value !== null && typeof value !== 'string') {
      refuse(`column ${column} holds ${value === undefined ? 'a broken reference' : typeof value}, not text`);
    }
    values[i] = value;
  }
  return values;
}
