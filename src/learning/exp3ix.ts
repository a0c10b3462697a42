import { InvariantError } from '../domain/errors.ts';
import { ln } from '../math/elementary.ts';
import { addExpArm, addLoss, type ExpWeights, refreshProbabilities } from './exp-weights.ts';

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
  /** Arms that could not have been pulled in this round; absent when all could. */
  readonly abstained?: Abstained;
}

/**
 * Arms whose horizon would not have traded, so that their loss is known without pulling them: the 1/2 of a reward of 0.
 * Were they not charged it, an arm would fall behind merely by trading more often than others.
 */
export interface Abstained {
  readonly arms: readonly number[];
  /** Probability that the round was observed at all, that is, that none of them was drawn; in (0, 1]. */
  readonly propensity: number;
}

const LOSS_OF_NOTHING = 0.5;

/**
 * One round: `l_hat = l / (p + gamma)` for the arm that was pulled (and, with their own loss and probability, for
 * those that abstained), 0 for the others.
 * @throws InvariantError for a loss outside [0, 1] or a propensity outside (0, 1]: the estimator would be wrong
 */
export function observeExp3Ix(weights: ExpWeights, feedback: BanditFeedback): void {
  const { arm, loss, propensity, abstained } = feedback;
  if (!(loss >= 0 && loss <= 1 && propensity > 0 && propensity <= 1)) {
    throw new InvariantError(`loss ${loss} must lie in [0, 1] and propensity ${propensity} in (0, 1]`);
  }
  const armCount = weights.lossSums.length;
  const gamma = exp3IxEta(armCount, weights.rounds + 1) / 2;
  addLoss(weights, arm, loss / (propensity + gamma));
  for (const other of abstained?.arms ?? []) {
    addLoss(weights, other, LOSS_OF_NOTHING / (abstained!.propensity + gamma));
  }
  weights.rounds += 1;
  refreshExp3Ix(weights);
}

/** Probabilities of the next round. */
export function refreshExp3Ix(weights: ExpWeights): void {
  refreshProbabilities(weights, exp3IxEta(weights.lossSums.length, weights.rounds + 1));
}

export function addExp3IxArm(weights: ExpWeights): void {
  addExpArm(weights);
  refreshExp3Ix(weights);
}
