import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEwma,
  createRollingMoments,
  createRollingRange,
  pushEwma,
  pushMoment,
  pushRange,
  rollingMean,
} from '../../src/math/rolling.ts';
import { scaleEwma, scaleMoments, scaleRange, scaleValues } from '../../src/math/rolling-scale.ts';

const value = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -1000, max: 1000 }) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
);

describe('a scaled window', () => {
  it('is to the bit the window of scaled values, for powers of two, and goes on as it', () => {
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 40, size: 'max' }),
        fc.array(value, { maxLength: 10 }),
        fc.constantFrom([1, 4], [8, 1]),
        (before, after, [numerator, denominator]) => {
          const scale = { numerator, denominator };
          const build = (factor: number) => {
            const state = {
              moments: createRollingMoments(7),
              range: createRollingRange(7),
              mean: createEwma(5),
            };
            const push = (values: readonly number[], by: number) => {
              for (const each of values) {
                pushMoment(state.moments, each * by);
                pushRange(state.range, each * by);
                pushEwma(state.mean, each * by);
              }
            };
            push(before, factor);
            return { state, push };
          };
          const found = build(1);
          scaleMoments(found.state.moments, scale);
          scaleRange(found.state.range, scale);
          scaleEwma(found.state.mean, scale);
          const expected = build(numerator / denominator);
          found.push(after, 3);
          expected.push(after, 3);
          expect(found.state).toEqual(expected.state);
        },
      ),
    );
  });

  it('of equal values has exactly their scaled value as its mean', () => {
    const state = createRollingMoments(3);
    for (let k = 0; k < 5; k += 1) pushMoment(state, 0.7);
    scaleMoments(state, { numerator: 1, denominator: 7 });
    expect(rollingMean(state)).toBe(0.7 / 7);
  });

  it('leaves what lies outside the part asked for', () => {
    const values = Float64Array.of(1, 2, 3);
    scaleValues(values, { numerator: 10, denominator: 1 }, 1, 2);
    expect([...values]).toEqual([1, 20, 3]);
  });
});
