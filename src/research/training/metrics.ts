import { averageRanks } from '../../math/rank.ts';

/** Numbers for `model_meta.json`; keys ascending. */
export type Metrics = Readonly<Record<string, number>>;

/** Spearman correlation with average ranks; 0 where it is undefined. */
export function informationCoefficient(forecast: Float64Array, outcome: Float64Array): number {
  const n = forecast.length;
  if (n < 2) return 0;
  const a = averageRanks(forecast);
  const b = averageRanks(outcome);
  const mean = (n + 1) / 2;
  let products = 0;
  let aSquares = 0;
  let bSquares = 0;
  for (let k = 0; k < n; k++) {
    const da = a[k]! - mean;
    const db = b[k]! - mean;
    products += da * db;
    aSquares += da * da;
    bSquares += db * db;
  }
  return aSquares === 0 || bSquares === 0 ? 0 : products / Math.sqrt(aSquares * bSquares);
}

/** Area under the ROC curve: the chance that a row of class 1 has the higher score (Mann and Whitney); 0.5 with one class only. */
export function areaUnderCurve(score: Float64Array, label: Float64Array): number {
  const ranks = averageRanks(score);
  let positives = 0;
  let rankSum = 0;
  for (let k = 0; k < label.length; k++) {
    if (label[k] !== 1) continue;
    positives++;
    rankSum += ranks[k]!;
  }
  const negatives = label.length - positives;
  if (positives === 0 || negatives === 0) return 0.5;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Six decimals: what is worth reading. */
export function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6 + 0;
}
