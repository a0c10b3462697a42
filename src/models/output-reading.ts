import type { OutputReading, OutputStatistic } from '../events/layout.ts';

/** A probability this far below 0 is no rounding. */
const NEGATIVE = -1e-6;
const HALF = 0.5;

/** Numbers a row that a reading needs: exactly so many, or, of a named column, at least so many. */
export function widthOf(reading: OutputReading): { readonly exactly?: number; readonly atLeast?: number } {
  switch (reading.kind) {
    case 'quantiles':
      return { exactly: reading.levels.length };
    case 'distribution':
      return { exactly: reading.support.length };
    case 'parameters':
      return { exactly: reading.names.length };
    case 'column':
      return { atLeast: reading.column + 1 };
  }
}

/**
 * One number of a model's output row.
 * @param data the output, row-major; the row is `[offset, offset + width)`
 * @returns decimal return or probability; NaN where the row says nothing, such as a distribution without mass
 */
export function readRow(
  reading: OutputReading | undefined,
  data: Float32Array | Float64Array,
  { offset, width }: { readonly offset: number; readonly width: number },
): number {
  // of two class probabilities the second is that of the event
  if (reading === undefined) return data[offset + width - 1]!;
  switch (reading.kind) {
    case 'quantiles':
      return statisticOfQuantiles(reading.levels, data, offset, reading.statistic);
    case 'distribution':
      return statisticOfDistribution(reading.support, data, offset, reading.statistic);
    case 'parameters':
      return data[offset + reading.names.indexOf(reading.use)]!;
    case 'column':
      return data[offset + reading.column]!;
  }
}

/**
 * Median: the quantile at 1/2, between two levels by linear interpolation. Mean: the integral of the quantile function,
 * piecewise linear between the levels and constant beyond the outermost ones. Crossing quantiles are taken as they are.
 * @param levels rising, in (0, 1); for the median they enclose 1/2
 */
function statisticOfQuantiles(
  levels: readonly number[],
  data: Float32Array | Float64Array,
  offset: number,
  statistic: OutputStatistic,
): number {
  const last = levels.length - 1;
  if (statistic === 'median') {
    let k = 0;
    while (levels[k]! < HALF) k += 1;
    if (levels[k] === HALF) return data[offset + k]!;
    const share = (HALF - levels[k - 1]!) / (levels[k]! - levels[k - 1]!);
    return data[offset + k - 1]! + share * (data[offset + k]! - data[offset + k - 1]!);
  }
  let sum = data[offset]! * levels[0]! + data[offset + last]! * (1 - levels[last]!);
  for (let k = 0; k < last; k += 1) {
    sum += ((data[offset + k]! + data[offset + k + 1]!) / 2) * (levels[k + 1]! - levels[k]!);
  }
  return sum;
}

/**
 * Statistic of probabilities over points of support; they need not add up to exactly 1. The median lies where half of
 * the mass is reached, the mass of a point being half below and half above it, by linear interpolation; in the middle
 * of points without mass where half lies below them and half above.
 * @param support rising, decimal returns
 */
function statisticOfDistribution(
  support: readonly number[],
  data: Float32Array | Float64Array,
  offset: number,
  statistic: OutputStatistic,
): number {
  let total = 0;
  let moment = 0;
  for (let k = 0; k < support.length; k += 1) {
    const p = data[offset + k]!;
    if (!(p >= NEGATIVE)) return Number.NaN;
    const mass = Math.max(p, 0);
    total += mass;
    moment += mass * support[k]!;
  }
  if (!(total > 0)) return Number.NaN;
  if (statistic === 'mean') return moment / total;
  let below = 0;
  let before = Number.NaN;
  for (let k = 0; k < support.length; k += 1) {
    const mass = Math.max(0, data[offset + k]!);
    const centre = below + mass / 2;
    if (centre >= total / 2) {
      if (k === 0) return support[k]!;
      if (mass === 0 && centre === total / 2) {
        let end = k;
        while (!(data[offset + end + 1]! > 0)) end += 1;
        return (support[k]! + support[end]!) / 2;
      }
      const share = (total / 2 - before) / (centre - before);
      return support[k - 1]! + share * (support[k]! - support[k - 1]!);
    }
    below += mass;
    before = centre;
  }
  return support[support.length - 1]!;
}
