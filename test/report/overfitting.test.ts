import { describe, expect, it } from 'vitest';
import { normalQuantile } from '../../src/math/normal.ts';
import { createPrng } from '../../src/math/prng.ts';
import { backtestOverfitting, partsFor, type SessionOutcome } from '../../src/report/backtest-overfitting.ts';
import {
  deflatedSharpe,
  expectedMaximumSharpe,
  probabilisticSharpe,
} from '../../src/report/deflated-sharpe.ts';
import { figuresOf, METRICS, type Metric, scoreOf } from '../../src/report/part-score.ts';

const MILLION = 1e12;

/** Returns of trials that are independent, normal, and without skill but for one that may have some. */
function noise(seed: number, trials: number, sessions: number, skill: (trial: number) => number = () => 0) {
  const draw = createPrng(['overfitting', seed]);
  return Array.from({ length: trials }, (_, trial) =>
    Array.from({ length: sessions }, () => 0.01 * (normalQuantile(draw() || 0.5) + skill(trial))),
  );
}

function outcomes(returns: readonly (readonly number[])[]): SessionOutcome[][] {
  return returns.map((row) =>
    row.map((returnFrac) => ({ returnFrac, pnlMicros: Math.round(returnFrac * MILLION) })),
  );
}

describe('deflated Sharpe ratio', () => {
  // The numerical example of Bailey and Lopez de Prado (2014): 5 years of 250 days, annualized Sharpe ratio 2.5,
  // variance of the trials' annualized Sharpe ratios 1/2.
  const example = { sharpe: 2.5 / Math.sqrt(250), sessions: 1250, skewness: -3, kurtosis: 10 };
  const deviation = Math.sqrt(1 / 2 / 250);

  it('is that of the paper: 0.1132 expected of the best of 100 trials, 0.9004 for the one found', () => {
    const expected = expectedMaximumSharpe(deviation, 100);
    expect(expected).toBeCloseTo(0.1132, 4);
    expect(probabilisticSharpe(example, expected)).toBeCloseTo(0.9004, 4);
  });

  it('is that of the paper: 0.9505 had there been 46 trials', () => {
    expect(probabilisticSharpe(example, expectedMaximumSharpe(deviation, 46))).toBeCloseTo(0.9505, 4);
  });

  it('expects of the best of few trials what order statistics do, and a little more', () => {
    // Exact expected maxima of 5 and 10 standard normal variables: Harter (1961).
    for (const [trials, exact] of [
      [5, 1.16296],
      [10, 1.53875],
      [100, 2.50759],
    ] as const) {
      const expected = expectedMaximumSharpe(1, trials);
      expect(expected).toBeGreaterThan(exact);
      expect(expected).toBeLessThan(exact * 1.03);
    }
  });

  it('takes moments as they are worked out by hand', () => {
    // given: mean 1 %, sample deviation 2 % * sqrt(4/3): Sharpe ratio of a session sqrt(3)/4; no skew, kurtosis 1
    const chosen = [0.03, -0.01, 0.03, -0.01];
    const trials = [chosen, [-0.01, 0.01, -0.01, 0.01]];
    const found = deflatedSharpe(trials, { chosen: 0, counted: 2 });
    // then: the Sharpe ratios are sqrt(3)/4 and 0, a deviation of sqrt(3)/4/sqrt(2) apart
    const sharpe = Math.sqrt(3) / 4;
    expect(found).toMatchObject({
      sharpe: expect.closeTo(sharpe, 12),
      deviation: expect.closeTo(sharpe / Math.SQRT2, 12),
      skewness: expect.closeTo(0, 12),
      kurtosis: expect.closeTo(1, 12),
    });
  });

  it('is nothing where nothing varies', () => {
    const flat = [0, 0, 0, 0];
    expect(deflatedSharpe([flat, [0.1, 0, 0.1, 0]], { chosen: 0, counted: 2 })).toBeUndefined();
    expect(
      deflatedSharpe(
        [
          [0.1, 0, 0.1, 0],
          [0, 0.1, 0, 0.1],
        ],
        { chosen: 0, counted: 2 },
      ),
    ).toBeUndefined();
  });

  it('rarely calls the best of trials without skill skilled, and mostly one that is', () => {
    let [lucky, found] = [0, 0];
    for (let seed = 0; seed < 60; seed += 1) {
      for (const [skill, count] of [
        [0, () => (lucky += 1)],
        [0.6, () => (found += 1)],
      ] as const) {
        const trials = noise(seed, 20, 120, (trial) => (trial === 7 ? skill : 0));
        const sums = trials.map((row) => row.reduce((sum, r) => sum + r, 0));
        const chosen = sums.indexOf(Math.max(...sums));
        const { probability } = deflatedSharpe(trials, { chosen, counted: 20 })!;
        if (probability > 0.95) count();
      }
    }
    expect(lucky).toBeLessThanOrEqual(3);
    expect(found).toBeGreaterThanOrEqual(40);
  });
});

