import { ln } from '../math/elementary.ts';
import { type ExpWeights, refreshProbabilities } from './exp-weights.ts';

/*
 * Hedge with full information and the anytime rate eta_t = sqrt(8 ln K / t): its regret after T rounds of losses in
 * [0, 1] is at most `2 sqrt(T / 2 * ln K) + sqrt(ln K / 8)`, always (Cesa-Bianchi and Lugosi 2006, Theorem 2.3).
 */

/** Learning rate of round `t`, counted from 1. */
export function hedgeEta(armCount: number, t: number): number {
  return Math.sqrt((8 * ln(armCount)) / t);
}

/** Takes in that `rounds` rounds have been scored so far: arms may get their losses (`addLoss`) at different times. */
export function closeHedgeRounds(weights: ExpWeights, rounds: number): void {
  weights.rounds = rounds;
  refreshProbabilities(weights, hedgeEta(weights.lossSums.length, rounds + 1));
}
