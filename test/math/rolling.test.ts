import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEwma,
  createRollingMoments,
  createRollingRange,
  isComplete,
  populationStd,
  pushEwma,
  pushMoment,
  pushRange,
  type RollingMoments,
  rollingMax,
  rollingMean,
  rollingMin,
  sampleStd,
} from '../../src/math/rolling.ts';

/** Plain two-pass statistics over the last `window` values, missing ones (NaN) left out. */
function rescan(values: readonly number[], window: number) {
  const present = values.slice(-window).filter(Number.isFinite);
  const n = present.length;
  const mean = n === 0 ? 0 : present.reduce((sum, value) => sum + value, 0) / n;
  const squares = present.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    n,
    mean,
    population: n === 0 ? 0 : Math.sqrt(squares / n),
    sample: n < 2 ? 0 : Math.sqrt(squares / (n - 1)),
    max: n === 0 ? 0 : Math.max(...present),
    min: n === 0 ? 0 : Math.min(...present),
  };
}

function expectNear(actual: number, expected: number, scale: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * scale + 1e-12);
}

function pushAll(state: RollingMoments, values: readonly number[]): RollingMoments {
  for (const value of values) pushMoment(state, value);
  return state;
}

const valueOrGap = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 2) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY) },
);

describe('rolling moments', () => {
  it('equal a plain rescan of the window at every step, gaps and ties included', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(valueOrGap, { maxLength: 60 }),
        (window, values) => {
          const state = createRollingMoments(window);
          values.forEach((value, i) => {
            pushMoment(state, value);
            const expected = rescan(values.slice(0, i + 1), window);
            expect(state.count).toBe(expected.n);
            expect(isComplete(state)).toBe(expected.n === window);
            expectNear(rollingMean(state), expected.mean, 100);
            expectNear(populationStd(state) ** 2, expected.population ** 2, 1e4);
            expectNear(sampleStd(state) ** 2, expected.sample ** 2, 1e4);
          });
        },
      ),
    );
  });

  it('keeps nine digits of a small spread on a large offset', () => {
    const values = Array.from({ length: 500 }, (_, i) => 1e6 + Math.sin(i) * 1e-2);
    const state = pushAll(createRollingMoments(20), values);
    const expected = rescan(values, 20);
    expect(Math.abs(sampleStd(state) / expected.sample - 1)).toBeLessThan(1e-6);
    expect(Math.abs(rollingMean(state) / expected.mean - 1)).toBeLessThan(1e-14);
  });

  it('forgets an outlier with the digits it cost as soon as it leaves', () => {
    const quiet = Array.from({ length: 60 }, (_, i) => Math.cos(i));
    const values = [...quiet, 1e9, ...quiet.slice(0, 30)];
    const state = pushAll(createRollingMoments(30, 1000), values);
    expect(Math.abs(sampleStd(state) / rescan(values, 30).sample - 1)).toBeLessThan(1e-12);
  });

  it('gives exactly the value and no spread for a constant window after a walk', () => {
    const state = pushAll(createRollingMoments(5), [1, 7, 3, 107.31, 107.31, 107.31, 107.31, 107.31]);
    expect(rollingMean(state)).toBe(107.31);
    expect(sampleStd(state)).toBe(0);
    expect(populationStd(state)).toBe(0);
  });
});

describe('rolling range', () => {
  it('equals a plain rescan of the window at every step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(valueOrGap, { maxLength: 60 }),
        (window, values) => {
          const state = createRollingRange(window);
          values.forEach((value, i) => {
            pushRange(state, value);
            const expected = rescan(values.slice(0, i + 1), window);
            expect(state.count).toBe(expected.n);
            expect(rollingMax(state) + 0).toBe(expected.max + 0);
            expect(rollingMin(state) + 0).toBe(expected.min + 0);
          });
        },
      ),
    );
  });
});

describe('exponentially weighted mean', () => {
  it('starts at the first value and moves by alpha', () => {
    const state = createEwma(3);
    pushEwma(state, Number.NaN);
    expect(state.started).toBe(false);
    for (const value of [10, 20, 20]) pushEwma(state, value);
    expect(state.value).toBe(17.5);
  });

  it('lets the past fade over a gap, as pandas does', () => {
    const state = createEwma(3);
    for (const value of [1, Number.NaN, 2]) pushEwma(state, value);
    expect(state.value).toBeCloseTo((0.25 * 1 + 0.5 * 2) / 0.75, 14);
  });
});
