import { InvariantError } from '../../domain/errors.ts';
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
 * sample standard deviations, `ewm(adjust=False)`, RSI from simple means and undefined without a loss. Windows that no
 * feature asked for needs are undefined.
 */
export interface FeatureSeries {
  bars: number;
  /** The last 64 closes by bar number modulo 64: as they came (NaN = missing), and with gaps filled by the last price. */
  readonly closes: Float64Array;
  readonly filled: Float64Array;
  /** Of the newest bar, by the places named below; NaN = missing. */
  readonly newest: Float64Array;
  readonly returns: Readonly<Record<5 | 10 | 20 | 60, RollingMoments | undefined>>;
  readonly means: Readonly<Record<10 | 20 | 50, RollingMoments | undefined>>;
  readonly gains: Readonly<Record<7 | 14 | 21, RollingMoments | undefined>>;
  readonly losses: Readonly<Record<7 | 14 | 21, RollingMoments | undefined>>;
  readonly trueRange14: RollingMoments | undefined;
  readonly volume20: RollingMoments | undefined;
  readonly yearRange: RollingRange | undefined;
  readonly averages: Averages | undefined;
}

/** Moving averages behind MACD. */
export interface Averages {
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

/** @param asked the features that will be read; all by default */
export function createFeatureSeries(asked: ReadonlySet<FeatureName> = new Set(FEATURE_NAMES)): FeatureSeries {
  const isAsked = (...names: readonly FeatureName[]): boolean => names.some((name) => asked.has(name));
  const moments = (window: number, ...names: readonly FeatureName[]): RollingMoments | undefined =>
    isAsked(...names) ? createRollingMoments(window) : undefined;
  return {
    bars: 0,
    closes: new Float64Array(CLOSE_RING).fill(Number.NaN),
    filled: new Float64Array(CLOSE_RING).fill(Number.NaN),
    newest: new Float64Array(5).fill(Number.NaN),
    returns: {
      5: moments(5, 'vol_5d'),
      10: moments(10, 'vol_10d'),
      20: moments(20, 'vol_20d'),
      60: moments(60, 'vol_60d'),
    },
    means: {
      10: moments(10, 'ma_ratio_10'),
      20: moments(20, 'ma_ratio_20', 'bb_position', 'bb_width'),
      50: moments(50, 'ma_ratio_50'),
    },
    gains: { 7: moments(7, 'rsi_7'), 14: moments(14, 'rsi_14'), 21: moments(21, 'rsi_21') },
    losses: { 7: moments(7, 'rsi_7'), 14: moments(14, 'rsi_14'), 21: moments(21, 'rsi_21') },
    trueRange14: moments(14, 'atr_14'),
    volume20: moments(20, 'volume_ma_ratio'),
    yearRange: isAsked('close_to_high_52w', 'close_to_low_52w') ? createRollingRange(YEAR_BARS) : undefined,
    averages: isAsked('macd', 'macd_signal', 'macd_hist')
      ? { ema12: createEwma(12), ema26: createEwma(26), signal9: createEwma(9) }
      : undefined,
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
  if (series.trueRange14 !== undefined) {
    pushMoment(series.trueRange14, trueRange({ high, low, previousClose }));
  }
  if (series.yearRange !== undefined) pushRange(series.yearRange, close);
  if (series.averages !== undefined) pushAverages(series.averages, close);
  pushIfAsked(series.volume20, volume);
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
  pushIfAsked(series.returns[5], change);
  pushIfAsked(series.returns[10], change);
  pushIfAsked(series.returns[20], change);
  pushIfAsked(series.returns[60], change);
}

function pushMeans(series: FeatureSeries, close: number): void {
  pushIfAsked(series.means[10], close);
  pushIfAsked(series.means[20], close);
  pushIfAsked(series.means[50], close);
}

/** A missing change counts as neither gain nor loss, and the first bar as one such. */
function pushChange(series: FeatureSeries, change: number): void {
  const move = Number.isNaN(change) ? 0 : change;
  const gain = Math.max(move, 0);
  const loss = Math.max(-move, 0);
  pushIfAsked(series.gains[7], gain);
  pushIfAsked(series.gains[14], gain);
  pushIfAsked(series.gains[21], gain);
  pushIfAsked(series.losses[7], loss);
  pushIfAsked(series.losses[14], loss);
  pushIfAsked(series.losses[21], loss);
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

function pushIfAsked(moments: RollingMoments | undefined, value: number): void {
  if (moments !== undefined) pushMoment(moments, value);
}

function pushAverages(averages: Averages, close: number): void {
  pushEwma(averages.ema12, close);
  pushEwma(averages.ema26, close);
  pushEwma(averages.signal9, macdOf(averages));
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

function meanOf(window: RollingMoments | undefined): number {
  const moments = asked(window);
  return isComplete(moments) ? rollingMean(moments) : Number.NaN;
}

function stdOf(window: RollingMoments | undefined): number {
  const moments = asked(window);
  return isComplete(moments) ? sampleStd(moments) : Number.NaN;
}

/** @throws InvariantError when a feature is read that the series was not made for */
function asked<T>(window: T | undefined): T {
  if (window === undefined) throw new InvariantError('a feature was read that its series was not asked for');
  return window;
}

/** 100 - 100/(1 + mean gain / mean loss); NaN without a loss in the window. */
function rsi(gains: RollingMoments | undefined, losses: RollingMoments | undefined): number {
  const loss = meanOf(losses);
  if (!(loss > 0)) return Number.NaN;
  return 100 - 100 / (1 + Math.max(0, meanOf(gains)) / loss);
}

function macdOf({ ema12, ema26 }: Averages): number {
  return ema12.started ? ema12.value - ema26.value : Number.NaN;
}

function macd(series: FeatureSeries): number {
  return macdOf(asked(series.averages));
}

function macdSignal(series: FeatureSeries): number {
  const { signal9 } = asked(series.averages);
  return signal9.started ? signal9.value : Number.NaN;
}

/** Bollinger bands: 20 bars, 2 sample standard deviations. In the middle when they have no width. */
function bollingerPosition(series: FeatureSeries): number {
  const middle = meanOf(series.means[20]);
  const width = 4 * stdOf(series.means[20]);
  if (width === 0) return 0.5;
  return (closeBack(series, 0) - (middle - width / 2)) / width;
}

/** Close over the highest or lowest close of the last 252 bars, once 20 of them exist. */
function toYearExtreme(series: FeatureSeries, extremeOf: (range: RollingRange) => number): number {
  const range = asked(series.yearRange);
  const extreme = extremeOf(range);
  if (range.count < YEAR_MIN_BARS || extreme === 0) return Number.NaN;
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
  close_to_high_52w: (series) => toYearExtreme(series, rollingMax),
  close_to_low_52w: (series) => toYearExtreme(series, rollingMin),
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
