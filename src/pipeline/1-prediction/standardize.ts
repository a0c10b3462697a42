import type { PredictionSettings } from '../../domain/settings.ts';
import type { Predictions } from '../../events/inputs.ts';
import type { SignalLayout } from '../../events/layout.ts';
import { crossSectionalSignals } from './cross-section.ts';

/** Values of `StandardScores.status`. */
export const SCORE_MISSING = 0;
export const SCORE_WARMING_UP = 1;
export const SCORE_READY = 2;

/**
 * Rolling standardisation of raw model outputs, one series per (return column, symbol). The sums are of
 * (value - shift), rebuilt from the ring every `window` updates and when they lose digits (an outlier leaves, the level moves).
 * Plain data. Rings lie side by side, newest next to newest, and what else a series has is one cache line: a cycle
 * updates every series once.
 */
export interface StandardizerState {
  readonly symbolCount: number;
  readonly seriesCount: number;
  readonly window: number;
  readonly minSamples: number;
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly minStd: number;
  readonly minRanked: number;
  /** Place of each series among the outputs, rising; barriers and rankings are not standardised over time. */
  readonly outputOfSeries: Int32Array;
  /** Columns whose score is a rank over the universe. */
  readonly rankedColumns: Int32Array;
  /** `[window, series]`; raw outputs are float32, so nothing is lost. */
  readonly ring: Float32Array | Float64Array;
  /** `[series, 8]`, by the places named below. */
  readonly sums: Float64Array;
}

/** Places in a series' line of `sums`. Of its raw outputs: how many, where in the ring the next goes, the newest. */
const COUNT = 0;
const NEXT = 1;
const NEWEST = 2;
/** Length of the run of equal values at the end of the ring: a ring of nothing else has exactly no spread. */
const EQUAL_RUN = 3;
const SHIFT = 4;
const SUM = 5;
const SUM_SQUARES = 6;
const SINCE_REBUILD = 7;
const LINE = 8;

/** Scores of one cycle, column-major like the predictions; allocated once and rewritten. */
export interface StandardScores {
  /** Dimensionless, within the clip; 0 where there is none. Barrier columns stay 0: their output is a probability. */
  readonly scores: Float64Array;
  readonly status: Uint8Array;
}

/** Sums this much larger than what is left after a subtraction have lost digits and are rebuilt. */
const CANCELLATION_RATIO = 1 << 16;

export interface StandardizerSettings
  extends Pick<
    PredictionSettings,
    'standardizeWindow' | 'standardizeMinSamples' | 'standardizeMinStd' | 'rankMinSymbols' | 'scoreClip'
  > {
  /** Lower clip when it is not -scoreClip. */
  readonly scoreClipLow?: number;
  /** Ring precision; raw outputs of models are float32. */
  readonly precision?: 'float32' | 'float64';
}

