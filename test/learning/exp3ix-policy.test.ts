import { describe, expect, it } from 'vitest';
import { drawArm, propensityOf } from '../../src/learning/explore.ts';
import { createLearning, type LearningState, learnFromReward } from '../../src/learning/learning-state.ts';
import { createPrng } from '../../src/math/prng.ts';

/*
 * The learner as the engine uses it: entries mostly take the best score, which here is always that of arm 0, and now and
 * then one drawn from the learned weights. So arm 0 is pulled fifty times as often as any other.
 */
const ARMS = ['5m', '10m', '15m', '30m', '60m', '90m'];
const BEST = 0;
const EXPLORE = 0.1;
/** Arms that are below theta in half of the rounds: drawn then, they hold, and there is no reward. */
const ABSTAINING = [3, 4, 5];
const REWARDS = 200;
const SEEDS = Array.from({ length: 40 }, (_, k) => k + 1);

function play(seed: number, meanLossOf: (arm: number) => number): LearningState {
  const settings = {
    algorithm: 'exp3ix',
    explore: EXPLORE,
    rewardSigmas: 3,
    blend: 0.3,
    rampStartRewards: 100,
    rampRewards: 100,
    staticWeights: {},
  } as const;
  const state = createLearning({ settings, horizons: ARMS, symbolCount: 1 })!;
  const random = createPrng(['policy', seed]);
  while (state.weights.rounds < REWARDS) {
    const { probabilities } = state.weights;
    const arm = random() < EXPLORE ? drawArm(probabilities, random()) : BEST;
    if (ABSTAINING.includes(arm) && random() < 0.5) continue;
    const isBest = arm === BEST;
    const propensity = propensityOf({ probability: probabilities[arm]!, isBest, explore: EXPLORE });
    const loss = meanLossOf(arm) + 0.8 * (random() - 0.5);
    learnFromReward(state, {
      terms: { arm, propensity, sigma: 0.001 },
      loss,
      reward: 1 - 2 * loss,
      netReturn: 0,
    });
  }
  return state;
}

/** Mean over seeds of each arm's probability after 200 rewards. */
function meanProbabilities(meanLossOf: (arm: number) => number): number[] {
  const runs = SEEDS.map((seed) => play(seed, meanLossOf).weights.probabilities);
  return ARMS.map((_, k) => runs.reduce((sum, probabilities) => sum + probabilities[k]!, 0) / runs.length);
}

describe('Exp3-IX under the policy of the engine', () => {
  it('learns nothing from noise: neither being pulled often nor abstaining counts for or against an arm', () => {
    const means = meanProbabilities(() => 0.5);
    for (const mean of means) {
      expect(mean).toBeGreaterThan(0.15);
      expect(mean).toBeLessThan(0.185);
    }
  });

  it.each([
    ['that is always the best score', BEST],
    ['that is only drawn', 1],
    ['that is drawn, and often abstains', 4],
  ])('raises a better arm above the others, and lowers a worse one: the arm %s', (_what, arm) => {
    const better = meanProbabilities((k) => (k === arm ? 0.4 : 0.5));
    expect(better[arm]!).toBeGreaterThan(1 / ARMS.length);
    expect(better[arm]).toBe(Math.max(...better));
    const worse = meanProbabilities((k) => (k === arm ? 0.6 : 0.5));
    expect(worse[arm]!).toBeLessThan(1 / ARMS.length);
    expect(worse[arm]).toBe(Math.min(...worse));
  });
});
