import {
  bytesField,
  float32Bytes,
  floatField,
  floatsField,
  intField,
  intsField,
  protoMessage,
  stringField,
} from './protobuf.ts';

/** Version of the intermediate representation and of the two operator sets; every ONNX Runtime since 1.15 takes them. */
const IR_VERSION = 8;
const OPSET_ONNX = 17;
const OPSET_ML = 3;
/** Operator domain of tree ensembles. */
export const ML_DOMAIN = 'ai.onnx.ml';

const ELEMENT_FLOAT = 1;

export type OnnxAttribute =
  | { readonly name: string; readonly kind: 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'int'; readonly value: number }
  | { readonly name: string; readonly kind: 'string'; readonly value: string }
  | { readonly name: string; readonly kind: 'floats'; readonly value: ArrayLike<number> }
  | { readonly name: string; readonly kind: 'ints'; readonly value: ArrayLike<number> }
  | { readonly name: string; readonly kind: 'strings'; readonly value: readonly string[] };

export interface OnnxNode {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly OnnxAttribute[];
}

/** A constant of the graph: float32 values, row-major. */
export interface OnnxConstant {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
}

/** A float32 input or output; a string dimension is a free one (the batch size). */
export interface OnnxValue {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly input: OnnxValue;
  readonly output: OnnxValue;
  readonly constants: readonly OnnxConstant[];
  /** In execution order. */
  readonly nodes: readonly OnnxNode[];
}

/** Encodes a graph as an ONNX file. Pure: the same graph gives the same bytes (field numbers are those of onnx.proto). */
export function encodeOnnxModel(graph: OnnxGraph): Uint8Array {
  const opsets = [protoMessage([stringField(1, ''), intField(2, OPSET_ONNX)])];
  if (graph.nodes.some((node) => node.domain === ML_DOMAIN)) {
    opsets.push(protoMessage([stringField(1, ML_DOMAIN), intField(2, OPSET_ML)]));
  }
  return protoMessage([
    intField(1, IR_VERSION),
    stringField(2, 'sametape'),
    bytesField(7, encodeGraph(graph)),
    ...opsets.map((opset) => bytesField(8, opset)),
  ]);
}

function encodeGraph(graph: OnnxGraph): Uint8Array {
  return protoMessage([
    ...graph.nodes.map((node) => bytesField(1, encodeNode(node))),
    stringField(2, graph.name),
    ...graph.constants.map((constant) => bytesField(5, encodeConstant(constant))),
    bytesField(11, encodeValue(graph.input)),
    bytesField(12, encodeValue(graph.output)),
  ]);
}

function encodeNode(node: OnnxNode): Uint8Array {
  return protoMessage([
    ...node.inputs.map((name) => stringField(1, name)),
    ...node.outputs.map((name) => stringField(2, name)),
    stringField(3, node.outputs[0] ?? node.op),
    stringField(4, node.op),
    ...(node.attributes ?? []).map((attribute) => bytesField(5, encodeAttribute(attribute))),
    ...(node.domain === undefined ? [] : [stringField(7, node.domain)]),
  ]);
}

function encodeAttribute(attribute: OnnxAttribute): Uint8Array {
  const name = stringField(1, attribute.name);
  switch (attribute.kind) {
    case 'float':
      return protoMessage([name, floatField(2, attribute.value), intField(20, 1)]);
    case 'int':
      return protoMessage([name, intField(3, attribute.value), intField(20, 2)]);
    case 'string':
      return protoMessage([name, stringField(4, attribute.value), intField(20, 3)]);
    case 'floats':
      return protoMessage([name, floatsField(7, attribute.value), intField(20, 6)]);
    case 'ints':
      return protoMessage([name, intsField(8, attribute.value), intField(20, 7)]);
    case 'strings':
      return protoMessage([name, ...attribute.value.map((text) => stringField(9, text)), intField(20, 8)]);
  }
}

function encodeConstant(constant: OnnxConstant): Uint8Array {
  return protoMessage([
    ...constant.dims.map((dim) => intField(1, dim)),
    intField(2, ELEMENT_FLOAT),
    stringField(8, constant.name),
    bytesField(9, float32Bytes(constant.values)),
  ]);
}

function encodeValue(value: OnnxValue): Uint8Array {
  const dims = value.dims.map((dim) =>
    bytesField(1, typeof dim === 'number' ? intField(1, dim) : stringField(2, dim)),
  );
  const tensor = protoMessage([intField(1, ELEMENT_FLOAT), bytesField(2, protoMessage(dims))]);
  return protoMessage([stringField(1, value.name), bytesField(2, bytesField(1, tensor))]);
}
