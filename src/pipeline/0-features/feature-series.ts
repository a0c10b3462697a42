import {
  createEwma,
  createRollingMoments,
  createRollingRange,
  type Ewma,
  isComplete,
  pushEwma,
  pushMoment,
  pushRange,
  type RollingMoments,
  type RollingRange,
  rollingMax,
  rollingMean,
  rollingMin,
  sampleStd,
} from '../../math/rolling.ts';
import { type Scale, scaleValues } from '../../math/rolling-scale.ts';
import { FEATURE_NAMES, type FeatureCode, type FeatureName } from './feature-names.ts';

/**
 * The features of one symbol on one bar interval, updated bar by bar in O(1). Definitions follow the training code
 * (pandas 1.5 conventions): `pct_change` carries the last price over a missing one, rolling windows must be complete,
 * sample standard deviations, `ewm(adjust=False)`, RSI from simple means and undefined without a loss.
 */
export interface FeatureSeries {
  bars: number;
  /** The last 64 closes by bar number modulo 64: as they came (NaN = missing), and with gaps filled by the last price. */
  readonly closes: Float64Array;
  readonly filled: Float64Array;
  /** Of the newest bar, by the places named below; NaN = missing. */
  readonly newest: Float64Array;
  readonly returns: Readonly<Record<5 | 10 | 20 | 60, RollingMoments>>;
  readonly means: Readonly<Record<10 | 20 | 50, RollingMoments>>;
  readonly gains: Readonly<Record<7 | 14 | 21, RollingMoments>>;
  readonly losses: Readonly<Record<7 | 14 | 21, RollingMoments>>;
  readonly trueRange14: RollingMoments;
  readonly volume20: RollingMoments;
  readonly yearRange: RollingRange;
  readonly ema12: Ewma;
  readonly ema26: Ewma;
  readonly signal9: Ewma;
}

