import type { PredictionSettings } from '../../domain/settings.ts';
import type { SignalLayout } from '../../events/layout.ts';
import { exp } from '../../math/elementary.ts';
import { createRankWorkspace, type RankWorkspace } from '../../math/sorted-window.ts';
import {
  createSpearmanWindow,
  pushPair,
  type SpearmanWindow,
  spearmanOfShared,
} from '../../math/spearman.ts';

/**
 * How far a model's scores are to be trusted, from the pairs (raw output, realised return) that matured:
 * rank correlation and stability by return column, pooled over symbols in order (time, symbol).
 * Plain data.
 */
export interface ConfidenceState {
  readonly settings: ConfidenceSettings;
  /** By column; undefined for barrier columns, which are probabilities and carry no IC. */
  readonly tracks: readonly (PairTrack | undefined)[];
  /** Return columns, those of one horizon behind each other. */
  readonly order: Int32Array;
  cyclesSinceRecompute: number;
  /** Results of the last recomputation, by column. */
  readonly ic: Float64Array;
  readonly icShrunk: Float64Array;
  readonly stability: Float64Array;
}

export type ConfidenceSettings = Pick<
  PredictionSettings,
  'icWindow' | 'icMinPairs' | 'icShrinkPairs' | 'icRecomputeCycles' | 'confidenceFloor' | 'stabilityDefault'
>;

/** The pairs of one column and the rolling sums over them. */
export interface PairTrack {
  readonly pairs: SpearmanWindow;
  /** Squared error of each pair's forecast, made with the slope of the pairs before it; by place in the ring. */
  readonly squaredErrors: Float64Array;
  sumXY: number;
  sumXX: number;
  sumYY: number;
  sumErrors: number;
  sinceRebuild: number;
  /**
   * First column of the same horizon. Its realised returns are usually the same ones, and then so are their ranks:
   * `sameRun` counts the newest pairs found equal to the leader's, `leaderOffset` pairs further on in its ring.
   */
  readonly leader: number;
  leaderOffset: number;
  sameRun: number;
}

/** Sorted orders of the windows of each state: they save work and can be made again from the windows at any time. */
const workspaces = new WeakMap<ConfidenceState, RankWorkspace>();

/** A removed square this much larger than what is left means that the sums lost digits. */
const CANCELLATION_RATIO = 1 << 16;

export function createConfidence(layout: SignalLayout, settings: ConfidenceSettings): ConfidenceState {
  const { icWindow, icMinPairs, icShrinkPairs, icRecomputeCycles, confidenceFloor, stabilityDefault } =
    settings;
  const { columns } = layout;
  const leaderOf = columns.map(({ horizon }) =>
    columns.findIndex(
      (other) =>
        other.kind === 'return' &&
        other.horizon.minutes === horizon.minutes &&
        other.horizon.sessions === horizon.sessions,
    ),
  );
  const returns = columns.flatMap((column, c) => (column.kind === 'return' ? [c] : []));
  return {
    settings: { icWindow, icMinPairs, icShrinkPairs, icRecomputeCycles, confidenceFloor, stabilityDefault },
    tracks: columns.map((column, c) =>
      column.kind === 'return' ? createTrack(icWindow, leaderOf[c]!) : undefined,
    ),
    order: Int32Array.from(returns.sort((a, b) => leaderOf[a]! - leaderOf[b]! || a - b)),
    cyclesSinceRecompute: 0,
    ic: new Float64Array(columns.length),
    icShrunk: new Float64Array(columns.length),
    stability: new Float64Array(columns.length).fill(stabilityDefault),
  };
}

function createTrack(window: number, leader: number): PairTrack {
  const pairs = createSpearmanWindow(window);
  return {
    pairs,
    squaredErrors: new Float64Array(pairs.x.length),
    sumXY: 0,
    sumXX: 0,
    sumYY: 0,
    sumErrors: 0,
    sinceRebuild: 0,
    leader,
    leaderOffset: 0,
    sameRun: 0,
  };
}

