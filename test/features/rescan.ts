import { FEATURE_NAMES, type FeatureName } from '../../src/pipeline/0-features/feature-names.ts';

/** One bar, NaN = missing. */
export interface Bar {
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Statistic of the last `window` values, NaN unless all of them are finite. */
function over(
  values: readonly number[],
  window: number,
  statistic: (tail: readonly number[]) => number,
): number {
  const tail = values.slice(-window);
  return tail.length === window && tail.every(Number.isFinite) ? statistic(tail) : Number.NaN;
}

function sampleStd(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

function forwardFill(values: readonly number[]): number[] {
  let last = Number.NaN;
  return values.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
}

function ewm(values: readonly number[], span: number): number[] {
  const alpha = 2 / (span + 1);
  let value = Number.NaN;
  let gap = 0;
  return values.map((next) => {
    if (Number.isNaN(next)) gap++;
    else if (Number.isNaN(value)) {
      value = next;
      gap = 0;
    } else {
      const old = (1 - alpha) ** (gap + 1);
      value = (old * value + alpha * next) / (old + alpha);
      gap = 0;
    }
    return value;
  });
}

/** Every feature at the last bar, computed from scratch: slow, obvious, and independent of the incremental code. */
export function rescanFeatures(bars: readonly Bar[]): Record<FeatureName, number> {
  const out = Object.fromEntries(FEATURE_NAMES.map((name) => [name, Number.NaN])) as Record<
    FeatureName,
    number
  >;
  if (bars.length === 0) return out;
  const close = bars.map((bar) => bar.close);
  const filled = forwardFill(close);
  const volume = bars.map((bar) => bar.volume);
  const filledVolume = forwardFill(volume);
  const at = (values: readonly number[], back: number) => values[values.length - 1 - back] ?? Number.NaN;
  const returns = filled.map((value, i) => value / (filled[i - 1] ?? Number.NaN) - 1);
  const changes = close.map((value, i) => value - (close[i - 1] ?? Number.NaN));
  const gains = changes.map((change) => (Number.isNaN(change) ? 0 : Math.max(change, 0)));
  const losses = changes.map((change) => (Number.isNaN(change) ? 0 : Math.max(-change, 0)));
  const ranges = bars.map((bar, i) => {
    const previous = close[i - 1] ?? Number.NaN;
    const all = [bar.high - bar.low, Math.abs(bar.high - previous), Math.abs(bar.low - previous)];
    const present = all.filter((range) => !Number.isNaN(range));
    return present.length === 0 ? Number.NaN : Math.max(...present);
  });
  for (const n of [1, 5, 10, 20, 60] as const) out[`ret_${n}d`] = at(filled, 0) / at(filled, n) - 1;
  for (const n of [5, 10, 20, 60] as const) out[`vol_${n}d`] = over(returns, n, sampleStd);
  for (const n of [7, 14, 21] as const) {
    const loss = over(losses, n, mean);
    out[`rsi_${n}`] = loss > 0 ? 100 - 100 / (1 + over(gains, n, mean) / loss) : Number.NaN;
  }
  for (const n of [10, 20, 50] as const) out[`ma_ratio_${n}`] = at(close, 0) / over(close, n, mean) - 1;
  const middle = over(close, 20, mean);
  const width = 4 * over(close, 20, sampleStd);
  out.bb_position = width === 0 ? 0.5 : (at(close, 0) - (middle - width / 2)) / width;
  out.bb_width = width / middle;
  const ema26 = ewm(close, 26);
  const line = ewm(close, 12).map((value, i) => value - ema26[i]!);
  out.macd = at(line, 0);
  out.macd_signal = at(ewm(line, 9), 0);
  out.macd_hist = out.macd - out.macd_signal;
  for (const n of [5, 10, 20] as const) out[`mom_${n}d`] = at(close, 0) - at(close, n);
  out.atr_14 = over(ranges, 14, mean);
  const last = bars[bars.length - 1]!;
  out.high_low_range = (last.high - last.low) / last.close;
  out.volume_ma_ratio = last.volume / over(volume, 20, mean);
  out.volume_change = at(filledVolume, 0) / at(filledVolume, 1) - 1;
  const year = close.slice(-252).filter(Number.isFinite);
  if (year.length >= 20) {
    out.close_to_high_52w = last.close / Math.max(...year);
    out.close_to_low_52w = last.close / Math.min(...year);
  }
  return out;
}
