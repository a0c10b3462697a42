import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createStandardizer,
  createStandardScores,
  SCORE_MISSING,
  SCORE_READY,
  SCORE_WARMING_UP,
  type StandardizerState,
  seriesStatistics,
  standardizeCycle,
} from '../../src/pipeline/1-prediction/standardize.ts';
import { column, layout, predictions, SETTINGS } from './fixtures.ts';

function scoreOf(raws: readonly number[], window: number): number {
  const tail = raws.slice(-window);
  const mean = tail.reduce((sum, raw) => sum + raw, 0) / tail.length;
  const std = Math.sqrt(tail.reduce((sum, raw) => sum + (raw - mean) ** 2, 0) / tail.length);
  return std < 1e-9 ? 0 : Math.max(-3, Math.min(3, (raws[raws.length - 1]! - mean) / std));
}

/** A cycle of one raw output a series, kept as doubles. @returns the scores */
function push(state: StandardizerState, ...raws: readonly number[]): Float64Array {
  const out = { scores: new Float64Array(raws.length), status: new Uint8Array(raws.length) };
  const values = Float64Array.from(raws) as unknown as Float32Array;
  standardizeCycle(state, { cycle: 0, values, valid: new Uint8Array(raws.length).fill(1) }, out);
  return out.scores;
}

function pushAll(state: StandardizerState, raws: readonly number[]): number {
  return raws.map((raw) => push(state, raw)[0]!).at(-1)!;
}

