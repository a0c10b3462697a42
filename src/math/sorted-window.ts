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
  /** Keys in rising order; one longer than the window, for an end marker. */
  keys: Float64Array;
}

/** Buffers of one sweep; any number of windows of the same capacity may share them. Derivable. */
export interface SortScratch {
  spareKeys: Float64Array;
  readonly newKeys: Float64Array;
}

/** What a sweep does with the rank of each value: `write` it by place, or `multiply` it with the rank found there. */
export interface RankUse {
  readonly kind: 'write' | 'multiply';
  /** 2 * rank by place of the ring. */
  readonly ranks: Uint16Array;
  /** Added to a place before it is looked up in `ranks`. */
  readonly offset: number;
}

export interface SweepResult {
  /** Sum of the squares of all doubled ranks. */
  readonly squares: number;
  /** Sum of doubled rank times what was found in `ranks`; 0 when writing. */
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
  return { from: 0, to: 0, keys: new Float64Array(capacity + 1) };
}

export function createSortScratch(capacity: number): SortScratch {
  return { spareKeys: new Float64Array(capacity + 1), newKeys: new Float64Array(capacity + 1) };
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
  scratch: SortScratch,
): SweepResult {
  const isOverlapping = window.from < sorted.to;
  const firstNew = isOverlapping ? sorted.to : window.from;
  const sweep: Sweep = {
    mask: values.length - 1,
    old: entriesOf(sorted.keys, isOverlapping ? sorted.to - sorted.from : 0),
    removedFrom: sorted.from & (values.length - 1),
    removedCount: isOverlapping ? window.from - sorted.from : 0,
    news: entriesOf(scratch.newKeys, window.to - firstNew),
    merged: entriesOf(scratch.spareKeys, window.to - window.from),
    ranks: use.ranks,
    offset: use.offset,
    isWriting: use.kind === 'write',
    oldAt: 0,
    newAt: 0,
    mergedAt: 0,
    tieLoss: 0.5,
    products: 0.5,
  };
  sortNews(sweep, values, firstNew);
  while (sweep.oldAt < sweep.old.count || sweep.newAt < sweep.news.count) {
    sweepRun(sweep);
    sweepGroup(sweep);
  }
  scratch.spareKeys = sorted.keys;
  sorted.keys = sweep.merged.keys;
  sorted.from = window.from;
  sorted.to = window.to;
  const n = window.to - window.from;
  return {
    squares: (2 * n * (n + 1) * (2 * n + 1)) / 3 - (sweep.tieLoss - 0.5),
    products: sweep.products - 0.5,
  };
}

/** Keys, and the same memory as words: the place at 2i, the bits of the value at 2i + 1. */
interface Entries {
  readonly keys: Float64Array;
  readonly words: Int32Array;
  readonly count: number;
}

interface Sweep {
  readonly mask: number;
  readonly old: Entries;
  /** Old entries in this many places from here on have left the window. */
  readonly removedFrom: number;
  readonly removedCount: number;
  readonly news: Entries;
  readonly merged: Entries;
  readonly ranks: Uint16Array;
  readonly offset: number;
  readonly isWriting: boolean;
  oldAt: number;
  newAt: number;
  mergedAt: number;
  /**
   * Sum of (t^3 - t)/3 over groups of t equal values: what ties take from the sum of squares. This and `products` are
   * integers that start at one half, so that the engine keeps them as doubles from the first.
   */
  tieLoss: number;
  products: number;
}

function entriesOf(keys: Float64Array, count: number): Entries {
  keys[count] = Number.POSITIVE_INFINITY;
  return { keys, words: new Int32Array(keys.buffer, keys.byteOffset, keys.length * 2), count };
}

function sortNews(sweep: Sweep, values: Float32Array, firstNew: number): void {
  const { mask } = sweep;
  const { keys, words, count } = sweep.news;
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < count; i++) {
    const place = (firstNew + i) & mask;
    words[2 * i] = place;
    words[2 * i + 1] = bits[place]!;
  }
  keys.subarray(0, count).sort();
}

/**
 * Copies old entries that stay, have no equal and come before the next new one, four at a time where possible: a value
 * is known to have no equal when the words of its neighbours differ, so five are looked at for four.
 */
