/**
 * MurmurHash3_x86_128 (Austin Appleby, public domain), streaming, over the exact bits of typed arrays. It names a
 * difference between two runs; it does not protect against an adversary, the tape's SHA-256 chain does that.
 * Bytes are taken in memory order and words are little-endian, as on every platform Node runs our code on (x64, arm64).
 */
export interface Hash128 {
  /** Chaining values h1..h4. */
  readonly h: Int32Array;
  /** Words of the block that is not full yet. */
  readonly block: Int32Array;
  blockWords: number;
  /** Bytes of the word that is not full yet, low byte first, and how many there are (0..3). */
  partial: number;
  partialBytes: number;
  totalBytes: number;
}

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

export function createHash128(seed = 0): Hash128 {
  return {
    h: new Int32Array(4).fill(seed),
    block: new Int32Array(4),
    blockWords: 0,
    partial: 0,
    partialBytes: 0,
    totalBytes: 0,
  };
}

/** Puts a used state back to the start, so that one state can serve every cycle. */
export function resetHash128(state: Hash128, seed = 0): void {
  const { h } = state;
  for (let k = 0; k < 4; k++) h[k] = seed;
  state.blockWords = 0;
  state.partial = 0;
  state.partialBytes = 0;
  state.totalBytes = 0;
}

/** Values on their way into the hash, as doubles, floats and words at once: a copy costs less than a view of each array. */
const doubles = new Float64Array(512);
const floats = new Float32Array(doubles.buffer);
const words = new Int32Array(doubles.buffer);

/** Hashes elements `[from, to)`; so do the three functions below. */
export function updateFloat64(state: Hash128, values: Float64Array, from = 0, to = values.length): void {
  for (let start = from; start < to; start += doubles.length) {
    const end = Math.min(start + doubles.length, to);
    doubles.set(start === 0 && end === values.length ? values : values.subarray(start, end));
    updateWords(state, words, 0, (end - start) * 2);
  }
}

export function updateFloat32(state: Hash128, values: Float32Array, from = 0, to = values.length): void {
  for (let start = from; start < to; start += floats.length) {
    const end = Math.min(start + floats.length, to);
    floats.set(start === 0 && end === values.length ? values : values.subarray(start, end));
    updateWords(state, words, 0, end - start);
  }
}

export function updateInt32(state: Hash128, values: Int32Array, from = 0, to = values.length): void {
  updateWords(state, values, from, to);
}

export function updateUint8(state: Hash128, values: Uint8Array, from = 0, to = values.length): void {
  let at = from;
  if (state.partialBytes === 0) {
    for (; to - at >= 4; at += 4) {
      pushWord(
        state,
        values[at]! | (values[at + 1]! << 8) | (values[at + 2]! << 16) | (values[at + 3]! << 24),
      );
      state.totalBytes += 4;
    }
  }
  for (; at < to; at++) pushByte(state, values[at]!);
}

function pushByte(state: Hash128, byte: number): void {
  state.partial |= byte << (8 * state.partialBytes);
  state.partialBytes++;
  state.totalBytes++;
  if (state.partialBytes < 4) return;
  pushWord(state, state.partial);
  state.partial = 0;
  state.partialBytes = 0;
}

/** Hashes a string as its length and then its UTF-16 code units, one 32-bit word each, so that neighbours cannot run together. */
export function updateString(state: Hash128, text: string): void {
  words[0] = text.length;
  let count = 1;
  for (let i = 0; i < text.length; i++) {
    if (count === words.length) {
      updateWords(state, words, 0, count);
      count = 0;
    }
    words[count++] = text.charCodeAt(i);
  }
  updateWords(state, words, 0, count);
}

