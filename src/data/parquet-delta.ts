import type { ColumnMetaData, Compressors, SchemaElement } from 'hyparquet';
import type { CheckedPage } from './parquet-guard.ts';

/** A column's part of a row group. */
export interface ColumnChunk {
  readonly element: SchemaElement;
  readonly meta: ColumnMetaData;
  readonly rows: number;
  readonly bytes: Uint8Array;
  readonly pages: readonly CheckedPage[];
  readonly compressors: Compressors;
}

/** A page of packed differences (DELTA_BINARY_PACKED), out of its compression. */
export interface DeltaPage {
  readonly bytes: Uint8Array;
  /** Takes the values of the page, exactly as many as fit: INT32 into the first kind, INT64 into the second. */
  readonly out: Int32Array | Float64Array;
}

/** INT32 wrap, as their writers let them. INT64 are exact in a double, and so is every sum on the way to one. */
const LIMITS = {
  INT32: { valueEnd: 2 ** 31, stepMost: 2 ** 33, widthMost: 32 },
  INT64: { valueEnd: 2 ** 52, stepMost: 2 ** 50, widthMost: 50 },
} as const;
/** So many bits lie within four bytes wherever they begin; for none, the four are all beyond. */
const WINDOW_BITS = 25;
const SPARE_BYTES = 4;
const MAX_BLOCK_VALUES = 65_536;
/** Seven bits a byte: what eight hold may not be exact, but is then beyond every limit. */
const MAX_VARINT_BYTES = 8;

/** Where the reading of a page stands; moved on in place. */
interface ByteCursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Numbers of one width that lie together, with spare bytes behind them. */
interface Pack {
  readonly view: DataView;
  /** Where the first begins. */
  readonly bit: number;
  readonly width: number;
  /** Added to each of them, beside the value before. */
  readonly step: number;
  /** Which values they give. */
  readonly from: number;
  readonly to: number;
}

/**
 * Decodes a column of integers as our own session files have it: no nulls, packed differences. Several times faster than
 * a decoder that serves every file and takes INT64 through BigInt.
 * @returns undefined for any other, or a damaged one: what it means is for the general decoder to say
 */
export function unpackDeltaColumn(chunk: ColumnChunk): Int32Array | Float64Array | undefined {
  const { element, meta, rows, bytes, pages, compressors } = chunk;
  const { type, repetition_type: repetition, converted_type: converted, logical_type: logical } = element;
  if (repetition !== 'REQUIRED' || converted !== undefined || logical !== undefined) return undefined;
  if ((type !== 'INT32' && type !== 'INT64') || meta.type !== type || !pages.every(isDeltaPage))
    return undefined;
  const values = type === 'INT32' ? new Int32Array(rows) : new Float64Array(rows);
  let from = 0;
  for (const { header, start, end } of pages) {
    const to = from + (header.data_page_header_v2?.num_values ?? 0);
    const plain = compressors[meta.codec]?.(bytes.subarray(start, end), header.uncompressed_page_size);
    if (plain?.length !== header.uncompressed_page_size) return undefined;
    if (!unpackDeltas({ bytes: plain, out: values.subarray(from, to) })) return undefined;
    from = to;
  }
  return values;
}

function isDeltaPage({ header }: CheckedPage): boolean {
  const { type, data_page_header: earlier, data_page_header_v2: data } = header;
  if (type !== 'DATA_PAGE_V2' || data === undefined || earlier !== undefined) return false;
  const isFull = data.num_nulls === 0 && data.num_rows === data.num_values;
  const hasLevels = data.definition_levels_byte_length !== 0 || data.repetition_levels_byte_length !== 0;
  return isFull && !hasLevels && data.encoding === 'DELTA_BINARY_PACKED' && data.is_compressed !== false;
}

/**
 * @returns false for a page that is damaged or in any way unusual: what it means is for the general decoder to say
 */
