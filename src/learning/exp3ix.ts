import { InvariantError } from '../domain/errors.ts';
import { ln } from '../math/elementary.ts';
import { addLoss, type ExpWeights, refreshProbabilities } from './exp-weights.ts';

/*
 * Exp3-IX (Neu 2015, "Explore no more: improved high-probability regret bounds for non-stochastic bandits"), with the
 * anytime schedule eta_t = 2 gamma_t = sqrt(ln K / (K t)). Its regret after T rounds is, with probability 1 - delta, at
 * most `4 sqrt(K T ln K) + (2 sqrt(K T / ln K) + 1) ln(2 / delta)` (Theorem 1).
 */

/** Learning rate of round `t`, counted from 1. 0 with a single arm: there is nothing to learn. */
export function exp3IxEta(armCount: number, t: number): number {
  return Math.sqrt(ln(armCount) / (armCount * t));
}

export interface BanditFeedback {
  readonly arm: number;
  /** Loss of the arm that was pulled, in [0, 1]. */
  readonly loss: number;
  /** Probability it was pulled with, in (0, 1]: that of the moment it was pulled, however late its loss is seen. */
  readonly propensity: number;
  /**
   * What losses are counted from; absent: 0, the game as published. Its learner pulls arms with the very probabilities
   * it learned, so every arm is charged alike. Where another policy pulls them, `propensity / (propensity + gamma)`
   * differs by arm, and only from the neutral loss do arms that earn alike stay alike.
   */
  readonly baseline?: number;
}

/**
 * One round: `l_hat = (l - baseline) / (p + gamma)` for the arm that was pulled, 0 for the others.
 * @throws InvariantError for a loss outside [0, 1] or a propensity outside (0, 1]: the estimator would be wrong
 */
export function observeExp3Ix(weights: ExpWeights, feedback: BanditFeedback): void {
  const { arm, loss, propensity, baseline = 0 } = feedback;
  if (!(loss >= 0 && loss <= 1 && propensity > 0 && propensity <= 1)) {
    throw new InvariantError(`loss ${loss} must lie in [0, 1] and propensity ${propensity} in (0, 1]`);
  }
  const gamma = exp3IxEta(weights.lossSums.length, weights.rounds + 1) / 2;
  addLoss(weights, arm, (loss - baseline) / (propensity + gamma));
  weights.rounds += 1;
  refreshExp3Ix(weights);
}

/** Probabilities of the next round. */
export function refreshExp3Ix(weights: ExpWeights): void {
  refreshProbabilities(weights, exp3IxEta(weights.lossSums.length, weights.rounds + 1));
}
