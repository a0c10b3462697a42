import { LuDecomposition, Matrix } from 'ml-matrix';
import type { BlendingSettings } from '../../domain/settings.ts';

export interface RidgeProblem {
  /** Correlation of the families, row-major, symmetric, diagonal 1. */
  readonly correlation: Float64Array;
  /** Expected IC by family, see `expectedIc`. */
  readonly mu: Float64Array;
  readonly lambda: number;
}

/**
 * What a family is expected to earn: its shrunk IC, less the part of it that trading costs eat, at least `muFloor`.
 * @param costShare expected cost over expected |alpha|, taken as at most 1
 */
export function expectedIc(
  { icShrunk, costShare }: { readonly icShrunk: number; readonly costShare: number },
  { costPenalty, muFloor }: Pick<BlendingSettings, 'costPenalty' | 'muFloor'>,
): number {
  return Math.max(icShrunk * (1 - costPenalty * Math.min(1, costShare)), muFloor);
}

/**
 * Ridge weights `(Sigma + lambda I)^-1 mu`, negatives set to 0, sum 1; equal weights when nothing positive is left or
 * the matrix is singular. Only + - * / and square roots: same bits everywhere.
 * @param out one slot a family
 */
export function ridgeWeights(problem: RidgeProblem, out: Float64Array): void {
  const size = problem.mu.length;
  if (!solveByCholesky(problem, out) && !solveByLu(problem, out)) {
    out.fill(1 / size);
    return;
  }
  let total = 0;
  for (let m = 0; m < size; m++) {
    if (!(out[m] > 0)) out[m] = 0;
    total += out[m];
  }
  if (!(total > 0) || total === Number.POSITIVE_INFINITY) {
    out.fill(1 / size);
    return;
  }
  for (let m = 0; m < size; m++) out[m] /= total;
}

/** The triangle being computed, row-major: scratch, as large as the largest problem so far. */
let lower = new Float64Array(64);

/**
 * Cholesky over a flat array. This runs for every horizon of every cycle; ml-matrix computes the same bits from a
 * dozen small arrays, fifteen times slower.
 * @returns false when the matrix is not positive definite
 */
function solveByCholesky({ correlation, mu, lambda }: RidgeProblem, out: Float64Array): boolean {
  const size = mu.length;
  if (lower.length < size * size) lower = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    let squares = 0;
    for (let k = 0; k < j; k++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += lower[k * size + i] * lower[j * size + i];
      const entry = (correlation[j * size + k] - sum) / lower[k * size + k];
      lower[j * size + k] = entry;
      squares += entry * entry;
    }
    const rest = correlation[j * size + j] + lambda - squares;
    if (!(rest > 0)) return false;
    lower[j * size + j] = Math.sqrt(rest);
  }
  for (let k = 0; k < size; k++) {
    let sum = mu[k];
    for (let i = 0; i < k; i++) sum -= out[i] * lower[k * size + i];
    out[k] = sum / lower[k * size + k];
  }
  for (let k = size - 1; k >= 0; k--) {
    let sum = out[k];
    for (let i = k + 1; i < size; i++) sum -= out[i] * lower[i * size + k];
    out[k] = sum / lower[k * size + k];
  }
  return true;
}

/** For a matrix put together from pairs that see different rows, which need not be positive definite. */
function solveByLu({ correlation, mu, lambda }: RidgeProblem, out: Float64Array): boolean {
  const size = mu.length;
  const left = new Matrix(size, size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const ridge = row === column ? lambda : 0;
      left.set(row, column, correlation[row * size + column] + ridge);
    }
  }
  const lu = new LuDecomposition(left);
  if (lu.isSingular()) return false;
  out.set(lu.solve(Matrix.columnVector(mu)).to1DArray());
  return true;
}