/** Takes one matured pair of a return column. O(1). */
export function observePair(
  state: ConfidenceState,
  column: number,
  prediction: number,
  realizedReturn: number,
): void {
  const predictions = Float64Array.of(prediction);
  observePairs(state, column, { count: 1, predictions, realized: Float64Array.of(realizedReturn) });
}

/**
 * Takes matured pairs of a return column, in order; over all calls they come in order (prediction time, column, symbol).
 * O(1) a pair: the sums are worked on as locals.
 * @param batch the first `count` of both arrays
 */
export function observePairs(
  state: ConfidenceState,
  column: number,
  batch: {
    readonly count: number;
    readonly predictions: Float64Array;
    readonly realized: Float64Array;
  },
): void {
  const track = state.tracks[column]!;
  const { pairs, squaredErrors } = track;
  const xs = pairs.x;
  const ys = pairs.y;
  const { capacity } = pairs;
  const mask = xs.length - 1;
  const led = state.tracks[track.leader]!.pairs;
  const isLeader = track.leader === column;
  let { sumXY, sumXX, sumYY, sumErrors, sameRun } = track;
  for (let k = 0; k < batch.count; k++) {
    const { pushed } = pairs;
    const x = Math.fround(batch.predictions[k]!) + 0;
    const y = Math.fround(batch.realized[k]!) + 0;
    const error = (sumXX > 0 ? sumXY / sumXX : 0) * x - y;
    let isWorn = false;
    if (pairs.count === capacity) {
      const oldest = (pushed - capacity) & mask;
      const oldX = xs[oldest]!;
      const oldY = ys[oldest]!;
      const oldError = squaredErrors[oldest]!;
      sumXY -= oldX * oldY;
      sumXX -= oldX * oldX;
      sumYY -= oldY * oldY;
      sumErrors -= oldError;
      isWorn =
        oldX * oldX > CANCELLATION_RATIO * sumXX ||
        oldY * oldY > CANCELLATION_RATIO * sumYY ||
        oldError > CANCELLATION_RATIO * sumErrors;
    }
    squaredErrors[pushed & mask] = error * error;
    sumXY += x * y;
    sumXX += x * x;
    sumYY += y * y;
    sumErrors += error * error;
    if (!isLeader) {
      const at = pushed + track.leaderOffset;
      sameRun = at < led.pushed && led.y[at & mask] === y ? sameRun + 1 : 0;
    }
    pushPair(pairs, x, y);
    track.sinceRebuild++;
    if (isWorn || track.sinceRebuild >= capacity) {
      rebuildSums(track);
      ({ sumXY, sumXX, sumYY, sumErrors } = track);
    }
  }
  track.sumXY = sumXY;
  track.sumXX = sumXX;
  track.sumYY = sumYY;
  track.sumErrors = sumErrors;
  track.sameRun = sameRun;
}

function rebuildSums(track: PairTrack): void {
  const { x, y, pushed } = track.pairs;
  const mask = x.length - 1;
  let sumXY = 0;
  let sumXX = 0;
  let sumYY = 0;
  let sumErrors = 0;
  for (let sequence = pushed - track.pairs.count; sequence < pushed; sequence++) {
    const place = sequence & mask;
    sumXY += x[place]! * y[place]!;
    sumXX += x[place]! * x[place]!;
    sumYY += y[place]! * y[place]!;
    sumErrors += track.squaredErrors[place]!;
  }
  track.sumXY = sumXY;
  track.sumXX = sumXX;
  track.sumYY = sumYY;
  track.sumErrors = sumErrors;
  track.sinceRebuild = 0;
}

/** Counts a cycle and recomputes when enough have passed. @returns whether it did */
export function countConfidenceCycle(state: ConfidenceState): boolean {
  state.cyclesSinceRecompute++;
  if (state.cyclesSinceRecompute < state.settings.icRecomputeCycles) return false;
  recomputeConfidence(state);
  return true;
}

