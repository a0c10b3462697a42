import { InvariantError } from '../domain/errors.ts';
import { exp } from '../math/elementary.ts';

/**
 * Exponential weights over K arms in log space: only losses are kept, and probabilities are taken relative to the
 * smallest loss, so that no loss, however large, overflows. Plain data, updated in place; arrays are replaced when an
 * arm joins.
 */
export interface ExpWeights {
  /** K sums of losses, seen (Hedge) or estimated (Exp3-IX). Only their differences matter. */
  lossSums: Float64Array;
  /** K probabilities of the next round, sum 1. */
  probabilities: Float64Array;
  /** Rounds observed so far. */
  rounds: number;
  /** What the learner itself lost so far: the losses of all rounds, weighted with the probabilities it had. */
  learnerLoss: number;
}

/** @throws InvariantError without arms: there would be nothing to give weights to */
export function createExpWeights(armCount: number): ExpWeights {
  if (!(armCount > 0)) throw new InvariantError(`a learner needs at least one arm, not ${armCount}`);
  return {
    lossSums: new Float64Array(armCount),
    probabilities: new Float64Array(armCount).fill(1 / armCount),
    rounds: 0,
    learnerLoss: 0,
  };
}

/** p_i = exp(-eta * L_i) / sum of the same, computed from the smallest L up: every exponent is at most 0. */
export function refreshProbabilities({ lossSums, probabilities }: ExpWeights, eta: number): void {
  let least = lossSums[0];
  for (let i = 1; i < lossSums.length; i += 1) if (lossSums[i] < least) least = lossSums[i];
  let sum = 0;
  for (let i = 0; i < lossSums.length; i += 1) {
    const weight = exp(-eta * (lossSums[i] - least));
    probabilities[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < lossSums.length; i += 1) probabilities[i] /= sum;
}

/**
 * Adds a loss to one arm, and to the learner's own.
 * @throws InvariantError for a loss that is not finite: it would silence an arm, or all of them, for ever
 */
export function addLoss(weights: ExpWeights, arm: number, loss: number): void {
  if (!(arm >= 0 && arm < weights.lossSums.length && Number.isFinite(loss))) {
    throw new InvariantError(`loss ${loss} of arm ${arm} of ${weights.lossSums.length}`);
  }
  weights.learnerLoss += weights.probabilities[arm] * loss;
  weights.lossSums[arm] += loss;
}

/**
 * An arm that joins late starts at the learner's own loss, as if it had agreed with the learner until now (the
 * specialists of Freund, Schapire, Singer and Warmuth 1997): neither a favourite that never lost, nor behind for rounds
 * it was not there for. The caller refreshes the probabilities.
 */
export function addExpArm(weights: ExpWeights): void {
  const count = weights.lossSums.length + 1;
  const lossSums = new Float64Array(count);
  lossSums.set(weights.lossSums);
  lossSums[count - 1] = weights.learnerLoss;
  weights.lossSums = lossSums;
  weights.probabilities = new Float64Array(count);
}
