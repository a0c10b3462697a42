import type { Horizon } from '../../domain/horizon.ts';
import type { Session } from '../../domain/market-table.ts';
import type { TimeUs } from '../../domain/units.ts';
import { US_PER_MINUTE } from '../../domain/units.ts';
import type { Predictions } from '../../events/inputs.ts';
import type { ModelColumn } from '../../events/layout.ts';
import { type Scale, scaleValues } from '../../math/rolling-scale.ts';

/**
 * Raw predictions that wait for their outcome: the mid return from the cycle's time t to t + h of session time.
 * Intraday targets beyond the close are dropped when the prediction is made; an `<n>d` target is the same session
 * minute n sessions later, or that session's close when it closes earlier. Plain data, one queue a horizon; memory is
 * bounded by the cycles a horizon spans.
 */
export interface MaturedPairsState {
  readonly symbolCount: number;
  readonly queues: readonly HorizonQueue[];
  /** Newest mid of the session by symbol and when it was seen; 0 = none. */
  readonly mid: Float64Array;
  readonly midUs: Float64Array;
  /** Sessions opened so far. */
  sessionNumber: number;
  openUs: TimeUs;
  closeUs: TimeUs;
  /** Scratch: N realised returns of one entry, NaN where there is none; and the pairs being given out. */
  readonly returns: Float64Array;
  readonly batch: PairBatch;
}

/** The cycles whose outcome over one horizon is not known yet, oldest first: a ring of `capacity` entries. */
export interface HorizonQueue {
  readonly minutes: number;
  /** Sessions until it matures; 0 for intraday horizons. */
  readonly sessions: number;
  /** Columns of the layout that predict this horizon, rising. */
  readonly columns: Int32Array;
  capacity: number;
  head: number;
  length: number;
  predictedUs: Float64Array;
  /** Session number the target lies in, and its distance from that session's open. */
  targetSession: Int32Array;
  targetOffsetUs: Float64Array;
  /** `[capacity, N]`: mid when predicted, 0 = none. */
  startMid: Float64Array;
  /** `[capacity, columns, N]`: raw outputs, and 1 where there is one. */
  raw: Float32Array;
  valid: Uint8Array;
}

/**
 * Called with the pairs of one column and one prediction time, by symbol: `count` of each, in arrays that are used again.
 * Calls come in order of (prediction time, column) for each horizon.
 */
export type PairSink = (column: number, pairs: Readonly<PairBatch>) => void;

export interface PairBatch {
  count: number;
  readonly symbols: Int32Array;
  /** Raw outputs, float32. */
  readonly predictions: Float64Array;
  /** Mid returns, decimal. */
  readonly realized: Float64Array;
}

const INITIAL_CAPACITY = 8;

export function createMaturedPairs(layout: {
  readonly symbols: readonly string[];
  readonly columns: readonly Pick<ModelColumn, 'kind' | 'horizon'>[];
}): MaturedPairsState {
  const symbolCount = layout.symbols.length;
  const horizons: Horizon[] = [];
  for (const { kind, horizon } of layout.columns) {
    if (kind === 'return' && !horizons.some((known) => isSameSpan(known, horizon))) horizons.push(horizon);
  }
  return {
    symbolCount,
    queues: horizons.map((horizon) => {
      const columns = layout.columns.flatMap((column, c) =>
        column.kind === 'return' && isSameSpan(column.horizon, horizon) ? [c] : [],
      );
      return createQueue(horizon, Int32Array.from(columns), symbolCount);
    }),
    mid: new Float64Array(symbolCount),
    midUs: new Float64Array(symbolCount),
    sessionNumber: 0,
    openUs: 0,
    closeUs: 0,
    returns: new Float64Array(symbolCount),
    batch: {
      count: 0,
      symbols: new Int32Array(symbolCount),
      predictions: new Float64Array(symbolCount),
      realized: new Float64Array(symbolCount),
    },
  };
}

function isSameSpan(a: Horizon, b: Horizon): boolean {
  return a.minutes === b.minutes && a.sessions === b.sessions;
}

function createQueue(horizon: Horizon, columns: Int32Array, symbolCount: number): HorizonQueue {
  return {
    minutes: horizon.minutes,
    sessions: horizon.sessions,
    columns,
    capacity: INITIAL_CAPACITY,
    head: 0,
    length: 0,
    predictedUs: new Float64Array(INITIAL_CAPACITY),
    targetSession: new Int32Array(INITIAL_CAPACITY),
    targetOffsetUs: new Float64Array(INITIAL_CAPACITY),
    startMid: new Float64Array(INITIAL_CAPACITY * symbolCount),
    raw: new Float32Array(INITIAL_CAPACITY * columns.length * symbolCount),
    valid: new Uint8Array(INITIAL_CAPACITY * columns.length * symbolCount),
  };
}

/**
 * A session starts without mids: with last night's at one end, a return would be one of another span, an intraday one with
 * the night in it, one of days without.
 */
export function openPairsSession(state: MaturedPairsState, session: Session): void {
  state.mid.fill(0);
  state.sessionNumber++;
  state.openUs = session.openUs;
  state.closeUs = session.closeUs;
}

/** Takes the mid known at `tUs`, at the end of a bar. */
export function updatePairsMid(
  state: MaturedPairsState,
  symbol: number,
  update: { readonly tUs: TimeUs; readonly mid: number },
): void {
  state.mid[symbol] = update.mid;
  state.midUs[symbol] = update.tUs;
}

