/**
 * Checks of a Parquet file's structure before a decoder sees it, so that a damaged or hostile file costs a bounded
 * amount of memory: declared sizes are compared with the bytes that are there, and with fixed limits.
 */
import { type FileMetaData, type PageHeader, parquetMetadata } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/** A file held or opened by the caller; `slice` throws outside [0, byteLength], and may share the memory of the file. */
export interface ByteSource {
  readonly byteLength: number;
  slice(start: number, end?: number): Uint8Array<ArrayBuffer>;
}

export const PARQUET_LIMITS = {
  footerBytes: 16 * 1024 * 1024,
  columns: 2_000,
  rowGroups: 50_000,
  rowsPerGroup: 1 << 24,
  rows: 2 ** 31 - 1,
  pageBytes: 256 * 1024 * 1024,
} as const;

const MAGIC = 0x31524150;
const MAX_THRIFT_DEPTH = 16;

/** Thrown by the checks here; the caller adds the file's name. */
export class ParquetFormatError extends Error {}

export function refuse(reason: string): never {
  throw new ParquetFormatError(reason);
}

/** Reads and checks the footer. @throws ParquetFormatError */
export function readFooter(source: ByteSource, parsers: Parameters<typeof parquetMetadata>[1]): FileMetaData {
  const size = source.byteLength;
  if (size < 12) refuse('too short to be a Parquet file');
  const head = viewOf(source.slice(0, 4)).getUint32(0, true);
  const tail = viewOf(source.slice(size - 8, size));
  if (head !== MAGIC || tail.getUint32(4, true) !== MAGIC) {
    refuse('the PAR1 mark is missing at its start or end: truncated, or not Parquet');
  }
  const footerBytes = tail.getUint32(0, true);
  if (footerBytes > size - 12) refuse('the footer is longer than the file');
  if (footerBytes > PARQUET_LIMITS.footerBytes)
    refuse(`the footer of ${footerBytes} bytes is over the limit`);
  const footer = source.slice(size - 8 - footerBytes, size);
  checkThrift(viewOf(footer.subarray(0, footerBytes)), 0);
  const metadata = parquetMetadata(new Uint8Array(footer).buffer, { ...parsers, geoparquet: false });
  checkMetadata(metadata, size);
  return metadata;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/**
 * Walks one struct in Thrift's compact protocol without allocating: every length and list size must fit the bytes
 * that are left, nesting is bounded. A decoder that trusts list sizes can be made to allocate gigabytes.
 * @returns the offset after the struct
 */
export function checkThrift(view: DataView, offset: number, depth = 0): number {
  if (depth > MAX_THRIFT_DEPTH) refuse('metadata is nested too deeply');
  let at = offset;
  while (true) {
    if (at >= view.byteLength) refuse('metadata ends in the middle');
    const field = view.getUint8(at++);
    const type = field & 0x0f;
    if (type === 0) return at;
    if (field >> 4 === 0) at = skipVarint(view, at);
    if (type > 2) at = skipElement({ view, at, type, depth });
  }
}

function skipElement({ view, at, type, depth }: { view: DataView; at: number; type: number; depth: number }) {
  switch (type) {
    case 1:
    case 2:
    case 3:
      return within(view, at + 1);
    case 4:
    case 5:
    case 6:
      return skipVarint(view, at);
    case 7:
      return within(view, at + 8);
    case 8: {
      const { value, next } = readVarint(view, at);
      return within(view, next + value);
    }
    case 9:
      return skipList(view, at, depth);
    case 12:
      return checkThrift(view, at, depth + 1);
    default:
      return refuse(`metadata holds an unknown type ${type}`);
  }
}

function skipList(view: DataView, offset: number, depth: number): number {
  if (depth > MAX_THRIFT_DEPTH) refuse('metadata is nested too deeply');
  within(view, offset + 1);
  const header = view.getUint8(offset);
  let size = header >> 4;
  let at = offset + 1;
  if (size === 15) ({ value: size, next: at } = readVarint(view, at));
  if (size > view.byteLength - at) refuse('a metadata list is longer than the file');
  const type = header & 0x0f;
  for (let i = 0; i < size; i++) at = skipElement({ view, at, type, depth: depth + 1 });
  return at;
}

function readVarint(view: DataView, offset: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let at = offset; at < offset + 10; at++) {
    within(view, at + 1);
    const byte = view.getUint8(at);
    value += (byte & 0x7f) * scale;
    if ((byte & 0x80) === 0) return { value, next: at + 1 };
    scale *= 128;
  }
  return refuse('metadata holds an overlong number');
}

function skipVarint(view: DataView, offset: number): number {
  return readVarint(view, offset).next;
}

function within(view: DataView, end: number): number {
  if (!(end <= view.byteLength)) refuse('metadata ends in the middle');
  return end;
}

