import type { TapeRecord } from '../events/record.ts';
import { chainHashOfBytes, HASH_LENGTH } from './chain.ts';
import { appendAscii, appendJson, type JsonBytes, reserve } from './json-bytes.ts';

/** A line is `{"chain":"<hash>",` and the record's canonical JSON less its opening brace. */
export const PREFIX = '{"chain":"';
export const SUFFIX = '",';
/** Where the record, less its opening brace, starts in a line. */
export const REST_AT = PREFIX.length + HASH_LENGTH + SUFFIX.length;
/** Room for the previous hash and the brace, right before the rest: what is hashed is then one range of the bytes. */
export const HASHED_AT = REST_AT - 1 - HASH_LENGTH;

/**
 * Appends a record as a line chained to the hash before it. The bytes that are hashed are those that are stored.
 * @returns the record's own hash
 * @throws InvariantError for a payload without canonical form; nothing is appended then
 */
export function appendLine(out: JsonBytes, previous: string, record: TapeRecord): string {
  const start = out.length;
  reserve(out, REST_AT);
  out.length = start + REST_AT;
  try {
    appendRest(out, record);
  } catch (error) {
    out.length = start;
    throw error;
  }
  const { bytes, length } = out;
  bytes.write(`${previous}{`, start + HASHED_AT, 'latin1');
  const head = chainHashOfBytes(bytes.subarray(start + HASHED_AT, length));
  bytes.write(`${PREFIX}${head}${SUFFIX}`, start, 'latin1');
  appendAscii(out, '\n');
  return head;
}

function appendRest(out: JsonBytes, { payload, seq, t, type }: TapeRecord): void {
  appendAscii(out, '"payload":');
  appendJson(out, payload);
  appendAscii(out, ',"seq":');
  appendJson(out, seq);
  appendAscii(out, ',"t":');
  appendJson(out, t);
  appendAscii(out, ',"type":');
  appendJson(out, type);
  appendAscii(out, '}');
}
