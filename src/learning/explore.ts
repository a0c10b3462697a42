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