/** Brings IC and stability of every column up to date: every so many cycles and at session close. */
export function recomputeConfidence(state: ConfidenceState): void {
  state.cyclesSinceRecompute = 0;
  for (let at = 0; at < state.order.length; ) {
    const first = state.order[at]!;
    const leader = state.tracks[first]!.leader;
    const sharing: number[] = [];
    for (; at < state.order.length && state.tracks[state.order[at]!]!.leader === leader; at++) {
      const c = state.order[at]!;
      if (sharesReturns(state, c)) sharing.push(c);
      else correlate(state, [c]);
    }
    correlate(state, sharing);
  }
}

/** Recomputes columns whose windows hold the same realised returns. */
function correlate(state: ConfidenceState, columns: readonly number[]): void {
  const { icMinPairs, icShrinkPairs, stabilityDefault } = state.settings;
  const tracks = columns.map((c) => state.tracks[c]!);
  const n = tracks[0]!.pairs.count;
  const isEnough = n >= icMinPairs && n >= 2;
  const rhos = isEnough
    ? spearmanOfShared(
        tracks.map((track) => track.pairs),
        workspaceOf(state),
      )
    : [];
  columns.forEach((c, k) => {
    const ic = rhos[k] ?? 0;
    state.ic[c] = ic;
    state.icShrunk[c] = isEnough ? (ic * n) / (n + icShrinkPairs) : 0;
    state.stability[c] = isEnough ? stabilityOf(tracks[k]!, stabilityDefault) : stabilityDefault;
  });
}

function workspaceOf(state: ConfidenceState): RankWorkspace {
  const known = workspaces.get(state);
  if (known !== undefined) return known;
  const workspace = createRankWorkspace(state.settings.icWindow, 2 * state.order.length);
  workspaces.set(state, workspace);
  return workspace;
}

/** Whether the window of a column holds the same realised returns, pair by pair, as that of its leader. Keeps the two aligned. */
function sharesReturns(state: ConfidenceState, column: number): boolean {
  const track = state.tracks[column]!;
  if (track.leader === column) return true;
  const { pairs } = track;
  const led = state.tracks[track.leader]!.pairs;
  if (led.pushed - pairs.pushed !== track.leaderOffset) {
    track.leaderOffset = led.pushed - pairs.pushed;
    track.sameRun = 0;
  }
  return led.count === pairs.count && track.sameRun >= pairs.count;
}

/** 1/max(1, RMSE/RMS of the returns), over the window; the default when every return is 0. */
function stabilityOf(track: PairTrack, whenUndefined: number): number {
  if (!(track.sumYY > 0)) return whenUndefined;
  return 1 / Math.max(1, Math.sqrt(Math.max(0, track.sumErrors) / track.sumYY));
}

/** exp(-age/tau); 1 for data from now or, by clock skew, later. */
export function freshness(ageSeconds: number, tauSeconds: number): number {
  return ageSeconds > 0 ? exp(-ageSeconds / tauSeconds) : 1;
}

/** min(1, kappa * ADV / planned), dollars; 1 while the ADV is unknown (0) or nothing is planned. */
export function capacity(input: {
  readonly advDollars: number;
  readonly plannedDollars: number;
  readonly kappa: number;
}): number {
  const { advDollars, plannedDollars, kappa } = input;
  if (!(advDollars > 0) || !(plannedDollars > 0)) return 1;
  return Math.min(1, (kappa * advDollars) / plannedDollars);
}

/** max(IC, floor) * freshness * capacity * stability, in that order. */
export function confidence(parts: {
  readonly icShrunk: number;
  readonly floor: number;
  readonly freshness: number;
  readonly capacity: number;
  readonly stability: number;
}): number {
  return Math.max(parts.icShrunk, parts.floor) * parts.freshness * parts.capacity * parts.stability;
}
