import { createPrng } from '../../math/prng.ts';
import { headModel } from '../../models/onnx-graphs.ts';
import { createAdam, forEachBatch, type NetworkSettings, stepAdam } from './adam.ts';
import type { Family, FamilyInput, FittedModel } from './families.ts';
import type { LabeledRows } from './labels.ts';
import { fitLogistic, fitRidge, sigmoid } from './linear-fit.ts';
import { fitScaling, type Matrix2, scaleRows, scaleTarget } from './scaling.ts';
import { TABULAR_FEATURES, type TrainingSet } from './training-set.ts';

/** Families whose output is not one number a row, or is read in another way than by its size. */
const TABULAR = { features: TABULAR_FEATURES.length, perRow: 1 };
const QUANTILES = [0.1, 0.5, 0.9] as const;
const PINBALL: NetworkSettings = {
  steps: 1500,
  maxEpochs: 60,
  batchRows: 128,
  learningRate: 0.003,
  weightDecay: 0.001,
};
/** Fewer symbols at one time make no ranking. */
const MIN_RANKED = 5;

/** Linear quantiles of the return at 0.1, 0.5 and 0.9, fitted to the pinball loss; forecasts the median. */
export const QUANTILE_FAMILY: Family = { name: 'QuantileLinear', isSequence: false, fit: fitQuantiles };

/** Ridge on each return's rank among all symbols of its time: what it forecasts has an order and no unit. */
export const RANK_FAMILY: Family = {
  name: 'RankRidge',
  isSequence: false,
  fit: fitRanks,
  meta: { cross_sectional_ranking: true },
};

/** The barrier classifier with both class probabilities as its output, `[N, 2]`. */
export const PAIR_FAMILY: Family = { name: 'LogisticPair', isSequence: false, fit: fitPair };

function fitQuantiles({ set, labeled, seedParts }: FamilyInput): FittedModel {
  const scaling = fitScaling(set.tabular, TABULAR, labeled);
  const target = scaleTarget(labeled.y);
  const x = scaleRows(set.tabular, TABULAR, { rows: labeled.rows, scaling });
  const { weights, bias } = fitPinball(x, target.z, createPrng(seedParts));
  const layer = {
    inputs: x.width,
    outputs: QUANTILES.length,
    weights: weights.map((weight) => weight * target.std),
    bias: bias.map((offset) => offset * target.std + target.mean),
  };
  const median = QUANTILES.indexOf(0.5);
  return {
    forecast: (rows) => linearColumn(scaleRows(set.tabular, TABULAR, { rows, scaling }), layer, median),
    toOnnx: (name) =>
      headModel({ name, output: 'quantiles', activation: 'none', standardization: scaling, layer }),
    meta: { output_kind: 'quantiles', quantiles: QUANTILES, statistic: 'median' },
  };
}

/** Weights `[features, quantiles]` and offsets, in units of the scaled target. */
function fitPinball(
  x: Matrix2,
  z: Float64Array,
  random: () => number,
): { readonly weights: Float64Array; readonly bias: Float64Array } {
  const outputs = QUANTILES.length;
  const weights = new Float64Array(x.width * outputs);
  const bias = new Float64Array(outputs);
  const adam = createAdam([weights, bias]);
  const [weightGradient, biasGradient] = adam.gradients as [Float64Array, Float64Array];
  forEachBatch(x.rows, PINBALL, random, (batch) => {
    for (const row of batch) {
      const at = row * x.width;
      for (let q = 0; q < outputs; q++) {
        let forecast = bias[q]!;
        for (let f = 0; f < x.width; f++) forecast += x.values[at + f]! * weights[f * outputs + q]!;
        // slope of the pinball loss: 1 - level where the forecast is too high, -level where it is too low
        const slope = ((forecast > z[row]! ? 1 : 0) - QUANTILES[q]!) / batch.length;
        biasGradient[q]! += slope;
        for (let f = 0; f < x.width; f++) weightGradient[f * outputs + q]! += slope * x.values[at + f]!;
      }
    }
    stepAdam(adam, PINBALL);
  });
  return { weights, bias };
}

function fitRanks({ set, labeled }: FamilyInput): FittedModel {
  const ranked = rankLabels(set, labeled);
  const scaling = fitScaling(set.tabular, TABULAR, ranked);
  const x = scaleRows(set.tabular, TABULAR, { rows: ranked.rows, scaling });
  const layer = fitRidge(x, scaleTarget(ranked.y));
  return {
    forecast: (rows) => linearColumn(scaleRows(set.tabular, TABULAR, { rows, scaling }), layer, 0),
    toOnnx: (name) =>
      headModel({ name, output: 'prediction', activation: 'none', standardization: scaling, layer }),
  };
}

