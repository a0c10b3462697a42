import fc from 'fast-check';
import { compressors } from 'hyparquet-compressors';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import { describe, expect, it } from 'vitest';
import { unpackSnappy } from '../../src/data/parquet-snappy.ts';

/** Noise and repetitions, so that literals and copies of every length occur. */
const plainBytes = fc
  .array(
    fc.record({
      part: fc.uint8Array({ minLength: 1, maxLength: 90 }),
      times: fc.integer({ min: 1, max: 12 }),
    }),
    { maxLength: 12 },
  )
  .map((runs) =>
    Uint8Array.from(
      runs.flatMap(({ part, times }) =>
        Array(times)
          .fill([...part])
          .flat(),
      ),
    ),
  );

/** What the decoder in WebAssembly makes of it; undefined where it throws. */
function other(block: Uint8Array, length: number): Uint8Array | undefined {
  try {
    return compressors.SNAPPY?.(block, length);
  } catch {
    return undefined;
  }
}

describe('a Snappy block', () => {
  it('gives back what was packed', () => {
    fc.assert(
      fc.property(plainBytes, (plain) => {
        fc.pre(plain.length > 0);
        expect(unpackSnappy(snappyCompress(plain), plain.length)).toEqual(plain);
      }),
    );
  });

  it('longer than a literal may be in one byte, two and three, is whole', () => {
    for (const length of [60, 61, 256, 257, 65_536, 65_537, 200_000]) {
      const noise = Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13);
      expect(isSame(unpackSnappy(snappyCompress(noise), length), noise)).toBe(true);
      const literal = Uint8Array.from([...varint(length), 62 << 2, ...threeBytes(length - 1), ...noise]);
      expect(isSame(unpackSnappy(literal, length), noise)).toBe(true);
    }
  });

  it('of another length than it should have is left to the other decoder', () => {
    const block = snappyCompress(Uint8Array.of(1, 2, 3, 4, 5));
    expect(unpackSnappy(block, 4)).toBeUndefined();
    expect(unpackSnappy(block, 6)).toBeUndefined();
    expect(unpackSnappy(block, -1)).toBeUndefined();
    expect(unpackSnappy(block.slice(0, -1), 5)).toBeUndefined();
    expect(unpackSnappy(new Uint8Array(0), 0)).toBeUndefined();
  });

  it('that is damaged is never said to hold what the other decoder does not say', () => {
    const damage = fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), {
      minLength: 1,
      maxLength: 3,
    });
    let taken = 0;
    fc.assert(
      fc.property(plainBytes, damage, (plain, edits) => {
        fc.pre(plain.length > 0);
        const block = Uint8Array.from(snappyCompress(plain));
        for (const { at, byte } of edits) block[at % block.length] = byte;
        const found = unpackSnappy(block, plain.length);
        if (found === undefined) return;
        taken += 1;
        expect(found).toEqual(other(block, plain.length));
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
const threeBytes = (value: number): number[] => [value & 255, (value >>> 8) & 255, value >>> 16];
/** For arrays too long to be compared item by item. */
const isSame = (found: Uint8Array | undefined, expected: Uint8Array): boolean =>
  found !== undefined && Buffer.compare(found, expected) === 0;
