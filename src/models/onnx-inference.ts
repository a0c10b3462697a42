import type { Tensor } from 'onnxruntime-node';
import { invariant } from '../domain/errors.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { ModelFault, Predictions } from '../events/inputs.ts';
import { type ModelColumn, modelIdOf, type SignalLayout } from '../events/layout.ts';
import type { InferencePort } from '../ports/inference.ts';
import { loadOnnxRuntime, type OnnxRuntime, oneLine } from './onnx-runtime.ts';
import {
  expectedOutput,
  isOutputWidth,
  type ModelColumns,
  type ModelSession,
  openModelSession,
} from './onnx-session.ts';
import { readRow } from './output-reading.ts';
import type { ModelArtifact, RunRoot } from './run-root.ts';

/** Fewer rows than this take other code paths in the runtime and give other bits: a universe of one is padded. */
export const MIN_BATCH_ROWS = 2;

/** Live inference: the port, and what a run reports about it. */
export interface OnnxInference extends InferencePort {
  /** Version of the ONNX runtime, part of what produced the predictions. */
  readonly runtimeVersion: string;
  /** Loads every model of the layout now instead of at its first cycle. @throws InputError as the first `infer` would */
  load(): Promise<void>;
  infer(request: InferenceRequest): Promise<Predictions>;
}

/**
 * Runs the layout's models with onnxruntime, one after the other, on one fixed batch shape. A model is loaded when it first
 * runs. One that throws, gives another shape than it declared or a number that is not finite is a fault of the answer, for
 * its columns or for the symbols concerned, whose predictions are missing; the other models go on.
 * @throws InputError ONNX_RUNTIME_MISSING; later, from `load` and `infer`, those of {@link openModelSession}
 */
export async function createOnnxInference({
  runRoot,
  layout,
}: {
  readonly runRoot: RunRoot;
  readonly layout: SignalLayout;
}): Promise<OnnxInference> {
  const runtime = await loadOnnxRuntime();
  return new OnnxInferenceAdapter({ runRoot, layout, runtime });
}

/** A cycle's answer in the making. */
interface Answer extends Predictions {
  readonly faults: ModelFault[];
}

class OnnxInferenceAdapter implements OnnxInference {
  readonly layout: SignalLayout;
  readonly runtimeVersion: string;
  readonly #runtime: OnnxRuntime;
  readonly #runRoot: RunRoot;
  readonly #models: readonly ModelColumns[];
  readonly #rows: number;
  readonly #sessions: (ModelSession | undefined)[];
  #isBusy = false;
  #isClosed = false;

  constructor(spec: {
    readonly runRoot: RunRoot;
    readonly layout: SignalLayout;
    readonly runtime: OnnxRuntime;
  }) {
    const { runRoot, layout, runtime } = spec;
    this.layout = layout;
    this.runtimeVersion = runtime.env.versions.node ?? runtime.env.versions.common;
    this.#runtime = runtime;
    this.#runRoot = runRoot;
    this.#models = modelsOf(runRoot, layout);
    this.#rows = Math.max(layout.symbols.length, MIN_BATCH_ROWS);
    this.#sessions = this.#models.map(() => undefined);
  }

