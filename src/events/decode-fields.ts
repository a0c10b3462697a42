import { CheckFailedError } from '../domain/errors.ts';
import type { Json, JsonObject, TapeRecord } from './record.ts';

/** A record that is well chained but does not hold what its type promises: another program or version wrote it. */
export class RecordInvalidError extends CheckFailedError {
  readonly seq: number;
  /** Dotted path inside the payload; empty when the record as a whole is at fault. */
  readonly field: string;

  constructor(record: TapeRecord, { field, problem }: { readonly field: string; readonly problem: string }) {
    const where = field === '' ? '' : ` field ${field}:`;
    super('TAPE_RECORD_INVALID', `tape record seq ${record.seq} (${record.type}):${where} ${problem}`);
    this.seq = record.seq;
    this.field = field;
  }
}

/** An object of the payload being read, with the place it sits at, so that every complaint names its field. */
export interface FieldReader {
  readonly record: TapeRecord;
  readonly path: string;
  readonly object: JsonObject;
}

export function payloadReader(record: TapeRecord): FieldReader {
  return { record, path: '', object: record.payload };
}

/** @throws RecordInvalidError naming `field` below the reader's object */
export function fail(reader: FieldReader, field: string, problem: string): never {
  const path = reader.path === '' ? field : field === '' ? reader.path : `${reader.path}.${field}`;
  throw new RecordInvalidError(reader.record, { field: path, problem });
}

/** Unknown fields are refused: skipping one would replay something other than what was recorded. */
export function expectOnly(reader: FieldReader, fields: readonly string[]): void {
  for (const key of Object.keys(reader.object)) {
    if (!fields.includes(key)) fail(reader, key, `unexpected; known are ${fields.join(', ')}`);
  }
}

export function stringField(reader: FieldReader, field: string): string {
  const value = ownValue(reader, field);
  return typeof value === 'string' ? value : fail(reader, field, `expected a string, found ${show(value)}`);
}

export function booleanField(reader: FieldReader, field: string): boolean {
  const value = ownValue(reader, field);
  return typeof value === 'boolean'
    ? value
    : fail(reader, field, `expected true or false, found ${show(value)}`);
}

/** An exact integer, at least `minimum` where one is given. */
export function integerField(reader: FieldReader, field: string, minimum?: number): number {
  const value = ownValue(reader, field);
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    return fail(reader, field, `expected an exact integer, found ${show(value)}`);
  }
  if (minimum !== undefined && (value as number) < minimum) {
    return fail(reader, field, `expected at least ${minimum}, found ${show(value)}`);
  }
  return value as number;
}

/** JSON holds finite numbers only. */
export function numberField(reader: FieldReader, field: string): number {
  const value = ownValue(reader, field);
  return typeof value === 'number' ? value : fail(reader, field, `expected a number, found ${show(value)}`);
}

/** A date `YYYY-MM-DD`: it selects a file of the dataset, so nothing else may pass. */
export function dateField(reader: FieldReader, field: string): string {
  const value = stringField(reader, field);
  return /^\d{4}-\d{2}-\d{2}$/.test(value)
    ? value
    : fail(reader, field, `expected a date YYYY-MM-DD, found ${show(value)}`);
}

export function choiceField<T extends string>(reader: FieldReader, field: string, choices: readonly T[]): T {
  const value = ownValue(reader, field);
  const choice = choices.find((candidate) => candidate === value);
  return choice ?? fail(reader, field, `expected one of ${choices.join(', ')}, found ${show(value)}`);
}

export function objectField(reader: FieldReader, field: string): FieldReader {
  const value = ownValue(reader, field);
  if (!isObject(value)) return fail(reader, field, `expected an object, found ${show(value)}`);
  return {
    record: reader.record,
    path: reader.path === '' ? field : `${reader.path}.${field}`,
    object: value,
  };
}

export function stringsField(reader: FieldReader, field: string): readonly string[] {
  const value = ownValue(reader, field);
  if (!Array.isArray(value)) return fail(reader, field, `expected a list of strings, found ${show(value)}`);
  value.forEach((item, i) => {
    if (typeof item !== 'string') fail(reader, `${field}[${i}]`, `expected a string, found ${show(item)}`);
  });
  return value as string[];
}

/** @returns one reader an item, each knowing its place in the list */
export function objectsField(reader: FieldReader, field: string): readonly FieldReader[] {
  const value = ownValue(reader, field);
  if (!Array.isArray(value)) return fail(reader, field, `expected a list, found ${show(value)}`);
  const path = reader.path === '' ? field : `${reader.path}.${field}`;
  return (value as readonly Json[]).map((item, i) =>
    isObject(item)
      ? { record: reader.record, path: `${path}[${i}]`, object: item }
      : fail(reader, `${field}[${i}]`, `expected an object, found ${show(item)}`),
  );
}

/** Exact integers, each above the one before and below `limit`. */
export function risingField(reader: FieldReader, field: string, limit: number): readonly number[] {
  const value = ownValue(reader, field);
  if (!Array.isArray(value)) return fail(reader, field, `expected a list of integers, found ${show(value)}`);
  const items = value as readonly Json[];
  items.forEach((item, i) => {
    const floor = i === 0 ? 0 : (items[i - 1] as number) + 1;
    if (Number.isSafeInteger(item) && (item as number) >= floor && (item as number) < limit) return;
    fail(reader, `${field}[${i}]`, `expected an integer from ${floor} to ${limit - 1}, found ${show(item)}`);
  });
  return items as readonly number[];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own properties only: a payload without `constructor` must not be found to have one. */
function ownValue(reader: FieldReader, field: string): Json | undefined {
  return Object.hasOwn(reader.object, field) ? reader.object[field] : undefined;
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
