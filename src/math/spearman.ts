import {
  createSortedWindow,
  createSortScratch,
  MAX_SORTED_VALUES,
  ringLength,
  type SortedWindow,
  type SortScratch,
  sweepRanks,
} from './sorted-window.ts';

/**
 * Spearman rank correlation (average ranks) over a sliding window of float32 pairs, exact: ranks are kept as the integers
 * 2 * rank and every sum of their products is an integer below 2^53, so the result depends on the pairs in the window
 * and on nothing else: not on their order, not on how often it was asked for, not on a restore from a snapshot.
 *
 * Plain data. The truth is `x`, `y`, `pushed` and `count`; `xSorted` and `ySorted` only save work and may be replaced by
 * `createSortedWindow(capacity)` at any time.
 */
export interface SpearmanWindow {
  readonly capacity: number;
  /** Rings by sequence number modulo their length. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Pairs ever pushed: the sequence number of the next one. */
  pushed: number;
  /** Pairs in the window. */
  count: number;
  xSorted: SortedWindow;
  ySorted: SortedWindow;
}

/** Buffers of one computation; any number of windows of the same capacity may share them. Derivable. */
export interface SpearmanScratch {
  readonly sort: SortScratch;
  /** The y last ranked: doubled ranks by place, and what describes them. */
  readonly yRanks: Uint16Array;
  yPushed: number;
  yCount: number;
  ySquares: number;
}

export const MAX_SPEARMAN_CAPACITY = MAX_SORTED_VALUES;

/** @throws RangeError for a capacity outside 1 to 32767, beyond which ranks would not fit */
export function createSpearmanWindow(capacity: number): SpearmanWindow {
  if (!(capacity >= 1 && capacity <= MAX_SPEARMAN_CAPACITY)) {
    throw new RangeError(`Spearman window of ${capacity} pairs: expected 1 to ${MAX_SPEARMAN_CAPACITY}`);
  }
  return {
    capacity,
    x: new Float32Array(ringLength(capacity)),
    y: new Float32Array(ringLength(capacity)),
    pushed: 0,
    count: 0,
    xSorted: createSortedWindow(capacity),
    ySorted: createSortedWindow(capacity),
  };
}

export function createSpearmanScratch(capacity: number): SpearmanScratch {
  return {
    sort: createSortScratch(capacity),
    yRanks: new Uint16Array(ringLength(capacity)),
    yPushed: 0,
    yCount: 0,
    ySquares: 0,
  };
}

/**
 * Adds a pair, dropping the oldest when the window is full. O(1).
 * @param x finite; kept as float32, as the outputs of models are
 * @param y finite; kept as float32, so that returns equal to seven digits are a tie
 */
export function pushPair(window: SpearmanWindow, x: number, y: number): void {
  const place = window.pushed & (window.x.length - 1);
  window.x[place] = Math.fround(x) + 0;
  window.y[place] = Math.fround(y) + 0;
  window.pushed++;
  if (window.count < window.capacity) window.count++;
}

/**
 * Spearman's rho of the window. O(window) with a small constant, plus sorting the pairs pushed since the last call.
 * @returns rho in [-1, 1]; 0 when it is undefined: fewer than 2 pairs, or one side constant
 */
export function spearman(window: SpearmanWindow, scratch: SpearmanScratch): number {
  rankY(window, scratch);
  return correlateX(window, scratch);
}

/** First half of `spearman`: leaves the ranks of the window's y in the scratch. */
export function rankY(window: SpearmanWindow, scratch: SpearmanScratch): void {
  const n = window.count;
  const range = { from: window.pushed - n, to: window.pushed };
  const use = { kind: 'write', ranks: scratch.yRanks, offset: 0 } as const;
  scratch.ySquares = sweepRanks(window.ySorted, window.y, range, use, scratch.sort).squares;
  scratch.yPushed = window.pushed;
  scratch.yCount = n;
}

/**
 * Second half of `spearman`: correlates the window's x with the y last ranked. Windows that hold the same y, pair by
 * pair back from the newest, may share one `rankY`; the caller vouches for that.
 */
export function correlateX(window: SpearmanWindow, scratch: SpearmanScratch): number {
  const n = scratch.yCount;
  const range = { from: window.pushed - n, to: window.pushed };
  const use = { kind: 'multiply', ranks: scratch.yRanks, offset: scratch.yPushed - window.pushed } as const;
  const { squares, products } = sweepRanks(window.xSorted, window.x, range, use, scratch.sort);
  const centre = n * (n + 1) * (n + 1);
  const xSpread = squares - centre;
  const ySpread = scratch.ySquares - centre;
  return xSpread === 0 || ySpread === 0 ? 0 : (products - centre) / Math.sqrt(xSpread * ySpread);
}
