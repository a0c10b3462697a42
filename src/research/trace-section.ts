export interface TraceValue {
  readonly name: string;
  readonly value: number | string | null;
  /** Unit of a number; empty for words and pure numbers. */
  readonly unit: string;
}

/** One stage of the trace: plain values, and for models and horizons one row each. */
export interface TraceSection {
  readonly stage: string;
  readonly values: readonly TraceValue[];
  readonly rows?: readonly TraceRow[];
}

export interface TraceRow {
  readonly label: string;
  readonly values: readonly TraceValue[];
}
