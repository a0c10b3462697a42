import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from './atomic-file.ts';
import { TapeFaultError } from './faults.ts';
import { checkStoredHead, readStoredHead, setStoredHeadAside, writeStoredHead } from './head-file.ts';
import { readTape, type TapeEnd } from './read-tape.ts';
import type { TapeCursor } from './tape-cursor.ts';
import { TORN_PREFIX } from './tape-files.ts';
import { lockTape } from './tape-lock.ts';
import { type TornTail, tornFault } from './torn-tail.ts';

const COPY_BYTES = 1024 * 1024;

/** What recovery found and did. */
export interface Recovery {
  /** What was cut off the end, and the file it was saved in; null when every record was whole. */
  readonly torn: (TornTail & { readonly savedAs: string | null }) | null;
  readonly records: number;
  /** The run was closed before; there is nothing to resume. */
  readonly isClosed: boolean;
}

/**
 * Makes a crashed tape whole again: bytes after the last newline of the last segment are saved beside it and cut off.
 * Nothing else is ever cut: any other fault is damage, and is thrown.
 * @throws TapeFaultError naming the place
 * @throws InputError TAPE_LOCKED while another process writes the tape
 */
export function recoverTape(dir: string): Recovery {
  const lock = lockTape(dir);
  try {
    return recoverLocked(dir).recovery;
  } finally {
    lock.release();
  }
}

/** The same under a lock the caller holds. @returns also where the tape now stands */
export function recoverLocked(dir: string): { readonly recovery: Recovery; readonly cursor: TapeCursor } {
  const end = readToEnd(dir);
  const { cursor, torn } = end;
  const savedAs = torn === null ? null : cutOff(dir, torn, cursor);
  if (torn === null) sealIfStopped(dir, cursor);
  return {
    cursor,
    recovery: {
      torn: torn === null ? null : { ...torn, savedAs },
      records: cursor.nextSeq,
      isClosed: cursor.isStopped,
    },
  };
}

function readToEnd(dir: string): TapeEnd {
  const lines = readTape(dir, { torn: 'report', storedHead: 'leave' });
  for (;;) {
    const step = lines.next();
    if (step.done === true) return step.value;
  }
}

/** A crash between the last record and its head leaves a stopped run without one. */
function sealIfStopped(dir: string, cursor: TapeCursor): void {
  const fault = checkStoredHead(dir, cursor);
  if (fault === null) return;
  if (fault.code !== 'TAPE_HEAD_MISSING') throw new TapeFaultError(fault);
  writeStoredHead(dir, cursor);
}

/** @returns the name of the file that holds what was cut off, null when there were no bytes */
function cutOff(dir: string, torn: TornTail, cursor: TapeCursor): string | null {
  const fault = tornFault(dir, torn, cursor);
  if (fault.code !== 'TAPE_TORN') throw new TapeFaultError(fault);
  const segment = join(dir, torn.segment);
  const savedAs = torn.bytes === 0 ? null : freeName(dir, `${TORN_PREFIX}${cursor.nextSeq}`, '.bin');
  if (savedAs !== null) copyTail({ from: segment, at: torn.byteOffset, to: join(dir, savedAs) });
  if (readStoredHead(dir) !== null) setStoredHeadAside(dir, freeName(dir, `head-${cursor.nextSeq}`, '.json'));
  if (torn.byteOffset === 0) rmSync(segment);
  else truncateSynced(segment, torn.byteOffset);
  syncFolder(dir);
  return savedAs;
}

function freeName(dir: string, stem: string, extension: string): string {
  let name = `${stem}${extension}`;
  for (let n = 2; existsSync(join(dir, name)); n += 1) name = `${stem}-${n}${extension}`;
  return name;
}

function copyTail({
  from,
  at,
  to,
}: {
  readonly from: string;
  readonly at: number;
  readonly to: string;
}): void {
  const source = openSync(from, 'r');
  const target = openSync(to, 'wx');
  try {
    const chunk = new Uint8Array(COPY_BYTES);
    let position = at;
    for (;;) {
      const read = readSync(source, chunk, 0, chunk.length, position);
      if (read === 0) break;
      for (let written = 0; written < read; ) written += writeSync(target, chunk, written, read - written);
      position += read;
    }
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

function truncateSynced(path: string, length: number): void {
  truncateSync(path, length);
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
