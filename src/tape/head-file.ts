import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../events/canonical.ts';
import { writeTextAtomic } from './atomic-file.ts';
import { HASH_LENGTH } from './chain.ts';
import { type TapeFault, tapeFault } from './faults.ts';
import type { TapeCursor } from './tape-cursor.ts';
import { HEAD_FILE } from './tape-files.ts';

const MAX_HEAD_BYTES = 1024;

/** What a closed tape ends with: catches records cut off the end, which leave a chain that is sound in itself. */
export interface StoredHead {
  readonly count: number;
  readonly head: string;
  readonly seq: number;
}

export function writeStoredHead(dir: string, cursor: TapeCursor): void {
  writeTextAtomic(join(dir, HEAD_FILE), storedHeadText(cursor));
}

function storedHeadText({ head, nextSeq }: TapeCursor): string {
  return `${canonicalJson({ count: nextSeq, head, seq: nextSeq - 1 })}\n`;
}

/** @returns null when there is none: the run is open, or crashed */
function readHeadText(dir: string): string | null {
  const path = join(dir, HEAD_FILE);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return null;
  return size > MAX_HEAD_BYTES ? `(${size} bytes)` : readFileSync(path, 'latin1');
}

export function readStoredHead(dir: string): StoredHead | 'unreadable' | null {
  const text = readHeadText(dir);
  return text === null ? null : (parseStoredHead(text) ?? 'unreadable');
}

function parseStoredHead(text: string): StoredHead | null {
  const match = /^\{"count":([1-9]\d{0,15}),"head":"([0-9a-f]+)","seq":(\d{1,16})\}\n$/.exec(text);
  if (match === null || match[2].length !== HASH_LENGTH) return null;
  return { count: Number(match[1]), head: match[2], seq: Number(match[3]) };
}

/** Sets the head of a run aside whose last record turned out torn: the run is open again. */
export function setStoredHeadAside(dir: string, name: string): void {
  renameSync(join(dir, HEAD_FILE), join(dir, name));
}

/** Compares where a tape ends with what was stored when it was closed, byte for byte. */
export function checkStoredHead(dir: string, cursor: TapeCursor): TapeFault | null {
  const found = readHeadText(dir);
  const place = { file: HEAD_FILE, seq: cursor.nextSeq - 1 };
  if (found === null) {
    if (!cursor.isStopped) return null;
    return tapeFault('TAPE_HEAD_MISSING', 'the tape ends with RunStopped but no head is stored', place);
  }
  const expected = storedHeadText(cursor);
  const stored = parseStoredHead(found);
  if (stored !== null && stored.count > cursor.nextSeq) {
    return tapeFault('TAPE_TRUNCATED', 'records are missing at the end of a closed run', {
      file: HEAD_FILE,
      seq: cursor.nextSeq,
      expected: `${stored.count} records with head ${stored.head}`,
      found: `${cursor.nextSeq} records with head ${cursor.head}`,
    });
  }
  if (found === expected && cursor.isStopped) return null;
  return tapeFault(
    'TAPE_HEAD_MISMATCH',
    cursor.isStopped
      ? 'the stored head is not that of the tape'
      : 'a head is stored but the tape does not end with RunStopped',
    { ...place, expected: expected.trimEnd(), found: found.trimEnd() },
  );
}
