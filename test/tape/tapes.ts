import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject, TapeRecord } from '../../src/events/record.ts';
import { type TapeFault, TapeFaultError } from '../../src/tape/faults.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { entryOf } from './entries.ts';

const T0 = 1_381_152_600_000_000;

/** Folders of one test file, removed together. */
export interface Scratch {
  /** A new path in an existing folder; nothing lies there yet. */
  path(): string;
  copyOf(dir: string): string;
  remove(): void;
}

export function scratch(): Scratch {
  const root = mkdtempSync(join(tmpdir(), 'sametape-tape-'));
  let made = 0;
  const path = (): string => {
    made += 1;
    return join(root, String(made));
  };
  return {
    path,
    copyOf(dir) {
      const copy = path();
      cpSync(dir, copy, { recursive: true });
      return copy;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export function record(seq: number, type: string, payload: JsonObject = {}): TapeRecord {
  return { seq, t: T0 + seq * 60_000_000, type, payload };
}

/** A short run as a tape: enough kinds of content to be torn and flipped everywhere. */
export function shortRun(): TapeRecord[] {
  return [
    record(0, 'RunStarted', { identity: { code: 'abc', note: 'naïve – €, 😀, "quoted"\n' } }),
    record(1, 'CycleDue', { cycle: 0 }),
    record(2, 'PredictionsMade', { cycle: 0, valid: 'Aw==', values: 'AACAPwAAAAA=' }),
    record(3, 'CycleCompleted', {
      cycle: 0,
      decisions: [{ kind: 'HOLD', symbol: 'SPY' }],
      equityMicros: 1e14,
    }),
    record(4, 'CycleDue', { cycle: 1 }),
    record(5, 'InferenceFailed', { cycle: 1, reason: '' }),
    record(6, 'RunStopped', { reason: 'end of data' }),
  ];
}

/** Writes records and closes the tape. */
export function writeTape(dir: string, records: readonly TapeRecord[], segmentBytes = 500): void {
  const tape = createFileTape({ dir, segmentBytes, durable: false });
  for (const item of records) tape.append(entryOf(item));
  tape.close();
}

/** Lines chained by the rule as the design states it, written apart from the code under test. */
export function forgeLines(bodies: readonly (string | Buffer)[]): Buffer {
  let previous = '0'.repeat(64);
  const lines = bodies.map((body) => {
    const bytes = Buffer.from(body as string);
    const chain = createHash('sha256').update(previous).update(bytes).digest('hex');
    previous = chain;
    return Buffer.concat([Buffer.from(`{"chain":"${chain}",`), bytes.subarray(1), Buffer.from('\n')]);
  });
  return Buffer.concat(lines);
}

export function forgeTape(dir: string, bodies: readonly (string | Buffer)[]): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, '000001.jsonl'), forgeLines(bodies));
  return dir;
}

export function segmentsOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
}

export interface LinePlace {
  readonly file: string;
  readonly line: number;
  readonly seq: number;
  readonly byteOffset: number;
  /** Offset after the line's newline. */
  readonly end: number;
}

/** Where every record of a sound tape lies, found by counting newlines. */
export function placesOf(dir: string): LinePlace[] {
  const places: LinePlace[] = [];
  for (const file of segmentsOf(dir)) {
    const bytes = readFileSync(join(dir, file));
    let start = 0;
    for (let line = 1; start < bytes.length; line += 1) {
      const end = bytes.indexOf(10, start) + 1;
      places.push({ file, line, seq: places.length, byteOffset: start, end });
      start = end;
    }
  }
  return places;
}

/** The fault `work` throws. */
export function faultOf(work: () => unknown): TapeFault {
  try {
    work();
  } catch (error) {
    if (error instanceof TapeFaultError) return error.fault;
    throw error;
  }
  throw new Error('expected a tape fault, but nothing was thrown');
}
