import { open, rename, rm } from 'node:fs/promises';
import {
  type Data,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  type Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { InvariantError, invariant } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import { encodeFaults } from '../events/encode-predictions.ts';
import type { Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';
import { predictionSchema, TEXT_COLUMNS } from './prediction-schema.ts';
import { sealFile } from './prediction-seal.ts';

/**
 * Cycles held in memory before they go to disk, and what a reader loads at a time: as many as make about a megabyte.
 * To decode a batch takes most of a millisecond however short it is, which a run pays for every few hundred cycles.
 */
const BATCH_BYTES = 1 << 20;
const MIN_BATCH_CYCLES = 256;
const MAX_BATCH_CYCLES = 1024;

function cyclesPerBatch({ columns, symbols }: SignalLayout): number {
  const bytesPerCycle = columns.length * symbols.length * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(MIN_BATCH_CYCLES, Math.min(MAX_BATCH_CYCLES, Math.floor(BATCH_BYTES / bytesPerCycle)));
}

/** Records predictions to a file that appears under its name only when complete. */
export interface PredictionWriter {
  /**
   * Takes a copy. Cycles must ascend.
   * @param featuresDigest digest of what was asked, where a reader is to compare it
   */
  append(predictions: Predictions, featuresDigest?: string): void;
  /** Writes what is left, makes it durable and gives the file its name. @returns cycles written */
  finish(): Promise<number>;
  /** Drops the unfinished file. */
  abort(): Promise<void>;
}

/**
 * Starts an Arrow IPC file of predictions: about `4 * columns * symbols` bytes a cycle and a bit per value.
 * The bytes depend on the predictions, the layout and the key only.
 */
export async function createPredictionWriter(spec: {
  readonly path: string;
  readonly layout: SignalLayout;
  readonly key: string;
  /** Where it is written first; one of its own for each process that may write the same file. */
  readonly partialPath?: string;
}): Promise<PredictionWriter> {
  const { path, layout, key, partialPath = `${path}.partial` } = spec;
  const file = await open(partialPath, 'w+');
  const schema = predictionSchema(layout, key);
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema);
  const pump = (async () => {
    for await (const chunk of writer) await file.write(chunk);
  })();
  // a failed write surfaces in finish; without this it would be an unhandled rejection before that
  pump.catch(() => undefined);
  const batch = createBatch(layout);
  let written = 0;
  let lastCycle = -1;

  const flush = (): void => {
    if (batch.count === 0) return;
    writer.write(toRecordBatch(batch, schema));
    written += batch.count;
    batch.count = 0;
  };
  return {
    append(predictions, featuresDigest) {
      invariant(
        predictions.cycle > lastCycle,
        `cycle ${predictions.cycle} recorded after cycle ${lastCycle}`,
      );
      lastCycle = predictions.cycle;
      batch.faults[batch.count] = faultsText(predictions);
      batch.features[batch.count] = featuresDigest ?? null;
      putCycle(batch, predictions);
      if (batch.count === batch.cycles.length) flush();
    },
    async finish() {
      flush();
      writer.close();
      try {
        await pump;
        invariant(sealFile(file.fd), `${partialPath} could not be sealed`);
        await file.datasync();
      } finally {
        await file.close();
      }
      try {
        await rename(partialPath, path);
      } catch (error) {
        await rm(partialPath, { force: true });
        throw error;
      }
      return written;
    },
    async abort() {
      writer.abort();
      await pump.catch(() => undefined);
      await file.close();
      await rm(partialPath, { force: true });
    },
  };
}

interface Batch {
  readonly symbols: number;
  readonly cycles: Int32Array;
  /** One array a model, `[cycle][symbol]`. */
  readonly values: readonly Float32Array[];
  /** Arrow validity bitmaps of `values`, least significant bit first. */
  readonly bits: readonly Uint8Array[];
  readonly nulls: Int32Array;
  readonly faults: (string | null)[];
  readonly features: (string | null)[];
  count: number;
}

function faultsText({ faults }: Predictions): string | null {
  return faults === undefined || faults.length === 0 ? null : canonicalJson(encodeFaults(faults));
}

function createBatch(layout: SignalLayout): Batch {
  const cycles = cyclesPerBatch(layout);
  const size = cycles * layout.symbols.length;
  return {
    symbols: layout.symbols.length,
    cycles: new Int32Array(cycles),
    values: layout.columns.map(() => new Float32Array(size)),
    bits: layout.columns.map(() => new Uint8Array(Math.ceil(size / 8))),
    nulls: new Int32Array(layout.columns.length),
    faults: [],
    features: [],
    count: 0,
  };
}

function putCycle(batch: Batch, { cycle, values, valid }: Predictions): void {
  const { symbols } = batch;
  invariant(
    values.length === batch.values.length * symbols,
    `${values.length} predictions do not fit the layout`,
  );
  if (batch.count === 0) {
    batch.nulls.fill(0);
    for (const bits of batch.bits) bits.fill(0);
  }
  const row = batch.count * symbols;
  batch.cycles[batch.count] = cycle;
  for (let c = 0; c < batch.values.length; c++) {
    const column = batch.values[c]!;
    const bits = batch.bits[c]!;
    for (let i = 0; i < symbols; i++) {
      const isValid = valid[c * symbols + i] === 1;
      const slot = row + i;
      const value = isValid ? values[c * symbols + i]! : 0;
      if (!Number.isFinite(value)) {
        throw new InvariantError(`prediction (${c}, ${i}) of cycle ${cycle} is marked valid and is ${value}`);
      }
      column[slot] = value;
      if (isValid) bits[slot >> 3] = bits[slot >> 3]! | (1 << (slot & 7));
      else batch.nulls[c] = batch.nulls[c]! + 1;
    }
  }
  batch.count++;
}

function toRecordBatch(batch: Batch, schema: Schema): RecordBatch {
  const { count, symbols } = batch;
  const [cycleField, ...fields] = schema.fields;
  const children: Data[] = [
    makeData({ type: cycleField!.type, length: count, nullCount: 0, data: batch.cycles.slice(0, count) }),
  ];
  const models = fields.slice(0, batch.values.length);
  models.forEach((field, c) => {
    const child = makeData({
      type: field.type.children[0]!.type,
      length: count * symbols,
      nullCount: batch.nulls[c]!,
      nullBitmap: batch.bits[c]!.slice(0, Math.ceil((count * symbols) / 8)),
      data: batch.values[c]!.slice(0, count * symbols),
    });
    children.push(makeData({ type: field.type, length: count, nullCount: 0, child }));
  });
  for (const name of TEXT_COLUMNS) {
    children.push(vectorFromArray(batch[name].slice(0, count), new Utf8()).data[0]!);
  }
  const rows = makeData({ type: new Struct(schema.fields), length: count, nullCount: 0, children });
  return new RecordBatch(schema, rows);
}
