import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageRanks } from '../../src/math/rank.ts';
import {
  calibrateCycle,
  createCalibratedScores,
  createCalibrationPlan,
} from '../../src/pipeline/1-prediction/calibrate.ts';
import {
  type ConfidenceState,
  capacity,
  confidence,
  countConfidenceCycle,
  createConfidence,
  freshness,
  observePair,
  recomputeConfidence,
} from '../../src/pipeline/1-prediction/confidence.ts';
import {
  createStandardScores,
  SCORE_READY,
  SCORE_WARMING_UP,
} from '../../src/pipeline/1-prediction/standardize.ts';
import { column, layout, SETTINGS } from './fixtures.ts';

type PairXY = readonly [prediction: number, realized: number];

function one(overrides: Partial<typeof SETTINGS> = {}): ConfidenceState {
  return createConfidence(layout([column()], ['AAA']), { ...SETTINGS, ...overrides });
}

function observeAll(state: ConfidenceState, pairs: readonly PairXY[]): ConfidenceState {
  for (const [x, y] of pairs) observePair(state, 0, x, y);
  recomputeConfidence(state);
  return state;
}

function pearson(x: Float64Array, y: Float64Array): number {
  const mean = (v: Float64Array) => v.reduce((sum, value) => sum + value, 0) / v.length;
  const [mx, my] = [mean(x), mean(y)];
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    xy += (x[i]! - mx) * (y[i]! - my);
    xx += (x[i]! - mx) ** 2;
    yy += (y[i]! - my) ** 2;
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

/** The definitions, pair by pair, over all pairs ever seen and a window at each step. */
function definitions(pairs: readonly PairXY[], window: number) {
  const errors = pairs.map(([x, y], i) => {
    const earlier = pairs.slice(Math.max(0, i - window), i);
    const xx = earlier.reduce((sum, [ex]) => sum + ex * ex, 0);
    const xy = earlier.reduce((sum, [ex, ey]) => sum + ex * ey, 0);
    return ((xx > 0 ? xy / xx : 0) * x - y) ** 2;
  });
  const kept = pairs.slice(-window);
  const squaredErrors = errors.slice(-window).reduce((sum, error) => sum + error, 0);
  const squares = kept.reduce((sum, [, y]) => sum + y * y, 0);
  const ranks = (side: 0 | 1) => averageRanks(Float64Array.from(kept, (pair) => pair[side]));
  return {
    n: kept.length,
    ic: kept.length < 2 ? 0 : pearson(ranks(0), ranks(1)),
    stability: squares > 0 ? 1 / Math.max(1, Math.sqrt(squaredErrors / squares)) : 0.5,
  };
}

describe('confidence of a column', () => {
  it('equals its definitions over the window', () => {
    const value = fc.oneof(fc.float({ min: -1, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, -0.25, 1000));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, value), { maxLength: 120 }),
        fc.integer({ min: 6, max: 40 }),
        (pairs, window) => {
          const state = observeAll(one({ icWindow: window }), pairs);
          const expected = definitions(pairs, window);
          const isEnough = expected.n >= SETTINGS.icMinPairs;
          expect(state.ic[0]).toBeCloseTo(isEnough ? expected.ic : 0, 10);
          const shrunk = (expected.ic * expected.n) / (expected.n + SETTINGS.icShrinkPairs);
          expect(state.icShrunk[0]).toBeCloseTo(isEnough ? shrunk : 0, 10);
          expect(state.stability[0]).toBeCloseTo(isEnough ? expected.stability : 0.5, 6);
        },
      ),
    );
  });

  it('is the default below the minimum of pairs and for returns that never move', () => {
    const few = observeAll(one(), [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    expect([few.ic[0], few.icShrunk[0], few.stability[0]]).toEqual([0, 0, 0.5]);
    const still = observeAll(
      one(),
      Array.from({ length: 9 }, (_, i) => [i, 0] as const),
    );
    expect([still.ic[0], still.stability[0]]).toEqual([0, 0.5]);
  });

  it('is 1 for forecasts that are proportional to the outcome, whatever the scale', () => {
    const pairs = Array.from({ length: 100 }, (_, i) => [1e4 * Math.sin(i), 1e-3 * Math.sin(i)] as const);
    const state = observeAll(one(), pairs);
    expect(state.stability[0]).toBe(1);
    expect(state.ic[0]).toBe(1);
    expect(state.icShrunk[0]).toBeCloseTo(100 / 120, 12);
  });

  it('recomputes every so many cycles and when told to at the close', () => {
    const state = one();
    for (let i = 0; i < 10; i++) observePair(state, 0, i, i);
    expect([countConfidenceCycle(state), countConfidenceCycle(state), state.ic[0]]).toEqual([
      false,
      false,
      0,
    ]);
    expect([countConfidenceCycle(state), state.ic[0]]).toEqual([true, 1]);
    for (let i = 0; i < 10; i++) observePair(state, 0, i, -i);
    countConfidenceCycle(state);
    expect(state.ic[0]).toBe(1);
    recomputeConfidence(state);
    expect(state.ic[0]).toBeLessThan(0.1);
    expect([countConfidenceCycle(state), countConfidenceCycle(state), countConfidenceCycle(state)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('keeps columns apart, skips barriers, and goes on from a deep copy as from the state itself', () => {
    const columns = [
      column({ family: 'a' }),
      column({ kind: 'valley', target: 'will_valley_5m' }),
      column({ family: 'b' }),
    ];
    const state = createConfidence(layout(columns), { ...SETTINGS, icWindow: 30 });
    const pass = (to: ConfidenceState, from: number, until: number) => {
      for (let i = from; i < until; i++) {
        observePair(to, 0, Math.sin(i * i), Math.sin(i));
        observePair(to, 2, Math.cos(i), Math.cos(i * 3));
        if (i % 7 === 0) recomputeConfidence(to);
      }
      recomputeConfidence(to);
    };
    pass(state, 0, 50);
    const copy = structuredClone(state);
    pass(state, 50, 90);
    pass(copy, 50, 90);
    expect(copy.ic).toEqual(state.ic);
    expect(copy.stability).toEqual(state.stability);
    expect(state.tracks[1]).toBeUndefined();
    expect(state.ic[0]).not.toBe(state.ic[2]);
  });
});

describe('the sums of a column', () => {
  const WINDOW = 10;

  /** The sums of the newest pairs of a window, added up from the pairs and errors it holds. */
  const sumsAgain = (state: ConfidenceState) => {
    const { pairs, squaredErrors } = state.tracks[0]!;
    const { x, y, pushed, count } = pairs;
    const sums = [0, 0, 0, 0];
    for (let sequence = pushed - count; sequence < pushed; sequence++) {
      const k = sequence & (x.length - 1);
      sums[0]! += x[k]! * y[k]!;
      sums[1]! += x[k]! * x[k]!;
      sums[2]! += y[k]! * y[k]!;
      sums[3]! += squaredErrors[k]!;
    }
    return sums;
  };
  const sumsOf = (state: ConfidenceState) => {
    const { sumXY, sumXX, sumYY, sumErrors } = state.tracks[0]!;
    return [sumXY, sumXX, sumYY, sumErrors];
  };
  const expectSums = (state: ConfidenceState) => {
    const again = sumsAgain(state);
    sumsOf(state).forEach((sum, k) => {
      expect(Math.abs(sum - again[k]!)).toBeLessThanOrEqual(1e-9 * Math.abs(again[k]!) + 1e-15);
    });
  };

  it('are those of its window after every pair, and are added up anew once a window', () => {
    const state = one({ icWindow: WINDOW });
    for (let i = 0; i < 45; i++) {
      observePair(state, 0, Math.sin(i) + 0.5, Math.cos(i * i));
      expectSums(state);
      expect(state.tracks[0]!.sinceRebuild).toBe((i + 1) % WINDOW);
    }
  });

  it.each([
    ['an output', 1e7, 0.003],
    ['a return', 0.004, 1e7],
    ['a pair', 1e7, -2e7],
  ])('keep their digits when %s that was large leaves the window', (_what, x, y) => {
    const state = one({ icWindow: WINDOW });
    for (let i = 0; i < 33; i++) {
      if (i === 4) observePair(state, 0, x, y);
      else observePair(state, 0, 1e-3 * Math.sin(i), 1e-3 * Math.cos(i));
      // while it is inside, the others are lost beside it
      if (i < 4 || i > 4 + WINDOW) expectSums(state);
    }
  });

  it('hold no minus zero', () => {
    const state = one();
    observePair(state, 0, -0, -0);
    expect([state.tracks[0]!.pairs.x[0], state.tracks[0]!.pairs.y[0]]).toEqual([0, 0]);
  });

  it('of a single pair say nothing', () => {
    const state = observeAll(one({ icMinPairs: 1 }), [[1, 2]]);
    expect([state.ic[0], state.icShrunk[0], state.stability[0]]).toEqual([0, 0, 0.5]);
    observePair(state, 0, 2, 3);
    recomputeConfidence(state);
    expect(state.ic[0]).toBe(1);
  });
});

describe('columns by horizon', () => {
  it('follow the first return column of their own, barriers aside, minutes apart from sessions', () => {
    const lay = layout([
      column({ kind: 'peak', target: 'will_peak_5m' }),
      column({ family: 'a', horizonLabel: '5m' }),
      column({ family: 'a', horizonLabel: '1d' }),
      column({ family: 'b', horizonLabel: '5m' }),
      column({ family: 'a', horizonLabel: '390m' }),
      column({ family: 'a', horizonLabel: '10m' }),
    ]);
    const state = createConfidence(lay, SETTINGS);
    expect(state.tracks.map((track) => track?.leader)).toEqual([undefined, 1, 2, 1, 4, 5]);
    expect([...state.order]).toEqual([1, 3, 2, 4, 5]);
  });
});

describe('columns of one horizon', () => {
  const value = fc.option(fc.float({ min: -1, max: 1, noNaN: true }), { freq: 12 });

  it('have the results each would have alone, whether or not they saw the same returns', () => {
    const families = ['a', 'b', 'c'];
    const lay = layout(families.map((family) => column({ family })));
    const pairOf = fc.tuple(value, value, value, fc.float({ min: -1, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(fc.array(pairOf, { maxLength: 9 }), { maxLength: 25 }), (batches) => {
        const settings = { ...SETTINGS, icWindow: 12 };
        const together = createConfidence(lay, settings);
        const alone = families.map(() => one({ icWindow: 12 }));
        for (const batch of batches) {
          families.forEach((_, c) => {
            for (const row of batch) {
              const x = row[c as 0 | 1 | 2];
              if (x === null) continue;
              observePair(together, c, x, row[3]);
              observePair(alone[c]!, 0, x, row[3]);
            }
          });
          recomputeConfidence(together);
          for (const state of alone) recomputeConfidence(state);
          expect([...together.ic]).toEqual(alone.map((state) => state.ic[0]));
          expect([...together.stability]).toEqual(alone.map((state) => state.stability[0]));
        }
      }),
    );
  });

  it('share their ranks once the window holds the same returns, also after a late start', () => {
    const lay = layout([column({ family: 'a' }), column({ family: 'b' })]);
    const state = createConfidence(lay, { ...SETTINGS, icWindow: 20 });
    const alone = one({ icWindow: 20 });
    for (let i = 0; i < 60; i++) {
      observePair(state, 0, Math.sin(i), Math.cos(i * i));
      if (i >= 7) observePair(state, 1, Math.sin(i * 3), Math.cos(i * i));
      if (i >= 7) observePair(alone, 0, Math.sin(i * 3), Math.cos(i * i));
      recomputeConfidence(state);
    }
    recomputeConfidence(alone);
    expect(state.ic[1]).toBe(alone.ic[0]);
    expect(state.tracks[1]!.sameRun).toBeGreaterThan(20);
  });
});

describe('factors of confidence', () => {
  it('freshness falls with age and never exceeds 1', () => {
    expect([freshness(0, 150), freshness(-5, 150)]).toEqual([1, 1]);
    expect(freshness(150, 150)).toBeCloseTo(Math.exp(-1), 15);
  });

  it('capacity is the part of the plan the market can carry, 1 when either is unknown', () => {
    expect(capacity({ advDollars: 1e6, plannedDollars: 2e5, kappa: 0.1 })).toBe(0.5);
    expect(capacity({ advDollars: 1e9, plannedDollars: 2e5, kappa: 0.1 })).toBe(1);
    expect(capacity({ advDollars: 0, plannedDollars: 2e5, kappa: 0.1 })).toBe(1);
    expect(capacity({ advDollars: 1e6, plannedDollars: 0, kappa: 0.1 })).toBe(1);
  });

  it('multiplies, with a floor under the IC', () => {
    const parts = { floor: 0.01, freshness: 0.5, capacity: 0.5, stability: 0.8 };
    expect(confidence({ ...parts, icShrunk: 0.1 })).toBeCloseTo(0.02, 15);
    expect(confidence({ ...parts, icShrunk: -0.3 })).toBeCloseTo(0.002, 15);
  });
});

describe('calibration', () => {
  it('multiplies every ready score by its confidence, with the freshness of its own horizon', () => {
    const columns = [
      column({ horizonLabel: '5m' }),
      column({ horizonLabel: '1d' }),
      column({ kind: 'peak' }),
    ];
    const lay = layout(columns);
    const state = createConfidence(lay, SETTINGS);
    state.icShrunk.set([0.2, 0, 0.9]);
    state.stability.set([1, 0.5, 1]);
    const scores = createStandardScores(lay);
    scores.scores.set([2, -1, 3, 1, 0, 0]);
    scores.status.set([SCORE_READY, SCORE_READY, SCORE_READY, SCORE_WARMING_UP, 0, 0]);
    const out = createCalibratedScores(lay);
    const inputs = { scores, ageSeconds: Float64Array.of(0, 150), capacity: Float64Array.of(1, 0.5) };
    const present = new Uint8Array(out.calibrated.length);
    calibrateCycle(createCalibrationPlan(lay, SETTINGS), state, inputs, out, present);
    const fresh = Math.exp(-1);
    expect(out.confidence[0]).toBe(0.2);
    expect(out.confidence[1]).toBeCloseTo(0.2 * fresh * 0.5, 15);
    expect(out.confidence[3]).toBeCloseTo(0.01 * Math.exp(-150 / 7200) * 0.5 * 0.5, 15);
    expect(out.calibrated[0]).toBe(0.4);
    expect(out.calibrated[1]).toBeCloseTo(-0.2 * fresh * 0.5, 15);
    expect([out.calibrated[3], out.calibrated[4], out.confidence[4]]).toEqual([0, 0, 0]);
    expect([...present]).toEqual([1, 1, 1, 0, 0, 0]);
    scores.scores[0] = -0;
    present.fill(1);
    calibrateCycle(createCalibrationPlan(lay, SETTINGS), state, inputs, out, present);
    expect(out.calibrated[0]).toBe(0);
    expect([...present]).toEqual([1, 1, 1, 0, 0, 0]);
  });
});
