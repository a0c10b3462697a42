import type { Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';

/** Inputs of one feature plan for the whole universe: what a group of models with the same interval and T reads. */
export interface InferenceRequest {
  readonly cycle: number;
  /**
   * One batch per column of the layout, index-aligned with `layout.columns`.
   * Tabular: `[N, F]` row-major by symbol. Sequence: `[N, T, F]`, oldest row first. Masked rows are zeros.
   */
  readonly batches: readonly Float32Array[];
  /** 1 where the (column, symbol) row is usable; the answer's `valid` is never 1 where this is 0. */
  readonly usable: Uint8Array;
}

/** Runs the models. Answers at once from a cache, or later from a runtime; it never reads anything but the request. */
export interface InferencePort {
  readonly layout: SignalLayout;
  infer(request: InferenceRequest): Predictions | Promise<Predictions>;
  close(): Promise<void>;
}
