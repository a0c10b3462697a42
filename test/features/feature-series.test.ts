import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEATURE_NAMES, featureCode } from '../../src/pipeline/0-features/feature-names.ts';
import { createFeatureSeries, featureValue, pushBar } from '../../src/pipeline/0-features/feature-series.ts';
import { type Bar, rescanFeatures } from './rescan.ts';

const tick = fc.record({
  move: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -30, max: 30 }) },
    { weight: 3, arbitrary: fc.constant(0) },
  ),
  up: fc.integer({ min: 0, max: 20 }),
  down: fc.integer({ min: 0, max: 20 }),
  volume: fc.integer({ min: 0, max: 10_000 }),
  gap: fc.integer({ min: 0, max: 40 }),
});

function walk(
  ticks: readonly { move: number; up: number; down: number; volume: number; gap: number }[],
): Bar[] {
  let cents = 10_000;
  return ticks.map(({ move, up, down, volume, gap }) => {
    cents += move;
    return {
      high: (cents + up) / 100,
      low: (cents - down) / 100,
      close: gap === 0 ? Number.NaN : cents / 100,
      volume: gap === 1 ? Number.NaN : volume,
    };
  });
}

function expectFeatures(bars: readonly Bar[], series: ReturnType<typeof createFeatureSeries>): void {
  const expected = rescanFeatures(bars);
  FEATURE_NAMES.forEach((name, code) => {
    const actual = featureValue(series, code);
    const wanted = expected[name];
    if (Number.isFinite(wanted)) {
      const allowed = 1e-9 * Math.max(1e-3, Math.abs(wanted));
      expect(
        Math.abs(actual - wanted),
        `${name} after ${bars.length} bars: ${actual} for ${wanted}`,
      ).toBeLessThan(allowed);
    } else {
      expect(actual, `${name} after ${bars.length} bars`).toBe(wanted);
    }
  });
}

describe('incremental features', () => {
  it('equal a plain rescan of all bars, with missing closes and volumes and with flat stretches', () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 0, maxLength: 130 }), (ticks) => {
        const bars = walk(ticks);
        const series = createFeatureSeries();
        bars.forEach((bar, i) => {
          pushBar(series, bar);
          if (i % 9 === 0 || i === bars.length - 1) expectFeatures(bars.slice(0, i + 1), series);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('keep to the rescan over 700 bars, past the 252 bars of the year range', () => {
    let state = 17;
    const draw = (n: number) => {
      state = (state * 48271) % 2147483647;
      return state % n;
    };
    const bars = walk(
      Array.from({ length: 700 }, () => ({
        move: draw(41) - 20,
        up: draw(9),
        down: draw(9),
        volume: draw(5000),
        gap: 9,
      })),
    );
    const series = createFeatureSeries();
    bars.forEach((bar, i) => {
      pushBar(series, bar);
      if (i % 50 === 0 || i > 690) expectFeatures(bars.slice(0, i + 1), series);
    });
  });

  it('have no value before the first bar', () => {
    const series = createFeatureSeries();
    for (let code = 0; code < FEATURE_NAMES.length; code++) expect(featureValue(series, code)).toBeNaN();
  });

  it('have codes by name, and none for a name nobody defined', () => {
    expect(FEATURE_NAMES.map((name) => featureCode(name))).toEqual(FEATURE_NAMES.map((_, code) => code));
    expect(FEATURE_NAMES).toHaveLength(29);
    for (const name of ['ret_2d', '', 'toString', '__proto__', 'constructor'])
      expect(featureCode(name)).toBeUndefined();
  });
});
