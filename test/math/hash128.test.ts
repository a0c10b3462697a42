import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createHash128,
  digestHex,
  resetHash128,
  updateFloat32,
  updateFloat64,
  updateInt32,
  updateString,
  updateUint8,
} from '../../src/math/hash128.ts';

function hashBytes(bytes: Uint8Array, seed = 0): string {
  const state = createHash128(seed);
  updateUint8(state, bytes);
  return digestHex(state);
}

/** The digest as the reference implementation stores it: four little-endian words. */
function digestBytes(hex: string): Uint8Array {
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  for (let w = 0; w < 4; w++) view.setUint32(w * 4, Number.parseInt(hex.slice(w * 8, w * 8 + 8), 16), true);
  return out;
}

describe('hash128', () => {
  it('gives the verification value SMHasher publishes for MurmurHash3_x86_128', () => {
    const all = new Uint8Array(16 * 256);
    for (let i = 0; i < 256; i++) {
      const key = Uint8Array.from({ length: i }, (_, k) => k);
      all.set(digestBytes(hashBytes(key, 256 - i)), i * 16);
    }
    const last = digestBytes(hashBytes(all, 0));
    expect(new DataView(last.buffer).getUint32(0, true)).toBe(0xb3ece62a);
  });

  it('gives a published digest of a sentence', () => {
    const text = "I will not buy this tobacconist's, it is scratched.";
    expect(hashBytes(new TextEncoder().encode(text))).toBe('9b5b7ba2ef3f7866889adeaf00f3f98e');
  });

  it('does not depend on how the bytes are cut or on the element type', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 5 }),
        fc.nat(),
        (values, prefix, cutSeed) => {
          const data = Float64Array.from(values);
          const head = Uint8Array.from({ length: prefix }, (_, i) => i * 37);
          const bytes = new Uint8Array([...head, ...new Uint8Array(data.buffer)]);
          const cut = cutSeed % (values.length + 1);
          const whole = hashBytes(bytes);
          const state = createHash128();
          updateUint8(state, head);
          updateFloat64(state, data, 0, cut);
          updateFloat32(state, new Float32Array(data.buffer, cut * 8));
          expect(digestHex(state)).toBe(whole);
          resetHash128(state);
          updateUint8(state, bytes, 0, prefix);
          const words = new Int32Array(data.buffer);
          updateInt32(state, words, 0, cut);
          expect(digestHex(state).length).toBe(32);
          updateInt32(state, words, cut);
          expect(digestHex(state)).toBe(whole);
        },
      ),
    );
  });

  it('sees every bit: -0, NaN payloads and the last bit of a double differ', () => {
    const hash = (values: number[]) => {
      const state = createHash128();
      updateFloat64(state, Float64Array.from(values));
      return digestHex(state);
    };
    expect(hash([0])).not.toBe(hash([-0]));
    expect(hash([1])).not.toBe(hash([1 + Number.EPSILON]));
  });

  it('keeps neighbouring strings apart', () => {
    const hash = (texts: string[]) => {
      const state = createHash128();
      for (const text of texts) updateString(state, text);
      return digestHex(state);
    };
    expect(hash(['ab', 'c'])).not.toBe(hash(['a', 'bc']));
    expect(hash(['AAPL', '5m'])).toBe(hash(['AAPL', '5m']));
  });
});
