import { createHash } from 'node:crypto';
import { fstatSync, readSync, writeSync } from 'node:fs';

/**
 * A file of predictions carries the SHA-256 of itself, taken with this field as zeros, in its Arrow metadata (which
 * stands in the footer, where the file is complete). Arrow has no checksums, and decoding a damaged one can loop or take
 * all memory: no byte is decoded before the seal is verified.
 */
const SEAL_TAG = 'sametape-seal-sha256:';
const ZEROS = '0'.repeat(64);
const CHUNK_BYTES = 1 << 20;
/** The footer holds model ids and symbols; it lies within this much of the end. */
const MAX_FOOTER_BYTES = 16 << 20;

/** Metadata value to put in the schema before the file is sealed. */
export const UNSEALED = `${SEAL_TAG}${ZEROS}`;

/** Writes the seal into a complete file whose metadata holds {@link UNSEALED}. @returns false when it does not */
export function sealFile(fd: number): boolean {
  const at = findSeal(fd);
  if (at === undefined || at.digest !== ZEROS) return false;
  const digest = digestWithoutSeal(fd, at.offset);
  return writeSync(fd, digest, at.offset, 'latin1') === digest.length;
}

/** @returns whether every byte of the file is as it was when it was sealed */
export function isSealIntact(fd: number): boolean {
  const at = findSeal(fd);
  return at !== undefined && at.digest === digestWithoutSeal(fd, at.offset);
}

function findSeal(fd: number): { readonly offset: number; readonly digest: string } | undefined {
  const { size } = fstatSync(fd);
  const start = Math.max(0, size - MAX_FOOTER_BYTES);
  const tail = readBytes(fd, start, size - start);
  const ix = Buffer.from(tail.buffer).lastIndexOf(SEAL_TAG);
  if (ix < 0) return undefined;
  const from = ix + SEAL_TAG.length;
  const digest = Buffer.from(tail.buffer, from, Math.min(64, tail.length - from)).toString('latin1');
  return digest.length === 64 ? { offset: start + from, digest } : undefined;
}

function digestWithoutSeal(fd: number, sealOffset: number): string {
  const hash = createHash('sha256');
  const { size } = fstatSync(fd);
  for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
    const chunk = readBytes(fd, offset, Math.min(CHUNK_BYTES, size - offset));
    for (let i = 0; i < ZEROS.length; i++) {
      const at = sealOffset + i - offset;
      if (at >= 0 && at < chunk.length) chunk[at] = 0x30;
    }
    hash.update(chunk);
  }
  return hash.digest('hex');
}

/** Reads exactly `length` bytes; what lies beyond the end of the file reads as zeros. */
export function readBytes(fd: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  readInto(fd, offset, bytes);
  return bytes;
}

/** Fills an array with the bytes from `offset`, likewise. */
export function readInto(fd: number, offset: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(fd, bytes, done, bytes.length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  bytes.fill(0, done);
}
