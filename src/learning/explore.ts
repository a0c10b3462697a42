import { createHash128, digestHex, resetHash128, updateFloat64, updateString } from '../math/hash128.ts';

/** Used and put back by each call, so that nothing is left over from one to the next. */
const hash = createHash128();
const numbers = new Float64Array(2);
/** 16 to the power of 13. */
const DIGITS_13 = 0x10_0000_0000_0000;

/**
 * A number in [0, 1) with 52 bits that depends on nothing but these three: the first 13 digits of their MurmurHash3. A
 * fraction of what it takes to key a generator, for a question that is asked of every candidate and mostly answered no.
 */
export function unitOf(seed: number, cycle: number, symbol: string): number {
  resetHash128(hash);
  numbers[0] = seed;
  numbers[1] = cycle;
  updateFloat64(hash, numbers);
  updateString(hash, symbol);
  return Number.parseInt(digestHex(hash).slice(0, 13), 16) / DIGITS_13;
}

/** One arm of a distribution: the first whose running sum exceeds `unit`, a number in [0, 1). */
export function drawArm(probabilities: Float64Array, unit: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    if (probabilities[i] === 0) continue;
    sum += probabilities[i];
    last = i;
    if (unit < sum) return i;
  }
  // the sum may fall short of 1 by a rounding
  return last;
}

/** Probability that an arm was taken: `explore * p + (1 - explore) * [it is the best]`. */
export function propensityOf(arm: {
  readonly probability: number;
  readonly isBest: boolean;
  readonly explore: number;
}): number {
  return arm.explore * arm.probability + (arm.isBest ? 1 - arm.explore : 0);
}