export function createStandardizer(layout: SignalLayout, settings: StandardizerSettings): StandardizerState {
  const symbolCount = layout.symbols.length;
  const window = settings.standardizeWindow;
  const outputOfSeries = layout.columns.flatMap((column, c) =>
    column.kind === 'return' && column.crossSectionalRanking !== true
      ? layout.symbols.map((_, i) => c * symbolCount + i)
      : [],
  );
  const seriesCount = outputOfSeries.length;
  const ranked = layout.columns.flatMap((column, c) =>
    column.kind === 'return' && column.crossSectionalRanking === true ? [c] : [],
  );
  const ringLength = seriesCount * window;
  return {
    symbolCount,
    seriesCount,
    window,
    minSamples: settings.standardizeMinSamples,
    clipLow: settings.scoreClipLow ?? -settings.scoreClip,
    clipHigh: settings.scoreClip,
    minStd: settings.standardizeMinStd,
    minRanked: settings.rankMinSymbols,
    outputOfSeries: Int32Array.from(outputOfSeries),
    rankedColumns: Int32Array.from(ranked),
    ring: settings.precision === 'float64' ? new Float64Array(ringLength) : new Float32Array(ringLength),
    sums: new Float64Array(seriesCount * LINE),
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
  scoreSeries(state, predictions, out);
  for (const c of state.rankedColumns) rankColumn(state, c, predictions, out);
}

/**
 * Adds one output to each series and scores it among all in the ring, itself included: clip((raw - mean)/std), population
 * std; 0 when std is below the least that counts. One loop, with the sums worked on as locals: a call for each series
 * took half as long again.
 */
function scoreSeries(state: StandardizerState, { values, valid }: Predictions, out: StandardScores): void {
  const { seriesCount, outputOfSeries, ring, window, sums, minSamples, minStd, clipLow, clipHigh } = state;
  const { scores, status } = out;
  for (let series = 0, line = 0; series < seriesCount; series++, line += LINE) {
    const at = outputOfSeries[series]!;
    if (valid[at] === 0) {
      scores[at] = 0;
      status[at] = SCORE_MISSING;
      continue;
    }
    const count = sums[line + COUNT]!;
    const next = sums[line + NEXT]!;
    const slot = next * seriesCount + series;
    const oldest = ring[slot]!;
    ring[slot] = values[at]!;
    const raw = ring[slot]!;
    if (count === 0) sums[line + SHIFT] = raw;
    let shift = sums[line + SHIFT]!;
    let sum = sums[line + SUM]!;
    let sumSquares = sums[line + SUM_SQUARES]!;
    let isWorn = false;
    let counted = count;
    if (count === window) {
      const offset = oldest - shift;
      sum -= offset;
      sumSquares -= offset * offset;
      isWorn = offset * offset > CANCELLATION_RATIO * sumSquares;
    } else {
      counted = count + 1;
      sums[line + COUNT] = counted;
    }
    const offset = raw - shift;
    sum += offset;
    sumSquares += offset * offset;
    const equalRun = count > 0 && sums[line + NEWEST] === raw ? sums[line + EQUAL_RUN]! + 1 : 1;
    const sinceRebuild = sums[line + SINCE_REBUILD]! + 1;
    sums[line + NEXT] = next + 1 === window ? 0 : next + 1;
    sums[line + NEWEST] = raw;
    sums[line + EQUAL_RUN] = equalRun;
    sums[line + SUM] = sum;
    sums[line + SUM_SQUARES] = sumSquares;
    sums[line + SINCE_REBUILD] = sinceRebuild;
    if (isWorn || isOffCentre(sum, counted * sumSquares) || sinceRebuild >= window) {
      rebuildSums(state, series);
      shift = sums[line + SHIFT]!;
      sum = sums[line + SUM]!;
      sumSquares = sums[line + SUM_SQUARES]!;
    }
    if (counted < minSamples) {
      scores[at] = 0;
      status[at] = SCORE_WARMING_UP;
      continue;
    }
    let score = 0;
    if (equalRun < counted) {
      const std = stdOf(sum, sumSquares, counted);
      if (!(std < minStd)) score = (raw - (shift + sum / counted)) / std;
    }
    scores[at] = Math.max(clipLow, Math.min(clipHigh, score)) + 0;
    status[at] = SCORE_READY;
  }
}

/**
 * Whether the shift is so far from the values that their spread would be lost in the difference of the sums.
 * @param total count times the sum of squares
 */
function isOffCentre(sum: number, total: number): boolean {
  return sum * sum * CANCELLATION_RATIO > total * (CANCELLATION_RATIO - 1);
}

/** Recomputes the sums of a series from its ring, oldest first, around its mean. */
function rebuildSums({ ring, sums, window, seriesCount }: StandardizerState, series: number): void {
  const line = series * LINE;
  const count = sums[line + COUNT]!;
  const shift = sums[line + SHIFT]! + sums[line + SUM]! / count;
  let sum = 0;
  let sumSquares = 0;
  let place = count === window ? sums[line + NEXT]! : 0;
  for (let k = 0; k < count; k++) {
    const offset = ring[place * seriesCount + series]! - shift;
    sum += offset;
    sumSquares += offset * offset;
    place = place + 1 === window ? 0 : place + 1;
  }
  sums[line + SHIFT] = shift;
  sums[line + SUM] = sum;
  sums[line + SUM_SQUARES] = sumSquares;
  sums[line + SINCE_REBUILD] = 0;
}

/** Population standard deviation from sums around any shift. */
function stdOf(sum: number, sumSquares: number, count: number): number {
  return Math.sqrt(Math.max(0, (sumSquares - (sum * sum) / count) / count));
}

export interface SeriesStatistics {
  readonly count: number;
  readonly mean: number;
  /** Divisor n. */
  readonly std: number;
}

/** Mean and population standard deviation over the ring of a series; zeros while it is empty. */
export function seriesStatistics({ sums }: StandardizerState, series: number): SeriesStatistics {
  const line = series * LINE;
  const count = sums[line + COUNT]!;
  if (count === 0) return { count, mean: 0, std: 0 };
  if (sums[line + EQUAL_RUN]! >= count) return { count, mean: sums[line + NEWEST]!, std: 0 };
  const sum = sums[line + SUM]!;
  return {
    count,
    mean: sums[line + SHIFT]! + sum / count,
    std: stdOf(sum, sums[line + SUM_SQUARES]!, count),
  };
}

/** Scores of a cross-sectional ranking model; missing for all below the minimum of symbols. */
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
  const signals = crossSectionalSignals(raw, { clip: state.clipHigh, minSymbols: state.minRanked });
  if (signals === undefined) return;
  for (let k = 0; k < present.length; k++) {
    out.scores[present[k]!] = signals[k]!;
    out.status[present[k]!] = SCORE_READY;
  }
}
