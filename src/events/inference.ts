/** What a cycle asks of the models: a view of the universe frozen at CycleDue. An effect, carried out by the runtime. */
export interface InferenceRequest {
  readonly cycle: number;
  /**
   * One batch per column of the layout, index-aligned with `layout.columns`; columns that read the same features share one array.
   * Tabular: `[max(N,2), F]` row-major by symbol. Sequence: `[max(N,2), T, F]`, oldest row first. Masked rows are zeros.
   */
  readonly batches: readonly Float32Array[];
  /** 1 where the (column, symbol) row is usable, at `c * N + i`; the answer's `valid` is never 1 where this is 0. */
  readonly usable: Uint8Array;
  /** Digest over the exact bits of the batches and masks: equal digests ask the same question. */
  readonly featuresDigest?: string;
}
