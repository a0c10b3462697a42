import { describe, expect, it } from 'vitest';
import { calibrate, LEAST_POINTS, type SlippagePoint } from '../../src/research/shadow/calibrate.ts';
import { SETTINGS } from '../exchange/bars.ts';

const MODEL = { ...SETTINGS, slippageBps: 1, impactBps: 10 };

/** Fills at a part of the volume, the one 1 bps above and the next 1 bps below what they cost on average. */
function fills(count: number, participation: number, meanBps: number): SlippagePoint[] {
  return Array.from({ length: count }, (_, k) => ({
    participation,
    costBps: meanBps + (k % 2 === 0 ? 1 : -1),
  }));
}

describe('the model of slippage, fitted to fills', () => {
  it('is a line over the root of participation, with the standard errors of least squares', () => {
    // roots of 0.1 and 0.3, means of 3 and 5: slope 10, constant 2; 32 residuals of 1, 30 degrees of freedom
    const points = [...fills(16, 0.01, 3), ...fills(16, 0.09, 5)];
    const { slippage, impact, realisedBps, modelBps, refusal } = calibrate({ points, leftOut: 2 }, MODEL);
    expect(refusal).toBeNull();
    expect(impact!.bps).toBeCloseTo(10, 10);
    expect(impact!.standardErrorBps).toBeCloseTo(Math.sqrt(32 / 30 / 0.32), 10);
    expect(slippage!.bps).toBeCloseTo(2, 10);
    expect(slippage!.standardErrorBps).toBeCloseTo(Math.sqrt((32 / 30) * (1 / 32 + 0.04 / 0.32)), 10);
    expect([realisedBps, modelBps]).toEqual([4, expect.closeTo(3, 10)]);
  });

  it.each([
    ['too few fills', fills(LEAST_POINTS - 1, 0.01, 3), 'too_few'],
    ['none', [], 'too_few'],
    ['fills that are all the same part of the volume', fills(LEAST_POINTS, 0.04, 3), 'one_participation'],
  ] as const)('is refused for %s', (_name, points, refusal) => {
    expect(calibrate({ points: [...points], leftOut: 0 }, MODEL)).toMatchObject({
      ...{ refusal, slippage: null, impact: null, points: points.length },
      realisedBps: points.length === 0 ? null : expect.any(Number),
    });
  });
});
