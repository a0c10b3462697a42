import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, InvariantError } from '../domain/errors.ts';
import type { TimeUs } from '../domain/units.ts';
import type { TapeEntry } from '../events/record.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { syncFolder } from './atomic-file.ts';
import { chainHashOfBytes, HASH_LENGTH } from './chain.ts';
import { decisionHeadOf } from './decision-head.ts';
import { TapeWriteError } from './faults.ts';
import { writeStoredHead } from './head-file.ts';
import { type Recovery, recoverLocked } from './recover.ts';
import {
  assertFollows,
  bodyAfterBrace,
  createTapeCursor,
  moveCursor,
  type TapeCursor,
} from './tape-cursor.ts';
import { HEAD_FILE, listSegments, listTapeFolder, segmentName } from './tape-files.ts';
import { lockTape, type TapeLock } from './tape-lock.ts';

export interface FileTapeOptions {
  /** Folder of the tape; created when missing. */
  readonly dir: string;
  /** A segment that has reached this size is ended at the next block, and another begun. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** `flush` waits for the disk (paper, live); otherwise it hands the bytes to the system (backtest). */
  readonly durable: boolean;
}

export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Bytes put together before they are written: large enough that system calls do not show. */
const BLOCK_BYTES = 64 * 1024;
/** Before a record's body on its line: `{"chain":"<hash>",`. */
const LEAD_BYTES = HASH_LENGTH + 12;
/** A UTF-16 code unit takes at most so many bytes of UTF-8. */
const MAX_BYTES_A_UNIT = 3;
const NEWLINE = 0x0a;

/**
 * Starts a tape in an empty folder.
 * @throws InputError TAPE_EXISTS when the folder holds one, TAPE_LOCKED when another writer does, TAPE_UNWRITABLE
 */
export function createFileTape(options: FileTapeOptions): TapeWriter {
  const { dir } = options;
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(
      'TAPE_UNWRITABLE',
      `${dir}: cannot be created (${code}); expected a writable place`,
      {
        cause: error,
      },
    );
  }
  const lock = lockTape(dir);
  if (listTapeFolder(dir).some(({ name }) => name.endsWith('.jsonl') || name === HEAD_FILE)) {
    lock.release();
    throw new InputError('TAPE_EXISTS', `${dir}: holds a tape already; resume it, or choose another folder`);
  }
  return new FileTape(options, lock, createTapeCursor());
}

/**
 * Goes on with the tape of a crashed run, after recovering it under the same lock.
 * @throws TapeFaultError when the tape is damaged rather than torn
 * @throws InputError TAPE_CLOSED when the run was stopped, TAPE_LOCKED when another process writes it
 */
