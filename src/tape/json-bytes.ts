import { Buffer } from 'node:buffer';
import { InvariantError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject } from '../events/record.ts';

/**
 * Canonical JSON straight into bytes: the UTF-8 of what `canonicalJson` gives, for the writer of every record, who
 * hashes and stores bytes and would only take the text apart again.
 */
export interface JsonBytes {
  /** Grows as needed; whoever holds it from before must not. */
  bytes: Buffer;
  /** Bytes in use. */
  length: number;
}

const MAX_DEPTH = 256;
const MAX_CACHED_KEYS = 4096;
/** Longer strings are checked and copied by native code; shorter ones cost less character by character. */
const LONG_STRING = 48;
/** Anything but printable ASCII without `"` and `\`: only such strings need escaping or more than a byte a character. */
const NEEDS_ESCAPING = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const MAX_SMALL = 2 ** 31;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const ZERO = 0x30;

export function createJsonBytes(capacity: number): JsonBytes {
  return { bytes: Buffer.allocUnsafe(capacity), length: 0 };
}

/** Makes room for `count` more bytes. */
export function reserve(out: JsonBytes, count: number): void {
  const needed = out.length + count;
  if (needed <= out.bytes.length) return;
  const grown = Buffer.allocUnsafe(Math.max(needed, out.bytes.length * 2));
  out.bytes.copy(grown, 0, 0, out.length);
  out.bytes = grown;
}

/** Appends text that is ASCII by construction, as it is. */
export function appendAscii(out: JsonBytes, text: string): void {
  reserve(out, text.length);
  const { bytes } = out;
  let at = out.length;
  for (let i = 0; i < text.length; i += 1) bytes[at++] = text.charCodeAt(i);
  out.length = at;
}

/**
 * Appends a value as canonical JSON.
 * @throws InvariantError as `canonicalJson` does, with nothing appended
 */
export function appendJson(out: JsonBytes, value: Json): void {
  const start = out.length;
  try {
    append(out, value, 0);
  } catch (error) {
    out.length = start;
    // names the place; the fast path tracks none
    if (error instanceof InvariantError) canonicalJson(value);
    throw error;
  }
}

function append(out: JsonBytes, value: Json, depth: number): void {
  if (typeof value === 'string') appendString(out, value);
  else if (typeof value === 'number') appendNumber(out, value);
  else if (typeof value === 'boolean') appendAscii(out, value ? 'true' : 'false');
  else if (value === null) appendAscii(out, 'null');
  else if (typeof value !== 'object') throw new InvariantError(`a ${typeof value} is not JSON`);
  else if (depth >= MAX_DEPTH) throw new InvariantError('nested too deeply');
  else if (Array.isArray(value)) appendArray(out, value, depth + 1);
  else appendObject(out, value as JsonObject, depth + 1);
}

function appendNumber(out: JsonBytes, value: number): void {
  if (value >= 0 && value < MAX_SMALL && value === (value | 0)) {
    appendDigits(out, value | 0);
    return;
  }
  // x - x is 0 for finite x only
  if (value - value !== 0) throw new InvariantError('a number is not finite');
  appendAscii(out, `${value}`);
}

function appendDigits(out: JsonBytes, value: number): void {
  let count = 1;
  for (let bound = 10; count < 10 && value >= bound; bound *= 10) count += 1;
  reserve(out, count);
  const { bytes, length } = out;
  let rest = value;
  for (let at = length + count - 1; at >= length; at -= 1) {
    const tens = (rest / 10) | 0;
    bytes[at] = ZERO + rest - tens * 10;
    rest = tens;
  }
  out.length = length + count;
}

function appendString(out: JsonBytes, text: string): void {
  if (text.length > LONG_STRING) {
    appendLongString(out, text);
    return;
  }
  const start = out.length;
  reserve(out, text.length + 2);
  const { bytes } = out;
  let at = start;
  bytes[at++] = QUOTE;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
      appendEscaped(out, text);
      return;
    }
    bytes[at++] = code;
  }
  bytes[at++] = QUOTE;
  out.length = at;
}

function appendLongString(out: JsonBytes, text: string): void {
  if (NEEDS_ESCAPING.test(text)) {
    appendEscaped(out, text);
    return;
  }
  reserve(out, text.length + 2);
  const { bytes, length } = out;
  bytes[length] = QUOTE;
  bytes.write(text, length + 1, 'latin1');
  bytes[length + text.length + 1] = QUOTE;
  out.length = length + text.length + 2;
}

function appendEscaped(out: JsonBytes, text: string): void {
  const quoted = canonicalJson(text);
  reserve(out, quoted.length * 3);
  out.length += out.bytes.write(quoted, out.length);
}

function appendArray(out: JsonBytes, items: readonly Json[], depth: number): void {
  appendAscii(out, '[');
  for (let i = 0; i < items.length; i += 1) {
    if (i > 0) appendAscii(out, ',');
    append(out, items[i], depth);
  }
  appendAscii(out, ']');
}

/** A key with its quotes and colon, made once: keys repeat on every record. */
interface KeyBytes {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** A key seen behind this one and known to sort behind it. */
  follower: KeyBytes | undefined;
}

/** Bounded, because symbols are keys too. */
const knownKeys = new Map<string, KeyBytes>();
const beforeFirst: KeyBytes = { key: '', bytes: new Uint8Array(0), follower: undefined };

function appendObject(out: JsonBytes, object: JsonObject, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvariantError('a class instance is not JSON');
  }
  const start = out.length;
  const keys = Object.keys(object);
  let previous = beforeFirst;
  appendAscii(out, '{');
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i];
    let next = previous.follower;
    if (next === undefined || next.key !== key) {
      if (i > 0 && !(previous.key < key)) {
        out.length = start;
        appendSorted(out, object, keys, depth);
        return;
      }
      next = keyBytes(key);
      previous.follower = next;
    }
    appendKey(out, next.bytes, i > 0);
    append(out, object[key], depth);
    previous = next;
  }
  appendAscii(out, '}');
}

/** For the rare object whose keys were not set in order. */
function appendSorted(out: JsonBytes, object: JsonObject, keys: string[], depth: number): void {
  keys.sort(); // the default order is by UTF-16 code unit
  appendAscii(out, '{');
  for (let i = 0; i < keys.length; i += 1) {
    appendKey(out, keyBytes(keys[i]).bytes, i > 0);
    append(out, object[keys[i]], depth);
  }
  appendAscii(out, '}');
}

function appendKey(out: JsonBytes, key: Uint8Array, isBehindAnother: boolean): void {
  reserve(out, key.length + 1);
  const { bytes } = out;
  let at = out.length;
  if (isBehindAnother) bytes[at++] = COMMA;
  for (let i = 0; i < key.length; i += 1) bytes[at++] = key[i];
  out.length = at;
}

function keyBytes(key: string): KeyBytes {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const made = { key, bytes: Uint8Array.from(Buffer.from(`${canonicalJson(key)}:`)), follower: undefined };
  if (knownKeys.size >= MAX_CACHED_KEYS) knownKeys.clear();
  knownKeys.set(key, made);
  return made;
}
