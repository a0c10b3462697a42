/**
 * Statistics over the last `window` values, O(1) per update. All states are plain data.
 *
 * Sums are kept of (value - shift), where the shift is a value near those of the window, so that a large common offset does
 * not cancel. They are rebuilt from the ring, with a new shift, every `rebuildEvery` updates and whenever a value that
 * dwarfed the rest leaves: rounding errors therefore never outlive the values that caused them.
 */
export interface RollingMoments {
  readonly window: number;
  readonly rebuildEvery: number;
  /** Ring, oldest value at `next` once full. NaN marks a missing value. */
  readonly values: Float64Array;
  next: number;
  /** Updates that are still in the ring, missing ones included. */
  size: number;
  /** Values in the ring that are not missing. */
  count: number;
  shift: number;
  sum: number;
  sumSquares: number;
  sinceRebuild: number;
  last: number;
  /** Length of the run of equal values at the end of the ring, missing ones not counted. */
  equalRun: number;
}

/** Sums this much larger than what is left after a subtraction have lost digits and are rebuilt. */
const CANCELLATION_RATIO = 1 << 16;

export function createRollingMoments(window: number, rebuildEvery = window): RollingMoments {
  return {
    window,
    rebuildEvery,
    values: new Float64Array(window),
    next: 0,
    size: 0,
    count: 0,
    shift: 0,
    sum: 0,
    sumSquares: 0,
    sinceRebuild: 0,
    last: 0,
    equalRun: 0,
  };
}

/** Adds a value. NaN and infinities are missing: they take a place in the window and nothing else. */
export function pushMoment(state: RollingMoments, value: number): void {
  const { values, next } = state;
  let isWorn = false;
  if (state.size === state.window) {
    const old = values[next]!;
    if (!Number.isNaN(old)) {
      const offset = old - state.shift;
      state.count--;
      state.sum -= offset;
      state.sumSquares -= offset * offset;
      isWorn = offset * offset > CANCELLATION_RATIO * state.sumSquares;
    }
  } else {
    state.size++;
  }
  state.next = next + 1 === state.window ? 0 : next + 1;
  const finite = Number.isFinite(value);
  values[next] = finite ? value : Number.NaN;
  if (finite) {
    if (state.count === 0) {
      state.shift = value;
      state.sum = 0;
      state.sumSquares = 0;
      isWorn = false;
    }
    const offset = value - state.shift;
    state.count++;
    state.sum += offset;
    state.sumSquares += offset * offset;
    state.equalRun = value === state.last && state.equalRun > 0 ? state.equalRun + 1 : 1;
    state.last = value;
  }
  state.sinceRebuild++;
  if (isWorn || isOffCentre(state) || state.sinceRebuild >= state.rebuildEvery) rebuildMoments(state);
}

/** Whether the shift is so far from the values that their spread would be lost in the difference of the sums. */
function isOffCentre({ sum, sumSquares, count }: RollingMoments): boolean {
  return sum * sum * CANCELLATION_RATIO > count * sumSquares * (CANCELLATION_RATIO - 1);
}

/** Recomputes the sums from the ring, oldest value first, around a new shift. */
export function rebuildMoments(state: RollingMoments): void {
  const { values, window, size } = state;
  const shift = state.count === 0 ? 0 : state.shift + state.sum / state.count;
  let sum = 0;
  let sumSquares = 0;
  let i = size === window ? state.next : 0;
  for (let k = 0; k < size; k++) {
    const value = values[i]!;
    if (!Number.isNaN(value)) {
      const offset = value - shift;
      sum += offset;
      sumSquares += offset * offset;
    }
    i = i + 1 === window ? 0 : i + 1;
  }
  state.shift = shift;
  state.sum = sum;
  state.sumSquares = sumSquares;
  state.sinceRebuild = 0;
}

/** Whether the window is full and no value in it is missing. */
export function isComplete(state: RollingMoments): boolean {
  return state.count === state.window;
}

/** Mean of the values in the window; 0 when there is none. Exact when all are equal. */
export function rollingMean(state: RollingMoments): number {
  if (state.count === 0) return 0;
  if (state.equalRun >= state.count) return state.last;
  return state.shift + state.sum / state.count;
}

/** Standard deviation with divisor n; 0 when there are no values. Exactly 0 when all are equal. */
export function populationStd(state: RollingMoments): number {
  return state.count === 0 ? 0 : Math.sqrt(squaredDeviations(state) / state.count);
}

