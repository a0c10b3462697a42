import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { exp } from '../../math/elementary.ts';
import type { DenseLayer } from '../../models/onnx-graphs.ts';
import type { Matrix2, ScaledTarget } from './scaling.ts';

/** Penalty of the ridge, as a fraction of the variance of a standardised feature. */
const RIDGE_PENALTY = 0.05;
const LOGISTIC_PENALTY = 0.01;
const NEWTON_STEPS = 6;

/** Ridge regression, solved in closed form: `(X'X/n + penalty I) w = X'z/n`, back in units of the target. */
export function fitRidge(x: Matrix2, target: ScaledTarget): DenseLayer {
  const { width } = x;
  const ones = new Float64Array(x.rows).fill(1);
  const gram = weightedGram(x, ones);
  const moments = weightedMoments(x, target.z);
  // features are standardised over the same rows, but clipping leaves their mean slightly off 0: the intercept is fitted too
  const solution = solvePenalized({ gram, moments, size: width + 1, penalty: RIDGE_PENALTY * x.rows });
  const weights = Float64Array.from({ length: width }, (_, f) => solution[f]! * target.std);
  return { inputs: width, outputs: 1, weights, bias: [solution[width]! * target.std + target.mean] };
}

/**
 * Logistic regression with a ridge penalty, by Newton's method (iteratively reweighted least squares).
 * @param y labels, 0 or 1
 */
export function fitLogistic(x: Matrix2, y: Float64Array): DenseLayer {
  const { rows, width } = x;
  const size = width + 1;
  const solution = new Float64Array(size);
  const residual = new Float64Array(rows);
  const curvature = new Float64Array(rows);
  for (let iteration = 0; iteration < NEWTON_STEPS; iteration++) {
    for (let r = 0; r < rows; r++) {
      const p = sigmoid(scoreOf(x, r, solution));
      residual[r] = y[r]! - p;
      curvature[r] = Math.max(p * (1 - p), 1e-6);
    }
    const penalty = LOGISTIC_PENALTY * rows;
    const gradient = weightedMoments(x, residual);
    for (let f = 0; f < width; f++) gradient[f] = gradient[f]! - penalty * solution[f]!;
    const step = solvePenalized({ gram: weightedGram(x, curvature), moments: gradient, size, penalty });
    for (let f = 0; f < size; f++) solution[f] = solution[f]! + step[f]!;
  }
  return { inputs: width, outputs: 1, weights: solution.slice(0, width), bias: [solution[width]!] };
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/** Linear part of a row; the last coefficient is the intercept. */
function scoreOf(x: Matrix2, row: number, coefficients: Float64Array): number {
  let sum = coefficients[x.width]!;
  for (let f = 0; f < x.width; f++) sum += x.values[row * x.width + f]! * coefficients[f]!;
  return sum;
}

/** `X' diag(weights) X` with a column of ones appended to X, row-major. */
function weightedGram(x: Matrix2, weights: Float64Array): Float64Array {
  const { rows, width, values } = x;
  const size = width + 1;
  const gram = new Float64Array(size * size);
  const row = new Float64Array(size).fill(1);
  for (let r = 0; r < rows; r++) {
    for (let f = 0; f < width; f++) row[f] = values[r * width + f]!;
    for (let a = 0; a < size; a++) {
      const left = weights[r]! * row[a]!;
      const base = a * size;
      for (let b = 0; b <= a; b++) gram[base + b] = gram[base + b]! + left * row[b]!;
    }
  }
  for (let a = 0; a < size; a++) {
    for (let b = a + 1; b < size; b++) gram[a * size + b] = gram[b * size + a]!;
  }
  return gram;
}

function weightedMoments(x: Matrix2, z: Float64Array): Float64Array {
  const { rows, width, values } = x;
  const moments = new Float64Array(width + 1);
  for (let r = 0; r < rows; r++) {
    for (let f = 0; f < width; f++) moments[f] = moments[f]! + values[r * width + f]! * z[r]!;
    moments[width] = moments[width]! + z[r]!;
  }
  return moments;
}

/** Solves `(gram + penalty I) w = moments`; the intercept, the last coefficient, is hardly penalised. */
function solvePenalized(system: {
  readonly gram: Float64Array;
  readonly moments: Float64Array;
  readonly size: number;
  readonly penalty: number;
}): number[] {
  const { size, penalty } = system;
  const matrix = Matrix.from1DArray(size, size, [...system.gram]);
  for (let f = 0; f < size; f++) matrix.set(f, f, matrix.get(f, f) + (f < size - 1 ? penalty : 1e-9));
  return new CholeskyDecomposition(matrix).solve(Matrix.columnVector([...system.moments])).to1DArray();
}
