import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { addExpArm, createExpWeights, type ExpWeights } from '../../src/learning/exp-weights.ts';
import { exp3IxEta, observeExp3Ix, refreshExp3Ix } from '../../src/learning/exp3ix.ts';
import { rewardOf } from '../../src/learning/reward.ts';
import { playSwitchingGame } from './switching-losses.ts';

const K = 5;
const HORIZONS = [2000, 8000, 32_000] as const;
const SEEDS = Array.from({ length: 30 }, (_, k) => k + 1);
/** Chance the published bound leaves for a run to break it, split over all of ours. */
const DELTA = 0.05 / (SEEDS.length * HORIZONS.length);

/** Neu 2015, Theorem 1, anytime schedule. */
function boundOf(rounds: number): number {
  const logK = Math.log(K);
  return 4 * Math.sqrt(K * rounds * logK) + (2 * Math.sqrt((K * rounds) / logK) + 1) * Math.log(2 / DELTA);
}

function regretOf(rounds: number, seed: number): number {
  const weights = createExpWeights(K);
  return playSwitchingGame(
    { armCount: K, rounds, seed },
    {
      probabilities: () => weights.probabilities,
      observe: ({ arm, losses }) =>
        observeExp3Ix(weights, { arm, loss: losses[arm]!, propensity: weights.probabilities[arm]! }),
    },
  ).regret;
}

function uniformRegret(rounds: number, seed: number): number {
  const probabilities = new Float64Array(K).fill(1 / K);
  const game = { armCount: K, rounds, seed };
  return playSwitchingGame(game, { probabilities: () => probabilities, observe: () => undefined }).regret;
}

describe('Exp3-IX against losses that switch', () => {
  const regrets = HORIZONS.map((rounds) => SEEDS.map((seed) => regretOf(rounds, seed)));
  const shown = HORIZONS.map((rounds, k) => {
    const all = regrets[k]!;
    const mean = all.reduce((sum, regret) => sum + regret, 0) / all.length;
    return { rounds, mean, worst: Math.max(...all), bound: boundOf(rounds) };
  });
  for (const { rounds, mean, worst, bound } of shown) {
    console.log(
      `exp3ix T=${rounds}: regret mean ${mean.toFixed(0)}, worst ${worst.toFixed(0)} of 30 seeds, bound ${bound.toFixed(0)}, mean/T ${(mean / rounds).toFixed(4)}`,
    );
  }

  it.each(HORIZONS.map((rounds, k) => [rounds, k] as const))(
    'stays within the published bound on every one of 30 seeds, T = %i',
    (rounds, k) => {
      expect(regrets[k]!.filter((regret) => regret > boundOf(rounds))).toEqual([]);
    },
  );

  it('has less regret a round the longer it plays', () => {
    const perRound = shown.map(({ rounds, mean }) => mean / rounds);
    expect(perRound[1]!).toBeLessThan(perRound[0]!);
    expect(perRound[2]!).toBeLessThan(perRound[1]!);
  });

  it('would break the bound without learning: the game is hard enough to tell', () => {
    const broken = SEEDS.filter((seed) => uniformRegret(32_000, seed) > boundOf(32_000));
    expect(broken).toEqual(SEEDS);
  });
});

describe('an Exp3-IX round', () => {
  it('charges the arm pulled with l / (p + gamma), eta = 2 gamma = sqrt(ln K / (K t))', () => {
    const weights = createExpWeights(3);
    observeExp3Ix(weights, { arm: 1, loss: 0.8, propensity: 0.25 });
    const gamma = Math.sqrt(Math.log(3) / 3) / 2;
    const estimate = 0.8 / (0.25 + gamma);
    expect(weights.lossSums[1]).toBeCloseTo(estimate, 12);
    expect([weights.lossSums[0], weights.lossSums[2]]).toEqual([0, 0]);
    const eta = Math.sqrt(Math.log(3) / 6);
    const raw = Math.exp(-eta * estimate);
    expect(weights.probabilities[1]).toBeCloseTo(raw / (2 + raw), 12);
  });

  it('counts losses from a baseline, so that a better one than it speaks for the arm', () => {
    const weights = createExpWeights(3);
    observeExp3Ix(weights, { arm: 1, loss: 0.4, propensity: 0.8, baseline: 0.5 });
    expect(weights.lossSums[1]).toBeCloseTo(-0.1 / (0.8 + exp3IxEta(3, 1) / 2), 14);
    expect(weights.probabilities[1]!).toBeGreaterThan(1 / 3);
  });

  it.each([
    [{ arm: 0, loss: -0.01, propensity: 0.5 }],
    [{ arm: 0, loss: 1.01, propensity: 0.5 }],
    [{ arm: 0, loss: Number.NaN, propensity: 0.5 }],
    [{ arm: 0, loss: 0.5, propensity: 0 }],
    [{ arm: 0, loss: 0.5, propensity: 1.01 }],
    [{ arm: 3, loss: 0.5, propensity: 0.5 }],
  ])('refuses feedback that the estimator is not defined for: %j', (feedback) => {
    expect(() => observeExp3Ix(createExpWeights(3), feedback)).toThrow(/INVARIANT|must lie|of arm/);
  });

  it('gives probabilities for rewards of any size, and for any number of rounds that went one way', () => {
    const size = fc.oneof(
      fc.double({ noNaN: true }),
      fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_VALUE, 5e-324),
    );
    const pulls = fc.array(fc.record({ arm: fc.nat(3), netReturn: size }), { maxLength: 300 });
    fc.assert(
      fc.property(pulls, fc.double({ min: 1e-12, max: 1, noNaN: true }), (all, propensity) => {
        const weights = createExpWeights(4);
        for (const { arm, netReturn } of all) {
          const { loss } = rewardOf(netReturn, { sigma: 0.001, sigmas: 3 });
          observeExp3Ix(weights, { arm, loss, propensity });
        }
        expectDistribution(weights);
      }),
      { numRuns: 200 },
    );
  });

  it('does not overflow where 100,000 losses fall on one arm that is hardly ever pulled', () => {
    const weights = createExpWeights(2);
    for (let t = 0; t < 100_000; t += 1) observeExp3Ix(weights, { arm: 0, loss: 1, propensity: 1e-9 });
    expectDistribution(weights);
    expect(weights.probabilities[1]).toBe(1);
  });
});

