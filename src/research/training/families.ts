import { createPrng } from '../../math/prng.ts';
import { convModel, denseModel, treeModel } from '../../models/onnx-graphs.ts';
import { fitBoostedTrees, sumOfTrees } from './boosted-trees.ts';
import { convLayerOf, convOutput, fitConvNetwork } from './conv-network.ts';
import { denseOutput, fitDenseNetwork } from './dense-network.ts';
import type { LabeledRows } from './labels.ts';
import { fitLogistic, fitRidge, sigmoid } from './linear-fit.ts';
import { fitScaling, scaleRows, scaleTarget } from './scaling.ts';
import { SEQUENCE_FEATURES, SEQUENCE_LENGTH, TABULAR_FEATURES, type TrainingSet } from './training-set.ts';

/** A model fitted to some rows: it forecasts any row of the set, and writes itself as an ONNX file. */
export interface FittedModel {
  forecast(rows: Int32Array): Float64Array;
  toOnnx(name: string): Uint8Array;
  /** What `model_meta.json` says of the output, beyond what it says of every model. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

export interface FamilyInput {
  readonly set: TrainingSet;
  readonly labeled: LabeledRows;
  /** What the random draws of this fit depend on. */
  readonly seedParts: readonly (number | string)[];
}

export interface Family {
  readonly name: string;
  readonly isSequence: boolean;
  readonly fit: (input: FamilyInput) => FittedModel;
  readonly meta?: Readonly<Record<string, unknown>>;
}

const TABULAR = { features: TABULAR_FEATURES.length, perRow: 1 };
const SEQUENCE = { features: SEQUENCE_FEATURES.length, perRow: SEQUENCE_LENGTH };
const SEQUENCE_SHAPE = { steps: SEQUENCE_LENGTH, features: SEQUENCE_FEATURES.length };

export const RETURN_FAMILIES: readonly Family[] = [
  { name: 'BoostedTrees', isSequence: false, fit: fitTreeFamily },
  { name: 'MLP', isSequence: false, fit: fitDenseFamily },
  { name: 'Ridge', isSequence: false, fit: fitRidgeFamily },
];

export const SEQUENCE_FAMILY: Family = { name: 'Conv1D', isSequence: true, fit: fitConvFamily };

export const BARRIER_FAMILY: Family = { name: 'Logistic', isSequence: false, fit: fitLogisticFamily };

function fitRidgeFamily({ set, labeled }: FamilyInput): FittedModel {
  const scaling = fitScaling(set.tabular, TABULAR, labeled);
  const x = scaleRows(set.tabular, TABULAR, { rows: labeled.rows, scaling });
  const layer = fitRidge(x, scaleTarget(labeled.y));
  return {
    forecast: (rows) => {
      const inputs = scaleRows(set.tabular, TABULAR, { rows, scaling });
      return Float64Array.from(rows, (_, r) => denseOutput([layer], rowOf(inputs.values, r, inputs.width)));
    },
    toOnnx: (name) => denseModel({ name, output: 'prediction', standardization: scaling, layers: [layer] }),
  };
}

function fitLogisticFamily({ set, labeled }: FamilyInput): FittedModel {
  const scaling = fitScaling(set.tabular, TABULAR, labeled);
  const layer = fitLogistic(scaleRows(set.tabular, TABULAR, { rows: labeled.rows, scaling }), labeled.y);
  return {
    forecast: (rows) => {
      const inputs = scaleRows(set.tabular, TABULAR, { rows, scaling });
      return Float64Array.from(rows, (_, r) =>
        sigmoid(denseOutput([layer], rowOf(inputs.values, r, inputs.width))),
      );
    },
    toOnnx: (name) => denseModel({ name, output: 'probability', standardization: scaling, layers: [layer] }),
  };
}

function fitDenseFamily({ set, labeled, seedParts }: FamilyInput): FittedModel {
  const scaling = fitScaling(set.tabular, TABULAR, labeled);
  const target = scaleTarget(labeled.y);
  const x = scaleRows(set.tabular, TABULAR, { rows: labeled.rows, scaling });
  const layers = fitDenseNetwork(x, target.z, createPrng(seedParts));
  const last = layers.at(-1)!;
  const inTargetUnits = [
    ...layers.slice(0, -1),
    {
      ...last,
      weights: Float64Array.from(last.weights, (weight) => weight * target.std),
      bias: [last.bias[0]! * target.std + target.mean],
    },
  ];
  return {
    forecast: (rows) => {
      const inputs = scaleRows(set.tabular, TABULAR, { rows, scaling });
      return Float64Array.from(rows, (_, r) =>
        denseOutput(inTargetUnits, rowOf(inputs.values, r, inputs.width)),
      );
    },
    toOnnx: (name) =>
      denseModel({ name, output: 'prediction', standardization: scaling, layers: inTargetUnits }),
  };
}

function fitTreeFamily({ set, labeled, seedParts }: FamilyInput): FittedModel {
  const width = TABULAR.features;
  const target = scaleTarget(labeled.y);
  const fitted = fitBoostedTrees({
    x: set.tabular,
    width,
    rows: labeled.rows,
    z: target.z,
    random: createPrng(seedParts),
  });
  const trees = fitted.trees.map((tree) => ({
    ...tree,
    value: tree.value.map((value) => Math.fround(value * target.std)),
  }));
  return {
    forecast: (rows) =>
      Float64Array.from(rows, (row) => target.mean + sumOfTrees(trees, set.tabular, row * width)),
    toOnnx: (name) => treeModel({ name, output: 'prediction', features: width, base: target.mean, trees }),
  };
}

function fitConvFamily({ set, labeled, seedParts }: FamilyInput): FittedModel {
  const scaling = fitScaling(set.sequences, SEQUENCE, labeled);
  const target = scaleTarget(labeled.y);
  const x = scaleRows(set.sequences, SEQUENCE, { rows: labeled.rows, scaling });
  const random = createPrng(seedParts);
  const fitted = fitConvNetwork(x, target.z, { shape: SEQUENCE_SHAPE, random });
  const network = {
    ...fitted,
    readout: {
      ...fitted.readout,
      weights: Float64Array.from(fitted.readout.weights, (weight) => weight * target.std),
      bias: [fitted.readout.bias[0]! * target.std + target.mean],
    },
  };
  return {
    forecast: (rows) => {
      const inputs = scaleRows(set.sequences, SEQUENCE, { rows, scaling });
      return Float64Array.from(rows, (_, r) =>
        convOutput(network, SEQUENCE_SHAPE, inputs.values, r * inputs.width),
      );
    },
    toOnnx: (name) =>
      convModel({
        name,
        sequenceLength: SEQUENCE_LENGTH,
        standardization: scaling,
        conv: convLayerOf(network, SEQUENCE_SHAPE),
        readout: network.readout,
      }),
  };
}

function rowOf(values: Float64Array, row: number, width: number): Float64Array {
  return values.subarray(row * width, (row + 1) * width);
}
