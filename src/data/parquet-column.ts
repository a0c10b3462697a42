import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { ColumnMetaData, DecodedArray, FileMetaData, SchemaTree } from 'hyparquet';
import { readColumn } from 'hyparquet/src/column.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { flatten } from 'hyparquet/src/utils.js';
import { compressors } from 'hyparquet-compressors';
import { unpackDeltaColumn } from './parquet-delta.ts';
import { type ByteSource, type CheckedPage, checkPages, checkZstd, refuse } from './parquet-guard.ts';
import { unpackSnappy } from './parquet-snappy.ts';

const MAX_STRING_BYTES = 256;
const utf8 = new TextDecoder('utf-8');

/** Timestamps stay integers: the default parsers make `Date`s, which lose microseconds. */
export const parsers = {
  timestampFromMilliseconds: (ms: bigint) => ms,
  timestampFromMicroseconds: (us: bigint) => us,
  timestampFromNanoseconds: (ns: bigint) => ns,
  dateFromDays: (days: number) => days,
  stringFromBytes: (bytes: Uint8Array | undefined) => {
    if (bytes === undefined) return undefined;
    if (bytes.length > MAX_STRING_BYTES)
      refuse(`a text value of ${bytes.length} bytes, limit ${MAX_STRING_BYTES}`);
    return utf8.decode(bytes);
  },
};

const boundedCompressors: typeof compressors = {
  ...compressors,
  SNAPPY: (input, length) =>
    unpackSnappy(input, length) ?? compressors.SNAPPY?.(input, length) ?? refuse('no Snappy decoder'),
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(length, 1) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(length, 1) }),
  ZSTD: (input, length) => {
    checkZstd(input, length);
    return compressors.ZSTD?.(input, length) ?? refuse('no Zstandard decoder');
  },
};

/** Rows `[from, to)` of a row group. */
interface GroupRows {
  readonly from: number;
  readonly to: number;
}

interface ColumnInput extends GroupRows {
  readonly source: ByteSource;
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
  readonly column: string;
  /** Row group. */
  readonly g: number;
}

/**
 * Decodes rows of a flat column from its part of a row group, whose pages are looked through before anything is decoded.
 * @throws ParquetFormatError; what the decoder throws on damaged bytes
 */
export function decodeColumn(input: ColumnInput): DecodedArray {
  const { schema, column, from, to } = input;
  const { meta, rows, bytes, pages } = checkedChunk(input);
  const schemaPath = getTreePath(schema, meta.path_in_schema);
  const { element } = schemaPath[schemaPath.length - 1];
  if (from === 0 && to === rows) {
    const unpacked = unpackDeltaColumn({
      element,
      meta,
      rows,
      bytes,
      pages,
      compressors: boundedCompressors,
    });
    if (unpacked !== undefined) return unpacked;
  }
  const decoder = {
    ...meta,
    pathInSchema: meta.path_in_schema,
    element,
    schemaPath,
    parsers: { ...DEFAULT_PARSERS, ...parsers },
    compressors: boundedCompressors,
  };
  // a copy: this decoder's bounds are those of the memory it is given, which may be the whole file
  const view = new DataView(new Uint8Array(bytes).buffer);
  const select = { groupStart: 0, groupRows: rows, selectStart: from, selectEnd: to };
  const { data, skipped } = readColumn({ view, offset: 0 }, select, decoder);
  const found = cutRows(flatten(data), { from: from - skipped, to: to - skipped });
  if (found.length !== to - from) refuse(`column ${column} is shorter than it claims`);
  return found;
}

/** Rows of decoded values; typed arrays share their memory. */
export function cutRows(data: DecodedArray, { from, to }: GroupRows): DecodedArray {
  if (from === 0 && to === data.length) return data;
  return Array.isArray(data) ? data.slice(from, to) : data.subarray(from, to);
}

/** A column's part of a row group, once its pages were looked through. */
interface Chunk {
  readonly meta: ColumnMetaData;
  readonly rows: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pages: readonly CheckedPage[];
}

function checkedChunk({ source, metadata, column, g }: ColumnInput): Chunk {
  const { columns, num_rows: rows } = metadata.row_groups[g];
  const chunks = columns.filter(({ meta_data: meta }) => meta?.path_in_schema[0] === column);
  const meta = chunks[0]?.meta_data;
  if (meta === undefined || chunks.length !== 1) refuse(`column ${column} is missing from a row group`);
  const start = meta.dictionary_page_offset || meta.data_page_offset;
  // two bigints, or it throws: sizes of any other type are damage
  const bytes = source.slice(Number(start), Number(start + meta.total_compressed_size));
  const pages = checkPages({ chunk: bytes, rows: Number(rows), name: column });
  return { meta, rows: Number(rows), bytes, pages };
}
