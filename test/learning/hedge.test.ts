import { describe, expect, it } from 'vitest';
import { addExpArm, addLoss, createExpWeights } from '../../src/learning/exp-weights.ts';
import { closeHedgeRounds } from '../../src/learning/hedge.ts';
import { playSwitchingGame } from './switching-losses.ts';

const K = 5;
const SEEDS = Array.from({ length: 30 }, (_, k) => k + 1);

/** Cesa-Bianchi and Lugosi 2006, Theorem 2.3. */
function boundOf(rounds: number): number {
  return 2 * Math.sqrt((rounds / 2) * Math.log(K)) + Math.sqrt(Math.log(K) / 8);
}

function expectedRegretOf(rounds: number, seed: number): number {
  const weights = createExpWeights(K);
  let played = 0;
  return playSwitchingGame(
    { armCount: K, rounds, seed },
    {
      probabilities: () => weights.probabilities,
      observe: ({ losses }) => {
        for (let i = 0; i < K; i += 1) addLoss(weights, i, losses[i]! - 0.5);
        played += 1;
        closeHedgeRounds(weights, played);
      },
    },
  ).expectedRegret;
}

describe('Hedge against losses that switch', () => {
  it.each([2000, 8000])('stays within its bound, which holds always, on 30 seeds, T = %i', (rounds) => {
    const regrets = SEEDS.map((seed) => expectedRegretOf(rounds, seed));
    const mean = regrets.reduce((sum, regret) => sum + regret, 0) / regrets.length;
    console.log(
      `hedge T=${rounds}: regret mean ${mean.toFixed(1)}, worst ${Math.max(...regrets).toFixed(1)} of 30 seeds, bound ${boundOf(rounds).toFixed(1)}`,
    );
    expect(regrets.filter((regret) => regret > boundOf(rounds))).toEqual([]);
  });
});

describe('a Hedge learner', () => {
  it('weighs arms by exp(-eta * loss), eta = sqrt(8 ln K / t)', () => {
    const weights = createExpWeights(2);
    addLoss(weights, 0, 0.5);
    addLoss(weights, 1, -0.25);
    closeHedgeRounds(weights, 1);
    const eta = Math.sqrt((8 * Math.log(2)) / 2);
    expect(weights.probabilities[1]! / weights.probabilities[0]!).toBeCloseTo(Math.exp(eta * 0.75), 12);
  });

  it('takes an arm in at what it had lost itself', () => {
    const weights = createExpWeights(2);
    for (let t = 1; t <= 100; t += 1) {
      addLoss(weights, 0, 0.3);
      addLoss(weights, 1, -0.3);
      closeHedgeRounds(weights, t);
    }
    addExpArm(weights);
    closeHedgeRounds(weights, 100);
    expect(weights.lossSums[2]).toBe(weights.learnerLoss);
    expect(weights.probabilities[2]!).toBeGreaterThan(weights.probabilities[0]!);
    expect(weights.probabilities[2]!).toBeLessThan(weights.probabilities[1]!);
  });
});
