import { createRankKernel } from './rank-kernel.ts';

/**
 * The float32 values of a sliding window in order of size, brought up to date in batches by one merging sweep that gives
 * every value its average rank on the way. This is the hot loop of the rolling rank correlation.
 *
 * Values live in a ring owned by the caller, at the place sequence number & (ring length - 1). A sorted entry is one
 * double, its key: upper word the 32 bits of the float32, lower word its place (bytes are little-endian, as on every
 * platform Node runs our code on). As doubles, keys order as the values do (both are sign and magnitude, and no finite
 * float32 makes a NaN), and values are equal exactly when the upper words are. Ranks are the integers 2 * rank.
 * Plain data, and derivable from the ring.
 */
export interface SortedWindow {
  /** Sequence numbers covered: `[from, to)`. */
  from: number;
  to: number;
  /** Keys in rising order. */
  readonly keys: Float64Array;
}

/**
 * What a sweep does with the rank of each value: `write` it by place, or `multiply` it with the one that the last
 * writing sweep left at that place. Nothing else may be swept in between.
 */
export interface RankUse {
  readonly kind: 'write' | 'multiply';
  /** Added to a place before it is looked up. */
  readonly offset: number;
}

export interface SweepResult {
  /** Sum of the squares of all doubled ranks. */
  readonly squares: number;
  /** Sum of doubled rank times the doubled rank found; 0 when writing. */
  readonly products: number;
}

/** Doubled ranks must fit 16 bits. */
export const MAX_SORTED_VALUES = 32_767;

/** Length of the ring for a window: the power of two that holds it. */
export function ringLength(capacity: number): number {
  let length = 2;
  while (length < capacity) length *= 2;
  return length;
}

export function createSortedWindow(capacity: number): SortedWindow {
  return { from: 0, to: 0, keys: new Float64Array(capacity) };
}

/** Working memory of the kernel: results, ranks by place, then three lists of keys. Holds nothing between two computations. */
const RANKS_AT = 16;
const LISTS_AT = RANKS_AT + 2 * ringLength(MAX_SORTED_VALUES);
const LIST_BYTES = 8 * (MAX_SORTED_VALUES + 1);
const { sweep, buffer } = createRankKernel(LISTS_AT + 3 * LIST_BYTES);
const results = new Float64Array(buffer, 0, 2);
const oldKeys = listAt(0);
const newKeys = listAt(1);
const newWords = new Int32Array(buffer, newKeys.byteOffset, 2 * newKeys.length);
const mergedKeys = listAt(2);

function listAt(index: number): Float64Array {
  return new Float64Array(buffer, LISTS_AT + index * LIST_BYTES, MAX_SORTED_VALUES + 1);
}

/**
 * Moves the window to sequence numbers `[from, to)`, neither of which may go back, and ranks every value in it.
 * @param values the ring; finite numbers without -0
 */
export function sweepRanks(
  sorted: SortedWindow,
  values: Float32Array,
  window: { readonly from: number; readonly to: number },
  use: RankUse,
): SweepResult {
  const { from, to } = window;
  const mask = values.length - 1;
  const keptTo = Math.max(from, sorted.to);
  const oldCount = from < sorted.to ? sorted.to - sorted.from : 0;
  const count = to - from;
  oldKeys.set(sorted.keys.subarray(0, oldCount));
  oldKeys[oldCount] = Number.POSITIVE_INFINITY;
  sortNews(values, keptTo, to);
  sweep(
    oldKeys.byteOffset,
    newKeys.byteOffset,
    mergedKeys.byteOffset,
    RANKS_AT,
    mask,
    sorted.from & mask,
    oldCount === 0 ? 0 : from - sorted.from,
    use.offset & mask,
    use.kind === 'write' ? 1 : 0,
  );
  sorted.keys.set(mergedKeys.subarray(0, count));
  sorted.from = from;
  sorted.to = to;
  const products = results[0]!;
  const tieLoss = results[1]! / 3;
  return { squares: (2 * count * (count + 1) * (2 * count + 1)) / 3 - tieLoss, products };
}

/** Puts the keys of sequence numbers `[from, to)` into `newKeys`, in order. */
function sortNews(values: Float32Array, from: number, to: number): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const mask = values.length - 1;
  for (let sequence = from, at = 0; sequence < to; sequence++, at += 2) {
    const place = sequence & mask;
    newWords[at] = place;
    newWords[at + 1] = bits[place]!;
  }
  shellSort(newKeys, to - from);
  newKeys[to - from] = Number.POSITIVE_INFINITY;
}

/** Knuth's gaps 1, 4, 13, 40 …; for some hundred keys three times as fast as the built-in sort. */
function shellSort(keys: Float64Array, count: number): void {
  let gap = 1;
  while (gap < count) gap = 3 * gap + 1;
  for (gap = (gap - 1) / 3; gap > 0; gap = (gap - 1) / 3) {
    for (let i = gap; i < count; i++) {
      const key = keys[i]!;
      let at = i;
      while (at >= gap && keys[at - gap]! > key) {
        keys[at] = keys[at - gap]!;
        at -= gap;
      }
      keys[at] = key;
    }
  }
}
