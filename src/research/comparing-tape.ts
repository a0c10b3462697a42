import { InvariantError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import { type DerivedType, STAGES } from '../events/derived.ts';
import type { InputType } from '../events/inputs.ts';
import type { Json, JsonObject, TapeEntry, TapeRecord } from '../events/record.ts';
import type { TapeLine, TapeWriter } from '../ports/tape.ts';
import { chainHash, GENESIS } from '../tape/chain.ts';
import { addToDecisionHead, createDecisionHead, decisionHeadOf } from '../tape/decision-head.ts';
import { bodyAfterBrace } from '../tape/tape-cursor.ts';

/** Stands for a record where the tape, or what was recomputed, has ended. */
export const NOTHING = 'nothing';

/** The first place where what was recomputed is not what the tape says. */
export interface Divergence {
  readonly seq: number;
  readonly tUs: number;
  /** Cycle in progress or last completed, 0 before the first. */
  readonly cycle: number;
  /**
   * A pipeline stage (for a cycle, the first whose digest differs; `features`, `gating` and `risk` for their own records
   * too), `decisions`, or the part outside the pipeline: `market`, `session`, `predictions`, `orders`, `exchange`,
   * `ledger`, `learning`.
   */
  readonly stage: string;
  /** What the tape holds and what was recomputed there: canonical JSON, or `nothing` where one has ended. */
  readonly expected: string;
  readonly found: string;
}

/** Stops a replay at the first difference; not a failure of the replay itself. */
export class DivergedError extends InvariantError {
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    super(`replay diverged at seq ${divergence.seq}`);
    this.divergence = divergence;
  }
}

/** A tape writer that only compares. */
export interface ComparingTape extends TapeWriter {
  /** @throws DivergedError when the tape holds more records than were appended */
  expectEnd(): void;
}

/**
 * A tape writer that writes nothing: each record appended must be the next one of an existing tape, byte for byte.
 * Behind the ordinary run loop it makes a replay out of a run.
 */
export function createComparingTape(recorded: Iterator<TapeLine>): ComparingTape {
  const decisions = createDecisionHead();
  let head = GENESIS;
  let nextSeq = 0;
  let lastTUs = 0;
  let cycle = 0;
  return {
    get head() {
      return head;
    },
    get decisionHead() {
      return decisionHeadOf(decisions);
    },
    get nextSeq() {
      return nextSeq;
    },
    get lastTUs() {
      return lastTUs;
    },
    append(entry) {
      const { seq, t } = entry;
      const body = `{${bodyAfterBrace(entry)}`;
      const next = recorded.next();
      const line = next.done === true ? undefined : next.value;
      if (entry.type === 'CycleDue') cycle = recordOf(entry).payload.cycle as number;
      if (line === undefined || line.body !== body) {
        throw new DivergedError({
          seq,
          tUs: t,
          cycle,
          ...describeDifference(recordOf(entry), { body, line }),
        });
      }
      head = chainHash(head, body);
      addToDecisionHead(decisions, entry);
      nextSeq += 1;
      lastTUs = t;
    },
    flush: () => undefined,
    close: () => undefined,
    expectEnd() {
      const next = recorded.next();
      if (next.done === true) return;
      const { body, record } = next.value;
      const place = { seq: nextSeq, tUs: record.t, cycle, stage: stageOfType(record.type) };
      throw new DivergedError({ ...place, expected: body, found: NOTHING });
    },
  };
}

function recordOf({ seq, t, type, payloadJson }: TapeEntry): TapeRecord {
  return { seq, t, type, payload: JSON.parse(payloadJson) as JsonObject };
}

function describeDifference(
  recomputed: TapeRecord,
  { body, line }: { readonly body: string; readonly line: TapeLine | undefined },
): Pick<Divergence, 'stage' | 'expected' | 'found'> {
  if (line === undefined) return { stage: stageOfType(recomputed.type), expected: NOTHING, found: body };
  const { record } = line;
  if (record.type !== recomputed.type) {
    return { stage: stageOfMismatch(record.type, recomputed.type), expected: line.body, found: body };
  }
  const stage =
    record.type === 'CycleCompleted'
      ? firstDifferentStage(record.payload, recomputed.payload)
      : stageOfType(record.type);
  if (record.t !== recomputed.t) return { stage, expected: line.body, found: body };
  if (record.type === 'CycleCompleted' && stage !== 'decisions') {
    const digests = (payload: JsonObject): Json => (payload.digests as JsonObject)[stage] ?? null;
    return {
      stage,
      ...firstDifferentField(digests(record.payload), digests(recomputed.payload), `digests.${stage}`),
    };
  }
  return { stage, ...firstDifferentField(record.payload, recomputed.payload, '') };
}

