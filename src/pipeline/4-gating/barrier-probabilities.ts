import type { ModelFault, Predictions } from '../../events/inputs.ts';
import type { ModelKind, SignalLayout } from '../../events/layout.ts';

/**
 * Which layout columns predict a peak or a valley. `y_` targets are second opinions: they can block an entry, but do
 * not move the gate value.
 */
export interface BarrierPlan {
  readonly symbolCount: number;
  readonly peak: readonly number[];
  readonly valley: readonly number[];
  readonly secondPeak: readonly number[];
  readonly secondValley: readonly number[];
}

/** Probability per symbol; `known` is 1 where at least one model of the kind answered. */
export interface BarrierSeries {
  /** Whether there is a model of the kind at all. */
  readonly hasModel: boolean;
  readonly p: Float64Array;
  readonly known: Uint8Array;
  /** 1 where no model of the kind answered because one failed: an entry must not pass for want of an opinion. */
  readonly faulted: Uint8Array;
}

export interface BarrierProbabilities {
  readonly peak: BarrierSeries;
  readonly valley: BarrierSeries;
  readonly secondPeak: BarrierSeries;
  readonly secondValley: BarrierSeries;
}

export function planBarriers({ columns, symbols }: SignalLayout): BarrierPlan {
  const matching = (kind: ModelKind, second: boolean): number[] =>
    columns.flatMap((column, c) =>
      column.kind === kind && column.target.startsWith('y_') === second ? [c] : [],
    );
  return {
    symbolCount: symbols.length,
    peak: matching('peak', false),
    valley: matching('valley', false),
    secondPeak: matching('peak', true),
    secondValley: matching('valley', true),
  };
}

export function createBarrierProbabilities(plan: BarrierPlan): BarrierProbabilities {
  const { symbolCount } = plan;
  const series = (columns: readonly number[]): BarrierSeries => ({
    hasModel: columns.length > 0,
    p: new Float64Array(symbolCount),
    known: new Uint8Array(symbolCount),
    faulted: new Uint8Array(symbolCount),
  });
  return {
    peak: series(plan.peak),
    valley: series(plan.valley),
    secondPeak: series(plan.secondPeak),
    secondValley: series(plan.secondValley),
  };
}

/**
 * Reads the barrier models' raw outputs as probabilities: several models of one kind are averaged, and float32 output
 * a hair outside [0, 1] is brought back to it. They never pass the standardiser.
 * @param predictions C*N raw outputs at `c * N + i`, 1 in `valid` where the output is a finite number, and the models
 *   that failed
 */
export function collectBarriers(
  plan: BarrierPlan,
  { values, valid, faults }: Pick<Predictions, 'values' | 'valid' | 'faults'>,
  out: BarrierProbabilities,
): void {
  average(plan.symbolCount, plan.peak, values, valid, out.peak);
  average(plan.symbolCount, plan.valley, values, valid, out.valley);
  average(plan.symbolCount, plan.secondPeak, values, valid, out.secondPeak);
  average(plan.symbolCount, plan.secondValley, values, valid, out.secondValley);
  if (faults === undefined) return;
  for (const fault of faults) {
    markFaulted(fault, plan.peak, out.peak);
    markFaulted(fault, plan.valley, out.valley);
    markFaulted(fault, plan.secondPeak, out.secondPeak);
    markFaulted(fault, plan.secondValley, out.secondValley);
  }
}

function markFaulted({ column, symbols }: ModelFault, columns: readonly number[], out: BarrierSeries): void {
  if (!columns.includes(column)) return;
  const { known, faulted } = out;
  if (symbols !== undefined) for (const i of symbols) faulted[i] = 1 - known[i];
  else for (let i = 0; i < faulted.length; i++) faulted[i] = 1 - known[i];
}

function average(
  symbolCount: number,
  columns: readonly number[],
  values: Float32Array,
  valid: Uint8Array,
  out: BarrierSeries,
): void {
  for (let i = 0; i < symbolCount; i++) {
    let sum = 0;
    let count = 0;
    for (let m = 0; m < columns.length; m++) {
      const slot = columns[m] * symbolCount + i;
      if (valid[slot] === 0) continue;
      sum += Math.min(1, Math.max(0, values[slot]));
      count += 1;
    }
    out.known[i] = count > 0 ? 1 : 0;
    out.faulted[i] = 0;
    out.p[i] = count > 0 ? sum / count : 0;
  }
}