/** Rank of each label among those of its bar, from -1/2 to 1/2; bars of fewer than five symbols are left out. */
export function rankLabels(set: TrainingSet, { rows, y }: LabeledRows): LabeledRows {
  const keptRows: number[] = [];
  const ranks: number[] = [];
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && isSameBar(set, rows[from]!, rows[to]!)) to += 1;
    const count = to - from;
    for (let k = from; k < to && count >= MIN_RANKED; k++) {
      let below = 0;
      let equal = 0;
      for (let other = from; other < to; other++) {
        if (y[other]! < y[k]!) below += 1;
        else if (y[other] === y[k]) equal += 1;
      }
      keptRows.push(rows[k]!);
      ranks.push((below + equal / 2) / count - 0.5);
    }
    from = to;
  }
  return { rows: Int32Array.from(keptRows), y: Float64Array.from(ranks) };
}

function isSameBar(set: TrainingSet, a: number, b: number): boolean {
  return set.sessionIx[a] === set.sessionIx[b] && set.step[a] === set.step[b];
}

function fitPair({ set, labeled }: FamilyInput): FittedModel {
  const scaling = fitScaling(set.tabular, TABULAR, labeled);
  const one = fitLogistic(scaleRows(set.tabular, TABULAR, { rows: labeled.rows, scaling }), labeled.y);
  // a softmax over (0, logit) gives (1 - p, p)
  const layer = {
    inputs: one.inputs,
    outputs: 2,
    weights: Float64Array.from({ length: one.inputs * 2 }, (_, k) =>
      k % 2 === 0 ? 0 : one.weights[k >> 1]!,
    ),
    bias: [0, one.bias[0]!],
  };
  return {
    forecast: (rows) => linearColumn(scaleRows(set.tabular, TABULAR, { rows, scaling }), one, 0).map(sigmoid),
    toOnnx: (name) =>
      headModel({ name, output: 'probabilities', activation: 'softmax', standardization: scaling, layer }),
  };
}

/** Labels of both barriers over the same rows. */
export interface BothLabels {
  readonly peak: LabeledRows;
  readonly valley: LabeledRows;
}

/** Name of the family that gives both barrier probabilities, `[N, 2]`: peak, then valley. */
export const JOINT_FAMILY_NAME = 'JointLogistic';

export function fitJoint(
  set: TrainingSet,
  { peak, valley }: BothLabels,
): {
  readonly peak: FittedModel['forecast'];
  readonly valley: FittedModel['forecast'];
  readonly toOnnx: FittedModel['toOnnx'];
  readonly meta: Readonly<Record<string, unknown>>;
} {
  const scaling = fitScaling(set.tabular, TABULAR, peak);
  const x = scaleRows(set.tabular, TABULAR, { rows: peak.rows, scaling });
  const [p, v] = [fitLogistic(x, peak.y), fitLogistic(x, valley.y)];
  const layer = {
    inputs: x.width,
    outputs: 2,
    weights: Float64Array.from({ length: x.width * 2 }, (_, k) => (k % 2 === 0 ? p : v).weights[k >> 1]!),
    bias: [p.bias[0]!, v.bias[0]!],
  };
  const forecast =
    (column: number) =>
    (rows: Int32Array): Float64Array =>
      linearColumn(scaleRows(set.tabular, TABULAR, { rows, scaling }), layer, column).map(sigmoid);
  return {
    peak: forecast(0),
    valley: forecast(1),
    toOnnx: (name) =>
      headModel({ name, output: 'probabilities', activation: 'sigmoid', standardization: scaling, layer }),
    meta: {
      output_kind: 'barriers',
      outputs: {
        peak: { output: 'probabilities', column: 0 },
        valley: { output: 'probabilities', column: 1 },
      },
    },
  };
}

/** One output of a linear layer, for every row. */
function linearColumn(
  { rows, width, values }: Matrix2,
  layer: { readonly outputs: number; readonly weights: ArrayLike<number>; readonly bias: ArrayLike<number> },
  column: number,
): Float64Array {
  const out = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = layer.bias[column]!;
    for (let f = 0; f < width; f++) {
      sum += values[r * width + f]! * layer.weights[f * layer.outputs + column]!;
    }
    out[r] = sum;
  }
  return out;
}