it('does not underflow where every arm has lost more than an exponent holds', () => {
  const weights = createExpWeights(2);
  for (let t = 0; t < 4; t += 1) observeExp3Ix(weights, { arm: t % 2, loss: 1, propensity: 1 });
  for (let arm = 0; arm < 2; arm += 1) weights.lossSums[arm]! += 1e6;
  observeExp3Ix(weights, { arm: 0, loss: 1, propensity: 1 });
  expectDistribution(weights);
});

function expectDistribution({ probabilities, lossSums, learnerLoss }: ExpWeights): void {
  const sum = probabilities.reduce((total, p) => total + p, 0);
  expect(sum).toBeCloseTo(1, 12);
  expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
  expect([...lossSums, learnerLoss].every(Number.isFinite)).toBe(true);
}

describe('an Exp3-IX learner', () => {
  const play = (weights: ExpWeights, from: number, to: number): void => {
    for (let t = from; t < to; t += 1) {
      const arm = (t * 7 + (t >> 3)) % 5;
      const loss = ((t * 37) % 101) / 100;
      observeExp3Ix(weights, { arm, loss, propensity: weights.probabilities[arm]! });
    }
  };

  it('restarted in the middle ends with the same bits', () => {
    const whole = createExpWeights(5);
    play(whole, 0, 2000);
    const first = createExpWeights(5);
    play(first, 0, 977);
    const second = decodeState(JSON.parse(JSON.stringify(encodeState(first)))) as ExpWeights;
    play(second, 977, 2000);
    expect(encodeState(second)).toEqual(encodeState(whole));
  });

  it('takes an arm in at run time, at what it had lost itself, so that the new arm is neither first nor last', () => {
    const weights = createExpWeights(2);
    for (let t = 0; t < 400; t += 1) {
      const arm = t % 2;
      observeExp3Ix(weights, { arm, loss: arm === 0 ? 0.2 : 0.8, propensity: 0.5 });
    }
    addExpArm(weights);
    refreshExp3Ix(weights);
    const [good, bad, late] = weights.probabilities;
    expect(late!).toBeLessThan(good!);
    expect(late!).toBeGreaterThan(bad!);
    expect(weights.lossSums[2]).toBe(weights.learnerLoss);
    expectDistribution(weights);
    for (let t = 0; t < 400; t += 1)
      observeExp3Ix(weights, { arm: t % 3, loss: t % 3 === 2 ? 0 : 0.9, propensity: 1 / 3 });
    expect(weights.probabilities[2]).toBe(Math.max(...weights.probabilities));
  });

  it('refuses the loss of an arm that it does not have', () => {
    const weights = createExpWeights(2);
    for (const arm of [-1, 2]) {
      const observe = () => observeExp3Ix(weights, { arm, loss: 0.5, propensity: 0.5 });
      expect(observe).toThrow(`of arm ${arm} of 2`);
    }
  });

  it('with one arm has nothing to choose and nothing to fear', () => {
    const weights = createExpWeights(1);
    observeExp3Ix(weights, { arm: 0, loss: 1, propensity: 1 });
    expect(Array.from(weights.probabilities)).toEqual([1]);
  });

  it('needs an arm', () => {
    expect(() => createExpWeights(0)).toThrow(/at least one arm/);
  });
});