export function unpackDeltas({ bytes, out }: DeltaPage): boolean {
  const { valueEnd, stepMost, widthMost } = out instanceof Int32Array ? LIMITS.INT32 : LIMITS.INT64;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor: ByteCursor = { bytes, at: 0 };
  const blockValues = readVarint(cursor);
  const packs = readVarint(cursor);
  const count = readVarint(cursor);
  const packValues = blockValues / packs;
  if (!(blockValues <= MAX_BLOCK_VALUES && packValues >= 32 && packValues % 32 === 0)) return false;
  const first = readZigzag(cursor);
  if (count !== out.length || count === 0 || !(first >= -valueEnd && first < valueEnd)) return false;
  out[0] = first;
  for (let from = 1; from < out.length; ) {
    const step = readZigzag(cursor);
    const widthsAt = cursor.at;
    cursor.at += packs;
    if (!(Math.abs(step) <= stepMost && cursor.at <= bytes.length)) return false;
    for (let p = 0; p < packs && from < out.length; p++) {
      const width = bytes[widthsAt + p];
      const start = cursor.at;
      const end = start + (packValues / 8) * width;
      if (width > widthMost || end > bytes.length) return false;
      const to = Math.min(from + packValues, out.length);
      const pack =
        end + SPARE_BYTES <= bytes.length
          ? { view, bit: start * 8, width, step, from, to }
          : { view: withSpare(bytes.subarray(start, end)), bit: 0, width, step, from, to };
      if (out instanceof Int32Array && width <= WINDOW_BITS) addNarrow(pack, out);
      else if (!addWide(pack, out, valueEnd)) return false;
      from = to;
      cursor.at = end;
    }
  }
  return true;
}

/** The loop that nearly every value goes through. */
function addNarrow({ view, bit: start, width, step, from, to }: Pack, out: Int32Array): void {
  const add = step | 0;
  const mask = (1 << width) - 1;
  let value = out[from - 1];
  let bit = start;
  for (let i = from; i < to; i++, bit += width) {
    value = (value + add + ((view.getInt32(bit >>> 3, true) >>> (bit & 7)) & mask)) | 0;
    out[i] = value;
  }
}

/** @returns false where a value is too large to be sure of */
function addWide(pack: Pack, out: Int32Array | Float64Array, valueEnd: number): boolean {
  const { view, bit: start, width, step, from, to } = pack;
  const wraps = out instanceof Int32Array;
  const lowMask = (1 << Math.min(width, WINDOW_BITS)) - 1;
  const highMask = (1 << Math.max(width - WINDOW_BITS, 0)) - 1;
  let value = out[from - 1];
  let bit = start;
  for (let i = from; i < to; i++, bit += width) {
    let packed = (view.getInt32(bit >>> 3, true) >>> (bit & 7)) & lowMask;
    if (highMask > 0) {
      const high = bit + WINDOW_BITS;
      packed += ((view.getInt32(high >>> 3, true) >>> (high & 7)) & highMask) * 2 ** WINDOW_BITS;
    }
    const sum = value + step + packed;
    value = wraps ? sum | 0 : sum;
    if (!(value >= -valueEnd && value < valueEnd)) return false;
    out[i] = value;
  }
  return true;
}

function withSpare(bytes: Uint8Array): DataView {
  const spacious = new Uint8Array(bytes.length + SPARE_BYTES);
  spacious.set(bytes);
  return new DataView(spacious.buffer);
}

function readZigzag(cursor: ByteCursor): number {
  const folded = readVarint(cursor);
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

/** @returns infinity, which is beyond every limit, for a number that is cut off, or longer than it may or need be */
function readVarint(cursor: ByteCursor): number {
  const { bytes } = cursor;
  let value = 0;
  let scale = 1;
  for (let length = 1; length <= MAX_VARINT_BYTES && cursor.at < bytes.length; length++) {
    const byte = bytes[cursor.at];
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return byte === 0 && length > 1 ? Number.POSITIVE_INFINITY : value;
    scale *= 128;
  }
  return Number.POSITIVE_INFINITY;
}
