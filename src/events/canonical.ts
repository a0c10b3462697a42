import { InvariantError } from '../domain/errors.ts';
import type { Json, JsonObject } from './record.ts';

const MAX_DEPTH = 256;
const MAX_CACHED_KEYS = 4096;
/** Anything but printable ASCII without `"` and `\`: only such strings need the full escaping of JSON.stringify. */
const NEEDS_ESCAPING = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
/** With the u flag, paired surrogates are one code point, so this matches lone ones only. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Keys repeat on every record; the quoted form is made once. Bounded, because symbols are keys too. */
const quotedKeys = new Map<string, string>();

/**
 * RFC 8785 (JSON Canonicalization Scheme): no white space, keys sorted by UTF-16 code unit, numbers and strings as
 * ECMAScript writes them. Equal values give equal text whatever the order their keys were set in; -0 is written 0.
 * Values whose keys are already sorted (what `encode.ts` builds) take the fast path.
 * @throws InvariantError, naming the place, for a non-finite number, a lone surrogate, undefined, a class instance,
 * or nesting beyond 256 levels
 */
export function canonicalJson(value: Json): string {
  try {
    return write(value, 0);
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error;
    throw new InvariantError(`canonical JSON: ${placeOfFault(value, '$', 0) ?? error.message}`);
  }
}

function write(value: Json, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      // x - x is 0 for finite x only
      if (value - value !== 0) throw new InvariantError('a number is not finite');
      return `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) throw new InvariantError('nested too deeply');
      return Array.isArray(value)
        ? writeArray(value, depth + 1)
        : writeObject(value as JsonObject, depth + 1);
    default:
      throw new InvariantError(`a ${typeof value} is not JSON`);
  }
}

function writeArray(items: readonly Json[], depth: number): string {
  let out = '[';
  for (let i = 0; i < items.length; i += 1) {
    if (i > 0) out += ',';
    out += write(items[i], depth);
  }
  return `${out}]`;
}

function writeObject(object: JsonObject, depth: number): string {
  if (!isPlain(object)) throw new InvariantError('a class instance is not JSON');
  const keys = Object.keys(object);
  if (!isSorted(keys)) keys.sort(); // the default order is by UTF-16 code unit
  let out = '{';
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i];
    if (i > 0) out += ',';
    out += quoteKey(key);
    out += write(object[key], depth);
  }
  return `${out}}`;
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i += 1) if (!(keys[i - 1] < keys[i])) return false;
  return true;
}

function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null;
}

/** A string as canonical JSON. @throws InvariantError for a lone surrogate */
export function quote(text: string): string {
  if (!NEEDS_ESCAPING.test(text)) return `"${text}"`;
  if (LONE_SURROGATE.test(text)) throw new InvariantError('a string holds a lone surrogate');
  return JSON.stringify(text);
}

/** @returns the key, quoted, with its colon */
function quoteKey(key: string): string {
  const known = quotedKeys.get(key);
  if (known !== undefined) return known;
  const quoted = `${quote(key)}:`;
  if (quotedKeys.size >= MAX_CACHED_KEYS) quotedKeys.clear();
  quotedKeys.set(key, quoted);
  return quoted;
}

/** Runs only after a failure, to name the value: the fast path tracks no paths. */
function placeOfFault(value: unknown, path: string, depth: number): string | null {
  if (depth > MAX_DEPTH) return `more than ${MAX_DEPTH} levels at ${path.slice(0, 40)}…`;
  if (typeof value === 'number') return Number.isFinite(value) ? null : `${value} at ${path}`;
  if (typeof value === 'string') {
    return LONE_SURROGATE.test(value) ? `a lone surrogate at ${path}` : null;
  }
  if (value === null || typeof value === 'boolean') return null;
  if (typeof value !== 'object') return `${typeof value} at ${path}`;
  if (!Array.isArray(value) && !isPlain(value)) return `a class instance at ${path}`;
  for (const [key, item] of Object.entries(value)) {
    if (LONE_SURROGATE.test(key)) return `a lone surrogate in a key at ${path}`;
    const fault = placeOfFault(item, `${path}.${key}`, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}
