import { invariant } from '../domain/errors.ts';
import {
  encodeOnnxModel,
  ML_DOMAIN,
  type OnnxConstant,
  type OnnxGraph,
  type OnnxNode,
} from './onnx-writer.ts';

/** Name of the input of every model written here: `[N, F]` or `[N, T, F]`. */
export const INPUT_NAME = 'features';
/** Name of the output: `[N, 1]`, a forecast of the target or a probability; or several of either a row. */
export type OutputName = 'prediction' | 'probability' | 'probabilities' | 'quantiles';

/** Feature scaling inside the model: `clip((x - mean) / std, -limit, limit)`, per feature. */
export interface Standardization {
  readonly mean: ArrayLike<number>;
  /** Positive. */
  readonly std: ArrayLike<number>;
  readonly limit: number;
}

/** `y = x W + b`: weights `[inputs, outputs]` row-major. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
}

/** A binary regression tree as columns; a row goes left where `x[feature] <= threshold`. Node 0 is the root. */
export interface RegressionTree {
  /** Feature index, -1 at a leaf. */
  readonly feature: readonly number[];
  /** Exactly representable in float32, so that training and the runtime split alike. */
  readonly threshold: readonly number[];
  readonly left: readonly number[];
  readonly right: readonly number[];
  /** Leaf value, 0 at a branch. */
  readonly value: readonly number[];
}

/** One convolution over time: weights `[channels, F, kernel]` row-major, no padding. */
export interface ConvLayer {
  readonly channels: number;
  readonly kernel: number;
  readonly weights: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
}

/**
 * Dense network on standardised features, ReLU between layers. One layer is a linear model; with output
 * `probability` the last value goes through a sigmoid, which makes one layer a logistic regression.
 */
export function denseModel(spec: {
  readonly name: string;
  readonly output: OutputName;
  readonly standardization: Standardization;
  readonly layers: readonly DenseLayer[];
}): Uint8Array {
  const features = spec.standardization.mean.length;
  const scaled = standardizeNodes(spec.standardization);
  const constants = [...scaled.constants];
  const nodes = [...scaled.nodes];
  let value = scaled.output;
  spec.layers.forEach((layer, ix) => {
    const isLast = ix === spec.layers.length - 1;
    const out = isLast ? (spec.output === 'probability' ? 'logit' : spec.output) : `hidden_${ix}`;
    gemm({ input: value, output: out, name: `dense_${ix}`, layer, constants, nodes });
    value = out;
    if (!isLast) {
      value = `relu_${ix}`;
      nodes.push({ op: 'Relu', inputs: [out], outputs: [value] });
    }
  });
  if (spec.output === 'probability') nodes.push({ op: 'Sigmoid', inputs: ['logit'], outputs: [spec.output] });
  return encodeOnnxModel(graphOf(spec.name, ['N', features], spec.output, constants, nodes));
}

/** One dense layer on standardised features with several outputs, as they are or made probabilities: `[N, outputs]`. */
export function headModel(spec: {
  readonly name: string;
  readonly output: OutputName;
  /** `softmax` over a row's outputs, `sigmoid` of each. */
  readonly activation: 'none' | 'sigmoid' | 'softmax';
  readonly standardization: Standardization;
  readonly layer: DenseLayer;
}): Uint8Array {
  const { name, output, activation, layer } = spec;
  const scaled = standardizeNodes(spec.standardization);
  const constants = [...scaled.constants];
  const nodes = [...scaled.nodes];
  const linear = activation === 'none' ? output : 'logits';
  gemm({ input: scaled.output, output: linear, name: 'head', layer, constants, nodes });
  if (activation === 'sigmoid') nodes.push({ op: 'Sigmoid', inputs: [linear], outputs: [output] });
  if (activation === 'softmax') {
    const axis = { name: 'axis', kind: 'int', value: 1 } as const;
    nodes.push({ op: 'Softmax', inputs: [linear], outputs: [output], attributes: [axis] });
  }
  const graph = graphOf(name, ['N', layer.inputs], output, constants, nodes);
  return encodeOnnxModel({ ...graph, output: { name: output, dims: ['N', layer.outputs] } });
}

/** Sum of trees plus `base`, on raw features (trees need no scaling). With output `probability` the sum goes through a sigmoid. */
export function treeModel(spec: {
  readonly name: string;
  readonly output: OutputName;
  readonly features: number;
  readonly base: number;
  readonly trees: readonly RegressionTree[];
}): Uint8Array {
  const sum = spec.output === 'probability' ? 'logit' : spec.output;
  const nodes: OnnxNode[] = [treeNode(spec.trees, spec.base, sum)];
  if (spec.output === 'probability') nodes.push({ op: 'Sigmoid', inputs: [sum], outputs: [spec.output] });
  return encodeOnnxModel(graphOf(spec.name, ['N', spec.features], spec.output, [], nodes));
}