function checkMetadata(metadata: FileMetaData, fileBytes: number): void {
  const { schema, row_groups: groups } = metadata;
  if (schema.length === 0 || schema.length > PARQUET_LIMITS.columns) {
    refuse(`${schema.length} columns, expected 1 to ${PARQUET_LIMITS.columns}`);
  }
  if (groups.length > PARQUET_LIMITS.rowGroups) refuse(`${groups.length} row groups are over the limit`);
  const rows = count(metadata.num_rows, 'row count');
  let sum = 0;
  for (const group of groups) {
    const groupRows = count(group.num_rows, 'row count of a group');
    if (groupRows > PARQUET_LIMITS.rowsPerGroup) {
      refuse(
        `a row group claims ${groupRows} rows, limit ${PARQUET_LIMITS.rowsPerGroup}; write it with smaller row groups`,
      );
    }
    sum += groupRows;
    for (const { meta_data: chunk, file_path: path } of group.columns) {
      if (chunk === undefined || path) refuse('a column without data in this file');
      const start = count(chunk.dictionary_page_offset || chunk.data_page_offset, 'column offset');
      const bytes = count(chunk.total_compressed_size, 'column size');
      if (start < 4 || start + bytes > fileBytes) refuse('a column lies outside the file: truncated');
    }
  }
  if (sum !== rows || rows > PARQUET_LIMITS.rows) refuse(`it claims ${rows} rows, its groups hold ${sum}`);
}

function count(value: bigint | undefined, what: string): number {
  const n = Number(value ?? -1n);
  if (!Number.isSafeInteger(n) || n < 0) refuse(`the ${what} is ${n}`);
  return n;
}

/** A page of a column chunk, its data at `[start, end)` of the chunk's bytes. */
export interface CheckedPage {
  readonly header: PageHeader;
  readonly start: number;
  readonly end: number;
}

interface PagesInput {
  readonly chunk: Uint8Array;
  readonly rows: number;
  /** Of the column, for messages. */
  readonly name: string;
}

/**
 * Walks the pages of one flat column chunk: sizes within the chunk and the limits, and exactly `rows` values, so that
 * decoding allocates no more than the row group declares.
 */
export function checkPages({ chunk, rows, name }: PagesInput): readonly CheckedPage[] {
  const view = viewOf(chunk);
  const pages: CheckedPage[] = [];
  let at = 0;
  let values = 0;
  while (at < view.byteLength && values < rows) {
    checkThrift(view, at);
    const reader = { view, offset: at };
    const header = parquetHeader(reader);
    const { compressed_page_size: compressed, uncompressed_page_size: plain } = header;
    if (!(compressed >= 0) || reader.offset + compressed > view.byteLength) {
      refuse(`a page of column ${name} is cut off`);
    }
    if (!(plain >= 0) || plain > PARQUET_LIMITS.pageBytes) {
      refuse(`a page of column ${name} claims ${plain} bytes, limit ${PARQUET_LIMITS.pageBytes}`);
    }
    const data = header.data_page_header ?? header.data_page_header_v2;
    if (header.type === 'DICTIONARY_PAGE') {
      const entries = header.dictionary_page_header?.num_values ?? 0;
      if (!(entries >= 0) || entries > plain)
        refuse(`the dictionary of column ${name} is not what it claims`);
    } else if (data !== undefined) {
      if (!(data.num_values >= 0)) refuse(`a page of column ${name} claims ${data.num_values} values`);
      if (data.encoding === 'DELTA_BYTE_ARRAY') {
        refuse(`column ${name} has the encoding DELTA_BYTE_ARRAY; write it with a dictionary`);
      }
      values += data.num_values;
    }
    at = reader.offset + compressed;
    pages.push({ header, start: reader.offset, end: at });
  }
  if (values !== rows) refuse(`column ${name} holds ${values} values, its row group ${rows}`);
  return pages;
}

/** Most a Zstandard frame could unpack to: its decoder takes no limit, so the blocks are counted first. */
export function checkZstd(input: Uint8Array, plainBytes: number): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const BLOCK_BYTES = 128 * 1024;
  let at = 0;
  let most = 0;
  while (at + 4 <= view.byteLength) {
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
      if (at + 8 > view.byteLength) refuse('a compressed page is damaged');
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== 0xfd2fb528 || at + 5 > view.byteLength) refuse('a compressed page is damaged');
    const descriptor = view.getUint8(at + 4);
    const isSingle = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
    const idBytes = [0, 1, 2, 4][descriptor & 3];
    if (!isSingle && at + 6 <= view.byteLength && view.getUint8(at + 5) >> 3 > 17) {
      refuse('a compressed page asks for a window over 128 MiB');
    }
    const sizeAt = at + 5 + (isSingle ? 0 : 1) + idBytes;
    if (sizeAt + sizeBytes > view.byteLength) refuse('a compressed page is damaged');
    const declared = declaredSize(view, sizeAt, sizeBytes);
    if (declared > plainBytes)
      refuse(`a compressed page unpacks to ${declared} bytes, its header says ${plainBytes}`);
    at = sizeAt + sizeBytes;
    for (let last = false; !last; ) {
      if (at + 3 > view.byteLength) refuse('a compressed page is damaged');
      const header = view.getUint16(at, true) + view.getUint8(at + 2) * 65536;
      last = (header & 1) === 1;
      const type = (header >> 1) & 3;
      const size = header >> 3;
      most += type === 2 ? BLOCK_BYTES : size;
      at += 3 + (type === 1 ? 1 : size);
    }
    if ((descriptor & 4) !== 0) at += 4;
    if (most > 2 * PARQUET_LIMITS.pageBytes) refuse('a compressed page unpacks to more than its header says');
  }
}

function declaredSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 0) return 0;
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
