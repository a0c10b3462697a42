import type { DerivedEvent } from '../events/derived.ts';
import type { Predictions } from '../events/inputs.ts';

export interface TraceValue {
  readonly name: string;
  /** Null where there was nothing to measure. */
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

/** Which symbol of which cycle is traced. */
export interface TraceContext {
  readonly symbolIx: number;
  readonly tUs: number;
  readonly predictions: Predictions | undefined;
  readonly effects: readonly DerivedEvent[];
}

export function value(name: string, amount: number | string | null, unit = ''): TraceValue {
  return { name, value: amount, unit };
}

/** An amount where it was measured, else null: what the stages hold in its place is no number of the market. */
export function measured(isMeasured: boolean, amount: number): number | null {
  return isMeasured ? amount : null;
}
