import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/**
 * An independent, deliberately naive reader of a zip with one CSV in it: finds the central directory record, inflates
 * the one entry, splits on commas. It shares no code with the importer it checks.
 */
export function readZipCsv(file: URL): string[][] {
  const bytes = readFileSync(file);
  const directory = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  const compressedSize = bytes.readUInt32LE(directory + 20);
  const local = bytes.readUInt32LE(directory + 42);
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const body = bytes.subarray(start, start + compressedSize);
  const text = (bytes.readUInt16LE(directory + 10) === 8 ? inflateRawSync(body) : body).toString('latin1');
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split(','));
}
