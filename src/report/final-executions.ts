import type { Execution } from '../domain/orders.ts';
import type { MoneyMicros } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';

/** What corrections and late fees say of executions, by id: a tape is read for them before its fills are written. */
export interface FinalExecutions {
  readonly corrections: Map<string, Execution>;
  readonly fees: Map<string, MoneyMicros>;
}

export type LateReport = Extract<InputEvent, { readonly type: 'ExecutionCorrected' | 'CommissionReported' }>;

export function createFinalExecutions(): FinalExecutions {
  return { corrections: new Map(), fees: new Map() };
}

/** The first correction of an execution counts, as in the books: another one of the same is an error there. */
export function noteLateReport({ corrections, fees }: FinalExecutions, report: LateReport): void {
  if (report.type === 'CommissionReported') fees.set(report.executionId, report.feeMicros);
  else if (!corrections.has(report.corrects) && report.corrects !== report.execution.executionId) {
    corrections.set(report.corrects, report.execution);
  }
}

/** The execution as it stands at the end; quantity and fee are 0 where it was taken back. */
export function finalExecution({ corrections, fees }: FinalExecutions, execution: Execution): Execution {
  let newest = execution;
  const seen = new Set<string>();
  for (let next: Execution | undefined = execution; next !== undefined; ) {
    newest = next;
    seen.add(next.executionId);
    next = corrections.get(next.executionId);
    if (next !== undefined && seen.has(next.executionId)) break;
  }
  if (newest.quantity === 0) return { ...newest, feeMicros: 0 };
  const feeMicros = fees.get(newest.executionId);
  return feeMicros === undefined ? newest : { ...newest, feeMicros };
}
