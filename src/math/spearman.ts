import {
  createRankWorkspace,
  MAX_SORTED_VALUES,
  type RankWorkspace,
  ringLength,
  sweepRanks,
} from './sorted-window.ts';

/**
 * Spearman rank correlation (average ranks) over a sliding window of float32 pairs, exact: ranks are kept as the integers
 * 2 * rank and every sum of their products is an integer below 2^53, so the result depends on the pairs in the window
 * and on nothing else: not on their order, not on how often it was asked for, not on a restore from a snapshot.
 *
 * Plain data.
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
 * Spearman's rho of the window. O(window) with a small constant, plus sorting the pairs pushed since the last call with
 * the same workspace.
 * @param workspace remembers sorted orders between calls; any, or a new one, gives the same result
 * @returns rho in [-1, 1]; 0 when it is undefined: fewer than 2 pairs, or one side constant
 */
export function spearman(
  window: SpearmanWindow,
  workspace: RankWorkspace = createRankWorkspace(window.capacity, 2),
): number {
  return spearmanOfShared([window], workspace)[0]!;
}

/**
 * Spearman's rho of several windows that hold the same y, pair by pair back from the newest, and the same number of
 * pairs: y is ranked once. The caller vouches for that.
 */
export function spearmanOfShared(windows: readonly SpearmanWindow[], workspace: RankWorkspace): number[] {
  const first = windows[0]!;
  const n = first.count;
  if (n < 2) return windows.map(() => 0);
  const ranked = sweepRanks(workspace, first.y, rangeOf(first), { kind: 'write', offset: 0 });
  const centre = n * (n + 1) * (n + 1);
  const ySpread = ranked.squares - centre;
  return windows.map((window) => {
    const offset = first.pushed - window.pushed;
    const { squares, products } = sweepRanks(workspace, window.x, rangeOf(window), {
      kind: 'multiply',
      offset,
    });
    const xSpread = squares - centre;
    return xSpread === 0 || ySpread === 0 ? 0 : (products - centre) / Math.sqrt(xSpread * ySpread);
  });
}

function rangeOf(window: SpearmanWindow): { readonly from: number; readonly to: number } {
  return { from: window.pushed - window.count, to: window.pushed };
}
