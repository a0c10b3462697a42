import type { CorporateAction } from '../../domain/corporate-actions.ts';
import { type Rebase, rebaseOf } from '../../domain/corporate-actions.ts';
import { updateFloat32, updateInt32 } from '../../math/hash128.ts';
import { type Scale, scaleEwma, scaleMoments, scaleRange, scaleValues } from '../../math/rolling-scale.ts';
import type { BarInterval, FeatureEngine } from './feature-engine.ts';
import { FEATURE_NAMES, type FeatureName } from './feature-names.ts';
import type { FeaturePlan } from './feature-plan.ts';
import { type FeatureSeries, rebaseNewest } from './feature-series.ts';

/** Features that are prices or differences of prices, in dollars; all others are ratios. */
const IN_DOLLARS: ReadonlySet<FeatureName> = new Set([
  'macd',
  'macd_signal',
  'macd_hist',
  'mom_5d',
  'mom_10d',
  'mom_20d',
  'atr_14',
]);
const IS_IN_DOLLARS = FEATURE_NAMES.map((name) => IN_DOLLARS.has(name));

/**
 * A symbol's features over a corporate action: every window, the bar in the making and the rows already computed, as if
 * all past prices and volumes had been on the new terms. No feature then sees the action as a move of the price.
 */
export function rebaseFeatures(engine: FeatureEngine, symbol: number, action: CorporateAction): void {
  const rebase = rebaseOf(action);
  for (const interval of engine.intervals) {
    rebaseBar(interval, symbol, rebase);
    rebaseSeries(interval.series[symbol]!, rebase);
  }
  for (const plan of engine.plans) rebaseRows(plan, symbol, priceScale(rebase));
  engine.digest = '';
}

function priceScale({ priceNumerator, priceDenominator }: Rebase): Scale {
  return { numerator: priceNumerator, denominator: priceDenominator };
}

function volumeScale({ volumeNumerator, volumeDenominator }: Rebase): Scale {
  return { numerator: volumeNumerator, denominator: volumeDenominator };
}

function rebaseBar(interval: BarInterval, symbol: number, rebase: Rebase): void {
  const price = priceScale(rebase);
  scaleValues(interval.highE4, price, symbol, symbol + 1);
  scaleValues(interval.lowE4, price, symbol, symbol + 1);
  scaleValues(interval.closeE4, price, symbol, symbol + 1);
  scaleValues(interval.volume, volumeScale(rebase), symbol, symbol + 1);
}

function rebaseSeries(series: FeatureSeries, rebase: Rebase): void {
  const price = priceScale(rebase);
  const volume = volumeScale(rebase);
  scaleValues(series.closes, price);
  scaleValues(series.filled, price);
  rebaseNewest(series, { price, volume });
  for (const moments of [series.means, series.gains, series.losses]) {
    for (const each of Object.values(moments)) if (each !== undefined) scaleMoments(each, price);
  }
  if (series.trueRange14 !== undefined) scaleMoments(series.trueRange14, price);
  if (series.volume20 !== undefined) scaleMoments(series.volume20, volume);
  if (series.yearRange !== undefined) scaleRange(series.yearRange, price);
  for (const average of Object.values(series.averages ?? {})) scaleEwma(average, price);
}

/** Rows computed before: the batch a model is fed next, and the rows of a sequence. */
function rebaseRows(plan: FeaturePlan, symbol: number, scale: Scale): void {
  const { codes, sequenceLength, batch, history, rowsHash } = plan;
  const stride = sequenceLength * codes.length;
  const start = symbol * stride;
  const end = start + stride;
  for (let at = start; at < end; at += codes.length) {
    for (let f = 0; f < codes.length; f += 1) {
      if (!IS_IN_DOLLARS[codes[f]!]) continue;
      scaleValues(batch, scale, at + f, at + f + 1);
      if (sequenceLength > 1) scaleValues(history, scale, at + f, at + f + 1);
    }
  }
  if (sequenceLength === 1) return;
  // the hash covers every row a sequence is made of: these rows are other ones now
  updateInt32(rowsHash, Int32Array.of(symbol));
  updateFloat32(rowsHash, history.subarray(start, end));
}