describe('standardiser', () => {
  it('equals the definition over the last N float32 outputs of each (column, symbol), through gaps and outliers', () => {
    const raw = fc.option(
      fc.oneof(
        fc.float({ min: -1, max: 1, noNaN: true }),
        fc.constantFrom(0.25, Math.fround(1e4), Math.fround(1e-3)),
      ),
      { freq: 6 },
    );
    const cycle = fc.tuple(raw, raw, raw, raw);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(cycle, { maxLength: 70 }), (window, cycles) => {
        const lay = layout([column({ family: 'a' }), column({ family: 'b' })]);
        const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: window });
        const out = createStandardScores(lay);
        const seen: number[][] = [[], [], [], []];
        for (const values of cycles) {
          standardizeCycle(state, predictions(values), out);
          values.forEach((value, at) => {
            if (value === null) {
              expect([out.status[at], out.scores[at]]).toEqual([SCORE_MISSING, 0]);
              return;
            }
            seen[at]!.push(value);
            const isReady = Math.min(seen[at]!.length, window) >= 3;
            expect(out.status[at]).toBe(isReady ? SCORE_READY : SCORE_WARMING_UP);
            const expected = isReady ? scoreOf(seen[at]!, window) : 0;
            expect(Math.abs(out.scores[at]! - expected)).toBeLessThan(1e-6);
          });
        }
      }),
    );
  });

  it('keeps its digits after 10,000 updates around a large offset', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 300, precision: 'float64' });
    const raws = Array.from({ length: 10_000 }, (_, i) => 5000 + Math.sin(i * 1.7) * 1e-3);
    expect(Math.abs(pushAll(state, raws) - scoreOf(raws, 300))).toBeLessThan(1e-6);
    expect(seriesStatistics(state, 0).count).toBe(300);
  });

  it('gives 0 for outputs without spread, whatever came before', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 5 });
    expect(seriesStatistics(state, 0)).toEqual({ count: 0, mean: 0, std: 0 });
    expect(pushAll(state, [9, 0.1, 0.1, 0.1, 0.1, 0.1])).toBe(0);
    expect(seriesStatistics(state, 0)).toEqual({ count: 5, mean: Math.fround(0.1), std: 0 });
  });

  it('keeps sums of its window after every output, added up anew once a window', () => {
    const lay = layout([column({ family: 'a' }), column({ family: 'b' })], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 6, precision: 'float64' });
    const seen: number[] = [];
    for (let i = 0; i < 40; i++) {
      const raw = Math.sin(i * 1.3) + (i === 9 ? 1e6 : 0);
      push(state, i, raw);
      seen.push(raw);
      const kept = seen.slice(-6);
      const mean = kept.reduce((sum, x) => sum + x, 0) / kept.length;
      const std = Math.sqrt(kept.reduce((sum, x) => sum + (x - mean) ** 2, 0) / kept.length);
      const found = seriesStatistics(state, 1);
      expect(found.count).toBe(kept.length);
      expect(Math.abs(found.mean - mean)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(mean)));
      expect(Math.abs(found.std - std)).toBeLessThanOrEqual(1e-10 * Math.max(1, std));
    }
  });

  it('follows a level that moves far away, before a window has passed', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 50, precision: 'float64' });
    const raws = Array.from({ length: 40 }, (_, i) => (i < 1 ? 0 : 1e7) + Math.sin(i));
    expect(Math.abs(pushAll(state, raws) - scoreOf(raws, 50))).toBeLessThan(1e-6);
    const late = Array.from({ length: 30 }, (_, i) => 1e9 + Math.sin(i));
    const other = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 50, precision: 'float64' });
    const score = pushAll(other, [-1e9, ...late]);
    expect(Math.abs(score - scoreOf([-1e9, ...late], 50))).toBeLessThan(1e-6);
  });

  it('is exact about equal values, also where the newest is the only other one', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 4, standardizeMinStd: 0 });
    expect(pushAll(state, [0.1, 0.1, 0.1])).toBe(0);
    expect(seriesStatistics(state, 0)).toEqual({ count: 3, mean: Math.fround(0.1), std: 0 });
    expect(push(state, 0.7)[0]).toBeCloseTo(Math.sqrt(3), 6);
    expect(seriesStatistics(state, 0).std).toBeGreaterThan(0.2);
  });

  it('never gives minus zero', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, scoreClip: 0, standardizeWindow: 4 });
    expect(pushAll(state, [1, 2, -9])).toBe(0);
  });

  it('ranks a column behind others over its own symbols, and never a barrier', () => {
    const symbols = ['A', 'B', 'C', 'D', 'E'];
    const lay = layout(
      [
        column(),
        column({ kind: 'peak', target: 'will_peak_5m', crossSectionalRanking: true }),
        column({ family: 'rank', crossSectionalRanking: true }),
      ],
      symbols,
    );
    const state = createStandardizer(lay, SETTINGS);
    expect([...state.rankedColumns]).toEqual([2]);
    expect([...state.outputOfSeries]).toEqual([0, 1, 2, 3, 4]);
    const out = createStandardScores(lay);
    standardizeCycle(state, predictions([...Array(10).fill(0.5), 3, 1, 2, 5, 4]), out);
    expect(out.scores[10]).toBe(0);
    expect(out.scores[11]).toBeCloseTo(-1.2815515655446004, 14);
    expect([...out.status].slice(5)).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 2, 2]);
  });

  it('leaves barrier columns to the gate', () => {
    const lay = layout([column({ kind: 'peak', target: 'will_peak_5m' }), column()], ['AAA']);
    const state = createStandardizer(lay, SETTINGS);
    const out = createStandardScores(lay);
    for (const p of [0.1, 0.9, 0.2, 0.8]) standardizeCycle(state, predictions([p, p]), out);
    expect([out.scores[0], out.status[0]]).toEqual([0, SCORE_MISSING]);
    expect(out.status[1]).toBe(SCORE_READY);
  });

  it('ranks the raw scores of a ranking model over the universe, from five symbols on', () => {
    const symbols = ['A', 'B', 'C', 'D', 'E', 'F'];
    const lay = layout([column({ crossSectionalRanking: true })], symbols);
    const state = createStandardizer(lay, SETTINGS);
    const out = createStandardScores(lay);
    standardizeCycle(state, predictions([3, 1, null, 2, 5, 4]), out);
    expect([...out.status]).toEqual([2, 2, 0, 2, 2, 2]);
    expect(out.scores[0]).toBe(0);
    expect(out.scores[1]).toBeCloseTo(-1.2815515655446004, 14);
    expect([...out.scores].reduce((sum, score) => sum + score, 0)).toBeCloseTo(0, 14);
    standardizeCycle(state, predictions([3, 1, null, null, 5, 4]), out);
    expect([...out.scores]).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...out.status]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('goes on from a deep copy as from the state itself', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 7 });
    for (let i = 0; i < 11; i++) push(state, Math.sin(i));
    const copy = structuredClone(state);
    for (let i = 0; i < 20; i++) {
      expect(push(copy, Math.cos(i))).toEqual(push(state, Math.cos(i)));
    }
  });
});
