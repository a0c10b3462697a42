import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/domain/errors.ts';
import {
  decodeBase64,
  encodeBase64,
  float32FromBytes,
  float64FromBytes,
  int32FromBytes,
  littleEndianBytes,
  pureBase64,
} from '../../src/events/base64.ts';
import { nodeBase64 } from '../../src/tape/node-base64.ts';

describe('base64', () => {
  it('agrees with the native codec on any bytes, in both directions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        for (const codec of [pureBase64, nodeBase64]) {
          expect(codec.encode(bytes)).toBe(text);
          expect(Uint8Array.from(codec.decode(text) ?? [])).toEqual(bytes);
        }
      }),
    );
  });

  it('agrees around the chunk size, for views that do not start at 0 as well', () => {
    for (const length of [6143, 6144, 6145, 12_288, 16_383, 16_384, 16_385, 20_001]) {
      const bytes = new Uint8Array(length + 3).map((_, i) => (i * 167) & 255).subarray(3);
      expect(encodeBase64(bytes)).toBe(nodeBase64.encode(bytes));
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
    }
  });

  it.each([
    'A',
    'AA',
    'AAA',
    'A===',
    '====',
    'AA=A',
    'AB==',
    'AAB=',
    'AA A',
    'AAA\n',
    'AA-_',
    'ÀAAA',
    '=AAA',
    'AAAA=',
  ])('refuses %j, which encodes nothing', (text) => {
    expect(pureBase64.decode(text)).toBeNull();
    expect(nodeBase64.decode(text)).toBeNull();
  });

  it('accepts a text exactly when it is what encoding gives, in both codecs', () => {
    const text = fc.string({
      unit: fc.constantFrom('A', 'B', 'Q', 'g', 'w', '/', '+', '=', '-', ' '),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (candidate) => {
        const bytes = pureBase64.decode(candidate);
        if (bytes !== null) expect(pureBase64.encode(bytes)).toBe(candidate);
        expect(nodeBase64.decode(candidate) === null).toBe(bytes === null);
      }),
    );
  });
});

describe('arrays as little-endian bytes', () => {
  it('writes the lowest byte first', () => {
    expect([...littleEndianBytes(Int32Array.of(0x01020304))]).toEqual([4, 3, 2, 1]);
    expect([...littleEndianBytes(Float64Array.of(1))]).toEqual([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
  });

  it('returns every bit, from bytes at any alignment', () => {
    fc.assert(
      fc.property(fc.float32Array(), fc.float64Array(), fc.int32Array(), (f32, f64, i32) => {
        const shifted = (bytes: Uint8Array): Uint8Array => {
          const room = new Uint8Array(bytes.length + 1);
          room.set(bytes, 1);
          return room.subarray(1);
        };
        expect(float32FromBytes(shifted(littleEndianBytes(f32)))).toEqual(f32);
        expect(float64FromBytes(shifted(littleEndianBytes(f64)))).toEqual(f64);
        expect(int32FromBytes(shifted(littleEndianBytes(i32)))).toEqual(i32);
      }),
    );
  });

  it('refuses a part of a value', () => {
    expect(() => float32FromBytes(new Uint8Array(6))).toThrow(InvariantError);
  });
});
