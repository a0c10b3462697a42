import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  annualizedReturn,
  calmarRatio,
  createDrawdown,
  returnsOf,
  sharpeRatio,
  sortinoRatio,
  updateDrawdown,
} from '../../src/report/measures.ts';

describe('measures', () => {
  it('textbook values', () => {
    const returns = [0.01, -0.02, 0.03];
    const mean = 0.02 / 3;
    const deviation = Math.sqrt(((0.01 - mean) ** 2 + (-0.02 - mean) ** 2 + (0.03 - mean) ** 2) / 2);
    expect(sharpeRatio(returns, 252)).toBeCloseTo((mean / deviation) * Math.sqrt(252), 12);
    expect(sortinoRatio(returns, 252)).toBeCloseTo((mean / Math.sqrt(0.0004 / 3)) * Math.sqrt(252), 12);
    expect(annualizedReturn(0.21, 2)).toBeCloseTo(0.1, 12);
    expect(annualizedReturn(-1, 2)).toBe(-1);
    expect(calmarRatio(0.1, 0.05)).toBe(2);
    expect(returnsOf([100, 110, 99])).toEqual([expect.closeTo(0.1, 12), expect.closeTo(-0.1, 12)]);
  });

  it('what is not defined is null, never NaN or 0', () => {
    expect(sharpeRatio([], 252)).toBeNull();
    expect(sharpeRatio([0.01], 252)).toBeNull();
    expect(sharpeRatio([0, 0, 0], 252)).toBeNull();
    expect(sharpeRatio([0.1, 0.1, 0.1 + 1e-17], 252)).toBeNull();
    expect(sortinoRatio([0.01, 0.02], 252)).toBeNull();
    expect(annualizedReturn(0.1, 0)).toBeNull();
    expect(calmarRatio(null, 0.1)).toBeNull();
    expect(calmarRatio(0.1, 0)).toBeNull();
    expect(returnsOf([])).toEqual([]);
    expect(returnsOf([100, 0, 50])).toEqual([-1]);
  });

  it('the drawdown lasts from the peak to the recovery, or to the newest point', () => {
    const drawdown = createDrawdown({ equityMicros: 100, tUs: 0 });
    const depths = [120, 90, 110, 120, 130, 129].map((equityMicros, k) =>
      updateDrawdown(drawdown, { equityMicros, tUs: k + 1 }),
    );
    expect(depths).toEqual([0, 0.25, expect.closeTo(1 / 12, 12), 0, 0, expect.closeTo(1 / 130, 12)]);
    expect(drawdown).toMatchObject({ maxFrac: 0.25, maxMicros: 30, maxDurationUs: 3, peakMicros: 130 });
    updateDrawdown(drawdown, { equityMicros: 129, tUs: 50 });
    expect(drawdown.maxDurationUs).toBe(45);
  });

  it('the streamed drawdown is the worst fall between any two points, whatever the curve', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 40 }), (curve) => {
        const drawdown = createDrawdown({ equityMicros: curve[0], tUs: 0 });
        for (const [tUs, equityMicros] of curve.entries()) updateDrawdown(drawdown, { equityMicros, tUs });
        let worst = 0;
        for (let i = 0; i < curve.length; i += 1) {
          for (let j = i; j < curve.length; j += 1) worst = Math.max(worst, (curve[i] - curve[j]) / curve[i]);
        }
        expect(drawdown.maxFrac).toBeCloseTo(worst, 12);
      }),
    );
  });
});
