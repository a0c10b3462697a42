/**
 * The features a model may ask for, in code order. The number in a name counts bars of the model's own interval
 * (`ret_5d` on 1-minute bars is a 5-minute return); the names are those of the training code.
 */
export const FEATURE_NAMES = [
  'ret_1d',
  'ret_5d',
  'ret_10d',
  'ret_20d',
  'ret_60d',
  'vol_5d',
  'vol_10d',
  'vol_20d',
  'vol_60d',
  'rsi_7',
  'rsi_14',
  'rsi_21',
  'ma_ratio_10',
  'ma_ratio_20',
  'ma_ratio_50',
  'bb_position',
  'bb_width',
  'macd',
  'macd_signal',
  'macd_hist',
  'mom_5d',
  'mom_10d',
  'mom_20d',
  'atr_14',
  'high_low_range',
  'volume_ma_ratio',
  'volume_change',
  'close_to_high_52w',
  'close_to_low_52w',
] as const;

export type FeatureName = (typeof FEATURE_NAMES)[number];
/** Index into FEATURE_NAMES. */
export type FeatureCode = number;

const CODES: Readonly<Record<string, FeatureCode | undefined>> = Object.assign(
  Object.create(null) as Record<string, FeatureCode>,
  Object.fromEntries(FEATURE_NAMES.map((name, code) => [name, code])),
);

/** @returns the code of a feature name, or undefined when there is no such feature: refuse the model at load */
export function featureCode(name: string): FeatureCode | undefined {
  return CODES[name];
}
