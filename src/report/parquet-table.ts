import { renameSync, rmSync } from 'node:fs';
import parquet from 'parquetjs-lite';
import { InvariantError } from '../domain/errors.ts';

/** `integer`: exact within 2^53; `number`: a finite double; `time`: µs since the epoch, UTC. `?` allows nothing. */
export type ColumnType = 'text' | 'integer' | 'number' | 'time' | 'text?' | 'number?' | 'time?';
export type ColumnTypes = Readonly<Record<string, ColumnType>>;
/** One row: a value for every column; undefined only in columns that allow nothing. */
export type Row<C extends ColumnTypes> = {
  readonly [K in keyof C]: C[K] extends `text${infer Q}`
    ? string | (Q extends '?' ? undefined : never)
    : number | (C[K] extends `${string}?` ? undefined : never);
};

export interface ParquetTable<C extends ColumnTypes> {
  append(row: Row<C>): Promise<void>;
  /** Ends the file and gives it its name; until then it is `<path>.partial`. */
  close(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

const PARQUET_TYPES = { text: 'UTF8', integer: 'INT64', number: 'DOUBLE', time: 'TIMESTAMP_MICROS' } as const;

/** Starts a Parquet file (snappy). An existing file at `path` is replaced when the new one is complete. */
export async function createParquetTable<C extends ColumnTypes>(
  path: string,
  columns: C,
): Promise<ParquetTable<C>> {
  const partial = `${path}.partial`;
  const fields = Object.entries(columns).map(([name, type]) => {
    const kind = type.replace('?', '') as keyof typeof PARQUET_TYPES;
    return [
      name,
      { type: PARQUET_TYPES[kind], compression: 'SNAPPY', optional: type.endsWith('?') },
    ] as const;
  });
  const schema = new parquet.ParquetSchema(Object.fromEntries(fields));
  const writer = await parquet.ParquetWriter.openFile(schema, partial);
  return {
    append: (row) => writer.appendRow(writable(columns, row)),
    close: async () => {
      await writer.close();
      renameSync(partial, path);
    },
    discard: async () => {
      await writer.close().catch(() => undefined);
      rmSync(partial, { force: true });
    },
  };
}

/**
 * The row as the writer must get it. It refuses NaN with a bare string, stores infinities and writes integers beyond
 * 2^53 rounded, so none of these may reach it; -0 becomes +0 in every column alike.
 * @throws InvariantError naming the column
 */
function writable<C extends ColumnTypes>(columns: C, row: Row<C>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(columns)) {
    const value: string | number | undefined = row[name];
    if (value === undefined) {
      if (!type.endsWith('?')) throw new InvariantError(`column ${name}: a value is missing`);
      continue;
    }
    const isText = type.startsWith('text');
    const isSound = isText
      ? typeof value === 'string'
      : type.startsWith('number')
        ? Number.isFinite(value)
        : Number.isSafeInteger(value);
    if (!isSound) throw new InvariantError(`column ${name}: ${value} cannot be stored as ${type}`);
    out[name] = value === 0 ? 0 : value;
  }
  return out;
}
