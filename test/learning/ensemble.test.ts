import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blendShare, combineWeights, staticWeights } from '../../src/learning/ensemble.ts';
import { drawArm, propensityOf, unitOf } from '../../src/learning/explore.ts';

const RAMP = { blend: 0.3, rampStartRewards: 100, rampRewards: 100 };

describe('the share of learned weights', () => {
  it.each([
    [0, 0],
    [100, 0],
    [101, 0.003],
    [150, 0.15],
    [199, 0.297],
    [200, 0.3],
    [1_000_000, 0.3],
  ])('after %i rewards is %d', (rewards, share) => {
    expect(blendShare(rewards, RAMP)).toBeCloseTo(share, 14);
  });

  it('jumps at the start of a ramp of no length', () => {
    const step = { ...RAMP, rampRewards: 0 };
    expect([99, 100].map((rewards) => blendShare(rewards, step))).toEqual([0, 0.3]);
  });
});

describe('static weights', () => {
  it('are equal where none are given, normalised where some are, 1/K for those left out', () => {
    expect(Array.from(staticWeights({}, ['5m', '15m']))).toEqual([0.5, 0.5]);
    // six sixths add up to less than 1: they are not normalised again
    const six = ['1m', '5m', '15m', '30m', '60m', '120m'];
    expect(Array.from(staticWeights({}, six))).toEqual(six.map(() => 1 / 6));
    expect(Array.from(staticWeights({ '5m': 3, '15m': 1 }, ['5m', '15m']))).toEqual([0.75, 0.25]);
    expect(Array.from(staticWeights({ '5m': 0.5 }, ['5m', '15m']))).toEqual([0.5, 0.5]);
    expect(Array.from(staticWeights({ '5m': 0, '15m': 0 }, ['5m', '15m']))).toEqual([0.5, 0.5]);
  });

  it('and learned ones add up to 1 whatever the share', () => {
    const weight = fc.double({ min: 0, max: 1000, noNaN: true });
    const pairs = fc.array(fc.tuple(weight, weight), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(pairs, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const arms = all.map((_, k) => `${k + 1}m`);
        const of = (which: 0 | 1) =>
          staticWeights(Object.fromEntries(all.map((pair, k) => [arms[k], pair[which]])), arms);
        const out = new Float64Array(all.length);
        combineWeights({ fixed: of(0), learned: of(1) }, share, out);
        expect(out.reduce((sum, omega) => sum + omega, 0)).toBeCloseTo(1, 12);
        expect(out.every((omega) => omega >= 0)).toBe(true);
      }),
    );
  });
});

describe('a draw', () => {
  it('is asked for by a number that its key alone gives, spread evenly over [0, 1)', () => {
    const units = Array.from({ length: 4000 }, (_, k) => unitOf(7, k >> 2, `S${k & 3}`));
    expect(units.every((unit) => unit >= 0 && unit < 1)).toBe(true);
    expect(new Set(units).size).toBe(4000);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const count = units.filter((unit) => Math.floor(unit * 10) === tenth).length;
      // 400 expected, give or take 19
      expect(Math.abs(count - 400)).toBeLessThan(80);
    }
    expect(unitOf(7, 0, 'S1')).toBe(units[1]);
    expect(unitOf(8, 0, 'S1')).not.toBe(units[1]);
  });

  it('takes each arm with its probability, and never one without any', () => {
    const p = Float64Array.of(0.25, 0, 0.5, 0.25);
    const units = Array.from({ length: 1000 }, (_, k) => k / 1000);
    const counts = [0, 0, 0, 0];
    for (const unit of units) counts[drawArm(p, unit)]! += 1;
    expect(counts).toEqual([250, 0, 500, 250]);
  });

  it('finds an arm also where rounding leaves the sum short of 1', () => {
    expect(drawArm(Float64Array.of(0.5, 0.4999999999, 0), 0.99999999999)).toBe(1);
  });

  it('has the propensity explore * p + (1 - explore) * [best], which sums to 1 over the arms', () => {
    expect(propensityOf({ probability: 0.3, isBest: true, explore: 0.1 })).toBeCloseTo(0.93, 14);
    expect(propensityOf({ probability: 0.3, isBest: false, explore: 0.1 })).toBeCloseTo(0.03, 14);
    expect(propensityOf({ probability: 0.3, isBest: true, explore: 0 })).toBe(1);
    const sum = [0.2, 0.3, 0.5].reduce(
      (total, probability, k) => total + propensityOf({ probability, isBest: k === 1, explore: 0.4 }),
      0,
    );
    expect(sum).toBeCloseTo(1, 14);
  });
});