/** One finished bar; prices in dollars, volume in shares; NaN where a value is missing. */
export interface FeatureBar {
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

const CLOSE_RING = 64;
const YEAR_BARS = 252;
const YEAR_MIN_BARS = 20;

/** Places in `newest`; the filled volumes carry the last volume over missing ones. */
const HIGH = 0;
const LOW = 1;
const VOLUME = 2;
const FILLED_VOLUME = 3;
const PREVIOUS_FILLED_VOLUME = 4;

export function createFeatureSeries(): FeatureSeries {
  return {
    bars: 0,
    closes: new Float64Array(CLOSE_RING).fill(Number.NaN),
    filled: new Float64Array(CLOSE_RING).fill(Number.NaN),
    newest: new Float64Array(5).fill(Number.NaN),
    returns: {
      5: createRollingMoments(5),
      10: createRollingMoments(10),
      20: createRollingMoments(20),
      60: createRollingMoments(60),
    },
    means: { 10: createRollingMoments(10), 20: createRollingMoments(20), 50: createRollingMoments(50) },
    gains: { 7: createRollingMoments(7), 14: createRollingMoments(14), 21: createRollingMoments(21) },
    losses: { 7: createRollingMoments(7), 14: createRollingMoments(14), 21: createRollingMoments(21) },
    trueRange14: createRollingMoments(14),
    volume20: createRollingMoments(20),
    yearRange: createRollingRange(YEAR_BARS),
    ema12: createEwma(12),
    ema26: createEwma(26),
    signal9: createEwma(9),
  };
}

/** Takes the next finished bar. */
export function pushBar(series: FeatureSeries, bar: FeatureBar): void {
  const { high, low, close, volume } = bar;
  const previousClose = closeBack(series, 0);
  const previousFilled = filledBack(series, 0);
  const place = series.bars % CLOSE_RING;
  const filled = Number.isNaN(close) ? previousFilled : close;
  series.closes[place] = close;
  series.filled[place] = filled;
  series.bars++;
  pushReturns(series, filled / previousFilled - 1);
  pushMeans(series, close);
  pushChange(series, close - previousClose);
  pushMoment(series.trueRange14, trueRange({ high, low, previousClose }));
  pushRange(series.yearRange, close);
  pushMacd(series, close);
  pushMoment(series.volume20, volume);
  const { newest } = series;
  newest[HIGH] = high;
  newest[LOW] = low;
  newest[VOLUME] = volume;
  newest[PREVIOUS_FILLED_VOLUME] = newest[FILLED_VOLUME]!;
  if (!Number.isNaN(volume)) newest[FILLED_VOLUME] = volume;
}

/** The newest bar's prices and volumes on other terms: see `rebaseFeatures`. */
export function rebaseNewest(
  { newest }: FeatureSeries,
  { price, volume }: { readonly price: Scale; readonly volume: Scale },
): void {
  scaleValues(newest, price, HIGH, LOW + 1);
  scaleValues(newest, volume, VOLUME, PREVIOUS_FILLED_VOLUME + 1);
}

function pushReturns(series: FeatureSeries, change: number): void {
  pushMoment(series.returns[5], change);
  pushMoment(series.returns[10], change);
  pushMoment(series.returns[20], change);
  pushMoment(series.returns[60], change);
}

function pushMeans(series: FeatureSeries, close: number): void {
  pushMoment(series.means[10], close);
  pushMoment(series.means[20], close);
  pushMoment(series.means[50], close);
}

/** A missing change counts as neither gain nor loss, and the first bar as one such. */
function pushChange(series: FeatureSeries, change: number): void {
  const move = Number.isNaN(change) ? 0 : change;
  const gain = Math.max(move, 0);
  const loss = Math.max(-move, 0);
  pushMoment(series.gains[7], gain);
  pushMoment(series.gains[14], gain);
  pushMoment(series.gains[21], gain);
  pushMoment(series.losses[7], loss);
  pushMoment(series.losses[14], loss);
  pushMoment(series.losses[21], loss);
}

/** Largest of the three ranges that exist; NaN when none does. */
function trueRange(bar: {
  readonly high: number;
  readonly low: number;
  readonly previousClose: number;
}): number {
  let range = bar.high - bar.low;
  const up = Math.abs(bar.high - bar.previousClose);
  const down = Math.abs(bar.low - bar.previousClose);
  if (up > range || Number.isNaN(range)) range = up;
  if (down > range || Number.isNaN(range)) range = down;
  return range;
}

function pushMacd(series: FeatureSeries, close: number): void {
  pushEwma(series.ema12, close);
  pushEwma(series.ema26, close);
  pushEwma(series.signal9, macd(series));
}

/** Close `back` bars before the newest; NaN when missing or before the first bar. */
function closeBack(series: FeatureSeries, back: number): number {
  return back >= series.bars ? Number.NaN : series.closes[(series.bars - 1 - back) % CLOSE_RING]!;
}

function filledBack(series: FeatureSeries, back: number): number {
  return back >= series.bars ? Number.NaN : series.filled[(series.bars - 1 - back) % CLOSE_RING]!;
}

function change(series: FeatureSeries, bars: number): number {
  return filledBack(series, 0) / filledBack(series, bars) - 1;
}

function momentum(series: FeatureSeries, bars: number): number {
  return closeBack(series, 0) - closeBack(series, bars);
}

function meanOf(moments: RollingMoments): number {
  return isComplete(moments) ? rollingMean(moments) : Number.NaN;
}

function stdOf(moments: RollingMoments): number {
  return isComplete(moments) ? sampleStd(moments) : Number.NaN;
}

/** 100 - 100/(1 + mean gain / mean loss); NaN without a loss in the window. */
function rsi(gains: RollingMoments, losses: RollingMoments): number {
  const loss = meanOf(losses);
  if (!(loss > 0)) return Number.NaN;
  return 100 - 100 / (1 + Math.max(0, meanOf(gains)) / loss);
}

function macd(series: FeatureSeries): number {
  return series.ema12.started ? series.ema12.value - series.ema26.value : Number.NaN;
}

function macdSignal(series: FeatureSeries): number {
  return series.signal9.started ? series.signal9.value : Number.NaN;
}

/** Bollinger bands: 20 bars, 2 sample standard deviations. In the middle when they have no width. */
function bollingerPosition(series: FeatureSeries): number {
  const middle = meanOf(series.means[20]);
  const width = 4 * stdOf(series.means[20]);
  if (width === 0) return 0.5;
  return (closeBack(series, 0) - (middle - width / 2)) / width;
}

/** Close over the highest or lowest close of the last 252 bars, once 20 of them exist. */
function toYearExtreme(series: FeatureSeries, extreme: number): number {
  if (series.yearRange.count < YEAR_MIN_BARS || extreme === 0) return Number.NaN;
  return closeBack(series, 0) / extreme;
}

const FORMULAS: Readonly<Record<FeatureName, (series: FeatureSeries) => number>> = {
  ret_1d: (series) => change(series, 1),
  ret_5d: (series) => change(series, 5),
  ret_10d: (series) => change(series, 10),
  ret_20d: (series) => change(series, 20),
  ret_60d: (series) => change(series, 60),
  vol_5d: (series) => stdOf(series.returns[5]),
  vol_10d: (series) => stdOf(series.returns[10]),
  vol_20d: (series) => stdOf(series.returns[20]),
  vol_60d: (series) => stdOf(series.returns[60]),
  rsi_7: (series) => rsi(series.gains[7], series.losses[7]),
  rsi_14: (series) => rsi(series.gains[14], series.losses[14]),
  rsi_21: (series) => rsi(series.gains[21], series.losses[21]),
  ma_ratio_10: (series) => closeBack(series, 0) / meanOf(series.means[10]) - 1,
  ma_ratio_20: (series) => closeBack(series, 0) / meanOf(series.means[20]) - 1,
  ma_ratio_50: (series) => closeBack(series, 0) / meanOf(series.means[50]) - 1,
  bb_position: bollingerPosition,
  bb_width: (series) => (4 * stdOf(series.means[20])) / meanOf(series.means[20]),
  macd,
  macd_signal: macdSignal,
  macd_hist: (series) => macd(series) - macdSignal(series),
  mom_5d: (series) => momentum(series, 5),
  mom_10d: (series) => momentum(series, 10),
  mom_20d: (series) => momentum(series, 20),
  atr_14: (series) => meanOf(series.trueRange14),
  high_low_range: (series) => (series.newest[HIGH]! - series.newest[LOW]!) / closeBack(series, 0),
  volume_ma_ratio: (series) => series.newest[VOLUME]! / meanOf(series.volume20),
  volume_change: (series) => series.newest[FILLED_VOLUME]! / series.newest[PREVIOUS_FILLED_VOLUME]! - 1,
  close_to_high_52w: (series) => toYearExtreme(series, rollingMax(series.yearRange)),
  close_to_low_52w: (series) => toYearExtreme(series, rollingMin(series.yearRange)),
};

const FORMULA_OF_CODE = FEATURE_NAMES.map((name) => FORMULAS[name]);

/**
 * The value of a feature at the newest bar, as a double.
 * @returns NaN where it cannot be computed: too few bars, a missing value in its window, a division 0/0;
 *   infinities as the division gives them. The caller decides what becomes of either.
 */
export function featureValue(series: FeatureSeries, code: FeatureCode): number {
  return series.bars === 0 ? Number.NaN : FORMULA_OF_CODE[code]!(series);
}
