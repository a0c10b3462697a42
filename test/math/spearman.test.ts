import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPrng } from '../../src/math/prng.ts';
import { averageRanks } from '../../src/math/rank.ts';
import { createRankWorkspace } from '../../src/math/sorted-window.ts';
import {
  createSpearmanWindow,
  MAX_SPEARMAN_CAPACITY,
  pushPair,
  spearman,
  spearmanOfShared,
} from '../../src/math/spearman.ts';

function naiveRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

function naiveSpearman(pairs: readonly (readonly [number, number])[]): number {
  const n = pairs.length;
  const rx = naiveRanks(pairs.map((pair) => pair[0]));
  const ry = naiveRanks(pairs.map((pair) => pair[1]));
  const mean = (n + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < n; i++) {
    xy += (rx[i]! - mean) * (ry[i]! - mean);
    xx += (rx[i]! - mean) ** 2;
    yy += (ry[i]! - mean) ** 2;
  }
  return n < 2 || xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

/** In integers, as the rolling one; its ranks are found by sorting, and held to naive counting below. */
function rankedSpearman(pairs: readonly (readonly [number, number])[]): number {
  const rx = averageRanks(Float64Array.from(pairs, ([x]) => x)).map((rank) => 2 * rank);
  const ry = averageRanks(Float64Array.from(pairs, ([, y]) => y)).map((rank) => 2 * rank);
  const centre = pairs.length * (pairs.length + 1) ** 2;
  const sumOf = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return (sumOf(rx, ry) - centre) / Math.sqrt((sumOf(rx, rx) - centre) * (sumOf(ry, ry) - centre));
}

const tiedValue = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.double({ min: -1e30, max: 1e30, noNaN: true }),
);
const pair = fc.tuple(tiedValue, tiedValue);

describe('average ranks', () => {
  it('equal counting, with ties sharing their mean', () => {
    fc.assert(
      fc.property(fc.array(tiedValue, { maxLength: 60 }), (values) => {
        expect(Array.from(averageRanks(Float64Array.from(values)))).toEqual(naiveRanks(values));
      }),
    );
  });
});

describe('rolling Spearman', () => {
  it('equals a naive recomputation over the window, however many pairs came between two questions', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.array(pair, { maxLength: 25 }), { maxLength: 8 }),
        (capacity, batches) => {
          const window = createSpearmanWindow(capacity);
          const workspace = createRankWorkspace(capacity, 2);
          const all: (readonly [number, number])[] = [];
          for (const batch of batches) {
            for (const [x, y] of batch) {
              pushPair(window, x, y);
              all.push([Math.fround(x), Math.fround(y)]);
            }
            const expected = naiveSpearman(all.slice(-capacity));
            expect(Math.abs(spearman(window, workspace) - expected)).toBeLessThan(1e-12);
          }
        },
      ),
    );
  });

  it.each([
    { what: 'few ties', levels: 2_000, scale: 1 },
    { what: 'many ties', levels: 40, scale: 1 / 8 },
    { what: 'leading bits in common', levels: 5_000, scale: 2 ** -20 },
  ])('equals average ranks wherever ties, new and dropped values meet: $what', ({ what, levels, scale }) => {
    const draw = createPrng(['meetings', what]);
    const value = () => Math.fround(1 + Math.floor(draw() * levels - levels / 2) * scale);
    for (let k = 0; k < 40; k++) {
      const capacity = 100 + Math.floor(draw() * 400);
      const workspace = createRankWorkspace(capacity, 3);
      const pairs: (readonly [number, number])[] = [];
      const older = createSpearmanWindow(capacity);
      const younger = createSpearmanWindow(capacity);
      for (let i = 0; i < k; i++) pushPair(older, value(), value());
      for (let round = 0; round < 12; round++) {
        const count = round === 0 ? capacity : Math.floor(draw() * 60);
        for (let i = 0; i < count; i++) {
          const [x, y] = [value(), value()];
          pairs.push([x, y]);
          pushPair(older, x, y);
          pushPair(younger, x, y);
        }
        const expected = rankedSpearman(pairs.slice(-capacity));
        expect(spearmanOfShared([older, younger], workspace)).toEqual([expected, expected]);
      }
    }
  });

  it('refuses more rings than there is room for', () => {
    const workspace = createRankWorkspace(10, 2);
    const windows = [createSpearmanWindow(10), createSpearmanWindow(10)];
    for (const window of windows) for (let i = 0; i < 10; i++) pushPair(window, i, i * i);
    expect(spearman(windows[0]!, workspace)).toBe(1);
    expect(() => spearman(windows[1]!, workspace)).toThrow('more than the 2 rings');
  });

  it('takes a whole window at once as it takes it in parts', () => {
    const draw = createPrng(['whole']);
    const window = createSpearmanWindow(5000);
    const pairs = Array.from({ length: 5000 }, () => [draw() - 0.5, Math.floor(draw() * 900)] as const);
    for (const [x, y] of pairs) pushPair(window, x, y);
    expect(spearman(window)).toBe(rankedSpearman(pairs.map(([x, y]) => [Math.fround(x), y])));
  });

  it('gives the same bits from a restored ring as from the running structure', () => {
    const draw = createPrng(['restore']);
    const window = createSpearmanWindow(2000);
    const workspace = createRankWorkspace(2000, 2);
    for (let k = 0; k < 30; k++) {
      for (let i = 0; i < 300; i++) {
        const x = Math.fround(draw());
        pushPair(window, k % 3 === 0 ? Math.round(x * 20) : x, Math.round(draw() * 500) + x);
      }
      expect(spearman(structuredClone(window))).toBe(spearman(window, workspace));
    }
  });

  it('tells apart values that agree in their leading bits', () => {
    const window = createSpearmanWindow(64);
    for (let i = 0; i < 64; i++) pushPair(window, 1 + i * 2 ** -23, -1 - ((i * 7) % 64) * 2 ** -23);
    const expected = naiveSpearman(Array.from({ length: 64 }, (_, i) => [i, -((i * 7) % 64)] as const));
    expect(spearman(window)).toBeCloseTo(expected, 13);
  });

  it('is exactly 1 and -1 for monotone pairs and 0 where it is undefined', () => {
    const up = createSpearmanWindow(100);
    const down = createSpearmanWindow(100);
    const flat = createSpearmanWindow(100);
    for (let i = 0; i < 100; i++) {
      pushPair(up, i, i * i * i);
      pushPair(down, i, -i);
      pushPair(flat, i, -0 * (i % 2));
    }
    expect([spearman(up), spearman(down), spearman(flat)]).toEqual([1, -1, 0]);
    expect(spearman(createSpearmanWindow(5))).toBe(0);
  });

  it('refuses a window whose sums would not be exact', () => {
    expect(() => createSpearmanWindow(MAX_SPEARMAN_CAPACITY + 1)).toThrow(RangeError);
    expect(() => createSpearmanWindow(0)).toThrow(RangeError);
  });
});
