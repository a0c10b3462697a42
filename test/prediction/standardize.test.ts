import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createStandardizer,
  createStandardScores,
  latestScore,
  pushRaw,
  SCORE_MISSING,
  SCORE_READY,
  SCORE_WARMING_UP,
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
    for (const raw of raws) pushRaw(state, 0, Float64Array.of(raw), 0);
    expect(Math.abs(latestScore(state, 0) - scoreOf(raws, 300))).toBeLessThan(1e-6);
    expect(seriesStatistics(state, 0).count).toBe(300);
  });

  it('gives 0 for outputs without spread, whatever came before', () => {
    const lay = layout([column()], ['AAA']);
    const state = createStandardizer(lay, { ...SETTINGS, standardizeWindow: 5 });
    expect(seriesStatistics(state, 0)).toEqual({ count: 0, mean: 0, std: 0 });
    for (const raw of [9, 0.1, 0.1, 0.1, 0.1, 0.1]) pushRaw(state, 0, Float64Array.of(raw), 0);
    expect(latestScore(state, 0)).toBe(0);
    expect(seriesStatistics(state, 0)).toEqual({ count: 5, mean: Math.fround(0.1), std: 0 });
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
    for (let i = 0; i < 11; i++) pushRaw(state, 0, Float64Array.of(Math.fround(Math.sin(i))), 0);
    const copy = structuredClone(state);
    for (let i = 0; i < 20; i++) {
      pushRaw(state, 0, Float64Array.of(Math.fround(Math.cos(i))), 0);
      pushRaw(copy, 0, Float64Array.of(Math.fround(Math.cos(i))), 0);
      expect(latestScore(copy, 0)).toBe(latestScore(state, 0));
    }
  });
});
