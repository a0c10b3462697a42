import { ln } from '../../math/elementary.ts';
import { averageRanks } from '../../math/rank.ts';

/**
 * Percentile of each value among all: (rank - 0.5)/n with average ranks, so the mean is 1/2 whatever the ties.
 * @param values finite
 */
export function percentileRanks(values: Float64Array): Float64Array {
  const ranks = averageRanks(values);
  for (let i = 0; i < ranks.length; i++) ranks[i] = (ranks[i]! - 0.5) / ranks.length;
  return ranks;
}

/** Signal of a percentile: the normal quantile, clipped to +-clip; percentiles outside (0, 1) clip too. */
export function rankToSignal(percentile: number, clip: number): number {
  if (percentile <= 0) return -clip;
  if (percentile >= 1) return clip;
  return Math.max(-clip, Math.min(clip, probit(percentile)));
}

/**
 * Signals of a whole universe: percentile, normal quantile, clip.
 * @returns undefined below `minSymbols` values
 */
export function crossSectionalSignals(
  values: Float64Array,
  options: { readonly clip: number; readonly minSymbols: number },
): Float64Array | undefined {
  if (values.length < options.minSymbols) return undefined;
  const signals = percentileRanks(values);
  for (let i = 0; i < signals.length; i++) signals[i] = rankToSignal(signals[i]!, options.clip);
  return signals;
}

/**
 * Quantile of the standard normal distribution for p in (0, 1): algorithm AS 241 (PPND16), M. J. Wichura,
 * Applied Statistics 37 (1988) 477-484, relative error about 1e-16. Exactly antisymmetric for p and 1 - p where
 * 1 - p is exact.
 */
export function probit(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(A, r)) / polynomial(B, r);
  }
  const r = Math.sqrt(-ln(q < 0 ? p : 1 - p));
  const value =
    r <= 5 ? polynomial(C, r - 1.6) / polynomial(D, r - 1.6) : polynomial(E, r - 5) / polynomial(F, r - 5);
  return q < 0 ? -value : value;
}

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) value = value * x + coefficients[i]!;
  return value;
}

const A = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const B = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852546,
];
const C = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
];
const D = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
const E = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
];
const F = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
  0.000018463183175100548, 1.421511758316446e-7, 2.0442631033899397e-15,
];
