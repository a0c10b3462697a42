import { describe, expect, it } from 'vitest';
import { normalCdf, normalQuantile } from '../../src/math/normal.ts';

describe('the normal distribution', () => {
  // Values to 16 digits: Abramowitz and Stegun, table 26.1 and DLMF 7.17.
  it.each([
    [0, 0.5],
    [1, 0.8413447460685429],
    [1.96, 0.9750021048517795],
    [-3, 0.0013498980316300946],
    [-6, 9.865876450376981e-10],
    [-8, 6.220960574271785e-16],
  ])('is below %f with probability %f', (x, probability) => {
    expect(Math.abs(normalCdf(x) - probability)).toBeLessThan(1e-15);
    expect(Math.abs(normalCdf(-x) - (1 - probability))).toBeLessThan(1e-15);
  });

  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.9, 1.2815515655446004],
    [1e-10, -6.361340902404056],
    [1e-300, -37.0471],
  ])('is below its quantile with probability %f', (probability, x) => {
    expect(normalQuantile(probability)).toBeCloseTo(x, probability < 1e-100 ? 4 : 13);
  });

  it('has quantiles that undo its probabilities', () => {
    for (let p = 0.0005; p < 1; p += 0.0005) expect(normalCdf(normalQuantile(p))).toBeCloseTo(p, 13);
  });

  it('ends at nothing and everything', () => {
    expect([normalCdf(-40), normalCdf(40)]).toEqual([0, 1]);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    expect(normalQuantile(1.5)).toBeNaN();
  });
});
