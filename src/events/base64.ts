import { InvariantError } from '../domain/errors.ts';

/**
 * Bytes to base64 text (RFC 4648, padded) and back. Every implementation gives the same text, so a faster one can be
 * passed in from outside the pure zone without a tape noticing.
 */
export interface Base64Codec {
  encode(bytes: Uint8Array): string;
  /** @returns null unless `text` is exactly what `encode` gives for some bytes */
  decode(text: string): Uint8Array | null;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i += 1) VALUES[CODES[i]] = i;

const PAD = '='.charCodeAt(0);
/** A multiple of 3, small enough that a chunk's codes fit the argument list of one call. */
const CHUNK_BYTES = 6144;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Table-driven codec in plain ECMAScript: what the pure zone uses when nothing faster is passed in. */
export const pureBase64: Base64Codec = { encode: encodeBase64, decode: decodeBase64 };

export function encodeBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array((Math.min(CHUNK_BYTES, bytes.length + 2) / 3) * 4);
  let text = '';
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const to = Math.min(from + CHUNK_BYTES, bytes.length);
    const used = encodeChunk(bytes, from, to, codes);
    text += String.fromCharCode.apply(null, codes.subarray(0, used) as unknown as number[]);
  }
  return text;
}

function encodeChunk(bytes: Uint8Array, from: number, to: number, codes: Uint8Array): number {
  const whole = to - ((to - from) % 3);
  let out = 0;
  for (let i = from; i < whole; i += 3) {
    const bits = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2];
    codes[out] = CODES[bits >> 18];
    codes[out + 1] = CODES[(bits >> 12) & 63];
    codes[out + 2] = CODES[(bits >> 6) & 63];
    codes[out + 3] = CODES[bits & 63];
    out += 4;
  }
  if (whole === to) return out;
  const bits = (bytes[whole] << 16) | (whole + 1 < to ? bytes[whole + 1] << 8 : 0);
  codes[out] = CODES[bits >> 18];
  codes[out + 1] = CODES[(bits >> 12) & 63];
  codes[out + 2] = whole + 1 < to ? CODES[(bits >> 6) & 63] : PAD;
  codes[out + 3] = PAD;
  return out + 4;
}

/** Strict: wrong length, foreign characters, misplaced padding and non-zero spare bits all give null. */
export function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const wholeEnd = padding === 0 ? text.length : text.length - 4;
  let out = 0;
  for (let i = 0; i < wholeEnd; i += 4) {
    const bits =
      (valueAt(text, i) << 18) |
      (valueAt(text, i + 1) << 12) |
      (valueAt(text, i + 2) << 6) |
      valueAt(text, i + 3);
    if (bits < 0) return null;
    bytes[out] = bits >> 16;
    bytes[out + 1] = (bits >> 8) & 255;
    bytes[out + 2] = bits & 255;
    out += 3;
  }
  return padding === 0 || decodeLastGroup(text, wholeEnd, padding, bytes) ? bytes : null;
}

function decodeLastGroup(text: string, at: number, padding: number, bytes: Uint8Array): boolean {
  const third = padding === 1 ? valueAt(text, at + 2) : 0;
  const bits = (valueAt(text, at) << 18) | (valueAt(text, at + 1) << 12) | (third << 6);
  if (bits < 0) return false;
  const spare = padding === 1 ? bits & 0xff : bits & 0xffff;
  if (spare !== 0) return false;
  bytes[bytes.length - 1] = padding === 1 ? (bits >> 8) & 255 : bits >> 16;
  if (padding === 1) bytes[bytes.length - 2] = bits >> 16;
  return true;
}

/** @returns 0 to 63, or -1, whose sign survives the shifts and ors above */
function valueAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 128 ? VALUES[code] : -1;
}

type NumberArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The array's bytes, little-endian, so that the same numbers are the same text on every machine. No copy on common ones. */
export function littleEndianBytes(array: NumberArray): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return IS_LITTLE_ENDIAN ? bytes : swapped(bytes, array.BYTES_PER_ELEMENT);
}

/** @throws InvariantError when the bytes are not a whole number of values (callers check the length first) */
export function float32FromBytes(bytes: Uint8Array): Float32Array {
  return new Float32Array(alignedCopy(bytes, 4));
}

/** @throws InvariantError when the bytes are not a whole number of values (callers check the length first) */
export function float64FromBytes(bytes: Uint8Array): Float64Array {
  return new Float64Array(alignedCopy(bytes, 8));
}

/** @throws InvariantError when the bytes are not a whole number of values (callers check the length first) */
export function int32FromBytes(bytes: Uint8Array): Int32Array {
  return new Int32Array(alignedCopy(bytes, 4));
}

/**
 * A copy, because a codec may hand out a view into a pool, and because typed arrays need aligned bytes. Not by
 * `slice`, which on a Buffer is a view.
 */
function alignedCopy(bytes: Uint8Array, bytesPerValue: number): ArrayBuffer {
  if (bytes.length % bytesPerValue !== 0) {
    throw new InvariantError(`${bytes.length} bytes are not a whole number of ${bytesPerValue}-byte values`);
  }
  return (IS_LITTLE_ENDIAN ? new Uint8Array(bytes) : swapped(bytes, bytesPerValue)).buffer as ArrayBuffer;
}

function swapped(bytes: Uint8Array, bytesPerValue: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) {
    const within = i % bytesPerValue;
    out[i - within + bytesPerValue - 1 - within] = bytes[i];
  }
  return out;
}
