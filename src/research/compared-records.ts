import { join } from 'node:path';
import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject, TapeRecord } from '../events/record.ts';
import type { RunIdentity } from '../modes/run-identity.ts';
import { TapeFaultError } from '../tape/faults.ts';
import { readTape } from '../tape/read-tape.ts';
import { recordedIdentity } from './recorded-scenario.ts';

/** What a run decided, did and learned, one record at a time, without what merely identifies the run. */
export interface ComparedRecord {
  readonly seq: number;
  readonly type: string;
  /** The cycle in progress or last completed and the time it was due; 0 before the first. */
  readonly cycle: number;
  readonly dueUs: number;
  /** Canonical JSON. Ids are replaced by their number in the run: those of orders and executions hold the run's own. */
  readonly text: string;
  readonly payload: JsonObject;
}

/**
 * Records that two runs over the same market have in common if they are the same run. Left out is what merely shows how
 * a run is made (connections, heartbeats, reconciliation, market data inline or by reference) and what follows from the rest.
 */
const COMPARED_TYPES: ReadonlySet<string> = new Set([
  'SessionOpened',
  'CorporateActionApplied',
  'PredictionsMade',
  'InferenceFailed',
  'CycleCompleted',
  'CycleSkipped',
  'OrderIntended',
  'CancelIntended',
  'OrderRejected',
  'OrderPartiallyFilled',
  'OrderFilled',
  'OrderCancelled',
  'OrderExpired',
  'ExecutionCorrected',
  'CommissionReported',
  'BorrowFeeCharged',
  'RewardObserved',
  'LearningUpdated',
  'KillSwitchTripped',
  'KillSwitchReset',
  'OperatorCommanded',
  'ConfigChanged',
]);

/** @throws TapeFaultError, which names the tape, where it is damaged, after what comes before */
export function* comparedRecords(tapeDir: string): Generator<ComparedRecord> {
  try {
    yield* recordsOf(tapeDir);
  } catch (error) {
    throw ofTape(tapeDir, error);
  }
}

/** What a run was made from. @throws as `recordedIdentity`, but with the tape named where it is damaged */
export function comparedIdentity(tapeDir: string): RunIdentity {
  try {
    return recordedIdentity(tapeDir);
  } catch (error) {
    throw ofTape(tapeDir, error);
  }
}

/** Two tapes are read side by side: a fault names its file by the whole path. */
function ofTape(tapeDir: string, error: unknown): unknown {
  if (!(error instanceof TapeFaultError)) return error;
  const file = join(tapeDir, error.fault.file ?? '');
  return new TapeFaultError({ ...error.fault, file });
}

function* recordsOf(tapeDir: string): Generator<ComparedRecord> {
  const orders = new Map<string, number>();
  const executions = new Map<string, number>();
  let cycle = 0;
  let dueUs = 0;
  for (const { record } of readTape(tapeDir)) {
    if (record.type === 'CycleDue') {
      cycle = record.payload.cycle as number;
      dueUs = record.t;
    }
    if (!COMPARED_TYPES.has(record.type)) continue;
    const payload = withoutIds(record, { orders, executions });
    const { seq, type } = record;
    yield { seq, type, cycle, dueUs, payload, text: canonicalJson(payload) };
  }
}

function withoutIds(
  { type, payload }: TapeRecord,
  numbers: { readonly orders: Map<string, number>; readonly executions: Map<string, number> },
): JsonObject {
  const visit = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(visit);
    if (value === null || typeof value !== 'object') return value;
    const copy: Record<string, Json> = {};
    for (const [key, item] of Object.entries(value)) {
      if (key === 'clientOrderId') copy[key] = numberOf(numbers.orders, item);
      else if (key === 'executionId' || key === 'corrects') copy[key] = numberOf(numbers.executions, item);
      else if (type !== 'OrderRejected' || key !== 'detail') copy[key] = visit(item);
    }
    return copy;
  };
  return visit(payload) as JsonObject;
}

function numberOf(known: Map<string, number>, id: Json): number {
  const key = canonicalJson(id);
  const number = known.get(key) ?? known.size;
  known.set(key, number);
  return number;
}
