/*
 * PIPELINE 2 in plain arithmetic, apart from `src`, for expected outputs. A family's series has `undefined` where it gave
 * no score.
 */

type Series = readonly (number | undefined)[];

/** Below this many rows of the best-covered pair, families are weighted equally. */
const MIN_ROWS = 5;
/** A series that varies by less than 1e-6 is constant. */
const CONSTANT = 1e-12;

/** `mu = max(IC * (1 - penalty * min(1, cost share)), 0.01)`. */
export function muRule(ic: number, costShare: number, penalty: number): number {
  return Math.max(ic * (1 - penalty * Math.min(1, costShare)), 0.01);
}

/** `clip((Sigma + lambda I)^-1 mu, 0, inf)`, sum 1; all equal where that leaves nothing. */
export function weightsRule(sigma: readonly (readonly number[])[], mu: readonly number[], lambda: number) {
  const solved = solve(
    sigma.map((row, i) => row.map((value, j) => (i === j ? value + lambda : value))),
    mu,
  );
  return shares(solved.map((value) => Math.max(0, value)));
}

/** The same over the correlations of the families' series. */
export function weightsOfSeriesRule(families: readonly Series[], mu: readonly number[], lambda: number) {
  const pairs = families.map((a) => families.map((b) => rowsOf(a, b)));
  const rows = Math.max(0, ...pairs.flatMap((line, i) => line.slice(0, i).map((pair) => pair.length)));
  if (families.length > 1 && rows < MIN_ROWS) return shares(mu.map(() => 1));
  const sigma = pairs.map((line, i) => line.map((pair, j) => (i === j ? 1 : pearson(pair))));
  return weightsRule(sigma, mu, lambda);
}

/** `w^T`, sum 1; T from 1 on changes nothing. */
export function temperatureRule(weights: readonly number[], temperature: number): readonly number[] {
  return temperature >= 1 ? weights : shares(weights.map((weight) => weight ** temperature));
}

/** Parts of their sum; all equal where it is 0. */
export function shares(values: readonly number[]): readonly number[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => (total > 0 ? value / total : 1 / values.length));
}

/** Pairs of the cycles in which both families gave a score. */
function rowsOf(a: Series, b: Series): readonly (readonly [number, number])[] {
  return a.flatMap((x, k) => (x === undefined || b[k] === undefined ? [] : [[x, b[k]] as const]));
}

/** Pearson's correlation; 0 below 2 pairs or where either is constant. */
export function pearson(pairs: readonly (readonly [number, number])[]): number {
  const n = pairs.length;
  if (n < 2) return 0;
  const [x, y] = [0, 1].map((side) => pairs.map((pair) => pair[side]!)) as [number[], number[]];
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  const centred = (a: readonly number[]) => {
    const mean = a.reduce((sum, value) => sum + value, 0) / n;
    return a.map((value) => value - mean);
  };
  const [u, v] = [centred(x), centred(y)];
  const isConstant = dot(u, u) <= CONSTANT * (n + dot(x, x)) || dot(v, v) <= CONSTANT * (n + dot(y, y));
  return isConstant ? 0 : dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v));
}

/** Gauss-Jordan elimination with the largest pivot; all 0 for a singular matrix. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let k = 0; k < rows.length; k++) {
    const below = rows.slice(k).map((row) => Math.abs(row[k]!));
    const best = k + below.indexOf(Math.max(...below));
    [rows[k], rows[best]] = [rows[best]!, rows[k]!];
    const pivot = rows[k]!;
    if (pivot[k] === 0) return right.map(() => 0);
    rows.forEach((row, i) => {
      if (i !== k) rows[i] = row.map((value, j) => value - (row[k]! / pivot[k]!) * pivot[j]!);
    });
  }
  return rows.map((row, k) => row.at(-1)! / row[k]!);
}