export function resumeFileTape(options: FileTapeOptions): {
  readonly tape: TapeWriter;
  readonly recovery: Recovery;
} {
  const lock = lockTape(options.dir);
  try {
    const { recovery, cursor } = recoverLocked(options.dir);
    if (recovery.isClosed) {
      throw new InputError('TAPE_CLOSED', `${options.dir}: the run was stopped; nothing to resume`);
    }
    return { tape: new FileTape(options, lock, cursor), recovery };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Lines are put together in memory and written a block at a time; a line is never split between segments. */
class FileTape implements TapeWriter {
  private readonly dir: string;
  private readonly segmentBytes: number;
  private readonly blockBytes: number;
  private readonly durable: boolean;
  private readonly lock: TapeLock;
  private readonly cursor: TapeCursor;
  /** Lines not yet written, in its first `used` bytes. */
  private buffer: Buffer;
  private used = 0;
  private fd: number | null = null;
  private segments: number;
  /** Bytes of the open segment on disk. */
  private segmentUsed = 0;
  private state: 'open' | 'closed' | 'failed' = 'open';

  constructor(
    { dir, segmentBytes = DEFAULT_SEGMENT_BYTES, durable }: FileTapeOptions,
    lock: TapeLock,
    cursor: TapeCursor,
  ) {
    this.dir = dir;
    this.segmentBytes = segmentBytes;
    this.blockBytes = Math.min(BLOCK_BYTES, segmentBytes);
    this.buffer = Buffer.allocUnsafe(this.blockBytes * 2);
    this.durable = durable;
    this.lock = lock;
    this.cursor = cursor;
    this.segments = listSegments(dir).length;
    if (this.segments > 0) this.orFail('open', () => this.openSegment('a'));
    this.endSegmentIfFull();
  }

  get head(): string {
    return this.cursor.head;
  }

  get decisionHead(): string {
    return decisionHeadOf(this.cursor.decisions);
  }

  get nextSeq(): number {
    return this.cursor.nextSeq;
  }

  get lastTUs(): TimeUs {
    return this.cursor.lastTUs;
  }

  append(entry: TapeEntry): void {
    this.assertOpen();
    assertFollows(this.cursor, entry);
    const body = bodyAfterBrace(entry);
    this.reserve(LEAD_BYTES + body.length * MAX_BYTES_A_UNIT + 1);
    const { buffer, used } = this;
    // what is hashed begins with the head before, which is overwritten by what the line starts with
    const hashedAt = used + LEAD_BYTES - HASH_LENGTH - 1;
    // in one piece, because a call costs more than the bytes it writes
    const end = hashedAt + buffer.write(`${this.cursor.head}{${body}`, hashedAt);
    const head = chainHashOfBytes(buffer.subarray(hashedAt, end));
    buffer.write(`{"chain":"${head}",`, used, 'latin1');
    buffer[end] = NEWLINE;
    this.used = end + 1;
    moveCursor(this.cursor, entry, head);
    if (this.used >= this.blockBytes) this.writePending();
  }

  flush(): void {
    this.assertOpen();
    this.writePending();
    if (this.durable) this.sync();
  }

  close(): void {
    if (this.state === 'closed') return;
    try {
      if (this.state === 'open') {
        this.flush();
        if (this.cursor.isStopped) this.orFail('write', () => writeStoredHead(this.dir, this.cursor));
      }
    } finally {
      this.state = 'closed';
      if (this.fd !== null) closeSync(this.fd);
      this.lock.release();
    }
  }

  private assertOpen(): void {
    if (this.state === 'open') return;
    if (this.state === 'closed') throw new InvariantError(`tape ${this.dir}: used after it was closed`);
    throw new TapeWriteError(`tape ${this.dir}: an earlier write failed; resume the run to go on`);
  }

  /** Makes room in the buffer for a line of at most `bytes`. */
  private reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.used + bytes, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }

  private writePending(): void {
    const { used } = this;
    if (used === 0) return;
    this.used = 0;
    this.orFail('write', () => {
      // opened only now: an empty segment would read as torn
      const fd = this.fd ?? this.nextSegment();
      for (let done = 0; done < used; ) done += writeSync(fd, this.buffer, done, used - done);
    });
    this.segmentUsed += used;
    this.endSegmentIfFull();
  }

  private endSegmentIfFull(): void {
    if (this.fd === null || this.segmentUsed < this.segmentBytes) return;
    if (this.durable) this.sync();
    closeSync(this.fd);
    this.fd = null;
  }

  private sync(): void {
    const { fd } = this;
    if (fd !== null) this.orFail('sync', () => fsyncSync(fd));
  }

  private nextSegment(): number {
    this.segments += 1;
    const fd = this.openSegment('ax');
    if (this.durable) syncFolder(this.dir);
    return fd;
  }

  private openSegment(flags: 'a' | 'ax'): number {
    const fd = openSync(join(this.dir, segmentName(this.segments)), flags);
    this.fd = fd;
    this.segmentUsed = fstatSync(fd).size;
    return fd;
  }

  /** After a failure nobody knows what is on the disk, and a later success would not tell: no retry. */
  private orFail(what: 'open' | 'write' | 'sync', work: () => void): void {
    try {
      work();
    } catch (error) {
      this.state = 'failed';
      const { code } = error as NodeJS.ErrnoException;
      throw new TapeWriteError(
        `tape ${this.dir}: ${what} failed (${code}) before seq ${this.cursor.nextSeq}; free the disk and resume the run`,
        { cause: error },
      );
    }
  }
}
