import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/domain/errors.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { Json } from '../../src/events/record.ts';

const wellFormed = fc.string({ unit: 'binary' });
const json = fc.jsonValue({ noUnicodeString: false, stringUnit: 'binary' }) as fc.Arbitrary<Json>;

describe('canonical JSON, the examples of RFC 8785', () => {
  it('gives the text of section 3.2.2', () => {
    const value = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalJson(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('sorts keys by UTF-16 code unit, as in section 3.2.3', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const order = Object.keys(value).sort();
    expect(order).toEqual(['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
    const expected = order.map((key) => `${JSON.stringify(key)}:"${value[key as keyof typeof value]}"`);
    expect(canonicalJson(value)).toBe(`{${expected.join(',')}}`);
  });

  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555554', '333333333.33333325'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s as %s (appendix B)', (bits, text) => {
    const double = new DataView(new ArrayBuffer(8));
    double.setBigUint64(0, BigInt(`0x${bits}`));
    expect(canonicalJson(double.getFloat64(0))).toBe(text);
  });
});

describe('canonical JSON of any value', () => {
  it('parses back to the value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order keys were set in', () => {
    const entries = fc.uniqueArray(fc.tuple(wellFormed, json), { selector: ([key]) => key, maxLength: 8 });
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat()), (pairs, randoms) => {
        const shuffled = [...pairs];
        for (let i = shuffled.length - 1; i > 0; i -= 1) {
          const j = (randoms.next().value as number) % (i + 1);
          [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
        }
        expect(canonicalJson(Object.fromEntries(shuffled))).toBe(canonicalJson(Object.fromEntries(pairs)));
      }),
    );
  });

  it('is its own canonical form once parsed', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it('sorts keys that look like numbers as text, which objects themselves do not', () => {
    expect(canonicalJson({ 10: 1, 9: 2, a: 3 })).toBe('{"10":1,"9":2,"a":3}');
  });

  it('keeps a key called __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
  });

  it('keeps working when more distinct keys pass than are remembered', () => {
    for (let i = 0; i < 10_000; i += 1) expect(canonicalJson({ [`key${i}`]: i })).toBe(`{"key${i}":${i}}`);
  });
});

describe('canonical JSON refuses', () => {
  const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);

  it.each<[string, unknown, RegExp]>([
    ['NaN', { a: [1, Number.NaN] }, /NaN at \$\.a\.1/],
    ['an infinity', { a: { b: -1 / 0 } }, /-Infinity at \$\.a\.b/],
    ['a lone surrogate', { text: 'a\ud800' }, /lone surrogate at \$\.text/],
    ['a lone surrogate before a pair', ['\udc00\ud83d\ude00'], /lone surrogate at \$\.0/],
    ['a lone surrogate in a key', { a: { '\udfff': 1 } }, /lone surrogate in a key at \$\.a/],
    ['undefined', { a: undefined }, /undefined at \$\.a/],
    ['a hole in an array', { a: new Array(2) }, /undefined/],
    ['a big integer', { a: 1n }, /bigint at \$\.a/],
    ['a function', { a: () => 1 }, /function at \$\.a/],
    ['a map', { a: new Map([[1, 2]]) }, /class instance at \$\.a/],
    ['a typed array', { a: new Float64Array(2) }, /class instance at \$\.a/],
    ['deep nesting', nested(300), /256 levels/],
  ])('%s, saying where', (_name, value, message) => {
    expect(() => canonicalJson(value as Json)).toThrow(InvariantError);
    expect(() => canonicalJson(value as Json)).toThrow(message);
  });
});
