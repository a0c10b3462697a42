import { InvariantError } from '../domain/errors.ts';
import { decodeBase64, encodeBase64 } from '../events/base64.ts';
import type { Json, JsonObject } from '../events/record.ts';

/** Typed arrays a state may hold, by the tag they are written under. */
const ARRAY_TYPES = {
  $f32: Float32Array,
  $f64: Float64Array,
  $i8: Int8Array,
  $i32: Int32Array,
  $u8: Uint8Array,
  $u32: Uint32Array,
} as const;
type ArrayTag = keyof typeof ARRAY_TYPES;
type StateArray = InstanceType<(typeof ARRAY_TYPES)[ArrayTag]>;

const SPECIAL_NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0,
};

/**
 * A state (engine, exchange) as JSON, every bit of it: typed arrays as base64 of their little-endian bytes, numbers
 * JSON has no form for by name, maps as their entries in order. Works on any such data, so a field added to a state is in
 * its snapshot.
 * @throws InvariantError on a value that is not plain data: it could not be restored
 */
export function encodeState(value: unknown): Json {
  if (value === undefined) return { $undefined: true };
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') {
    const isSpecial = !Number.isFinite(value) || Object.is(value, -0);
    return isSpecial ? { $number: Object.is(value, -0) ? '-0' : String(value) } : value;
  }
  if (Array.isArray(value)) return value.map(encodeState);
  if (value instanceof Map) {
    return { $map: [...value].map(([key, item]) => [encodeState(key), encodeState(item)]) };
  }
  const tag = arrayTag(value);
  if (tag !== undefined) return { [tag]: encodeBase64(bytesOf(value as StateArray)) };
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, encodeState(field)]));
  }
  throw new InvariantError(`a ${typeof value} is not plain data and cannot be part of a state`);
}

/** The inverse of `encodeState`. @throws InvariantError on malformed JSON of it */
export function decodeState(json: Json): unknown {
  if (json === null || typeof json !== 'object') return json;
  if (Array.isArray(json)) return json.map(decodeState);
  const object = json as JsonObject;
  const [key] = Object.keys(object);
  if (key === '$undefined') return undefined;
  if (key === '$map') return new Map(decodeState(object.$map) as [unknown, unknown][]);
  if (key === '$number') return SPECIAL_NUMBERS[object.$number as string];
  if (key !== undefined && Object.hasOwn(ARRAY_TYPES, key)) return decodeArray(key as ArrayTag, object[key]);
  return Object.fromEntries(Object.entries(object).map(([name, field]) => [name, decodeState(field)]));
}

function arrayTag(value: unknown): ArrayTag | undefined {
  return (Object.keys(ARRAY_TYPES) as ArrayTag[]).find((tag) => value instanceof ARRAY_TYPES[tag]);
}

function bytesOf(array: StateArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function decodeArray(tag: ArrayTag, text: Json | undefined): StateArray {
  const bytes = typeof text === 'string' ? decodeBase64(text) : null;
  if (bytes === null) throw new InvariantError(`snapshot: ${tag} does not hold base64`);
  const type = ARRAY_TYPES[tag];
  const array = new type(bytes.byteLength / type.BYTES_PER_ELEMENT);
  bytesOf(array).set(bytes);
  return array;
}
