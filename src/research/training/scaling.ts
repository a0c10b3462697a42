import type { Standardization } from '../../models/onnx-graphs.ts';
import type { LabeledRows } from './labels.ts';

/** Standardised features are clipped to +- this, in training and in the model. */
const CLIP = 5;
const TARGET_CLIP = 4;

/** A matrix of doubles, row-major. */
export interface Matrix2 {
  readonly rows: number;
  readonly width: number;
  readonly values: Float64Array;
}

/**
 * Mean and standard deviation of each feature over some rows, rounded to float32 as the model will hold them.
 * @param source `[*, perRow, features]`: every one of a row's `perRow` feature vectors counts
 */
export function fitScaling(
  source: Float32Array,
  shape: { readonly features: number; readonly perRow: number },
  { rows }: LabeledRows,
): Standardization {
  const { features, perRow } = shape;
  const mean = new Float32Array(features);
  const std = new Float32Array(features);
  const count = rows.length * perRow;
  for (let f = 0; f < features; f++) {
    let sum = 0;
    for (const row of rows)
      for (let k = 0; k < perRow; k++) sum += source[(row * perRow + k) * features + f]!;
    const center = count === 0 ? 0 : sum / count;
    let squares = 0;
    for (const row of rows) {
      for (let k = 0; k < perRow; k++) {
        const deviation = source[(row * perRow + k) * features + f]! - center;
        squares += deviation * deviation;
      }
    }
    const spread = Math.fround(Math.sqrt(squares / Math.max(1, count)));
    mean[f] = center;
    std[f] = spread > 1e-12 ? spread : 1;
  }
  return { mean, std, limit: CLIP };
}

/** The rows as the model's first nodes would scale them. */
export function scaleRows(
  source: Float32Array,
  shape: { readonly features: number; readonly perRow: number },
  { rows, scaling }: { readonly rows: Int32Array; readonly scaling: Standardization },
): Matrix2 {
  const width = shape.features * shape.perRow;
  const values = new Float64Array(rows.length * width);
  for (let r = 0; r < rows.length; r++) {
    const from = rows[r]! * width;
    for (let k = 0; k < width; k++) {
      const f = k % shape.features;
      const z = (source[from + k]! - scaling.mean[f]!) / scaling.std[f]!;
      values[r * width + k] = Math.min(Math.max(z, -CLIP), CLIP);
    }
  }
  return { rows: rows.length, width, values };
}

/** A target in units of its own standard deviation, clipped, so that one extreme bar does not decide a fit. */
export interface ScaledTarget {
  readonly mean: number;
  readonly std: number;
  readonly z: Float64Array;
}

export function scaleTarget(y: Float64Array): ScaledTarget {
  let sum = 0;
  for (const value of y) sum += value;
  const mean = y.length === 0 ? 0 : sum / y.length;
  let squares = 0;
  for (const value of y) squares += (value - mean) * (value - mean);
  const spread = Math.sqrt(squares / Math.max(1, y.length));
  const std = spread > 0 ? spread : 1;
  const z = y.map((value) => Math.min(Math.max((value - mean) / std, -TARGET_CLIP), TARGET_CLIP));
  return { mean, std, z };
}
