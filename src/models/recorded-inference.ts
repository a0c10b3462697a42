import { closeSync } from 'node:fs';
import { InputError } from '../domain/errors.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { InferencePort } from '../ports/inference.ts';
import { type LoadedBatch, loadBatch, openPredictionFile, type PredictionFile } from './prediction-file.ts';
import type { PredictionFileHeader } from './prediction-schema.ts';

/** Answers a cycle at once, from memory. */
export interface RecordedInference extends InferencePort {
  readonly cycles: number;
  infer(request: InferenceRequest): Predictions;
  /** Digest of what a recorded cycle was asked; undefined where none was recorded. @throws InputError PREDICTIONS_CYCLE_MISSING */
  featuresOf(cycle: number): string | undefined;
}

/**
 * Reads predictions back from a file of `createPredictionWriter`, a batch of cycles in memory at a time, so memory
 * does not grow with the length of the run.
 * @throws InputError PREDICTIONS_FILE_INVALID, PREDICTIONS_KEY_MISMATCH or PREDICTIONS_LAYOUT_MISMATCH with expected and found;
 * later, from `infer`, PREDICTIONS_CYCLE_MISSING
 */
export function createRecordedInference(spec: {
  readonly path: string;
  readonly layout: SignalLayout;
  readonly expectedKey: string;
}): RecordedInference {
  const file = openPredictionFile(spec.path);
  try {
    checkHeader(file.header, spec);
  } catch (error) {
    closeSync(file.fd);
    throw error;
  }
  return new RecordedInferenceAdapter(file, spec.layout);
}

class RecordedInferenceAdapter implements RecordedInference {
  readonly layout: SignalLayout;
  readonly #file: PredictionFile;
  /** The batch in memory and where it stands among those of the file. */
  #batch: LoadedBatch | undefined;
  #at = -1;
  #isClosed = false;

  constructor(file: PredictionFile, layout: SignalLayout) {
    this.#file = file;
    this.layout = layout;
  }

  get cycles(): number {
    return this.#file.batches.reduce((sum, _, k) => sum + this.#load(k).cycles.length, 0);
  }

  infer({ cycle, usable }: InferenceRequest): Predictions {
    const { batch, row } = this.#find(cycle);
    const symbols = this.layout.symbols.length;
    const size = this.layout.columns.length * symbols;
    const answer = { cycle, values: new Float32Array(size), valid: new Uint8Array(size) };
    for (let c = 0; c < batch.values.length; c++) {
      copyRow(batch, { c, row, symbols }, usable, answer);
    }
    const faults = batch.faults[row];
    return faults === undefined ? answer : { ...answer, faults };
  }

  featuresOf(cycle: number): string | undefined {
    const { batch, row } = this.#find(cycle);
    return batch.features[row];
  }

  #find(cycle: number): { readonly batch: LoadedBatch; readonly row: number } {
    const batch = this.#file.batches.length === 0 ? undefined : this.#batchOf(cycle);
    const row = batch === undefined ? -1 : findCycle(batch.cycles, cycle);
    if (batch === undefined || row < 0) throw this.#missing(cycle);
    return { batch, row };
  }

  close(): Promise<void> {
    if (!this.#isClosed) closeSync(this.#file.fd);
    this.#isClosed = true;
    this.#batch = undefined;
    this.#at = -1;
    return Promise.resolve();
  }

  /** The batch that holds a cycle, if any of them does: the one in memory, the next one, or else by bisection. */
  #batchOf(cycle: number): LoadedBatch {
    const { batches } = this.#file;
    let low = 0;
    let high = batches.length - 1;
    let at = Math.max(0, this.#at);
    for (;;) {
      const batch = this.#load(at);
      if (cycle < batch.cycles[0]!) high = at - 1;
      else if (cycle > batch.cycles.at(-1)!) low = at + 1;
      else return batch;
      if (low > high) return batch;
      at = at + 1 === low ? low : (low + high) >> 1;
    }
  }

  #load(at: number): LoadedBatch {
    if (this.#batch !== undefined && this.#at === at) return this.#batch;
    const batch = loadBatch(this.#file, this.#file.batches[at]!);
    this.#batch = batch;
    this.#at = at;
    return batch;
  }

  #missing(cycle: number): InputError {
    const { batches, path } = this.#file;
    const range =
      batches.length === 0
        ? 'none'
        : `${this.#load(0).cycles[0]} to ${this.#load(batches.length - 1).cycles.at(-1)}`;
    return new InputError(
      'PREDICTIONS_CYCLE_MISSING',
      `${path}: cycle ${cycle} is not recorded, found cycles ${range}; record the run again with live inference`,
    );
  }
}

/** Copies a model's predictions of one cycle. The file is sealed and its writer takes finite numbers only. */
function copyRow(
  batch: LoadedBatch,
  { c, row, symbols }: { readonly c: number; readonly row: number; readonly symbols: number },
  usable: Uint8Array,
  answer: Predictions,
): void {
  const column = batch.values[c]!;
  const bits = batch.bits[c];
  const { values, valid } = answer;
  const first = row * symbols;
  const base = c * symbols;
  for (let i = 0; i < symbols; i++) {
    const slot = first + i;
    if (bits !== undefined && ((bits[slot >> 3]! >> (slot & 7)) & 1) === 0) continue;
    if (usable[base + i] !== 1) continue;
    values[base + i] = column[slot]!;
    valid[base + i] = 1;
  }
}

function checkHeader(
  header: PredictionFileHeader,
  {
    path,
    layout,
    expectedKey,
  }: { readonly path: string; readonly layout: SignalLayout; readonly expectedKey: string },
): void {
  if (header.key !== expectedKey) {
    throw new InputError(
      'PREDICTIONS_KEY_MISMATCH',
      `${path}: predictions of another run: other models, dataset, symbols, sessions or cycle minutes than this one's; record it again or run without it (key expected ${expectedKey}, found ${header.key})`,
    );
  }
  const expected = layout.columns.map((column) => column.id);
  compareNames({ path, what: 'model', expected, found: header.ids });
  compareNames({ path, what: 'symbol', expected: layout.symbols, found: header.symbols });
}

function compareNames(spec: {
  readonly path: string;
  readonly what: string;
  readonly expected: readonly string[];
  readonly found: readonly string[];
}): void {
  const { path, what, expected, found } = spec;
  const length = Math.max(expected.length, found.length);
  for (let i = 0; i < length; i++) {
    if (expected[i] === found[i]) continue;
    throw new InputError(
      'PREDICTIONS_LAYOUT_MISMATCH',
      `${path}: ${what} ${i} expected ${expected[i] ?? 'none'}, found ${found[i] ?? 'none'}`,
    );
  }
}

function findCycle(cycles: Int32Array, cycle: number): number {
  let low = 0;
  let high = cycles.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (cycles[middle] === cycle) return middle;
    if (cycles[middle]! < cycle) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