/** Sequence model: standardise, convolve over time, ReLU, mean over time, linear readout. */
export function convModel(spec: {
  readonly name: string;
  readonly sequenceLength: number;
  readonly standardization: Standardization;
  readonly conv: ConvLayer;
  readonly readout: DenseLayer;
}): Uint8Array {
  const features = spec.standardization.mean.length;
  const { conv } = spec;
  const scaled = standardizeNodes(spec.standardization);
  const constants: OnnxConstant[] = [
    ...scaled.constants,
    { name: 'conv_w', dims: [conv.channels, features, conv.kernel], values: conv.weights },
    { name: 'conv_b', dims: [conv.channels], values: conv.bias },
  ];
  const nodes: OnnxNode[] = [
    ...scaled.nodes,
    {
      op: 'Transpose',
      inputs: [scaled.output],
      outputs: ['by_feature'],
      attributes: [{ name: 'perm', kind: 'ints', value: [0, 2, 1] }],
    },
    {
      op: 'Conv',
      inputs: ['by_feature', 'conv_w', 'conv_b'],
      outputs: ['conv'],
      attributes: [{ name: 'kernel_shape', kind: 'ints', value: [conv.kernel] }],
    },
    { op: 'Relu', inputs: ['conv'], outputs: ['active'] },
    { op: 'GlobalAveragePool', inputs: ['active'], outputs: ['pooled'] },
    { op: 'Flatten', inputs: ['pooled'], outputs: ['flat'] },
  ];
  gemm({ input: 'flat', output: 'prediction', name: 'readout', layer: spec.readout, constants, nodes });
  return encodeOnnxModel(
    graphOf(spec.name, ['N', spec.sequenceLength, features], 'prediction', constants, nodes),
  );
}

function graphOf(
  name: string,
  inputDims: readonly (number | string)[],
  output: OutputName,
  constants: readonly OnnxConstant[],
  nodes: readonly OnnxNode[],
): OnnxGraph {
  const input = { name: INPUT_NAME, dims: inputDims };
  return { name, input, output: { name: output, dims: ['N', 1] }, constants, nodes };
}

function standardizeNodes(scaling: Standardization): {
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
  readonly output: string;
} {
  const dims = [scaling.mean.length];
  return {
    constants: [
      { name: 'feature_mean', dims, values: scaling.mean },
      { name: 'feature_std', dims, values: scaling.std },
      { name: 'clip_low', dims: [], values: [-scaling.limit] },
      { name: 'clip_high', dims: [], values: [scaling.limit] },
    ],
    nodes: [
      { op: 'Sub', inputs: [INPUT_NAME, 'feature_mean'], outputs: ['centered'] },
      { op: 'Div', inputs: ['centered', 'feature_std'], outputs: ['scaled'] },
      { op: 'Clip', inputs: ['scaled', 'clip_low', 'clip_high'], outputs: ['clipped'] },
    ],
    output: 'clipped',
  };
}

function gemm(part: {
  readonly input: string;
  readonly output: string;
  readonly name: string;
  readonly layer: DenseLayer;
  readonly constants: OnnxConstant[];
  readonly nodes: OnnxNode[];
}): void {
  const { layer, name } = part;
  invariant(
    layer.weights.length === layer.inputs * layer.outputs,
    `layer ${name}: weights do not match its shape`,
  );
  part.constants.push(
    { name: `${name}_w`, dims: [layer.inputs, layer.outputs], values: layer.weights },
    { name: `${name}_b`, dims: [layer.outputs], values: layer.bias },
  );
  part.nodes.push({ op: 'Gemm', inputs: [part.input, `${name}_w`, `${name}_b`], outputs: [part.output] });
}

function treeNode(trees: readonly RegressionTree[], base: number, output: string): OnnxNode {
  const columns = {
    treeIds: [] as number[],
    nodeIds: [] as number[],
    featureIds: [] as number[],
    thresholds: [] as number[],
    modes: [] as string[],
    left: [] as number[],
    right: [] as number[],
    leafTrees: [] as number[],
    leafNodes: [] as number[],
    leafValues: [] as number[],
  };
  trees.forEach((tree, treeIx) => {
    tree.feature.forEach((feature, nodeIx) => {
      const isLeaf = feature < 0;
      columns.treeIds.push(treeIx);
      columns.nodeIds.push(nodeIx);
      columns.featureIds.push(isLeaf ? 0 : feature);
      columns.thresholds.push(isLeaf ? 0 : tree.threshold[nodeIx]!);
      columns.modes.push(isLeaf ? 'LEAF' : 'BRANCH_LEQ');
      columns.left.push(isLeaf ? 0 : tree.left[nodeIx]!);
      columns.right.push(isLeaf ? 0 : tree.right[nodeIx]!);
      if (isLeaf) {
        columns.leafTrees.push(treeIx);
        columns.leafNodes.push(nodeIx);
        columns.leafValues.push(tree.value[nodeIx]!);
      }
    });
  });
  return {
    op: 'TreeEnsembleRegressor',
    domain: ML_DOMAIN,
    inputs: [INPUT_NAME],
    outputs: [output],
    attributes: [
      { name: 'aggregate_function', kind: 'string', value: 'SUM' },
      { name: 'base_values', kind: 'floats', value: [base] },
      { name: 'n_targets', kind: 'int', value: 1 },
      { name: 'nodes_treeids', kind: 'ints', value: columns.treeIds },
      { name: 'nodes_nodeids', kind: 'ints', value: columns.nodeIds },
      { name: 'nodes_featureids', kind: 'ints', value: columns.featureIds },
      { name: 'nodes_values', kind: 'floats', value: columns.thresholds },
      { name: 'nodes_modes', kind: 'strings', value: columns.modes },
      { name: 'nodes_truenodeids', kind: 'ints', value: columns.left },
      { name: 'nodes_falsenodeids', kind: 'ints', value: columns.right },
      { name: 'target_ids', kind: 'ints', value: columns.leafTrees.map(() => 0) },
      { name: 'target_treeids', kind: 'ints', value: columns.leafTrees },
      { name: 'target_nodeids', kind: 'ints', value: columns.leafNodes },
      { name: 'target_weights', kind: 'floats', value: columns.leafValues },
    ],
  };
}
