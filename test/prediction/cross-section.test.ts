import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  crossSectionalSignals,
  percentileRanks,
  probit,
  rankToSignal,
} from '../../src/pipeline/1-prediction/cross-section.ts';

/** Normal distribution function by numerical integration of the density from 0 (Simpson). */
function normalCdf(x: number): number {
  const steps = 2000;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let k = 1; k < steps; k++) sum += density((x * k) / steps) * (k % 2 === 0 ? 2 : 4);
  return 0.5 + (sum * x) / steps / 3;
}

describe('normal quantile', () => {
  it('inverts the distribution function', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (p) => {
        expect(Math.abs(normalCdf(probit(p)) - p)).toBeLessThan(1e-11);
      }),
    );
  });

  it('reaches far into the tails and is antisymmetric', () => {
    expect(probit(1e-10)).toBeCloseTo(-6.361340902404056, 13);
    expect(probit(1e-20)).toBeCloseTo(-9.262340089798409, 12);
    expect(probit(0.5)).toBe(0);
    for (const p of [0.25, 0.0625, 0.015625, 0.0009765625]) expect(probit(1 - p)).toBe(-probit(p));
  });
});

describe('cross-sectional ranking', () => {
  it('has percentiles with mean 1/2 and, without clipping, signals that sum to 0', () => {
    const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 80 }), (values) => {
        const percentiles = percentileRanks(Float64Array.from(values));
        const mean = percentiles.reduce((sum, p) => sum + p, 0) / values.length;
        expect(mean).toBeCloseTo(0.5, 12);
        expect(percentiles.every((p) => p > 0 && p < 1)).toBe(true);
      }),
    );
    const distinct = Float64Array.from({ length: 40 }, (_, i) => (i * 17) % 40);
    const signals = crossSectionalSignals(distinct, { clip: 3, minSymbols: 5 })!;
    expect(signals.reduce((sum, signal) => sum + signal, 0)).toBeCloseTo(0, 12);
  });

  it('gives nothing below the minimum and clips the rest', () => {
    expect(crossSectionalSignals(Float64Array.of(1, 2, 3, 4), { clip: 3, minSymbols: 5 })).toBeUndefined();
    expect([rankToSignal(0, 3), rankToSignal(1, 3), rankToSignal(0.001, 3), rankToSignal(2, 3)]).toEqual([
      -3, 3, -3, 3,
    ]);
  });
});
