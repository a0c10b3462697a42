import fc from 'fast-check';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { ByteWriter } from 'hyparquet-writer';
import { deltaBinaryPack } from 'hyparquet-writer/src/delta.js';
import { describe, expect, it } from 'vitest';
import { unpackDeltas } from '../../src/data/parquet-delta.ts';

type Type = 'INT32' | 'INT64';
const TYPES: readonly Type[] = ['INT32', 'INT64'];

function packed(values: readonly bigint[], type: Type): Uint8Array {
  const page = new ByteWriter();
  deltaBinaryPack(page, type === 'INT32' ? Int32Array.from(values, Number) : [...values], type);
  return new Uint8Array(page.getBytes());
}

/** What the general decoder makes of a page; undefined where it throws. */
function general(bytes: Uint8Array, type: Type, count: number): number[] | undefined {
  const out = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    deltaBinaryUnpack({ view, offset: 0 }, count, out);
    return Array.from<number | bigint, number>(out, Number);
  } catch {
    return undefined;
  }
}

function ours(bytes: Uint8Array, type: Type, count: number): number[] | undefined {
  const out = type === 'INT32' ? new Int32Array(count) : new Float64Array(count);
  return unpackDeltas({ bytes, out }) ? Array.from(out) : undefined;
}

/** Runs of equal steps, small and large ones, as widths of 0 to 32 bits need. */
const series = fc
  .array(fc.record({ times: fc.integer({ min: 1, max: 70 }), bits: fc.nat({ max: 31 }), seed: fc.nat() }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((runs) =>
    runs.flatMap(({ times, bits, seed }) =>
      Array.from({ length: times }, (_, i) => BigInt((seed * (i + 1) * 7919) % 2 ** bits)),
    ),
  );

describe('packed differences', () => {
  it.each(TYPES)('%s: are what the general decoder says, and none of a usual page is left to it', (type) => {
    fc.assert(
      fc.property(series, (values) => {
        const bytes = packed(values, type);
        expect(ours(bytes, type, values.length)).toEqual(values.map(Number));
        expect(general(bytes, type, values.length)).toEqual(values.map(Number));
      }),
    );
  });

  it('reach to both ends of INT32, and to times in INT64', () => {
    const ends = [2n ** 31n - 1n, -(2n ** 31n), 0n, 2n ** 31n - 1n, -(2n ** 31n)];
    expect(ours(packed(ends, 'INT32'), 'INT32', ends.length)).toEqual(ends.map(Number));
    const times = [1_704_205_860_000_000n, 1_704_229_200_000_000n, 1_704_205_860_000_000n];
    expect(ours(packed(times, 'INT64'), 'INT64', times.length)).toEqual(times.map(Number));
  });

  it('too large to be exact in a double are left to the general decoder', () => {
    const values = [0n, 2n ** 53n + 1n, 5n];
    expect(ours(packed(values, 'INT64'), 'INT64', values.length)).toBeUndefined();
  });

  it.each(TYPES)(
    '%s: of a damaged page are never said to be what the general decoder does not say',
    (type) => {
      const damage = fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), { maxLength: 3 });
      let taken = 0;
      fc.assert(
        fc.property(series, damage, fc.nat(), (values, edits, cut) => {
          const whole = packed(values, type);
          const bytes = whole.slice(0, cut % 4 === 0 ? cut % (whole.length + 1) : whole.length);
          for (const { at, byte } of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          const found = ours(bytes, type, values.length);
          if (found === undefined) return;
          taken += 1;
          expect(found).toEqual(general(bytes, type, values.length));
        }),
        { numRuns: 1000 },
      );
      expect(taken).toBeGreaterThan(100);
    },
  );
});
