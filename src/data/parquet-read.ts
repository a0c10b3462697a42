import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type DecodedArray, type FileMetaData, parquetSchema, type SchemaElement } from 'hyparquet';
import { InputError } from '../domain/errors.ts';
import { cutRows, decodeColumn, parsers } from './parquet-column.ts';
import { type ByteSource, readFooter, refuse } from './parquet-guard.ts';
import {
  kindOfElement,
  type NumberColumn,
  type ParquetKind,
  toNumbers,
  toStrings,
} from './parquet-values.ts';
import { reasonOf } from './reason.ts';

/** Rows `[rowStart, rowEnd)` of a file. */
export interface RowRange {
  readonly rowStart: number;
  readonly rowEnd: number;
}

/** An open Parquet file. Columns inside lists or groups are not offered. */
export interface ParquetFile {
  readonly rowCount: number;
  readonly columns: ReadonlyMap<string, ParquetKind>;
  /** Row ranges in file order, none larger than `chunkRows` and none across a row group. */
  ranges(chunkRows?: number): readonly RowRange[];
  /** Numbers as they are, booleans as 0 and 1, timestamps in µs (floor), dates as µs of their midnight. */
  readNumbers(column: string, range: RowRange): Promise<NumberColumn>;
  readStrings(column: string, range: RowRange): Promise<(string | null)[]>;
  close(): void;
}

const KEPT_GROUP_ROWS = 262_144;

/**
 * Opens a Parquet file on disk.
 * @throws InputError FILE_UNREADABLE, PARQUET_UNREADABLE
 */
export async function openParquetFile(path: string, label: string): Promise<ParquetFile> {
  const { source, close } = fileSource(path, label);
  try {
    return await openParquet({ source, label, close });
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Opens Parquet bytes in memory.
 * @throws InputError PARQUET_UNREADABLE
 */
export function openParquetBytes(bytes: Uint8Array<ArrayBuffer>, label: string): Promise<ParquetFile> {
  const source: ByteSource = {
    byteLength: bytes.byteLength,
    slice: (start, end = bytes.byteLength) => {
      checkSlice(start, end, bytes.byteLength);
      return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    },
  };
  return openParquet({ source, label, close: () => undefined });
}

function fileSource(path: string, label: string): { source: ByteSource; close: () => void } {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new InputError('FILE_UNREADABLE', `${label}: cannot be opened (${reasonOf(error)})`, {
      cause: error,
    });
  }
  const byteLength = fstatSync(fd).size;
  const slice = (start: number, end: number = byteLength): Uint8Array<ArrayBuffer> => {
    checkSlice(start, end, byteLength);
    const out = new Uint8Array(end - start);
    for (let at = 0; at < out.length; ) {
      const read = readSync(fd, out, at, out.length - at, start + at);
      if (read === 0) refuse('the file shrank while it was read');
      at += read;
    }
    return out;
  };
  return { source: { byteLength, slice }, close: () => closeSync(fd) };
}

function checkSlice(start: number, end: number, byteLength: number): void {
  if (!(start >= 0 && end >= start && end <= byteLength)) refuse('it points outside the file: truncated');
}

/** Runs a read; whatever a decoder throws on damaged bytes becomes one line with the file's name. */
async function guarded<T>(label: string, read: () => Promise<T> | T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('PARQUET_UNREADABLE', `${label}: cannot be read as Parquet: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

interface OpenInput {
  readonly source: ByteSource;
  readonly label: string;
  readonly close: () => void;
}

async function openParquet({ source, label, close }: OpenInput): Promise<ParquetFile> {
  const metadata = await guarded(label, () => readFooter(source, { parsers }));
  const columns = await guarded(label, () => flatColumns(metadata));
  const schema = await guarded(label, () => parquetSchema(metadata));
  const groups = groupRanges(metadata);
  /** Of each column the group it was last read from: a range of a small group is cut from it, so that pages decode once. */
  const kept = new Map<string, { readonly g: number; readonly data: DecodedArray }>();
  const decode = (column: string, range: RowRange): Promise<DecodedArray> =>
    guarded(label, () => {
      const g = groupAt(groups, range.rowStart);
      const { rowStart, rowEnd } = groups[g];
      if (range.rowEnd > rowEnd) refuse(`rows ${range.rowStart} to ${range.rowEnd} cross a row group`);
      const wanted = { from: range.rowStart - rowStart, to: range.rowEnd - rowStart };
      const chunk = { source, metadata, schema, column, g };
      if (rowEnd - rowStart > KEPT_GROUP_ROWS) return decodeColumn({ ...chunk, ...wanted });
      let last = kept.get(column);
      if (last?.g !== g) {
        last = { g, data: decodeColumn({ ...chunk, from: 0, to: rowEnd - rowStart }) };
        kept.set(column, last);
      }
      return cutRows(last.data, wanted);
    });
  const kindOf = (column: string): ParquetKind => {
    const kind = columns.get(column);
    if (kind !== undefined) return kind;
    throw new InputError(
      'COLUMN_MISSING',
      `${label}: no column "${column}"; it has ${[...columns.keys()].join(', ')}`,
    );
  };
  return {
    rowCount: Number(metadata.num_rows),
    columns,
    ranges: (chunkRows = Number.POSITIVE_INFINITY) => groups.flatMap((group) => splitRange(group, chunkRows)),
    readNumbers: async (column, range) => {
      const kind = kindOf(column);
      const data = await decode(column, range);
      return guarded(label, () => toNumbers({ data, kind, column }));
    },
    readStrings: async (column, range) => {
      kindOf(column);
      const data = await decode(column, range);
      return guarded(label, () => toStrings(data, column));
    },
    close,
  };
}

/** Top-level leaf columns by name. A name that occurs twice cannot be chosen, so it is refused. */
function flatColumns({ schema }: FileMetaData): Map<string, ParquetKind> {
  const columns = new Map<string, ParquetKind>();
  let at = 1;
  for (let child = 0; child < (schema[0].num_children ?? 0); child++) {
    const element = schema[at];
    if (element === undefined) refuse('its schema ends early');
    if (columns.has(element.name)) refuse(`two columns are named "${element.name}"`);
    if (element.num_children === undefined && element.repetition_type !== 'REPEATED') {
      columns.set(element.name, kindOfElement(element));
    }
    at += subtreeSize(schema, at);
  }
  return columns;
}

function subtreeSize(schema: readonly SchemaElement[], root: number): number {
  let open = 1;
  let size = 0;
  while (open > 0) {
    const element = schema[root + size];
    if (element === undefined) refuse('its schema ends early');
    open += (element.num_children ?? 0) - 1;
    size += 1;
  }
  return size;
}

function groupRanges({ row_groups: rowGroups }: FileMetaData): RowRange[] {
  let rowStart = 0;
  return rowGroups.map((group) => {
    const range = { rowStart, rowEnd: rowStart + Number(group.num_rows) };
    rowStart = range.rowEnd;
    return range;
  });
}

function splitRange({ rowStart, rowEnd }: RowRange, chunkRows: number): RowRange[] {
  const ranges: RowRange[] = [];
  for (let from = rowStart; from < rowEnd; from += chunkRows) {
    ranges.push({ rowStart: from, rowEnd: Math.min(from + chunkRows, rowEnd) });
  }
  return ranges;
}

/** Index of the group that holds a row; the last group for rows beyond the end. */
function groupAt(groups: readonly RowRange[], row: number): number {
  let low = 0;
  let high = groups.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (row < groups[middle].rowEnd) high = middle;
    else low = middle + 1;
  }
  return low;
}
