import type { Horizon } from '../domain/horizon.ts';

export type ModelKind = 'return' | 'peak' | 'valley';
/** Shape family of a model's input: `[N, F]`, `[N, T, F]`, or `[N, F]` with a probability output. */
export type InputShape = 'tabular' | 'sequence';

/** Which number stands for a forecast distribution. */
export type OutputStatistic = 'median' | 'mean';

/** How a row of a model's output becomes the one number its column holds. */
export type OutputReading =
  /** Quantiles of the return at rising levels in (0, 1). */
  | { readonly kind: 'quantiles'; readonly levels: readonly number[]; readonly statistic: OutputStatistic }
  /** Probabilities of rising returns. */
  | {
      readonly kind: 'distribution';
      readonly support: readonly number[];
      readonly statistic: OutputStatistic;
    }
  /** Named parameters of a distribution, of which one is used. */
  | { readonly kind: 'parameters'; readonly names: readonly string[]; readonly use: string }
  /** One column of an output that holds several. */
  | { readonly kind: 'column'; readonly column: number; readonly output?: string };

/** One output of a model of the run: one column of every prediction matrix. */
export interface ModelColumn {
  /**
   * `<target>/<view>/<family>`, with `:peak` or `:valley` behind it where one model gives both; unique, the sort key of
   * columns (code-unit order).
   */
  readonly id: string;
  readonly target: string;
  readonly view: string;
  readonly family: string;
  readonly kind: ModelKind;
  readonly horizon: Horizon;
  readonly modelSha256: string;
  readonly shape: InputShape;
  /** Feature names in the order the model takes them. */
  readonly features: readonly string[];
  /** Bar interval the features are computed on, minutes. */
  readonly intervalMinutes: number;
  /** T of a sequence model, 1 otherwise. */
  readonly sequenceLength: number;
  readonly takesNan: boolean;
  /** True where raw scores are ranked over the universe before use; absent means no. */
  readonly crossSectionalRanking?: boolean;
  /** Graph output to read where the metadata names one and `reading` none; absent there: the one the graph suggests. */
  readonly output?: string;
  /** Absent where a row holds one number, or two class probabilities of which the second counts. */
  readonly reading?: OutputReading;
}

/** The model behind a column; columns of one model share it. */
export function modelIdOf({ target, view, family }: ModelColumn): string {
  return `${target}/${view}/${family}`;
}

/**
 * What a run predicts: fixed for its length, derived from the run root, on the tape in RunStarted.
 * Matrices are column-major: value of (column c, symbol i) at `c * symbols.length + i`.
 */
export interface SignalLayout {
  /** Universe, code-unit order. */
  readonly symbols: readonly string[];
  readonly columns: readonly ModelColumn[];
}
