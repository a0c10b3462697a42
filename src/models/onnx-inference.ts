import type { Tensor } from 'onnxruntime-node';
import { InputError, invariant } from '../domain/errors.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { Predictions } from '../events/inputs.ts';
import type { ModelColumn, SignalLayout } from '../events/layout.ts';
import type { InferencePort } from '../ports/inference.ts';
import { loadOnnxRuntime, type OnnxRuntime, oneLine } from './onnx-runtime.ts';
import { expectedOutput, isOutputWidth, type ModelSession, openModelSession } from './onnx-session.ts';
import type { ModelArtifact, RunRoot } from './run-root.ts';

/** Fewer rows than this take other code paths in the runtime and give other bits: a universe of one is padded. */
export const MIN_BATCH_ROWS = 2;

/** A model that failed while running, outside strict mode: its column is missing from then on, or for that cycle. */
export interface ModelFault {
  readonly id: string;
  readonly cycle: number;
  readonly code: 'MODEL_RUN_FAILED' | 'MODEL_OUTPUT_SHAPE';
  readonly message: string;
}

/** Live inference: the port, and what a run reports about it. */
export interface OnnxInference extends InferencePort {
  /** Version of the ONNX runtime, part of what produced the predictions. */
  readonly runtimeVersion: string;
  /** First fault of each model and code so far, outside strict mode. */
  readonly faults: readonly ModelFault[];
  /** Loads every model of the layout now instead of at its first cycle. @throws InputError as the first `infer` would */
  load(): Promise<void>;
  infer(request: InferenceRequest): Promise<Predictions>;
}

/**
 * Runs the layout's models with onnxruntime, one after the other, on one fixed batch shape. A model is loaded when it first runs.
 * Outputs that are not finite are missing (`valid` 0). A model that fails or gives another shape is an InputError in strict mode,
 * otherwise a fault, and its column is missing.
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

class OnnxInferenceAdapter implements OnnxInference {
  readonly layout: SignalLayout;
  readonly runtimeVersion: string;
  readonly faults: ModelFault[] = [];
  readonly #runtime: OnnxRuntime;
  readonly #runRoot: RunRoot;
  readonly #models: readonly ModelArtifact[];
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
    this.#models = layout.columns.map((column) => modelOf(runRoot, column));
    this.#rows = Math.max(layout.symbols.length, MIN_BATCH_ROWS);
    this.#sessions = layout.columns.map(() => undefined);
  }

  async load(): Promise<void> {
    for (let c = 0; c < this.layout.columns.length; c++) await this.#session(c);
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
      const answer = { cycle: request.cycle, values: new Float32Array(size), valid: new Uint8Array(size) };
      for (let c = 0; c < this.layout.columns.length; c++) await this.#run(c, request, answer);
      return answer;
    } finally {
      this.#isBusy = false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [c, model] of this.#sessions.entries()) {
      this.#sessions[c] = undefined;
      await model?.session.release();
    }
  }

  async #session(c: number): Promise<ModelSession> {
    const loaded = this.#sessions[c];
    if (loaded !== undefined) return loaded;
    const opened = await openModelSession({
      runtime: this.#runtime,
      runRoot: this.#runRoot,
      model: this.#models[c]!,
      column: this.layout.columns[c]!,
      rows: this.#rows,
    });
    this.#sessions[c] = opened;
    return opened;
  }

  async #run(c: number, request: InferenceRequest, answer: Predictions): Promise<void> {
    const model = await this.#session(c);
    const batch = request.batches[c]!;
    invariant(
      batch.length === model.buffer.length,
      `batch of ${model.column.id} holds ${batch.length} numbers, expected ${model.buffer.length}`,
    );
    model.buffer.set(batch);
    let output: Tensor;
    try {
      output = (await model.session.run(model.feeds, model.fetches))[model.outputName]!;
    } catch (error) {
      const message = `${model.file}: the model failed to run (${oneLine(error)})`;
      this.#fail({ id: model.column.id, cycle: request.cycle, code: 'MODEL_RUN_FAILED', message });
      return;
    }
    const symbols = this.layout.symbols.length;
    const place = { model, c, rows: this.#rows, symbols, usable: request.usable };
    const fault = readOutput(output, place, answer);
    if (fault !== undefined) {
      this.#fail({ id: model.column.id, cycle: request.cycle, code: 'MODEL_OUTPUT_SHAPE', message: fault });
    }
  }

  #fail(fault: ModelFault): void {
    if (this.#runRoot.strict) throw new InputError(fault.code, fault.message);
    const isKnown = this.faults.some((known) => known.id === fault.id && known.code === fault.code);
    if (!isKnown) this.faults.push(fault);
  }
}

/** Copies one model's output into its column. @returns what is wrong with its shape, in which case nothing was copied */
function readOutput(
  output: Tensor,
  place: {
    readonly model: ModelSession;
    readonly c: number;
    readonly rows: number;
    readonly symbols: number;
    readonly usable: Uint8Array;
  },
  answer: Predictions,
): string | undefined {
  const { model, c, rows, usable } = place;
  const { data } = output;
  const width = output.dims.length === 1 ? 1 : output.dims[1]!;
  const isFloats = data instanceof Float32Array || data instanceof Float64Array;
  const isShaped = output.dims.length <= 2 && output.dims[0] === rows && isOutputWidth(model.column, width);
  if (!isFloats || !isShaped) {
    return `${model.file}: output ${model.outputName} came as ${output.type} [${output.dims.join(', ')}], expected ${expectedOutput(model.column)} with N = ${rows}`;
  }
  const offset = c * place.symbols;
  for (let i = 0; i < place.symbols; i++) {
    const value = Math.fround(data[i * width + width - 1]!);
    if (usable[offset + i] !== 1 || !Number.isFinite(value)) continue;
    // adding 0 turns -0 into +0: two spellings of one number must not give two digests
    answer.values[offset + i] = value + 0;
    answer.valid[offset + i] = 1;
  }
  return undefined;
}

function modelOf(runRoot: RunRoot, column: ModelColumn): ModelArtifact {
  const model = runRoot.models.find((candidate) => candidate.id === column.id);
  invariant(
    model !== undefined && model.sha256 === column.modelSha256,
    `model ${column.id} is not the run root's`,
  );
  return model;
}
