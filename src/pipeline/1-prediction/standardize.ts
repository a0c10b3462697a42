import type { PredictionSettings } from '../../domain/settings.ts';
import type { Predictions } from '../../events/inputs.ts';
import type { ModelColumn, SignalLayout } from '../../events/layout.ts';
import { crossSectionalSignals, MIN_RANKED_SYMBOLS } from './cross-section.ts';

/** Values of `StandardScores.status`. */
export const SCORE_MISSING = 0;
export const SCORE_WARMING_UP = 1;
export const SCORE_READY = 2;

/**
 * Rolling standardisation of raw model outputs, one series per (return column, symbol). The sums are of
 * (value - shift), rebuilt from the ring every `window` updates and when they lose digits (an outlier leaves, the level moves). Plain data; `ring`, `size`
 * and `next` are the truth, `shift`, `sum`, `sumSquares`, `sinceRebuild` and `equalRun` must be kept with them for equal bits.
 */
export interface StandardizerState {
  readonly symbolCount: number;
  readonly window: number;
  readonly minSamples: number;
  readonly clipLow: number;
  readonly clipHigh: number;
  /** First series of each column, or -1 for columns that are not standardised over time (barriers, rankings). */
  readonly seriesOfColumn: Int32Array;
  /** Columns whose score is a rank over the universe. */
  readonly rankedColumns: Int32Array;
  /** `[series, window]`; raw outputs are float32, so nothing is lost. */
  readonly ring: Float32Array | Float64Array;
  readonly size: Int32Array;
  readonly next: Int32Array;
  readonly sinceRebuild: Int32Array;
  /** Length of the run of equal values at the end of each ring: such a ring has exactly no spread. */
  readonly equalRun: Int32Array;
  readonly shift: Float64Array;
  readonly sum: Float64Array;
  readonly sumSquares: Float64Array;
}

/** Scores of one cycle, column-major like the predictions; allocated once and rewritten. */
export interface StandardScores {
  /** Dimensionless, within the clip; 0 where there is none. Barrier columns stay 0: their output is a probability. */
  readonly scores: Float64Array;
  readonly status: Uint8Array;
}

/** A smaller standard deviation than this is no spread at all. */
const MIN_STD = 1e-9;
/** Sums this much larger than what is left after a subtraction have lost digits and are rebuilt. */
const CANCELLATION_RATIO = 1 << 16;

export interface StandardizerSettings
  extends Pick<PredictionSettings, 'standardizeWindow' | 'standardizeMinSamples' | 'scoreClip'> {
  /** Lower clip when it is not -scoreClip. */
  readonly scoreClipLow?: number;
  /** Ring precision; raw outputs of models are float32. */
  readonly precision?: 'float32' | 'float64';
}

export function createStandardizer(layout: SignalLayout, settings: StandardizerSettings): StandardizerState {
  const symbolCount = layout.symbols.length;
  const window = settings.standardizeWindow;
  const isSeries = (column: ModelColumn) => column.kind === 'return' && column.crossSectionalRanking !== true;
  let seriesCount = 0;
  const seriesOfColumn = Int32Array.from(layout.columns, (column) => {
    if (!isSeries(column)) return -1;
    seriesCount += symbolCount;
    return seriesCount - symbolCount;
  });
  const ranked = layout.columns.flatMap((column, c) =>
    column.kind === 'return' && column.crossSectionalRanking === true ? [c] : [],
  );
  const ringLength = seriesCount * window;
  return {
    symbolCount,
    window,
    minSamples: settings.standardizeMinSamples,
    clipLow: settings.scoreClipLow ?? -settings.scoreClip,
    clipHigh: settings.scoreClip,
    seriesOfColumn,
    rankedColumns: Int32Array.from(ranked),
    ring: settings.precision === 'float64' ? new Float64Array(ringLength) : new Float32Array(ringLength),
    size: new Int32Array(seriesCount),
    next: new Int32Array(seriesCount),
    sinceRebuild: new Int32Array(seriesCount),
    equalRun: new Int32Array(seriesCount),
    shift: new Float64Array(seriesCount),
    sum: new Float64Array(seriesCount),
    sumSquares: new Float64Array(seriesCount),
  };
}

export function createStandardScores(layout: SignalLayout): StandardScores {
  const size = layout.columns.length * layout.symbols.length;
  return { scores: new Float64Array(size), status: new Uint8Array(size) };
}

/** Takes the raw outputs of one cycle into the rings and writes every score. Missing outputs leave their ring as it is. */
export function standardizeCycle(
  state: StandardizerState,
  predictions: Predictions,
  out: StandardScores,
): void {
  const { symbolCount, seriesOfColumn } = state;
  const { values, valid } = predictions;
  const { scores, status } = out;
  for (let c = 0; c < seriesOfColumn.length; c++) {
    const first = seriesOfColumn[c]!;
    if (first < 0) continue;
    const offset = c * symbolCount;
    for (let i = 0; i < symbolCount; i++) {
      if (valid[offset + i] === 0) {
        scores[offset + i] = 0;
        status[offset + i] = SCORE_MISSING;
        continue;
      }
      const series = first + i;
      pushRaw(state, series, values[offset + i]!);
      const isReady = state.size[series]! >= state.minSamples;
      scores[offset + i] = isReady ? latestScore(state, series) : 0;
      status[offset + i] = isReady ? SCORE_READY : SCORE_WARMING_UP;
    }
  }
  for (const c of state.rankedColumns) rankColumn(state, c, predictions, out);
}

