import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutputReading } from '../../src/events/layout.ts';
import { readRow } from '../../src/models/output-reading.ts';

function read(reading: OutputReading | undefined, row: readonly number[]): number {
  const padded = Float64Array.from([9, 9, ...row, 9]);
  return readRow(reading, padded, { offset: 2, width: row.length });
}

describe('an output row', () => {
  it('without a reading is its only number, or the second of two class probabilities', () => {
    expect(read(undefined, [0.25])).toBe(0.25);
    expect(read(undefined, [0.3, 0.7])).toBe(0.7);
  });

  it('of one column or parameter is that number', () => {
    expect(read({ kind: 'column', column: 1 }, [1, 2, 3])).toBe(2);
    expect(read({ kind: 'parameters', names: ['std', 'mean'], use: 'mean' }, [1, 2])).toBe(2);
  });
});

describe('quantiles', () => {
  const quantiles = (levels: readonly number[], statistic: 'median' | 'mean'): OutputReading => ({
    kind: 'quantiles',
    levels,
    statistic,
  });

  it('give their median, at its level or between two', () => {
    expect(read(quantiles([0.1, 0.5, 0.9], 'median'), [-1, 0.25, 3])).toBe(0.25);
    expect(read(quantiles([0.25, 0.75], 'median'), [1, 3])).toBe(2);
    expect(read(quantiles([0.4, 0.9], 'median'), [1, 6])).toBeCloseTo(2, 12);
  });

  it('give their mean, which a long right tail pulls up and the median does not see', () => {
    // by hand: 0.1 * -1 + (-1 + 0)/2 * 0.4 + (0 + 6)/2 * 0.4 + 0.1 * 6
    expect(read(quantiles([0.1, 0.5, 0.9], 'mean'), [-1, 0, 6])).toBeCloseTo(-0.1 - 0.2 + 1.2 + 0.6, 12);
  });

  it('of a shifted and scaled forecast shift and scale (any levels, both statistics)', () => {
    const levels = fc
      .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 9 })
      .map((percents) => [5, ...percents.filter((p) => p > 5 && p < 95), 95].sort((a, b) => a - b))
      .map((percents) => [...new Set(percents)].map((p) => p / 100));
    const number = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        levels,
        fc.constantFrom('median', 'mean'),
        number,
        number,
        (ps, statistic, shift, scale) => {
          const row = ps.map((p) => p * p);
          const plain = read(quantiles(ps, statistic), row);
          const moved = read(
            quantiles(ps, statistic),
            row.map((q) => q * scale + shift),
          );
          expect(moved).toBeCloseTo(plain * scale + shift, 9);
        },
      ),
    );
  });

  it('with a number that is not finite where it counts give one', () => {
    expect(read(quantiles([0.1, 0.5, 0.9], 'median'), [0, Number.NaN, 0])).toBeNaN();
    expect(read(quantiles([0.1, 0.5, 0.9], 'mean'), [0, 0, Number.POSITIVE_INFINITY])).toBe(Infinity);
  });
});

describe('a distribution', () => {
  const over = (support: readonly number[], statistic: 'median' | 'mean'): OutputReading => ({
    kind: 'distribution',
    support,
    statistic,
  });

  it('gives mean and median of its mass, which need not add up to 1', () => {
    expect(read(over([-1, 0, 4], 'mean'), [1, 1, 2])).toBe(1.75);
    expect(read(over([-1, 0, 1], 'median'), [0.25, 0.5, 0.25])).toBe(0);
    // half of the mass lies a quarter of the way from the centre of the second to that of the third point
    expect(read(over([0, 1, 2], 'median'), [0.25, 0.25, 0.5])).toBeCloseTo(1 + 0.125 / 0.375, 12);
  });

  it('with all mass on one point is that point', () => {
    for (const statistic of ['mean', 'median'] as const) {
      expect(read(over([-2, 1, 5], statistic), [0, 0, 3])).toBe(5);
      expect(read(over([-2, 1, 5], statistic), [3, 0, 0])).toBe(-2);
      expect(read(over([-2, 1, 5], statistic), [0, 3, 0])).toBe(1);
    }
  });

  it('lies within its support, and its mirror image is its negative', () => {
    // sums of such masses are exact: which points half of the mass lies below is the same from both sides
    const masses = fc.array(fc.nat({ max: 8 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(masses, fc.constantFrom('median', 'mean'), (eighths, statistic) => {
        const mass = eighths.map((eighth) => eighth / 8);
        fc.pre(mass.some((p) => p > 0));
        const support = mass.map((_, k) => k - 1.5);
        const value = read(over(support, statistic), mass);
        expect(value).toBeGreaterThanOrEqual(support[0]! - 1e-12);
        expect(value).toBeLessThanOrEqual(support.at(-1)! + 1e-12);
        const mirrored = read(over(support.map((s) => -s).reverse(), statistic), mass.toReversed());
        expect(mirrored).toBeCloseTo(-value, 12);
      }),
      { examples: [[[8, 0, 0, 8], 'median']] },
    );
  });

  it('without mass, with a negative one or with one that is not a number says nothing', () => {
    expect(read(over([0, 1], 'mean'), [0, 0])).toBeNaN();
    expect(read(over([0, 1], 'median'), [-0.5, 1])).toBeNaN();
    expect(read(over([0, 1], 'mean'), [Number.NaN, 1])).toBeNaN();
  });
});