/**
 * Mids of a symbol on the terms after a corporate action: what waits for its outcome then matures to the return of a
 * holder, the split and the dividend of the days between in it.
 */
export function rebasePairs(state: MaturedPairsState, symbol: number, scale: Scale): void {
  scaleValues(state.mid, scale, symbol, symbol + 1);
  for (const { startMid } of state.queues) {
    for (let at = symbol; at < startMid.length; at += state.symbolCount) {
      scaleValues(startMid, scale, at, at + 1);
    }
  }
}

/** Queues the raw outputs of a cycle at `tUs`, whose slice has been applied. */
export function queuePredictions(state: MaturedPairsState, tUs: TimeUs, predictions: Predictions): void {
  for (const queue of state.queues) {
    const isIntraday = queue.sessions === 0;
    const targetUs = tUs + queue.minutes * US_PER_MINUTE;
    if (isIntraday && targetUs > state.closeUs) continue;
    if (queue.length === queue.capacity) grow(queue, state.symbolCount);
    const place = (queue.head + queue.length) % queue.capacity;
    queue.length++;
    queue.predictedUs[place] = tUs;
    queue.targetSession[place] = state.sessionNumber + queue.sessions;
    queue.targetOffsetUs[place] = (isIntraday ? targetUs : tUs) - state.openUs;
    queue.startMid.set(state.mid, place * state.symbolCount);
    copyPredictions(queue, place, predictions, state.symbolCount);
  }
}

function copyPredictions(
  queue: HorizonQueue,
  place: number,
  predictions: Predictions,
  symbolCount: number,
): void {
  const { columns, raw, valid } = queue;
  let to = place * columns.length * symbolCount;
  for (let k = 0; k < columns.length; k++) {
    const from = columns[k]! * symbolCount;
    for (let i = 0; i < symbolCount; i++) {
      raw[to] = predictions.values[from + i]!;
      valid[to] = predictions.valid[from + i]!;
      to++;
    }
  }
}

/** Doubles the ring, which then starts with its oldest entry. */
function grow(queue: HorizonQueue, symbolCount: number): void {
  const { capacity, columns } = queue;
  const width = columns.length * symbolCount;
  queue.predictedUs = unrolled(queue, queue.predictedUs, 1);
  queue.targetSession = unrolled(queue, queue.targetSession, 1);
  queue.targetOffsetUs = unrolled(queue, queue.targetOffsetUs, 1);
  queue.startMid = unrolled(queue, queue.startMid, symbolCount);
  queue.raw = unrolled(queue, queue.raw, width);
  queue.valid = unrolled(queue, queue.valid, width);
  queue.head = 0;
  queue.capacity = capacity * 2;
}

function unrolled<T extends Float64Array | Float32Array | Int32Array | Uint8Array>(
  queue: HorizonQueue,
  from: T,
  width: number,
): T {
  const to = new (from.constructor as new (length: number) => T)(from.length * 2);
  const split = queue.head * width;
  to.set(from.subarray(split), 0);
  to.set(from.subarray(0, split), from.length - split);
  return to;
}

/** Gives out the pairs whose target lies before `tUs`, with the mids known so far: call it before a slice at `tUs` is applied. */
export function matureBefore(state: MaturedPairsState, tUs: TimeUs, sink: PairSink): void {
  mature(state, tUs - 1, sink);
}

/** Gives out the pairs whose target is at or before `tUs`: call it after a slice at `tUs` is applied, and at the close. */
export function matureAt(state: MaturedPairsState, tUs: TimeUs, sink: PairSink): void {
  mature(state, tUs, sink);
}

function mature(state: MaturedPairsState, untilUs: TimeUs, sink: PairSink): void {
  const span = state.closeUs - state.openUs;
  for (const queue of state.queues) {
    while (queue.length > 0) {
      const sessions = state.sessionNumber - queue.targetSession[queue.head]!;
      if (sessions < 0) break;
      const offset = Math.min(queue.targetOffsetUs[queue.head]!, span);
      if (sessions === 0 && state.openUs + offset > untilUs) break;
      release(state, queue, sink);
      queue.head = queue.head + 1 === queue.capacity ? 0 : queue.head + 1;
      queue.length--;
    }
  }
}

/** Pairs of the oldest entry. A symbol without a mid in its session, or without a new one since the prediction, gives none. */
function release(state: MaturedPairsState, queue: HorizonQueue, sink: PairSink): void {
  const { symbolCount, mid, midUs, returns, batch } = state;
  const { head, columns, startMid, raw, valid } = queue;
  const predictedUs = queue.predictedUs[head]!;
  const mids = head * symbolCount;
  for (let i = 0; i < symbolCount; i++) {
    const start = startMid[mids + i]!;
    const end = mid[i]!;
    returns[i] = start === 0 || end === 0 || midUs[i]! <= predictedUs ? Number.NaN : end / start - 1;
  }
  const { symbols, predictions, realized } = batch;
  let at = head * columns.length * symbolCount;
  for (let k = 0; k < columns.length; k++) {
    let count = 0;
    for (let i = 0; i < symbolCount; i++, at++) {
      const value = returns[i]!;
      if (valid[at] === 0 || Number.isNaN(value)) continue;
      symbols[count] = i;
      predictions[count] = raw[at]!;
      realized[count] = value;
      count++;
    }
    batch.count = count;
    if (count > 0) sink(columns[k]!, batch);
  }
}
