import { createHash128, type Hash128, updateFloat32, updateInt32 } from '../../math/hash128.ts';
import { type FeatureSeries, featureValue } from './feature-series.ts';

/** Values of `FeaturePlan.rowState`. */
export const ROW_USABLE = 0;
export const ROW_SHORT_HISTORY = 1;
export const ROW_NAN_FEATURE = 2;

/** The input of all models that read the same features, in the same order, of the same interval and sequence length. */
export interface FeaturePlan {
  /** Index into the engine's intervals. */
  readonly interval: number;
  readonly codes: Int32Array;
  /** T; 1 for tabular models. */
  readonly sequenceLength: number;
  readonly takesNan: boolean;
  /** `[max(N, 2), T, F]` row-major, oldest row of a sequence first; masked symbols and padding rows are zero. */
  readonly batch: Float32Array;
  /** By symbol: 0 usable, 1 short history, 2 NaN feature. */
  readonly rowState: Int32Array;
  /** Sequence plans: `[N, T, F]`, the last T rows as computed, whether or not the symbol is usable. Empty otherwise. */
  readonly history: Float32Array;
  /** Rows so far, by symbol. */
  readonly rows: Int32Array;
  /** Rows since the last one with a missing value, by symbol. */
  readonly cleanRows: Int32Array;
  /** Rows of all symbols in which a feature was missing, by feature. */
  readonly missing: Int32Array;
  /** Sequence plans: running hash over the exact bits of all rows, with their symbols. */
  readonly rowsHash: Hash128;
  /** The row being written, F values. Derivable. */
  readonly row: Float32Array;
}

/** Batches never have fewer rows: a model may compute other bits for one row than for two. */
const MIN_BATCH_ROWS = 2;

export function createFeaturePlan(options: {
  readonly interval: number;
  readonly codes: Int32Array;
  readonly sequenceLength: number;
  readonly takesNan: boolean;
  readonly symbolCount: number;
}): FeaturePlan {
  const { interval, codes, sequenceLength, takesNan, symbolCount } = options;
  const stride = sequenceLength * codes.length;
  return {
    interval,
    codes,
    sequenceLength,
    takesNan,
    batch: new Float32Array(Math.max(symbolCount, MIN_BATCH_ROWS) * stride),
    rowState: new Int32Array(symbolCount).fill(ROW_SHORT_HISTORY),
    history: new Float32Array(sequenceLength > 1 ? symbolCount * stride : 0),
    rows: new Int32Array(symbolCount),
    cleanRows: new Int32Array(symbolCount),
    missing: new Int32Array(codes.length),
    rowsHash: createHash128(),
    row: new Float32Array(codes.length),
  };
}

/** Computes the newest row of a symbol after its bar closed and puts it into the batch. */
export function updatePlanRow(plan: FeaturePlan, series: FeatureSeries, symbol: number): void {
  const { codes, row } = plan;
  let isClean = true;
  for (let f = 0; f < codes.length; f++) {
    const value = Math.fround(featureValue(series, codes[f]!));
    const finite = Number.isFinite(value);
    if (!finite) {
      isClean = false;
      plan.missing[f]!++;
    }
    row[f] = finite ? value + 0 : Number.NaN;
  }
  plan.rows[symbol]!++;
  plan.cleanRows[symbol] = isClean ? plan.cleanRows[symbol]! + 1 : 0;
  plan.rowState[symbol] = stateOf(plan, symbol);
  if (plan.sequenceLength > 1) writeSequence(plan, symbol);
  else writeRow(plan, symbol);
}

function stateOf(plan: FeaturePlan, symbol: number): number {
  if (plan.rows[symbol]! < plan.sequenceLength) return ROW_SHORT_HISTORY;
  if (!plan.takesNan && plan.cleanRows[symbol]! < plan.sequenceLength) return ROW_NAN_FEATURE;
  return ROW_USABLE;
}

function writeRow(plan: FeaturePlan, symbol: number): void {
  const width = plan.codes.length;
  const start = symbol * width;
  if (plan.rowState[symbol] === ROW_USABLE) plan.batch.set(plan.row, start);
  else plan.batch.fill(0, start, start + width);
}

function writeSequence(plan: FeaturePlan, symbol: number): void {
  const { history, batch, row, rowsHash } = plan;
  const width = plan.codes.length;
  const stride = plan.sequenceLength * width;
  const start = symbol * stride;
  history.copyWithin(start, start + width, start + stride);
  history.set(row, start + stride - width);
  updateInt32(rowsHash, Int32Array.of(symbol));
  updateFloat32(rowsHash, row);
  if (plan.rowState[symbol] === ROW_USABLE) batch.set(history.subarray(start, start + stride), start);
  else batch.fill(0, start, start + stride);
}
