import { closeSync, fstatSync, openSync } from 'node:fs';
import {
  type RecordBatch,
  type RecordBatchFileReader,
  RecordBatchReader,
  RecordBatchStreamWriter,
  type Schema,
} from 'apache-arrow';
import { InputError } from '../domain/errors.ts';
import type { ModelFault } from '../events/inputs.ts';
import { describeUnreadable, problemOfFile } from '../files/read-bounded.ts';
import { type PredictionFileHeader, readPredictionSchema, TEXT_COLUMNS } from './prediction-schema.ts';
import { isSealIntact, readBytes, readInto } from './prediction-seal.ts';

const MAX_BATCH_BYTES = 256 << 20;
const MAX_FOOTER_BYTES = 16 << 20;
const MAGIC = 'ARROW1';
const MAGIC_AND_PADDING = 8;

type Footer = NonNullable<RecordBatchFileReader['footer']>;

/** Where a batch of cycles lies in the file. */
export interface BatchPlace {
  readonly offset: number;
  readonly bytes: number;
}

export interface PredictionFile {
  readonly path: string;
  readonly fd: number;
  readonly header: PredictionFileHeader;
  /**
   * Where batches are read to, one in place of the other: memory that is asked for anew is cleared and mapped first. In
   * front stands the schema message, with which each is decoded.
   */
  readonly room: Uint8Array;
  readonly preludeBytes: number;
  /** By rising cycle. */
  readonly batches: readonly BatchPlace[];
}

export interface LoadedBatch {
  readonly cycles: Int32Array;
  readonly values: readonly Float32Array[];
  /** Undefined where nothing is missing. */
  readonly bits: readonly (Uint8Array | undefined)[];
  /** By row, where any has one: models that failed; digest of the features asked about. */
  readonly faults: readonly (readonly ModelFault[] | undefined)[];
  readonly features: readonly (string | undefined)[];
}

/**
 * Opens a file of recorded predictions. Its seal covers every byte, so damage is found before a run starts.
 * @throws InputError PREDICTIONS_FILE_INVALID
 */
export function openPredictionFile(path: string): PredictionFile {
  const problem = problemOfFile(path);
  if (problem !== undefined) {
    throw new InputError(
      'PREDICTIONS_FILE_INVALID',
      `${path}: ${describeUnreadable(problem)}; name predictions recorded by sametape`,
      { cause: problem },
    );
  }
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new InputError(
      'PREDICTIONS_FILE_INVALID',
      `${path}: cannot be opened, expected recorded predictions`,
      {
        cause: error,
      },
    );
  }
  try {
    return indexFile(path, fd);
  } catch (error) {
    closeSync(fd);
    if (error instanceof InputError) throw error;
    throw invalid(path, 'it is damaged', error);
  }
}

function indexFile(path: string, fd: number): PredictionFile {
  if (!isSealIntact(fd)) throw invalid(path, 'it is damaged or incomplete (its checksum does not match)');
  const size = fstatSync(fd).size;
  const footer = readFooter({ path, fd, size });
  const header = readPredictionSchema(footer.schema);
  if (header === undefined) throw invalid(path, 'its schema is not that of recorded predictions');
  const batches: BatchPlace[] = [];
  let largestBytes = 0;
  for (const block of footer.recordBatches()) {
    const { offset } = block;
    const bytes = block.metaDataLength + block.bodyLength;
    if (!(offset >= 0 && bytes > 0 && bytes <= MAX_BATCH_BYTES && offset + bytes <= size)) {
      throw invalid(path, 'its index of batches is damaged');
    }
    batches.push({ offset, bytes });
    largestBytes = Math.max(largestBytes, bytes);
  }
  const prelude = schemaMessage(footer.schema);
  const room = new Uint8Array(prelude.length + largestBytes);
  room.set(prelude);
  return { path, fd, header, room, preludeBytes: prelude.length, batches };
}

/** The footer ends the file, so a file without a sound one was cut or never finished. */
function readFooter({
  path,
  fd,
  size,
}: {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
}): Footer {
  const trailer = MAGIC.length + 4;
  if (size > MAGIC_AND_PADDING + trailer) {
    const head = readBytes(fd, 0, MAGIC_AND_PADDING);
    const length = new DataView(readBytes(fd, size - trailer, 4).buffer).getInt32(0, true);
    const start = size - trailer - length;
    if (length > 0 && length <= MAX_FOOTER_BYTES && start >= MAGIC_AND_PADDING) {
      // head and footer alone are a file whose batches lie elsewhere: its footer decodes without reading them
      const reader = RecordBatchReader.from(concat(head, readBytes(fd, start, length + trailer)));
      if (reader.isFile() && reader.isSync()) {
        const { footer } = reader.open() as RecordBatchFileReader;
        if (footer !== null) return footer;
      }
    }
  }
  throw invalid(path, 'it is not a complete Arrow file');
}

/** The schema as a stream carries it in front of its batches. */
function schemaMessage(schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter({ autoDestroy: false });
  writer.reset(undefined, schema);
  return writer.toUint8Array(true);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** Reads and decodes one batch, which holds until the next is loaded. @throws InputError PREDICTIONS_FILE_INVALID when its buffers are shorter than its rows */
export function loadBatch(file: PredictionFile, place: BatchPlace): LoadedBatch {
  const { fd, room, preludeBytes } = file;
  const stream = room.subarray(0, preludeBytes + place.bytes);
  readInto(fd, place.offset, stream.subarray(preludeBytes));
  const decoded = RecordBatchReader.from(stream).next();
  const loaded = decoded.done === true ? undefined : batchColumns(decoded.value, file.header.symbols.length);
  if (loaded === undefined) throw invalid(file.path, `it is damaged at byte ${place.offset}`);
  return loaded;
}

function batchColumns(batch: RecordBatch, symbols: number): LoadedBatch | undefined {
  const names = batch.schema.fields.map(({ name }) => name);
  const lists = batch.data.children.filter((_, k) => k > 0 && !isTextColumn(names[k]!));
  const cycleColumn = batch.data.children[0];
  const rows = batch.numRows;
  const slots = rows * symbols;
  const items = lists.map((list) => list.children[0]!);
  const cycles = (cycleColumn!.values as Int32Array).subarray(0, rows);
  const values = items.map((item) => (item.values as Float32Array).subarray(0, slots));
  const bits = items.map((item) => (item.nullCount === 0 ? undefined : item.nullBitmap));
  const isWhole =
    rows > 0 &&
    cycles.length === rows &&
    values.every((column) => column.length === slots) &&
    bits.every((bitmap) => bitmap === undefined || bitmap.length * 8 >= slots);
  if (!isWhole) return undefined;
  const faults = textsOf(batch, 'faults').map((text) =>
    text === undefined ? undefined : (JSON.parse(text) as readonly ModelFault[]),
  );
  return { cycles, values, bits, faults, features: textsOf(batch, 'features') };
}

function isTextColumn(name: string): boolean {
  return (TEXT_COLUMNS as readonly string[]).includes(name);
}

function textsOf(batch: RecordBatch, name: (typeof TEXT_COLUMNS)[number]): (string | undefined)[] {
  const column = batch.getChild(name);
  if (column === null || column.nullCount === batch.numRows) return [];
  return Array.from({ length: batch.numRows }, (_, row) => {
    const text: unknown = column.get(row);
    return typeof text === 'string' ? text : undefined;
  });
}

function invalid(path: string, what: string, cause?: unknown): InputError {
  return new InputError(
    'PREDICTIONS_FILE_INVALID',
    `${path}: ${what}, expected predictions recorded by sametape`,
    cause === undefined ? undefined : { cause },
  );
}
