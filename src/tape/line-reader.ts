import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '../domain/errors.ts';

const NEWLINE = 10;
const START_BYTES = 256 * 1024;

/**
 * Lines of one file, as ranges of a buffer that is reused: memory stays at the longest line. After `next()` gives
 * true, bytes `[start, end)` of `buffer` are the line without its newline, valid and free to overwrite until the next call.
 */
export class LineReader {
  buffer: Buffer;
  start = 0;
  end = 0;
  /** Offset of `start` within the file. */
  byteOffset = 0;
  private readonly fd: number;
  private readonly path: string;
  private readonly maxLineBytes: number;
  private nextStart = 0;
  private filled = 0;
  private atEnd = false;

  /** @throws InputError TAPE_UNREADABLE */
  constructor(path: string, maxLineBytes: number) {
    this.path = path;
    this.maxLineBytes = maxLineBytes;
    try {
      this.fd = openSync(path, 'r');
      // one byte more than a short file, so that its end is seen without growing
      this.buffer = Buffer.allocUnsafe(Math.min(START_BYTES, fstatSync(this.fd).size + 1));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** @returns false at the end of the file or when a line is longer than allowed; see `leftBytes` */
  next(): boolean {
    this.byteOffset += this.nextStart - this.start;
    this.start = this.nextStart;
    let scanned = 0;
    for (;;) {
      const newline = this.buffer.indexOf(NEWLINE, this.start + scanned);
      if (newline !== -1 && newline < this.filled) {
        this.end = newline;
        this.nextStart = newline + 1;
        return true;
      }
      scanned = this.filled - this.start;
      if (this.atEnd || scanned > this.maxLineBytes || !this.fill()) return false;
    }
  }

  /** After `next()` gave false: bytes after the last newline that were read. */
  get leftBytes(): number {
    return this.filled - this.start;
  }

  close(): void {
    closeSync(this.fd);
  }

  /** Moves what is left to the front and reads on, with twice the room when it is full. */
  private fill(): boolean {
    const left = this.filled - this.start;
    const target = left * 2 > this.buffer.length ? Buffer.allocUnsafe(this.buffer.length * 2) : this.buffer;
    this.buffer.copy(target, 0, this.start, this.filled);
    this.buffer = target;
    this.start = 0;
    this.nextStart = 0;
    this.filled = left;
    const read = this.read(target, left);
    this.filled += read;
    this.atEnd = read === 0;
    return read > 0;
  }

  private read(target: Buffer, at: number): number {
    try {
      return readSync(this.fd, target, at, target.length - at, null);
    } catch (error) {
      throw unreadable(this.path, error);
    }
  }
}

function unreadable(path: string, error: unknown): InputError {
  const code = (error as NodeJS.ErrnoException).code;
  return new InputError(
    'TAPE_UNREADABLE',
    `${path}: cannot be read (${code}); expected a segment of a tape`,
    {
      cause: error,
    },
  );
}
