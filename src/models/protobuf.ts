import { invariant } from '../domain/errors.ts';

/**
 * The few pieces of the protobuf wire format that ONNX files need. Messages are byte arrays put together in the
 * order given, so the same calls always give the same bytes.
 */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const utf8 = new TextEncoder();

/** Joins encoded fields into one message. */
export function protoMessage(fields: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const field of fields) length += field.length;
  const message = new Uint8Array(length);
  let offset = 0;
  for (const field of fields) {
    message.set(field, offset);
    offset += field.length;
  }
  return message;
}

/** An int64 or enum field. @throws InvariantError for anything but an integer from 0 to 2^53 - 1 */
export function intField(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)]);
}

export function floatField(field: number, value: number): Uint8Array {
  return protoMessage([Uint8Array.from(varint(field * 8 + FIXED32)), float32Bytes([value])]);
}

/** A string, bytes or embedded message field. */
export function bytesField(field: number, value: Uint8Array): Uint8Array {
  return protoMessage([Uint8Array.from([...varint(field * 8 + BYTES), ...varint(value.length)]), value]);
}

export function stringField(field: number, value: string): Uint8Array {
  return bytesField(field, utf8.encode(value));
}

/** Repeated floats, packed. */
export function floatsField(field: number, values: ArrayLike<number>): Uint8Array {
  return bytesField(field, float32Bytes(values));
}

/** Repeated int64, packed. */
export function intsField(field: number, values: ArrayLike<number>): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < values.length; i++) bytes.push(...varint(values[i]!));
  return bytesField(field, Uint8Array.from(bytes));
}

/** Little-endian IEEE 754 singles, whatever the host's byte order. */
export function float32Bytes(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i]!, true);
  return new Uint8Array(view.buffer);
}

function varint(value: number): number[] {
  invariant(
    Number.isSafeInteger(value) && value >= 0,
    `protobuf varint ${value} is not an integer from 0 to 2^53`,
  );
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** One field as it stands in a message: `value` is the content of a length-delimited field, empty for the others. */
export interface ProtoField {
  readonly field: number;
  readonly isBytes: boolean;
  /** Value of a varint (exact up to 2^53), 0 for other kinds. */
  readonly int: number;
  readonly value: Uint8Array;
}

/**
 * Walks the fields of a message from an untrusted file; contents are views, nothing is copied.
 * @returns undefined when the bytes are not a well-formed message
 */
export function parseProtoFields(bytes: Uint8Array, maxFields: number): ProtoField[] | undefined {
  const fields: ProtoField[] = [];
  const at = { offset: 0 };
  while (at.offset < bytes.length) {
    if (fields.length === maxFields) return undefined;
    const parsed = parseField(bytes, at);
    if (parsed === undefined) return undefined;
    fields.push(parsed);
  }
  return fields;
}

const NO_BYTES = new Uint8Array(0);

function parseField(bytes: Uint8Array, at: { offset: number }): ProtoField | undefined {
  const tag = parseVarint(bytes, at);
  if (tag === undefined || tag < 8 || tag > 0xffffffff) return undefined;
  const field = Math.floor(tag / 8);
  const wire = tag % 8;
  if (wire === VARINT) {
    const int = parseVarint(bytes, at);
    return int === undefined ? undefined : { field, isBytes: false, int, value: NO_BYTES };
  }
  const length =
    wire === BYTES ? parseVarint(bytes, at) : wire === FIXED32 ? 4 : wire === FIXED64 ? 8 : undefined;
  if (length === undefined || length > bytes.length - at.offset) return undefined;
  const value = bytes.subarray(at.offset, at.offset + length);
  at.offset += length;
  return { field, isBytes: wire === BYTES, int: 0, value };
}

function parseVarint(bytes: Uint8Array, at: { offset: number }): number | undefined {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (at.offset >= bytes.length) return undefined;
    const byte = bytes[at.offset]!;
    at.offset++;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
  return undefined;
}