describe('probability of backtest overfitting', () => {
  it.each([
    [4, 2],
    [19, 8],
    [20, 10],
    [25, 12],
    [32, 12],
    [500, 12],
  ])('divides %i sessions into %i parts', (n, parts) => {
    expect(partsFor(n)).toBe(parts);
  });

  it('is what it comes to by hand', () => {
    // given: P&L of three trials by part, each of two sessions
    const parts = [
      [3, 3, 0, 0],
      [0, 0, 2, 2],
      [1, 1, 1, 1],
    ];
    const trials = parts.map((row) =>
      row.flatMap((pnl) => [pnl, 0].map((p) => ({ pnlMicros: p, returnFrac: p }))),
    );
    // then: the first two parts choose the first trial, the last two the second, each the worst of the others; every
    // other half chooses the first, which makes 3 in the other one, more than the 2 of the others
    expect(backtestOverfitting(trials, 'pnl')).toEqual({
      parts: 4,
      splits: 6,
      probability: 2 / 6,
      lossFrac: 0,
    });
  });

  it.each(METRICS)('is near a half without skill, by %s', (metric) => {
    let sum = 0;
    for (let seed = 0; seed < 24; seed += 1) {
      sum += backtestOverfitting(outcomes(noise(seed, 8, 20)), metric).probability;
    }
    expect(sum / 24).toBeGreaterThan(0.35);
    expect(sum / 24).toBeLessThan(0.65);
  });

  it.each(METRICS)('is near nothing where one trial is better, by %s', (metric) => {
    const trials = outcomes(noise(3, 6, 24, (trial) => (trial === 4 ? 1.5 : -0.2)));
    const { probability, lossFrac } = backtestOverfitting(trials, metric);
    expect(probability).toBeLessThan(0.02);
    expect(lossFrac).toBeLessThan(0.02);
  });

  it('is certain where what gains in one half must lose in the other', () => {
    // every trial's P&L sums to nothing over all sessions
    const trials = outcomes(noise(5, 8, 20)).map((row) => {
      const mean = row.reduce((sum, { pnlMicros }) => sum + pnlMicros, 0) / row.length;
      return row.map(({ returnFrac, pnlMicros }) => ({ returnFrac, pnlMicros: pnlMicros - mean }));
    });
    expect(backtestOverfitting(trials, 'pnl').probability).toBe(1);
  });
});

describe('the score of a part', () => {
  it.each<[Metric, number]>([
    ['pnl', 2],
    ['drawdown', -1 / 11],
  ])('by %s', (metric, score) => {
    expect(scoreOf(metric, figuresOf([10, 11, 10, 12]))).toBeCloseTo(score, 12);
  });

  it('of a Sharpe ratio is 0 where nothing moved, and last where it is not defined otherwise', () => {
    expect(scoreOf('sharpe', figuresOf([10, 10, 10]))).toBe(0);
    expect(scoreOf('sharpe', figuresOf([10, 12]))).toBe(Number.NEGATIVE_INFINITY);
  });
});
