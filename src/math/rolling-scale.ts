import type { Ewma, RollingMoments, RollingRange } from './rolling.ts';

/**
 * A factor as a fraction, applied as `value * numerator / denominator`: a split by a power of two then changes no bit
 * but exponents, and any other errs by half an ulp or two.
 */
export interface Scale {
  readonly numerator: number;
  readonly denominator: number;
}

/** Every value seen so far, times the scale: as if all of them had come scaled. */
export function scaleMoments(state: RollingMoments, { numerator, denominator }: Scale): void {
  scaleValues(state.values, { numerator, denominator });
  state.shift = (state.shift * numerator) / denominator;
  state.sum = (state.sum * numerator) / denominator;
  state.sumSquares = (((state.sumSquares * numerator) / denominator) * numerator) / denominator;
  state.last = (state.last * numerator) / denominator;
}

/** @param scale positive, so that the order of values stays */
export function scaleRange({ max, min }: RollingRange, scale: Scale): void {
  scaleValues(max.values, scale);
  scaleValues(min.values, scale);
}

export function scaleEwma(state: Ewma, { numerator, denominator }: Scale): void {
  state.value = (state.value * numerator) / denominator;
}

/** Scales every value in place; missing ones (NaN) stay missing. */
export function scaleValues(
  values: Float64Array | Float32Array,
  { numerator, denominator }: Scale,
  from = 0,
  to = values.length,
): void {
  for (let k = from; k < to; k += 1) values[k] = (values[k]! * numerator) / denominator;
}
