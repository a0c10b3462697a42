import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { InvariantError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { TapeRecord } from '../events/record.ts';
import type { TapeLine } from '../ports/tape.ts';
import { chainHashOfBytes, HASH_LENGTH } from './chain.ts';
import { type TapeFaultCode, TapeFaultError, tapeFault } from './faults.ts';
import { checkStoredHead } from './head-file.ts';
import { LineReader } from './line-reader.ts';
import { bodyAfterBrace, createTapeCursor, moveCursor, type TapeCursor } from './tape-cursor.ts';
import { listSegments } from './tape-files.ts';
import { type TornTail, tornFault } from './torn-tail.ts';

const PREFIX = '{"chain":"';
const SUFFIX = '",';
/** Where the body, less its opening brace, starts in a line. */
const REST_AT = PREFIX.length + HASH_LENGTH + SUFFIX.length;
/** Room for the previous hash and the brace, right before the rest: what is hashed is then one range of the buffer. */
const HASHED_AT = REST_AT - 1 - HASH_LENGTH;
/** No record comes near this; a longer line is damage, and must not fill the memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

export interface ReadTapeOptions {
  /** Check hashes, canonical form, sequence, time and the stored head. Default true. */
  readonly verify?: boolean;
  /** `report`: stop before bytes left by a cut-off write and return their place, instead of throwing. Default `throw`. */
  readonly torn?: 'throw' | 'report';
  /** `leave`: do not compare the end with the stored head (recovery does so itself). Default `check`, when verifying. */
  readonly storedHead?: 'check' | 'leave';
  /** Moved along while reading, one record ahead of what was yielded; after a fault, it stands at the last sound record. */
  readonly cursor?: TapeCursor;
}

/** Where reading ended. */
export interface TapeEnd {
  readonly cursor: TapeCursor;
  readonly segments: readonly string[];
  readonly torn: TornTail | null;
}

/**
 * Reads a tape record by record, in memory bounded by its longest line.
 * @throws InputError when the folder or a segment cannot be read
 * @throws TapeFaultError at the first fault, with its place; records before it have been yielded
 */
export function* readTape(dir: string, options: ReadTapeOptions = {}): Generator<TapeLine, TapeEnd> {
  const {
    verify = true,
    torn: onTorn = 'throw',
    storedHead = 'check',
    cursor = createTapeCursor(),
  } = options;
  const segments = listSegments(dir);
  let torn: TornTail | null = null;
  for (let i = 0; i < segments.length; i += 1) {
    const segment = segments[i];
    const reader = new LineReader(join(dir, segment), MAX_LINE_BYTES);
    try {
      let line = 1;
      for (; reader.next(); line += 1) yield readLine({ reader, segment, line, cursor, verify });
      const place = { segment, line, byteOffset: reader.byteOffset, bytes: reader.leftBytes };
      torn = checkSegmentEnd(place, { cursor, isLast: i === segments.length - 1 });
    } finally {
      reader.close();
    }
  }
  if (torn !== null && onTorn === 'throw') throw new TapeFaultError(tornFault(dir, torn, cursor));
  if (verify && storedHead === 'check' && torn === null) {
    const fault = checkStoredHead(dir, cursor);
    if (fault !== null) throw new TapeFaultError(fault);
  }
  return { cursor, segments, torn };
}

/** @returns the torn tail, if this is the last segment and it has one */
function checkSegmentEnd(
  place: TornTail,
  { cursor, isLast }: { readonly cursor: TapeCursor; readonly isLast: boolean },
): TornTail | null {
  const isEmpty = place.line === 1 && place.bytes === 0;
  if (!isEmpty && place.bytes === 0) return null;
  const fail = (code: TapeFaultCode, problem: string): never => {
    throw new TapeFaultError(
      tapeFault(code, problem, {
        file: place.segment,
        line: place.line,
        seq: cursor.nextSeq,
        byteOffset: place.byteOffset,
      }),
    );
  };
  if (place.bytes > MAX_LINE_BYTES) fail('TAPE_RECORD_MALFORMED', `longer than ${MAX_LINE_BYTES} bytes`);
  if (cursor.isStopped) fail('TAPE_AFTER_STOP', `${place.bytes} bytes after RunStopped`);
  if (isLast) return place;
  return isEmpty
    ? fail('TAPE_SEGMENT_EMPTY', 'the segment is empty, but another follows')
    : fail('TAPE_SEGMENT_UNENDED', 'the segment does not end with a newline, but another follows');
}

interface LineInput {
  readonly reader: LineReader;
  readonly segment: string;
  readonly line: number;
  readonly cursor: TapeCursor;
  readonly verify: boolean;
}