function sweepRun(sweep: Sweep): void {
  const { mask, removedFrom, removedCount, ranks, offset, isWriting } = sweep;
  const { keys, words, count } = sweep.old;
  const merged = sweep.merged.keys;
  const limit = groupStart(sweep.news, sweep.newAt);
  let out = sweep.mergedAt;
  let i = sweep.oldAt;
  let products = 0.5;
  while (i < count) {
    for (; i + 4 <= count; i += 4) {
      const d = keys[i + 3]!;
      const at = 2 * i;
      const third = words[at + 5]!;
      const fourth = words[at + 7]!;
      if (!(d < limit) || words[at + 1] === words[at + 3] || words[at + 3] === third) break;
      if (third === fourth || fourth === words[at + 9]) break;
      const p = words[at]!;
      const q = words[at + 2]!;
      const r = words[at + 4]!;
      const s = words[at + 6]!;
      // Negative when any of the four lies among the removed places.
      const age =
        (((p - removedFrom) & mask) - removedCount) |
        (((q - removedFrom) & mask) - removedCount) |
        (((r - removedFrom) & mask) - removedCount) |
        (((s - removedFrom) & mask) - removedCount);
      if (age < 0) break;
      merged[out] = keys[i]!;
      merged[out + 1] = keys[i + 1]!;
      merged[out + 2] = keys[i + 2]!;
      merged[out + 3] = d;
      const rank = 2 * out + 2;
      out += 4;
      if (isWriting) {
        ranks[p] = rank;
        ranks[q] = rank + 2;
        ranks[r] = rank + 4;
        ranks[s] = rank + 6;
      } else {
        const ofQ = ranks[(q + offset) & mask]!;
        const ofR = ranks[(r + offset) & mask]!;
        const ofS = ranks[(s + offset) & mask]!;
        products += rank * (ranks[(p + offset) & mask]! + ofQ + ofR + ofS) + (2 * ofQ + 4 * ofR + 6 * ofS);
      }
    }
    const stop = Math.min(i + 4, count);
    for (; i < stop; i++) {
      const key = keys[i]!;
      if (!(key < limit) || words[2 * i + 1] === words[2 * i + 3]) break;
      const place = words[2 * i]!;
      if (((place - removedFrom) & mask) < removedCount) continue;
      merged[out] = key;
      out++;
      if (isWriting) ranks[place] = 2 * out;
      else products += 2 * out * ranks[(place + offset) & mask]!;
    }
    if (i < stop) break;
  }
  sweep.mergedAt = out;
  sweep.oldAt = i;
  sweep.products += products - 0.5;
}

/** A number above every key of a smaller value than this entry's, and above no key of the same or a larger one. */
function groupStart(entries: Entries, at: number): number {
  bound[0] = entries.keys[at]!;
  boundWords[0] = bound[0]! < 0 ? -1 : 0;
  return bound[0]!;
}

const bound = new Float64Array(1);
const boundWords = new Int32Array(bound.buffer);

/** Takes over the next group of equal values, old and new entries alike, without those removed. */
function sweepGroup(sweep: Sweep): void {
  const { old, news, mask, removedFrom, removedCount, ranks, offset, isWriting } = sweep;
  const { keys, words } = sweep.merged;
  const oldBits = old.words;
  const start = sweep.mergedAt;
  let i = sweep.oldAt;
  let k = sweep.newAt;
  let out = start;
  let found = 0;
  if (i >= old.count && k >= news.count) return;
  const value = (old.keys[i]! < news.keys[k]! ? oldBits[2 * i + 1] : news.words[2 * k + 1])!;
  for (; i < old.count && oldBits[2 * i + 1] === value; i++) {
    const place = oldBits[2 * i]!;
    if (((place - removedFrom) & mask) < removedCount) continue;
    keys[out++] = old.keys[i]!;
    if (!isWriting) found += ranks[(place + offset) & mask]!;
  }
  for (; k < news.count && news.words[2 * k + 1] === value; k++) {
    keys[out++] = news.keys[k]!;
    if (!isWriting) found += ranks[(news.words[2 * k]! + offset) & mask]!;
  }
  const size = out - start;
  const rank = start + out + 1;
  if (isWriting) for (let at = start; at < out; at++) ranks[words[2 * at]!] = rank;
  else sweep.products += rank * found;
  sweep.tieLoss += (size * size * size - size) / 3;
  sweep.oldAt = i;
  sweep.newAt = k;
  sweep.mergedAt = out;
}
