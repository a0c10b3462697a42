import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
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

/** The same state with every access to an element of its arrays counted. */
function counted<T extends object>(state: T): { readonly series: T; readonly touches: () => number } {
  let touches = 0;
  const wrap = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) return watch(value as Float64Array);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, wrap(inner)]));
  };
  const watch = (array: Float64Array): Float64Array =>
    new Proxy(array, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') {
          touches += 1;
          return value;
        }
        return (...args: unknown[]) => {
          touches += target.length;
          return Reflect.apply(value, target, args);
        };
      },
      set(target, key, value) {
        touches += 1;
        return Reflect.set(target, key, value, target);
      },
    });
  return { series: wrap(state) as T, touches: () => touches };
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

  it('go on to the same bits from a snapshot taken after any bar', () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 90 }), fc.nat(), (ticks, cut) => {
        const bars = walk(ticks);
        const series = createFeatureSeries();
        const taken = cut % bars.length;
        for (const bar of bars.slice(0, taken)) pushBar(series, bar);
        const restored = decodeState(encodeState(series)) as typeof series;
        for (const bar of bars.slice(taken)) {
          pushBar(series, bar);
          pushBar(restored, bar);
        }
        expect(encodeState(restored)).toEqual(encodeState(series));
        FEATURE_NAMES.forEach((name, code) => {
          expect(Object.is(featureValue(restored, code), featureValue(series, code)), name).toBe(true);
        });
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['a walk', (i: number) => 100 + ((i * 7919) % 41)],
    ['a climb', (i: number) => 100 + i / 1000],
    ['a slide', (i: number) => 100 - i / 1000],
  ])('read and write as little a bar after 6,000 bars as after 1,000: %s', (_what, closeOf) => {
    const { series, touches } = counted(createFeatureSeries());
    const costOf = (from: number, to: number): number => {
      const before = touches();
      for (let i = from; i < to; i++) {
        pushBar(series, { high: closeOf(i) + 1, low: closeOf(i) - 1, close: closeOf(i), volume: 100 });
        for (let code = 0; code < FEATURE_NAMES.length; code++) featureValue(series, code);
      }
      return (touches() - before) / (to - from);
    };
    costOf(0, 1000);
    const early = costOf(1000, 2000);
    costOf(2000, 6000);
    const late = costOf(6000, 7000);
    expect(late).toBeLessThan(early * 1.02);
    expect(late).toBeLessThan(400);
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
