import type { DenseLayer } from '../../models/onnx-graphs.ts';
import { createAdam, forEachBatch, initialWeights, type NetworkSettings, stepAdam } from './adam.ts';
import type { Matrix2 } from './scaling.ts';

const HIDDEN = [16, 8] as const;
const SETTINGS: NetworkSettings = {
  steps: 1000,
  maxEpochs: 40,
  batchRows: 128,
  learningRate: 0.002,
  weightDecay: 0.01,
};

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

/** Fits a dense ReLU network to squared error by mini-batches. @returns layers that forecast `z` */
export function fitDenseNetwork(x: Matrix2, z: Float64Array, random: () => number): readonly DenseLayer[] {
  const sizes = [x.width, ...HIDDEN, 1];
  const layers: Layer[] = HIDDEN.map((_, k) => k)
    .concat(HIDDEN.length)
    .map((k) => ({
      inputs: sizes[k]!,
      outputs: sizes[k + 1]!,
      weights: initialWeights(sizes[k]! * sizes[k + 1]!, sizes[k]!, random),
      bias: new Float64Array(sizes[k + 1]!),
    }));
  const adam = createAdam(layers.flatMap((layer) => [layer.weights, layer.bias]));
  const values = sizes.map((size) => new Float64Array(size));
  const deltas = sizes.map((size) => new Float64Array(size));
  forEachBatch(x.rows, SETTINGS, random, (batch) => {
    for (const row of batch) {
      values[0]!.set(x.values.subarray(row * x.width, (row + 1) * x.width));
      forward(layers, values);
      deltas.at(-1)![0] = (values.at(-1)![0]! - z[row]!) / batch.length;
      for (let k = layers.length - 1; k >= 0; k--) {
        backward(
          layers[k]!,
          { values: values[k]!, deltas: deltas[k]!, above: deltas[k + 1]! },
          adam.gradients,
          k,
        );
      }
    }
    stepAdam(adam, SETTINGS);
  });
  return layers;
}

/** Output of the network on one row of scaled features. */
export function denseOutput(layers: readonly DenseLayer[], x: Float64Array): number {
  let values = x;
  layers.forEach((layer, k) => {
    const next = new Float64Array(layer.outputs);
    applyLayer(layer, { from: values, to: next, isLast: k === layers.length - 1 });
    values = next;
  });
  return values[0]!;
}

function forward(layers: readonly Layer[], values: readonly Float64Array[]): void {
  for (let k = 0; k < layers.length; k++) {
    applyLayer(layers[k]!, { from: values[k]!, to: values[k + 1]!, isLast: k === layers.length - 1 });
  }
}

function applyLayer(
  layer: DenseLayer,
  io: { readonly from: Float64Array; readonly to: Float64Array; readonly isLast: boolean },
): void {
  const { inputs, outputs, weights, bias } = layer;
  const { from, to } = io;
  for (let out = 0; out < outputs; out++) to[out] = bias[out]!;
  for (let k = 0; k < inputs; k++) {
    const value = from[k]!;
    if (value === 0) continue;
    const base = k * outputs;
    for (let out = 0; out < outputs; out++) to[out] = to[out]! + value * weights[base + out]!;
  }
  if (io.isLast) return;
  for (let out = 0; out < outputs; out++) to[out] = Math.max(to[out]!, 0);
}

/** Adds a layer's gradients and passes the error on to the layer below, through its ReLU: nothing passes where it gave 0. */
function backward(
  layer: Layer,
  flow: { readonly values: Float64Array; readonly deltas: Float64Array; readonly above: Float64Array },
  gradients: readonly Float64Array[],
  ix: number,
): void {
  const { inputs, outputs, weights } = layer;
  const { values, deltas, above } = flow;
  const weightGradient = gradients[2 * ix]!;
  const biasGradient = gradients[2 * ix + 1]!;
  for (let out = 0; out < outputs; out++) biasGradient[out] = biasGradient[out]! + above[out]!;
  for (let k = 0; k < inputs; k++) {
    const value = values[k]!;
    deltas[k] = 0;
    if (value === 0) continue;
    const base = k * outputs;
    let error = 0;
    for (let out = 0; out < outputs; out++) {
      const delta = above[out]!;
      weightGradient[base + out] = weightGradient[base + out]! + delta * value;
      error += delta * weights[base + out]!;
    }
    deltas[k] = error;
  }
}