/** Standard deviation with divisor n - 1; 0 below 2 values. Exactly 0 when all are equal. */
export function sampleStd(state: RollingMoments): number {
  return state.count < 2 ? 0 : Math.sqrt(squaredDeviations(state) / (state.count - 1));
}

function squaredDeviations(state: RollingMoments): number {
  if (state.equalRun >= state.count) return 0;
  return Math.max(0, state.sumSquares - (state.sum * state.sum) / state.count);
}

/** Largest and smallest value of the last `window` updates, by two monotonic queues; amortised O(1). */
export interface RollingRange {
  readonly window: number;
  /** Updates so far, missing ones included. */
  updates: number;
  readonly max: MonotonicQueue;
  readonly min: MonotonicQueue;
  /** Ring of flags: 1 where the update held a value. */
  readonly present: Uint8Array;
  /** Values in the window that are not missing. */
  count: number;
}

interface MonotonicQueue {
  readonly values: Float64Array;
  /** Update number of each queued value. */
  readonly updates: Float64Array;
  head: number;
  length: number;
}

export function createRollingRange(window: number): RollingRange {
  return {
    window,
    updates: 0,
    max: createQueue(window),
    min: createQueue(window),
    present: new Uint8Array(window),
    count: 0,
  };
}

function createQueue(window: number): MonotonicQueue {
  return { values: new Float64Array(window), updates: new Float64Array(window), head: 0, length: 0 };
}

/** Adds a value. NaN and infinities are missing: they take a place in the window and nothing else. */
export function pushRange(state: RollingRange, value: number): void {
  const place = state.updates % state.window;
  state.count -= state.present[place]!;
  const finite = Number.isFinite(value);
  state.present[place] = finite ? 1 : 0;
  const oldest = state.updates - state.window + 1;
  dropExpired(state.max, oldest);
  dropExpired(state.min, oldest);
  if (finite) {
    state.count++;
    enqueue(state.max, value, state.updates, 1);
    enqueue(state.min, value, state.updates, -1);
  }
  state.updates++;
}

/** Largest value in the window; 0 when `count` is 0. */
export function rollingMax(state: RollingRange): number {
  return state.max.length === 0 ? 0 : state.max.values[state.max.head]!;
}

/** Smallest value in the window; 0 when `count` is 0. */
export function rollingMin(state: RollingRange): number {
  return state.min.length === 0 ? 0 : state.min.values[state.min.head]!;
}

function dropExpired(queue: MonotonicQueue, oldest: number): void {
  while (queue.length > 0 && queue.updates[queue.head]! < oldest) {
    queue.head = queue.head + 1 === queue.values.length ? 0 : queue.head + 1;
    queue.length--;
  }
}

/** @param direction 1 keeps the queue falling (for a maximum), -1 rising */
function enqueue(queue: MonotonicQueue, value: number, update: number, direction: 1 | -1): void {
  const capacity = queue.values.length;
  let tail = (queue.head + queue.length) % capacity;
  while (queue.length > 0) {
    const last = tail === 0 ? capacity - 1 : tail - 1;
    if ((queue.values[last]! - value) * direction > 0) break;
    tail = last;
    queue.length--;
  }
  queue.values[tail] = value;
  queue.updates[tail] = update;
  queue.length++;
}

/**
 * Exponentially weighted mean as pandas computes `ewm(span, adjust=False)`: starts at the first value; a missing value
 * repeats the mean and lets the weight of the past decay.
 */
export interface Ewma {
  readonly alpha: number;
  value: number;
  oldWeight: number;
  started: boolean;
}

export function createEwma(span: number): Ewma {
  return { alpha: 2 / (span + 1), value: 0, oldWeight: 1, started: false };
}

/** Adds a value; NaN is missing. */
export function pushEwma(state: Ewma, value: number): void {
  const present = !Number.isNaN(value);
  if (!state.started) {
    if (!present) return;
    state.value = value;
    state.started = true;
    return;
  }
  state.oldWeight *= 1 - state.alpha;
  if (!present) return;
  if (state.value !== value) {
    state.value = (state.oldWeight * state.value + state.alpha * value) / (state.oldWeight + state.alpha);
  }
  state.oldWeight = 1;
}