/** Adds a finite raw output to a series. Sums are worked on as locals: a typed array read again is not free. */
export function pushRaw(state: StandardizerState, series: number, raw: number): void {
  const { ring, window, size } = state;
  const place = state.next[series]!;
  const slot = series * window + place;
  const count = size[series]!;
  const shift = count === 0 ? raw : state.shift[series]!;
  let sum = state.sum[series]!;
  let sumSquares = state.sumSquares[series]!;
  let isWorn = false;
  if (count === window) {
    const offset = ring[slot]! - shift;
    sum -= offset;
    sumSquares -= offset * offset;
    isWorn = offset * offset > CANCELLATION_RATIO * sumSquares;
  } else {
    if (count === 0) state.shift[series] = raw;
    size[series] = count + 1;
  }
  const newest = ring[place === 0 ? slot + window - 1 : slot - 1]!;
  ring[slot] = raw;
  const stored = ring[slot]!;
  state.equalRun[series] = count > 0 && newest === stored ? state.equalRun[series]! + 1 : 1;
  state.next[series] = place + 1 === window ? 0 : place + 1;
  const offset = stored - shift;
  sum += offset;
  sumSquares += offset * offset;
  state.sum[series] = sum;
  state.sumSquares[series] = sumSquares;
  const sinceRebuild = state.sinceRebuild[series]! + 1;
  state.sinceRebuild[series] = sinceRebuild;
  const total = (count === window ? count : count + 1) * sumSquares;
  if (isWorn || isOffCentre(sum, total) || sinceRebuild >= window) rebuildSums(state, series);
}

/**
 * Whether the shift is so far from the values that their spread would be lost in the difference of the sums.
 * @param total count times the sum of squares
 */
function isOffCentre(sum: number, total: number): boolean {
  return sum * sum * CANCELLATION_RATIO > total * (CANCELLATION_RATIO - 1);
}

/** Recomputes the sums of a series from its ring, oldest first, around its mean. */
function rebuildSums(state: StandardizerState, series: number): void {
  const { ring, window } = state;
  const count = state.size[series]!;
  const start = series * window;
  const shift = state.shift[series]! + state.sum[series]! / count;
  let sum = 0;
  let sumSquares = 0;
  let place = count === window ? state.next[series]! : 0;
  for (let k = 0; k < count; k++) {
    const offset = ring[start + place]! - shift;
    sum += offset;
    sumSquares += offset * offset;
    place = place + 1 === window ? 0 : place + 1;
  }
  state.shift[series] = shift;
  state.sum[series] = sum;
  state.sumSquares[series] = sumSquares;
  state.sinceRebuild[series] = 0;
}

export interface SeriesStatistics {
  readonly count: number;
  readonly mean: number;
  /** Divisor n. */
  readonly std: number;
}

/** Mean and population standard deviation over the ring of a series; zeros while it is empty. */
export function seriesStatistics(state: StandardizerState, series: number): SeriesStatistics {
  const count = state.size[series]!;
  if (count === 0) return { count, mean: 0, std: 0 };
  return { count, mean: seriesMean(state, series), std: seriesStd(state, series) };
}

function seriesMean(state: StandardizerState, series: number): number {
  const count = state.size[series]!;
  if (state.equalRun[series]! >= count) return newestRaw(state, series);
  return state.shift[series]! + state.sum[series]! / count;
}

function seriesStd(state: StandardizerState, series: number): number {
  const count = state.size[series]!;
  return state.equalRun[series]! >= count ? 0 : stdOf(count, state.sum[series]!, state.sumSquares[series]!);
}

function stdOf(count: number, sum: number, sumSquares: number): number {
  return Math.sqrt(Math.max(0, (sumSquares - (sum * sum) / count) / count));
}

function newestRaw(state: StandardizerState, series: number): number {
  const next = state.next[series]!;
  return state.ring[series * state.window + (next === 0 ? state.window : next) - 1]!;
}

/**
 * Score of the newest raw output of a series among all in its ring, itself included:
 * clip((raw - mean)/std), population std; 0 when std < 1e-9. Regardless of the minimum of samples.
 */
export function latestScore(state: StandardizerState, series: number): number {
  const { clipLow, clipHigh } = state;
  const count = state.size[series]!;
  const sum = state.sum[series]!;
  const isConstant = state.equalRun[series]! >= count;
  const std = isConstant ? 0 : stdOf(count, sum, state.sumSquares[series]!);
  if (std < MIN_STD) return Math.max(clipLow, Math.min(clipHigh, 0));
  const mean = state.shift[series]! + sum / count;
  const score = (newestRaw(state, series) - mean) / std;
  return Math.max(clipLow, Math.min(clipHigh, score)) + 0;
}

/** Scores of a cross-sectional ranking model; missing for all below 5 symbols. */
function rankColumn(
  state: StandardizerState,
  column: number,
  predictions: Predictions,
  out: StandardScores,
): void {
  const { symbolCount } = state;
  const offset = column * symbolCount;
  out.scores.fill(0, offset, offset + symbolCount);
  out.status.fill(SCORE_MISSING, offset, offset + symbolCount);
  const present: number[] = [];
  for (let i = 0; i < symbolCount; i++) if (predictions.valid[offset + i] === 1) present.push(offset + i);
  const raw = Float64Array.from(present, (at) => predictions.values[at]!);
  const signals = crossSectionalSignals(raw, { clip: state.clipHigh, minSymbols: MIN_RANKED_SYMBOLS });
  if (signals === undefined) return;
  for (let k = 0; k < present.length; k++) {
    out.scores[present[k]!] = signals[k]!;
    out.status[present[k]!] = SCORE_READY;
  }
}
