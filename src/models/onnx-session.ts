import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { InputError } from '../domain/errors.ts';
import type { ModelColumn } from '../events/layout.ts';
import { type OnnxRuntime, oneLine, SESSION_OPTIONS } from './onnx-runtime.ts';
import { widthOf } from './output-reading.ts';
import { type ModelArtifact, type RunRoot, readModelBytes } from './run-root.ts';

/** A loaded model with its input buffer: one batch shape for its whole life. */
export interface ModelSession {
  /** Index of each column it answers in the layout, and the output each is read from. */
  readonly columns: readonly number[];
  readonly outputNames: readonly string[];
  readonly session: InferenceSession;
  /** `[rows, F]` or `[rows, T, F]`; the tensor in `feeds` looks at this memory. */
  readonly buffer: Float32Array;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** `outputNames`, each once. */
  readonly fetches: readonly string[];
  readonly file: string;
}

/** The columns of a layout that one model answers: one, or the two of a model that gives both barriers. */
export interface ModelColumns {
  readonly model: ModelArtifact;
  readonly columns: readonly { readonly index: number; readonly column: ModelColumn }[];
}

/**
 * Loads a model and checks its inputs and outputs against the metadata.
 * @param rows batch size, the universe padded to at least 2
 * @throws InputError MODEL_LOAD_FAILED, MODEL_INPUT_SHAPE or MODEL_OUTPUT_SHAPE naming the file, what was expected and found
 */
export async function openModelSession(spec: {
  readonly runtime: OnnxRuntime;
  readonly runRoot: RunRoot;
  readonly served: ModelColumns;
  readonly rows: number;
}): Promise<ModelSession> {
  const { runtime, runRoot, rows } = spec;
  const { model, columns } = spec.served;
  const file = join(runRoot.dir, model.path);
  const bytes = await readModelBytes(runRoot, model);
  const session = await runtime.InferenceSession.create(bytes, SESSION_OPTIONS).catch((error: unknown) => {
    throw new InputError('MODEL_LOAD_FAILED', `${file}: the ONNX runtime refuses it (${oneLine(error)})`, {
      cause: error,
    });
  });
  try {
    const { name, dims } = checkInput(session, { column: columns[0]!.column, rows, file });
    const outputNames = columns.map(({ column }) =>
      chooseOutput(session, { column, file, wanted: wantedOutput(column), rows }),
    );
    const buffer = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    const feeds = { [name]: new runtime.Tensor('float32', buffer, dims) };
    const fetches = [...new Set(outputNames)];
    return { columns: columns.map(({ index }) => index), outputNames, session, buffer, feeds, fetches, file };
  } catch (error) {
    await session.release();
    throw error;
  }
}

function wantedOutput({ output, reading }: ModelColumn): string | undefined {
  return (reading?.kind === 'column' ? reading.output : undefined) ?? output;
}

interface InputCheck {
  readonly column: ModelColumn;
  readonly rows: number;
  readonly file: string;
}

function checkInput(
  session: InferenceSession,
  { column, rows, file }: InputCheck,
): { readonly name: string; readonly dims: readonly number[] } {
  const features = column.features.length;
  const input = session.inputMetadata[0];
  // a graph may want [N, 1, F] where the metadata says sequence_length 1: the same numbers, one more dimension
  const isRank3 = column.shape === 'sequence' || (input?.isTensor === true && input.shape.length === 3);
  const dims = isRank3 ? [rows, column.sequenceLength, features] : [rows, features];
  const wanted = column.shape === 'sequence' ? `N, ${column.sequenceLength}` : 'N';
  const expected = `one float32 input [${wanted}, ${features}] (feature_list and sequence_length of model_meta.json)`;
  const found = session.inputMetadata.map(describe).join(', ') || 'none';
  const isGood =
    session.inputMetadata.length === 1 &&
    input?.isTensor === true &&
    input.type === 'float32' &&
    input.shape.length === dims.length &&
    input.shape.every((dim, ix) => typeof dim === 'string' || dim === dims[ix]);
  if (!isGood) {
    const batch = fixedBatch(input, rows);
    throw new InputError('MODEL_INPUT_SHAPE', `${file}: input ${found}, expected ${expected}${batch}`);
  }
  return { name: input.name, dims };
}

function fixedBatch(input: InferenceSession.ValueMetadata | undefined, rows: number): string {
  const first = input?.isTensor === true ? input.shape[0] : undefined;
  return typeof first === 'number' && first !== rows ? `, with N free or ${rows}` : '';
}

interface OutputCheck {
  readonly column: ModelColumn;
  readonly file: string;
  readonly wanted: string | undefined;
  readonly rows: number;
}

/** The output named in the metadata, else the one that reads as a probability for barrier models, else the first of float numbers. */
function chooseOutput(session: InferenceSession, { column, file, wanted, rows }: OutputCheck): string {
  const outputs = session.outputMetadata;
  const found = outputs.map(describe).join(', ');
  if (wanted !== undefined && !outputs.some((output) => output.name === wanted)) {
    throw new InputError(
      'MODEL_OUTPUT_SHAPE',
      `${file}: no output "${wanted}" (model_meta.json, field output), found ${found}`,
    );
  }
  const floats = outputs.filter((output) => output.isTensor && isFloat(output.type));
  const likely = column.kind === 'return' ? undefined : floats.find((output) => /prob/i.test(output.name));
  const chosen =
    wanted === undefined ? (likely ?? floats[0]) : floats.find((output) => output.name === wanted);
  if (chosen === undefined || !chosen.isTensor) {
    const hint = column.kind === 'return' ? '' : '; export classifiers with zipmap off';
    throw new InputError(
      'MODEL_OUTPUT_SHAPE',
      `${file}: outputs ${found}, expected ${expectedOutput(column)}${hint}`,
    );
  }
  const [first, second] = chosen.shape;
  const isGood =
    chosen.shape.length <= 2 &&
    chosen.shape.length >= 1 &&
    (typeof first === 'string' || first === rows) &&
    (typeof second === 'string' || isOutputWidth(column, second ?? 1));
  if (!isGood) {
    throw new InputError(
      'MODEL_OUTPUT_SHAPE',
      `${file}: output ${describe(chosen)}, expected ${expectedOutput(column)}`,
    );
  }
  return chosen.name;
}

/** Numbers per row that a column can be read from: a forecast or a probability, both class probabilities, or what its metadata says. */
export function isOutputWidth({ kind, reading }: ModelColumn, width: number): boolean {
  if (reading === undefined) return width === 1 || (width === 2 && kind !== 'return');
  const { exactly, atLeast } = widthOf(reading);
  return exactly === undefined ? width >= atLeast! : width === exactly;
}

export function expectedOutput({ kind, reading }: ModelColumn): string {
  if (reading === undefined) {
    return kind === 'return' ? 'float [N, 1] or [N]' : 'float probabilities [N, 2], [N, 1] or [N]';
  }
  const { exactly, atLeast } = widthOf(reading);
  return `float [N, ${exactly ?? `${atLeast} or more`}] (output_kind of model_meta.json)`;
}

function isFloat(type: string): boolean {
  return type === 'float32' || type === 'float64';
}

function describe(value: InferenceSession.ValueMetadata): string {
  return value.isTensor
    ? `${value.name} ${value.type} [${value.shape.join(', ')}]`
    : `${value.name} (not a tensor)`;
}