/** Reads the reader's current line and moves the cursor past it. Overwrites the line's bytes in the buffer. */
function readLine(input: LineInput): TapeLine {
  const { reader, segment, line, cursor, verify } = input;
  const { buffer, start, end } = reader;
  if (end - start <= REST_AT) throw malformed(input, 'too short for a record');
  const lead = buffer.toString('latin1', start, start + REST_AT);
  if (!lead.startsWith(PREFIX) || !lead.endsWith(SUFFIX)) {
    throw malformed(input, `a record starts with ${PREFIX}<hash>${SUFFIX}`);
  }
  const chain = lead.slice(PREFIX.length, PREFIX.length + HASH_LENGTH);
  buffer.write(`${cursor.head}{`, start + HASHED_AT, 'latin1');
  const body = buffer.toString('utf8', start + REST_AT - 1, end);
  if (verify) {
    const expected = chainHashOfBytes(buffer.subarray(start + HASHED_AT, end));
    if (expected !== chain) throw brokenChain(input, { expected, chain, body });
  }
  const record = parseRecord(body);
  if (record === null) throw malformed(input, 'not a record of payload, seq, t and type');
  const payloadJson = canonicalPayload(input, record);
  if (verify) checkRecord(input, { record, body, payloadJson });
  const { seq, t, type } = record;
  moveCursor(cursor, { seq, t, type, payloadJson }, chain);
  return { record, chain, body, payloadJson, segment, line, byteOffset: reader.byteOffset };
}

function parseRecord(body: string): TapeRecord | null {
  try {
    const { payload, seq, t, type } = JSON.parse(body) as Partial<TapeRecord>;
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return null;
    if (typeof seq !== 'number' || typeof t !== 'number' || typeof type !== 'string') return null;
    return { payload, seq, t, type };
  } catch {
    return null;
  }
}

interface ParsedLine {
  readonly record: TapeRecord;
  readonly body: string;
  readonly payloadJson: string;
}

/** What a sound hash does not prove: a faulty or foreign writer hashes its mistakes as well. */
function checkRecord(input: LineInput, { record, body, payloadJson }: ParsedLine): void {
  const { cursor } = input;
  if (cursor.isStopped) throw faultAt(input, 'TAPE_AFTER_STOP', `${record.type} after RunStopped`);
  const { seq, t, type } = record;
  const canonical = `{${bodyAfterBrace({ seq, t, type, payloadJson })}`;
  if (canonical !== body || (body.includes('\ufffd') && !isUtf8OfLine(input))) throw notCanonical(input);
  if (record.seq !== cursor.nextSeq) {
    throw faultAt(input, 'TAPE_SEQ_BROKEN', 'wrong sequence number', {
      expected: `seq ${cursor.nextSeq}`,
      found: `seq ${record.seq}`,
    });
  }
  if (!Number.isSafeInteger(record.t) || record.t < cursor.lastTUs) {
    throw faultAt(input, 'TAPE_TIME_REVERSED', 'time goes back', {
      expected: `t from ${cursor.lastTUs}`,
      found: `t ${record.t}`,
    });
  }
}

/** Throws where the content has no canonical form, such as a number too large for a double. */
function canonicalPayload(input: LineInput, record: TapeRecord): string {
  try {
    canonicalJson(record.type);
    return canonicalJson(record.payload);
  } catch (error) {
    if (error instanceof InvariantError) throw notCanonical(input);
    throw error;
  }
}

function notCanonical(input: LineInput): TapeFaultError {
  return faultAt(input, 'TAPE_NOT_CANONICAL', 'not written in the one canonical form');
}

function isUtf8OfLine({ reader }: LineInput): boolean {
  return isUtf8(reader.buffer.subarray(reader.start + REST_AT, reader.end));
}

function brokenChain(
  input: LineInput,
  { expected, chain, body }: { readonly expected: string; readonly chain: string; readonly body: string },
): TapeFaultError {
  const seq = parseRecord(body)?.seq;
  const moved =
    seq === undefined || seq === input.cursor.nextSeq
      ? ''
      : ` (the record says seq ${seq}: missing or moved records)`;
  return faultAt(input, 'TAPE_CHAIN_BROKEN', `chain broken${moved}`, { expected, found: printable(chain) });
}

function malformed(input: LineInput, problem: string): TapeFaultError {
  return faultAt(input, 'TAPE_RECORD_MALFORMED', `malformed record: ${problem}`);
}

function faultAt(
  { reader, segment, line, cursor }: LineInput,
  code: TapeFaultCode,
  problem: string,
  compared: { readonly expected?: string; readonly found?: string } = {},
): TapeFaultError {
  const place = { file: segment, line, seq: cursor.nextSeq, byteOffset: reader.byteOffset };
  return new TapeFaultError(tapeFault(code, problem, { ...place, ...compared }));
}

/** Damaged bytes go to a terminal: nothing but printable ASCII may pass. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
