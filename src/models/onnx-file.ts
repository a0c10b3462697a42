import { type ProtoField, parseProtoFields } from './protobuf.ts';

/** More top-level fields, initializers or nodes than any model we could run holds. */
const MAX_FIELDS = 1_000_000;

const MODEL_IR_VERSION = 1;
const MODEL_GRAPH = 7;
const MODEL_OPSET = 8;
const GRAPH_INITIALIZER = 5;
const GRAPH_INPUT = 11;
const GRAPH_OUTPUT = 12;
const TENSOR_DATA_LOCATION = 14;
const EXTERNAL = 1;

/**
 * Cheap look at the frame of an ONNX file, so that a file of another kind or a cut one is refused before any runtime sees it.
 * @returns what is wrong, or undefined when the frame is sound
 */
export function findOnnxFault(bytes: Uint8Array): string | undefined {
  const model = parseProtoFields(bytes, MAX_FIELDS);
  if (model === undefined) return 'not an ONNX file, or a truncated one (its protobuf frame is broken)';
  const graph = model.find((field) => field.field === MODEL_GRAPH && field.isBytes);
  if (graph === undefined || !hasInt(model, MODEL_IR_VERSION) || !has(model, MODEL_OPSET)) {
    return 'not an ONNX file (expected ir_version, graph and opset_import)';
  }
  const parts = parseProtoFields(graph.value, MAX_FIELDS);
  if (parts === undefined || !has(parts, GRAPH_INPUT) || !has(parts, GRAPH_OUTPUT)) {
    return 'its graph is damaged (expected inputs and outputs)';
  }
  return parts.some(isExternalTensor)
    ? 'keeps weights in other files (external data), expected one self-contained file'
    : undefined;
}

function has(fields: readonly ProtoField[], field: number): boolean {
  return fields.some((entry) => entry.field === field && entry.isBytes);
}

function hasInt(fields: readonly ProtoField[], field: number): boolean {
  return fields.some((entry) => entry.field === field && !entry.isBytes && entry.int > 0);
}

/** External tensors name a path, and the runtime would open it: nothing outside the run root is ever read. */
function isExternalTensor(part: ProtoField): boolean {
  if (part.field !== GRAPH_INITIALIZER || !part.isBytes) return false;
  const tensor = parseProtoFields(part.value, MAX_FIELDS);
  return tensor?.some((field) => field.field === TENSOR_DATA_LOCATION && field.int === EXTERNAL) ?? false;
}