/** @returns h1..h4 as 32 lower-case hex digits; the state is left as it was and may go on being updated */
export function digestHex(state: Hash128): string {
  const { h, block, blockWords, partial, partialBytes, totalBytes } = state;
  tail.fill(0);
  for (let i = 0; i < blockWords; i++) tail[i] = block[i]!;
  if (partialBytes > 0) tail[blockWords] = partial;
  let h4 = h[3]! ^ Math.imul(rotateLeft(Math.imul(tail[3]!, C4), 18), C1) ^ totalBytes;
  let h3 = h[2]! ^ Math.imul(rotateLeft(Math.imul(tail[2]!, C3), 17), C4) ^ totalBytes;
  let h2 = h[1]! ^ Math.imul(rotateLeft(Math.imul(tail[1]!, C2), 16), C3) ^ totalBytes;
  let h1 = h[0]! ^ Math.imul(rotateLeft(Math.imul(tail[0]!, C1), 15), C2) ^ totalBytes;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = avalanche((h2 + h1) | 0);
  h3 = avalanche((h3 + h1) | 0);
  h4 = avalanche((h4 + h1) | 0);
  h1 = avalanche(h1);
  h1 = (h1 + h2 + h3 + h4) | 0;
  putHexWord(h1, 0);
  putHexWord(h2 + h1, 8);
  putHexWord(h3 + h1, 16);
  putHexWord(h4 + h1, 24);
  return String.fromCharCode.apply(null, codes);
}

/** The block that is not full, with zeros behind it. */
const tail = new Int32Array(4);

/** Hashes the words `[from, to)` of an array. */
function updateWords(state: Hash128, values: Int32Array, from: number, to: number): void {
  state.totalBytes += (to - from) * 4;
  if (state.partialBytes > 0) {
    const shift = 8 * state.partialBytes;
    for (let i = from; i < to; i++) {
      const word = values[i]!;
      pushWord(state, state.partial | (word << shift));
      state.partial = word >>> (32 - shift);
    }
    return;
  }
  let i = from;
  while (state.blockWords > 0 && i < to) pushWord(state, values[i++]!);
  const lastBlock = to - 3;
  if (i < lastBlock) i = mixBlocks(state.h, values, i, lastBlock);
  while (i < to) pushWord(state, values[i++]!);
}

function pushWord(state: Hash128, word: number): void {
  state.block[state.blockWords++] = word;
  if (state.blockWords === 4) {
    mixBlocks(state.h, state.block, 0, 1);
    state.blockWords = 0;
  }
}

/** The body of MurmurHash3_x86_128 over whole blocks that start below `end`. @returns index after the last block */
function mixBlocks(h: Int32Array, words: Int32Array, start: number, end: number): number {
  let h1 = h[0]!;
  let h2 = h[1]!;
  let h3 = h[2]!;
  let h4 = h[3]!;
  let i = start;
  for (; i < end; i += 4) {
    let k = Math.imul(words[i]!, C1);
    h1 ^= Math.imul((k << 15) | (k >>> 17), C2);
    h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0;
    k = Math.imul(words[i + 1]!, C2);
    h2 ^= Math.imul((k << 16) | (k >>> 16), C3);
    h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0;
    k = Math.imul(words[i + 2]!, C3);
    h3 ^= Math.imul((k << 17) | (k >>> 15), C4);
    h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0;
    k = Math.imul(words[i + 3]!, C4);
    h4 ^= Math.imul((k << 18) | (k >>> 14), C1);
    h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0;
  }
  h[0] = h1;
  h[1] = h2;
  h[2] = h3;
  h[3] = h4;
  return i;
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function avalanche(x: number): number {
  let h = x;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Codes of the digest in the making: one flat string of them takes a fraction of what joining pieces does. */
const codes = new Array<number>(32).fill(0);

/** Looked up, because a branch on a random digit is guessed wrong every other time. */
const DIGIT_CODES = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

function putHexWord(word: number, at: number): void {
  for (let k = 0; k < 8; k++) codes[at + k] = DIGIT_CODES[(word >>> (28 - 4 * k)) & 15]!;
}
