import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addMark,
  addPoint,
  bandsOf,
  createCurve,
  linesOf,
  marksOf,
  rangeOf,
} from '../../src/report/curve.ts';

/** As many as a curve never holds at once, so that columns are merged a few times. */
const VALUES = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
  minLength: 1,
  maxLength: 6000,
  size: 'max',
});

function curveOf(values: readonly number[]): ReturnType<typeof createCurve> {
  const curve = createCurve();
  for (const value of values) addPoint(curve, [['a', value]]);
  return curve;
}

describe('a curve', () => {
  it('is every point as it came, while there are few', () => {
    const curve = curveOf([3, 1, 2]);
    expect(linesOf(curve, 'a')).toEqual([
      [
        { at: 0, value: 3 },
        { at: 0.5, value: 1 },
        { at: 1, value: 2 },
      ],
    ]);
  });

  it('keeps first, last, least and greatest value of any run, left to right, in bounded memory', () => {
    fc.assert(
      fc.property(VALUES, (values) => {
        const curve = curveOf(values);
        const [line = []] = linesOf(curve, 'a');
        const drawn = line.map(({ value }) => value);
        expect(Math.max(...drawn)).toBe(Math.max(...values));
        expect(Math.min(...drawn)).toBe(Math.min(...values));
        expect(drawn.at(-1)).toBe(values.at(-1));
        expect(rangeOf(curve, 'a')).toEqual({ min: Math.min(...values), max: Math.max(...values) });
        expect(line.length).toBeLessThanOrEqual(2401);
        const [band = []] = bandsOf(curve, 'a');
        expect(Math.max(...band.map(({ max }) => max))).toBe(Math.max(...values));
        expect(Math.min(...band.map(({ min }) => min))).toBe(Math.min(...values));
        line.forEach(({ at }, k) => {
          expect(at).toBeGreaterThanOrEqual(line[k - 1]?.at ?? 0);
        });
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  it('shows a spike of one point among a million', () => {
    const curve = createCurve();
    for (let k = 0; k < 1_000_000; k += 1) addPoint(curve, [['a', k === 654_321 ? 99 : 1]]);
    const line = linesOf(curve, 'a')[0]!;
    const spike = line.find(({ value }) => value === 99);
    expect(spike?.at).toBeCloseTo(0.654, 2);
    expect(line.length).toBeLessThan(2500);
  });

  it('draws the extremes of a column in the order they came', () => {
    const rising = Array.from({ length: 5000 }, (_, k) => k);
    for (const values of [rising, rising.toReversed()]) {
      const line = linesOf(curveOf(values), 'a')[0]!.map(({ value }) => value);
      const sorted = [...line].sort((a, b) => a - b);
      expect(line).toEqual(values === rising ? sorted : sorted.reverse());
    }
  });

  it('has no line where a series has no values', () => {
    const curve = createCurve();
    addPoint(curve, [['a', 1]]);
    addPoint(curve, []);
    addPoint(curve, [['a', 2]]);
    expect(linesOf(curve, 'a').map((line) => line.length)).toEqual([1, 1]);
    expect(linesOf(curve, 'b')).toEqual([]);
    expect(rangeOf(curve, 'b')).toBeUndefined();
  });

  it('counts marks where they were, however many points follow', () => {
    const curve = createCurve();
    for (let k = 0; k < 100_000; k += 1) {
      addPoint(curve, [['a', 0]]);
      if (k % 1000 === 500) addMark(curve, 'error');
    }
    const marks = marksOf(curve, 'error', 50);
    expect(marks.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    expect(marks.length).toBeLessThanOrEqual(51);
    expect(marks[0]?.at).toBeLessThan(0.02);
  });
});
