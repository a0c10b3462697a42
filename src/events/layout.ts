import type { Horizon } from '../domain/horizon.ts';

export type ModelKind = 'return' | 'peak' | 'valley';
/** Shape family of a model's input: `[N, F]`, `[N, T, F]`, or `[N, F]` with a probability output. */
export type InputShape = 'tabular' | 'sequence';

/** One model of the run: one column of every prediction matrix. */
export interface ModelColumn {
  /** `<target>/<view>/<family>`, unique, the sort key of columns (code-unit order). */
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