  async load(): Promise<void> {
    for (let m = 0; m < this.#models.length; m++) await this.#session(m);
  }

  async infer(request: InferenceRequest): Promise<Predictions> {
    invariant(!this.#isClosed, 'inference was asked after it was closed');
    invariant(!this.#isBusy, 'inference was asked while another cycle is open');
    invariant(
      request.batches.length === this.layout.columns.length,
      `${request.batches.length} batches for ${this.layout.columns.length} models`,
    );
    this.#isBusy = true;
    try {
      const size = this.layout.columns.length * this.layout.symbols.length;
      const { cycle } = request;
      const answer = { cycle, values: new Float32Array(size), valid: new Uint8Array(size), faults: [] };
      for (let m = 0; m < this.#models.length; m++) await this.#run(m, request, answer);
      const { faults, ...predictions } = answer;
      return faults.length === 0 ? predictions : { ...predictions, faults: byColumn(faults) };
    } finally {
      this.#isBusy = false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [m, model] of this.#sessions.entries()) {
      this.#sessions[m] = undefined;
      await model?.session.release();
    }
  }

  async #session(m: number): Promise<ModelSession> {
    const loaded = this.#sessions[m];
    if (loaded !== undefined) return loaded;
    const opened = await openModelSession({
      runtime: this.#runtime,
      runRoot: this.#runRoot,
      served: this.#models[m]!,
      rows: this.#rows,
    });
    this.#sessions[m] = opened;
    return opened;
  }

  async #run(m: number, request: InferenceRequest, answer: Answer): Promise<void> {
    const model = await this.#session(m);
    const batch = request.batches[model.columns[0]!]!;
    invariant(
      batch.length === model.buffer.length,
      `batch of ${this.#models[m]!.model.id} holds ${batch.length} numbers, expected ${model.buffer.length}`,
    );
    model.buffer.set(batch);
    let outputs: Readonly<Record<string, Tensor>>;
    try {
      outputs = await model.session.run(model.feeds, model.fetches);
    } catch (error) {
      const detail = oneLine(error);
      for (const column of model.columns) answer.faults.push({ column, reason: 'failed', detail });
      return;
    }
    model.columns.forEach((c, k) => {
      const column = this.layout.columns[c]!;
      const symbols = this.layout.symbols.length;
      const place = { c, column, rows: this.#rows, symbols, usable: request.usable };
      const fault = readOutput(outputs[model.outputNames[k]!], place, answer);
      if (fault !== undefined) answer.faults.push(fault);
    });
  }
}

interface OutputPlace {
  readonly c: number;
  readonly column: ModelColumn;
  readonly rows: number;
  readonly symbols: number;
  readonly usable: Uint8Array;
}

/** Copies one model's output into its column. @returns what is wrong with it; of another shape nothing is copied */
function readOutput(
  output: Tensor | undefined,
  { c, column, rows, symbols, usable }: OutputPlace,
  answer: Answer,
): ModelFault | undefined {
  const data = output?.data;
  const dims = output?.dims ?? [];
  const width = dims.length === 1 ? 1 : dims[1]!;
  const isFloats = data instanceof Float32Array || data instanceof Float64Array;
  const isShaped =
    (dims.length === 1 || dims.length === 2) && dims[0] === rows && isOutputWidth(column, width);
  if (!isFloats || !isShaped) {
    const found = output === undefined ? 'nothing' : `${output.type} [${dims.join(', ')}]`;
    const detail = `output came as ${found}, expected ${expectedOutput(column)} with N = ${rows}`;
    return { column: c, reason: 'wrong_shape', detail };
  }
  const offset = c * symbols;
  const failed: number[] = [];
  for (let i = 0; i < symbols; i++) {
    if (usable[offset + i] !== 1) continue;
    const value = Math.fround(readRow(column.reading, data, { offset: i * width, width }));
    if (!Number.isFinite(value)) {
      failed.push(i);
      continue;
    }
    // adding 0 turns -0 into +0: two spellings of one number must not give two digests
    answer.values[offset + i] = value + 0;
    answer.valid[offset + i] = 1;
  }
  if (failed.length === 0) return undefined;
  const first = Array.from(data.subarray(failed[0]! * width, (failed[0]! + 1) * width)).join(', ');
  const fault = { column: c, reason: 'not_finite', detail: `output ${first}` } as const;
  return failed.length === symbols ? fault : { ...fault, symbols: failed };
}

function byColumn(faults: readonly ModelFault[]): readonly ModelFault[] {
  return faults.toSorted((a, b) => a.column - b.column);
}

/** The models of a layout in order of their first column, each once. */
function modelsOf(runRoot: RunRoot, { columns }: SignalLayout): readonly ModelColumns[] {
  const byId = new Map<string, { model: ModelArtifact; columns: { index: number; column: ModelColumn }[] }>();
  columns.forEach((column, index) => {
    const id = modelIdOf(column);
    const served = byId.get(id) ?? { model: modelOf(runRoot, column), columns: [] };
    served.columns.push({ index, column });
    byId.set(id, served);
  });
  return [...byId.values()];
}

function modelOf(runRoot: RunRoot, column: ModelColumn): ModelArtifact {
  const model = runRoot.models.find(({ id }) => id === modelIdOf(column));
  invariant(
    model !== undefined && model.sha256 === column.modelSha256,
    `model ${column.id} is not the run root's`,
  );
  return model;
}
