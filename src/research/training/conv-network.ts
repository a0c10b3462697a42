import type { ConvLayer, DenseLayer } from '../../models/onnx-graphs.ts';
import { createAdam, forEachBatch, initialWeights, type NetworkSettings, stepAdam } from './adam.ts';
import type { Matrix2 } from './scaling.ts';

const CHANNELS = 8;
const KERNEL = 3;
const SETTINGS: NetworkSettings = {
  steps: 800,
  maxEpochs: 40,
  batchRows: 128,
  learningRate: 0.003,
  weightDecay: 0.01,
};

export interface ConvNetwork {
  /** Weights `[CHANNELS, KERNEL, F]`: the order of a stretch of the sequence, so that the inner loops run straight through both. */
  readonly weights: Float64Array;
  readonly bias: Float64Array;
  readonly readout: DenseLayer;
}

/** Rows are sequences `[T, F]`, oldest first. */
export interface SequenceShape {
  readonly steps: number;
  readonly features: number;
}

/** Fits convolution, ReLU, mean over time and a linear readout to squared error by mini-batches. @returns a network that forecasts `z` */
export function fitConvNetwork(
  x: Matrix2,
  z: Float64Array,
  { shape, random }: { readonly shape: SequenceShape; readonly random: () => number },
): ConvNetwork {
  const patch = shape.features * KERNEL;
  const weights = initialWeights(CHANNELS * patch, patch, random);
  const bias = new Float64Array(CHANNELS);
  const readout = initialWeights(CHANNELS, CHANNELS, random);
  const offset = new Float64Array(1);
  const adam = createAdam([weights, bias, readout, offset]);
  const network: ConvNetwork = {
    weights,
    bias,
    readout: { inputs: CHANNELS, outputs: 1, weights: readout, bias: offset },
  };
  const places = shape.steps - KERNEL + 1;
  const active = new Float64Array(CHANNELS * places);
  const pooled = new Float64Array(CHANNELS);
  forEachBatch(x.rows, SETTINGS, random, (batch) => {
    for (const row of batch) {
      const from = row * x.width;
      const output = forward(network, { shape, x: x.values, from, active, pooled });
      const delta = (output - z[row]!) / batch.length;
      backward(network, { shape, x: x.values, from, active, pooled, delta, gradients: adam.gradients });
    }
    stepAdam(adam, SETTINGS);
  });
  return network;
}

/** Output of the network on one row of scaled features. */
export function convOutput(
  network: ConvNetwork,
  shape: SequenceShape,
  x: Float64Array,
  from: number,
): number {
  const active = new Float64Array(CHANNELS * (shape.steps - KERNEL + 1));
  return forward(network, { shape, x, from, active, pooled: new Float64Array(CHANNELS) });
}

/** The convolution with its weights in ONNX order, `[CHANNELS, F, KERNEL]`. */
export function convLayerOf({ weights, bias }: ConvNetwork, { features }: SequenceShape): ConvLayer {
  const ordered = new Float64Array(weights.length);
  for (let c = 0; c < CHANNELS; c++) {
    for (let k = 0; k < KERNEL; k++) {
      for (let f = 0; f < features; f++) {
        ordered[(c * features + f) * KERNEL + k] = weights[(c * KERNEL + k) * features + f]!;
      }
    }
  }
  return { channels: CHANNELS, kernel: KERNEL, weights: ordered, bias };
}

interface Pass {
  readonly shape: SequenceShape;
  readonly x: Float64Array;
  readonly from: number;
  /** Activations by (channel, place), kept for the way back. */
  readonly active: Float64Array;
  readonly pooled: Float64Array;
}

function forward({ weights, bias, readout }: ConvNetwork, pass: Pass): number {
  const { x, from, active, pooled } = pass;
  const { features, steps } = pass.shape;
  const places = steps - KERNEL + 1;
  const patch = KERNEL * features;
  let output = readout.bias[0]!;
  for (let c = 0; c < CHANNELS; c++) {
    const base = c * patch;
    let sum = 0;
    for (let place = 0; place < places; place++) {
      const start = from + place * features;
      let value = bias[c]!;
      for (let k = 0; k < patch; k++) value += weights[base + k]! * x[start + k]!;
      const activation = Math.max(value, 0);
      active[c * places + place] = activation;
      sum += activation;
    }
    pooled[c] = sum / places;
    output += pooled[c]! * readout.weights[c]!;
  }
  return output;
}

function backward(
  { readout }: ConvNetwork,
  pass: Pass & { readonly delta: number; readonly gradients: readonly Float64Array[] },
): void {
  const [weightGradient, biasGradient, readoutGradient, offsetGradient] = pass.gradients as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const { x, from, active, pooled, delta } = pass;
  const { features, steps } = pass.shape;
  const places = steps - KERNEL + 1;
  const patch = KERNEL * features;
  offsetGradient[0] = offsetGradient[0]! + delta;
  for (let c = 0; c < CHANNELS; c++) {
    readoutGradient[c] = readoutGradient[c]! + delta * pooled[c]!;
    const error = (delta * readout.weights[c]!) / places;
    const base = c * patch;
    for (let place = 0; place < places; place++) {
      if (active[c * places + place] === 0) continue;
      biasGradient[c] = biasGradient[c]! + error;
      const start = from + place * features;
      for (let k = 0; k < patch; k++) {
        weightGradient[base + k] = weightGradient[base + k]! + error * x[start + k]!;
      }
    }
  }
}
