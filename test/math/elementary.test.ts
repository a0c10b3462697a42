import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, expm1, ln, pow, tanh } from '../../src/math/elementary.ts';

function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(
    4 * Number.EPSILON * Math.max(1e-300, Math.abs(expected)),
  );
}

describe('elementary functions', () => {
  it('agree with the platform to a few units in the last place', () => {
    fc.assert(
      fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (x) => {
        near(exp(x), Math.exp(x));
        near(expm1(x), Math.expm1(x));
        near(tanh(x), Math.tanh(x));
        const positive = Math.abs(x) + 1e-6;
        near(ln(positive), Math.log(positive));
        near(pow(positive, 0.75), positive ** 0.75);
      }),
    );
  });

  it('have these exact bits on every machine', () => {
    expect(exp(-0.3)).toBe(0.7408182206817179);
    expect(expm1(0.01)).toBe(0.010050167084168058);
    expect(ln(0.3)).toBe(-1.2039728043259361);
    expect(pow(0.3, 0.85)).toBe(0.35937930668721074);
    expect(tanh(0.7)).toBe(0.6043677771171635);
  });
});
