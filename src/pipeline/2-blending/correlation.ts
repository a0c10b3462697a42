import { invariant } from '../../domain/errors.ts';

/** Sums kept per pair of families, over the rows where both are present: n, sum x, y, xx, yy, xy. */
const SUMS = 6;

/** A family whose standardised scores vary by less than 1e-6 counts as constant: variance against `n + sum of squares`. */
const CONSTANT_TOLERANCE = 1e-12;

/**
 * Rolling pairwise sums behind the correlation of the families of one horizon, pooled over symbols.
 *
 * The ring holds the pair sums of each cycle rather than the scores themselves: it does not grow with the universe,
 * and leaving the window costs one subtraction per sum. Totals are summed again from the ring each time it wraps, so
 * rounding never accumulates over more than one window.
 */
export interface CorrelationState {
  readonly familyCount: number;
  readonly windowCycles: number;
  /** Cycles in the ring, at most `windowCycles`. */
  filled: number;
  /** Slot the next cycle is written to. */
  next: number;
  /** Pair sums by cycle: `slot * stride + pair * 6 + k`. Pairs in the order (0,1) (0,2) (1,2) (0,3) … */
  readonly ring: Float64Array;
  readonly totals: Float64Array;
}

/** Scores of one cycle, column-major over (column, symbol). */
export interface ScoreView {
  readonly symbolCount: number;
  /** Standardised scores at `column * symbolCount + symbol`. */
  readonly scores: Float64Array;
  /** 1 where a score is present. */
  readonly present: Uint8Array;
}

export function createCorrelation(familyCount: number, windowCycles: number): CorrelationState {
  invariant(windowCycles >= 1, `correlation window of ${windowCycles} cycles: must be at least 1`);
  const stride = (SUMS * familyCount * (familyCount - 1)) / 2;
  return {
    familyCount,
    windowCycles,
    filled: 0,
    next: 0,
    ring: new Float64Array(windowCycles * stride),
    totals: new Float64Array(stride),
  };
}

/**
 * Adds the current cycle's scores and drops the oldest cycle once the window is full.
 * @param columns columns of the horizon's families, in the order of the matrix
 */
export function updateCorrelation(
  state: CorrelationState,
  columns: readonly number[],
  view: ScoreView,
): void {
  const { ring, totals, windowCycles } = state;
  const stride = totals.length;
  if (stride === 0) return;
  const base = state.next * stride;
  if (state.filled === windowCycles) {
    for (let k = 0; k < stride; k++) totals[k] -= ring[base + k];
  } else {
    state.filled += 1;
  }
  sumCycle(state, columns, view, base);
  for (let k = 0; k < stride; k++) totals[k] += ring[base + k];
  state.next += 1;
  if (state.next === windowCycles) {
    state.next = 0;
    sumAgain(state);
  }
}

function sumCycle(
  { ring, familyCount }: CorrelationState,
  columns: readonly number[],
  { symbolCount, scores, present }: ScoreView,
  base: number,
): void {
  let at = base;
  for (let b = 1; b < familyCount; b++) {
    const y0 = columns[b] * symbolCount;
    for (let a = 0; a < b; a++) {
      const x0 = columns[a] * symbolCount;
      let n = 0;
      let sx = 0;
      let sy = 0;
      let sxx = 0;
      let syy = 0;
      let sxy = 0;
      for (let i = 0; i < symbolCount; i++) {
        if (present[x0 + i] === 0 || present[y0 + i] === 0) continue;
        const x = scores[x0 + i];
        const y = scores[y0 + i];
        n += 1;
        sx += x;
        sy += y;
        sxx += x * x;
        syy += y * y;
        sxy += x * y;
      }
      ring[at] = n;
      ring[at + 1] = sx;
      ring[at + 2] = sy;
      ring[at + 3] = sxx;
      ring[at + 4] = syy;
      ring[at + 5] = sxy;
      at += SUMS;
    }
  }
}

function sumAgain({ ring, totals, filled }: CorrelationState): void {
  const stride = totals.length;
  totals.fill(0);
  for (let slot = 0; slot < filled; slot++) {
    const base = slot * stride;
    for (let k = 0; k < stride; k++) totals[k] += ring[base + k];
  }
}

/**
 * Writes the families' correlation matrix, row-major. Diagonal 1; 0 for a pair that shares fewer than 2 rows or of
 * which either is constant. Pearson's r from pooled sums, clipped to [-1, 1].
 * @param out `familyCount * familyCount` slots
 */
export function correlationMatrix({ familyCount, totals }: CorrelationState, out: Float64Array): void {
  let at = 0;
  for (let b = 0; b < familyCount; b++) {
    out[b * familyCount + b] = 1;
    for (let a = 0; a < b; a++) {
      const r = pairCorrelation(totals, at);
      out[a * familyCount + b] = r;
      out[b * familyCount + a] = r;
      at += SUMS;
    }
  }
}

function pairCorrelation(totals: Float64Array, at: number): number {
  const n = totals[at];
  if (n < 2) return 0;
  const sx = totals[at + 1];
  const sy = totals[at + 2];
  const sxx = totals[at + 3];
  const syy = totals[at + 4];
  const varX = sxx - (sx * sx) / n;
  const varY = syy - (sy * sy) / n;
  if (varX <= CONSTANT_TOLERANCE * (n + sxx) || varY <= CONSTANT_TOLERANCE * (n + syy)) return 0;
  const r = (totals[at + 5] - (sx * sy) / n) / (Math.sqrt(varX) * Math.sqrt(varY));
  return Math.min(1, Math.max(-1, r));
}

/** Rows of the best-covered pair in the window: how much the matrix stands on. A single family needs none. */
export function sharedRows({ totals }: CorrelationState): number {
  let most = 0;
  for (let at = 0; at < totals.length; at += SUMS) most = Math.max(most, totals[at]);
  return most;
}
