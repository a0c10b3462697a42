import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { InputError } from '../domain/errors.ts';
import { reasonOf } from './reason.ts';

export const ZIP_LIMITS = {
  entries: 64,
  /** Of all entries together. */
  plainBytes: 1024 * 1024 * 1024,
  /** Deflate reaches 1032; market data in text about 10. */
  ratio: 250,
  /** Small entries may pack better. */
  ratioFromBytes: 1024 * 1024,
  lineBytes: 64 * 1024,
} as const;

const SYMLINK_MODE = 0o120000;
const FILE_TYPE_MASK = 0o170000;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/**
 * Streams the lines of the one CSV file in a zip, in memory bounded by one line. Nothing is written to disk.
 * @param label how messages name the file
 * @throws InputError ZIP_UNREADABLE for damage, ZIP_UNSAFE for names that leave the archive, links, encryption, and
 * sizes beyond ZIP_LIMITS
 */
export async function readZipLines(input: {
  readonly path: string;
  readonly label: string;
  readonly onLine: (line: string, lineNumber: number) => void;
}): Promise<void> {
  const { path, label, onLine } = input;
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { strictFileNames: true, validateEntrySizes: true, autoClose: false });
    if (zip.entryCount > ZIP_LIMITS.entries)
      unsafe(label, `${zip.entryCount} entries, limit ${ZIP_LIMITS.entries}`);
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) {
      entries.push(entry);
      checkEntries(entries, label);
    }
    const files = entries.filter(({ fileName }) => fileName.toLowerCase().endsWith('.csv'));
    if (files.length !== 1) unreadable(label, `${files.length} CSV files in it, expected 1`);
    await readLines({ stream: await zip.openReadStreamPromise(files[0]), entry: files[0], label, onLine });
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = reasonOf(error);
    if (/relative path|absolute path|invalid characters/.test(reason)) unsafe(label, reason);
    unreadable(label, reason, error);
  } finally {
    zip?.close();
  }
}

function unsafe(label: string, reason: string): never {
  throw new InputError(
    'ZIP_UNSAFE',
    `${label}: refused, ${reason}; make the archive again from the plain file`,
  );
}

function unreadable(label: string, reason: string, cause?: unknown): never {
  throw new InputError('ZIP_UNREADABLE', `${label}: cannot be read as zip: ${reason}`, { cause });
}

function checkEntries(entries: readonly Entry[], label: string): void {
  if (entries.length > ZIP_LIMITS.entries) unsafe(label, `more than ${ZIP_LIMITS.entries} entries`);
  const entry = entries[entries.length - 1];
  const { fileName, uncompressedSize, compressedSize } = entry;
  const mode = (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK;
  if (mode === SYMLINK_MODE) unsafe(label, `entry ${JSON.stringify(fileName)} is a link`);
  if (entry.isEncrypted()) unsafe(label, `entry ${JSON.stringify(fileName)} is encrypted`);
  const total = entries.reduce((sum, each) => sum + each.uncompressedSize, 0);
  if (total > ZIP_LIMITS.plainBytes)
    unsafe(label, `it unpacks to ${total} bytes, limit ${ZIP_LIMITS.plainBytes}`);
  if (uncompressedSize > ZIP_LIMITS.ratioFromBytes && uncompressedSize > compressedSize * ZIP_LIMITS.ratio) {
    const ratio = Math.round(uncompressedSize / Math.max(compressedSize, 1));
    unsafe(label, `entry ${JSON.stringify(fileName)} unpacks ${ratio}-fold, limit ${ZIP_LIMITS.ratio}`);
  }
}

interface LinesInput {
  readonly stream: Readable;
  readonly entry: Entry;
  readonly label: string;
  readonly onLine: (line: string, lineNumber: number) => void;
}

async function readLines({ stream, entry, label, onLine }: LinesInput): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let lineNumber = 0;
  let checksum = 0;
  const emit = (bytes: Buffer): void => {
    const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    lineNumber += 1;
    if (end > 0) onLine(bytes.toString('latin1', 0, end), lineNumber);
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    checksum = crc32(chunk, checksum);
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      emit(bytes.subarray(from, at));
      from = at + 1;
    }
    rest = bytes.subarray(from);
    if (rest.length > ZIP_LIMITS.lineBytes)
      unreadable(label, `line ${lineNumber + 1} is over ${ZIP_LIMITS.lineBytes} bytes`);
  }
  if (rest.length > 0) emit(rest);
  if (checksum !== entry.crc32) unreadable(label, 'its checksum does not match: the file is damaged');
}