/** A cycle's first stage, in the order data flows, whose digest differs; `decisions` when only they do. */
export function firstDifferentStage(expected: JsonObject, found: JsonObject): string {
  const a = expected.digests as JsonObject;
  const b = found.digests as JsonObject;
  return STAGES.find((stage) => a[stage] !== b[stage]) ?? 'decisions';
}

export function firstDifferentField(
  expected: Json,
  found: Json,
  path: string,
): Pick<Divergence, 'expected' | 'found'> {
  if (isObject(expected) && isObject(found)) {
    for (const key of [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort()) {
      if (canonicalJson(expected[key] ?? null) === canonicalJson(found[key] ?? null)) continue;
      return firstDifferentField(
        expected[key] ?? null,
        found[key] ?? null,
        path === '' ? key : `${path}.${key}`,
      );
    }
  }
  if (Array.isArray(expected) && Array.isArray(found) && expected.length === found.length) {
    const at = expected.findIndex((value, k) => canonicalJson(value) !== canonicalJson(found[k]));
    if (at >= 0) return firstDifferentField(expected[at], found[at], `${path}[${at}]`);
  }
  const label = path === '' ? '' : `${path} `;
  return { expected: `${label}${canonicalJson(expected)}`, found: `${label}${canonicalJson(found)}` };
}

function isObject(value: Json): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Stages whose records a replay takes from the tape itself: they cannot be what changed. */
const FED_STAGES: readonly string[] = ['market', 'session', 'predictions'];

/** Of two records where one was to be: the one that was computed, not the one that merely came next. */
function stageOfMismatch(expected: string, found: string): string {
  const stage = stageOfType(found);
  return FED_STAGES.includes(stage) ? stageOfType(expected) : stage;
}

/** Where each type of record belongs; a type without a place does not compile. */
const STAGE_OF = {
  CycleCompleted: 'decisions',
  MarketSlice: 'market',
  DataGapDetected: 'market',
  CorporateActionApplied: 'market',
  InferenceRequested: 'features',
  PredictionsMade: 'predictions',
  InferenceFailed: 'predictions',
  ModelFaulted: 'predictions',
  GateBlocked: 'gating',
  QuoteStale: 'gating',
  RiskLimitWarned: 'risk',
  KillSwitchTripped: 'risk',
  KillSwitchReset: 'risk',
  OrderIntended: 'orders',
  CancelIntended: 'orders',
  OrderAccepted: 'exchange',
  OrderRejected: 'exchange',
  OrderPartiallyFilled: 'exchange',
  OrderFilled: 'exchange',
  OrderCancelled: 'exchange',
  OrderExpired: 'exchange',
  OrderUpdated: 'exchange',
  CancelRejected: 'exchange',
  ExecutionCorrected: 'exchange',
  CommissionReported: 'exchange',
  BrokerSnapshot: 'exchange',
  BorrowFeeCharged: 'exchange',
  PositionOpened: 'ledger',
  PositionChanged: 'ledger',
  PositionClosed: 'ledger',
  PositionAdjusted: 'ledger',
  ReconciliationRequested: 'ledger',
  ReconciliationStarted: 'ledger',
  ReconciliationMismatched: 'ledger',
  ReconciliationEnded: 'ledger',
  CashAdopted: 'ledger',
  PositionAdopted: 'ledger',
  OrderDropped: 'ledger',
  RewardObserved: 'learning',
  LearningUpdated: 'learning',
  RunStarted: 'session',
  HorizonsDiscovered: 'session',
  ArtifactWarned: 'session',
  SessionOpened: 'session',
  SessionClosed: 'session',
  CycleDue: 'session',
  CycleStarted: 'session',
  CycleSkipped: 'session',
  OperatorCommanded: 'session',
  ConfigChanged: 'session',
  SettingsChanged: 'session',
  ConnectionLost: 'session',
  ConnectionRestored: 'session',
  Heartbeat: 'session',
  TapeRecovered: 'session',
  RunStopped: 'session',
  ErrorRaised: 'session',
} as const satisfies Record<InputType | DerivedType, string>;

/** A type this version does not know came with a record of another: it is named as part of the session. */
export function stageOfType(type: string): string {
  return Object.hasOwn(STAGE_OF, type) ? STAGE_OF[type as InputType | DerivedType] : 'session';
}
