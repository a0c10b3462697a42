import seedrandom from 'seedrandom';

/** What a draw depends on, for example `[seed, cycle, symbol]`. */
export type SeedParts = readonly (number | string)[];

/**
 * A generator of doubles in [0, 1) with 52 bits, keyed by its seed parts: the same parts always give the same
 * sequence, and no other draw anywhere changes it. ARC4 as implemented by `seedrandom`, never the global generator.
 * Parts are tagged and length-prefixed, so that `['a', 'bc']`, `['ab', 'c']`, `[1]` and `['1']` are different keys.
 */
export function createPrng(seedParts: SeedParts): () => number {
  let key = '';
  for (const part of seedParts) {
    const text = String(part);
    key += `${typeof part === 'number' ? 'n' : 's'}${text.length}:${text};`;
  }
  return seedrandom(key, { global: false });
}
