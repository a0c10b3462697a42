import { Buffer } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import type { TapeEntry } from '../events/record.ts';

/**
 * The decision head: a second hash, over what a run decided and what came of it, blind to what merely identifies
 * the run. Two runs that decide, order and fill alike have equal decision heads, whatever their code version, run
 * id, sequence numbers and ids; golden files pin it, and backtest, paper and live are compared by it.
 *
 * | record                             | in the head                                                | left out               |
 * |------------------------------------|------------------------------------------------------------|------------------------|
 * | CycleCompleted                     | due time of the cycle, the whole payload                   | record time            |
 * | OrderIntended                      | order number, the payload with its order                   | client order id        |
 * | CancelIntended                     | order number, reason                                       | client order id        |
 * | OrderPartiallyFilled, OrderFilled  | order number, execution, leaves quantity                   | client and execution id|
 * | OrderRejected                      | order number, reason                                       | client order id, detail|
 * | OrderCancelled, OrderExpired       | order number                                               | client order id        |
 * | ExecutionCorrected                 | number of the execution corrected, the new one             | all three ids          |
 * | CommissionReported                 | execution number, fee                                      | execution id           |
 * | RewardObserved, LearningUpdated    | the payload                                                | record time            |
 * | everything else                    | nothing: inputs and their consequences show in the digests | all                    |
 *
 * An order's number counts OrderIntended from 0; it stands for the client order id, so that a fill booked to another
 * order is seen. An execution's number counts executions from 0 in the order they were first reported. Record times are left out because live, an answer arrives later than its cycle fell due; the due
 * time itself (of CycleDue) is in. The payload of CycleCompleted holds decisions, stage digests and equity.
 *
 * The head is the SHA-256 of these entries, one a line. An entry is made of the payload's canonical text, from which
 * the first value of each field left out is cut: a field added to an event later is covered without a change here.
 */
export interface DecisionHead {
  readonly hash: Hash;
  /** Entries not yet hashed, in its first `pendingBytes` bytes: a call a record would cost more than the hashing. */
  readonly pending: Buffer;
  pendingBytes: number;
  intendedOrders: number;
  /** Due time of the open cycle, null before the first CycleDue. */
  dueUs: number | null;
  /** Orders by client id, as it stands in JSON; ended ones are kept until the next session opens, for late reports. */
  readonly orders: Map<string, OrderTrace>;
  executionCount: number;
  /** Numbers of the executions of this session and of the one before it, by id as it stands in JSON. */
  executions: Map<string, number>;
  executionsBefore: Map<string, number>;
}

interface OrderTrace {
  readonly number: number;
  isEnded: boolean;
}

const PENDING_CAPACITY = 32 * 1024;
/** A UTF-16 code unit takes at most so many bytes of UTF-8. */
const MAX_BYTES_A_UNIT = 3;

export function createDecisionHead(): DecisionHead {
  return {
    hash: createHash('sha256'),
    pending: Buffer.allocUnsafe(PENDING_CAPACITY),
    pendingBytes: 0,
    intendedOrders: 0,
    dueUs: null,
    orders: new Map(),
    executionCount: 0,
    executions: new Map(),
    executionsBefore: new Map(),
  };
}

/** The head over all records so far, lower-case hex. */
export function decisionHeadOf(state: DecisionHead): string {
  flush(state);
  return state.hash.copy().digest('hex');
}

/** Takes the next record of a tape, of any type, into the chain. Updates `state` in place. */
export function addToDecisionHead(
  state: DecisionHead,
  { type, t, payloadJson }: Pick<TapeEntry, 'type' | 't' | 'payloadJson'>,
): void {
  switch (type) {
    case 'CycleDue':
      state.dueUs = t;
      return;
    case 'SessionOpened':
      for (const [id, order] of state.orders) if (order.isEnded) state.orders.delete(id);
      state.executionsBefore = state.executions;
      state.executions = new Map();
      return;
    case 'CycleCompleted':
      add(state, type, state.dueUs, payloadJson);
      return;
    case 'OrderIntended': {
      const { rest, value } = cut(payloadJson, 'clientOrderId');
      const number = state.intendedOrders;
      state.intendedOrders += 1;
      state.orders.set(value, { number, isEnded: false });
      add(state, type, number, rest);
      return;
    }
    case 'CancelIntended':
      addReport(state, type, payloadJson);
      return;
    case 'OrderPartiallyFilled':
      addFill(state, type, payloadJson);
      return;
    case 'OrderFilled':
      end(addFill(state, type, payloadJson));
      return;
    case 'ExecutionCorrected':
      addCorrection(state, type, payloadJson);
      return;
    case 'CommissionReported': {
      const { rest, value } = cut(payloadJson, 'executionId');
      add(state, type, executionNumber(state, value), rest);
      return;
    }
    case 'OrderRejected':
      end(addReport(state, type, payloadJson, 'detail'));
      return;
    case 'OrderCancelled':
    case 'OrderExpired':
      end(addReport(state, type, payloadJson));
      return;
    case 'RewardObserved':
    case 'LearningUpdated':
      // what was learned decides which horizon trades
      add(state, type, null, payloadJson);
      return;
    default:
      return;
  }
}

function add(state: DecisionHead, type: string, place: number | null, payloadJson: string): void {
  const entry = `["${type}",${place},${payloadJson}]\n`;
  const most = entry.length * MAX_BYTES_A_UNIT;
  if (state.pendingBytes + most > PENDING_CAPACITY) flush(state);
  if (most > PENDING_CAPACITY) state.hash.update(entry);
  else state.pendingBytes += state.pending.write(entry, state.pendingBytes);
}

function flush(state: DecisionHead): void {
  state.hash.update(state.pending.subarray(0, state.pendingBytes));
  state.pendingBytes = 0;
}

function addFill(state: DecisionHead, type: string, payloadJson: string): OrderTrace | undefined {
  const { rest, value } = cut(payloadJson, 'executionId');
  countExecution(state, value);
  return addReport(state, type, rest);
}

function addCorrection(state: DecisionHead, type: string, payloadJson: string): void {
  const corrected = cut(payloadJson, 'corrects');
  const { rest, value } = cut(corrected.rest, 'executionId');
  add(state, type, executionNumber(state, corrected.value), cut(rest, 'clientOrderId').rest);
  countExecution(state, value);
}

function countExecution(state: DecisionHead, id: string): void {
  if (executionNumber(state, id) !== null) return;
  state.executions.set(id, state.executionCount);
  state.executionCount += 1;
}

function executionNumber({ executions, executionsBefore }: DecisionHead, id: string): number | null {
  return executions.get(id) ?? executionsBefore.get(id) ?? null;
}

/** @returns the order, or undefined for one this run did not intend, such as one placed by hand at the broker */
function addReport(
  state: DecisionHead,
  type: string,
  payloadJson: string,
  alsoCut?: string,
): OrderTrace | undefined {
  const { rest, value } = cut(payloadJson, 'clientOrderId');
  const order = state.orders.get(value);
  add(state, type, order?.number ?? null, alsoCut === undefined ? rest : cut(rest, alsoCut).rest);
  return order;
}

function end(order: OrderTrace | undefined): void {
  if (order !== undefined) order.isEnded = true;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Cuts the first field of a name, with its string, out of canonical JSON. No string can hold the name in quotes: quotes
 * in strings are escaped.
 * @returns the text without it and the value as it stands in JSON; all of the text and '' where there is none
 */
function cut(json: string, field: string): { readonly rest: string; readonly value: string } {
  const lead = `"${field}":"`;
  const from = json.indexOf(lead);
  if (from < 0) return { rest: json, value: '' };
  const valueAt = from + lead.length;
  let end = valueAt;
  while (json.charCodeAt(end) !== QUOTE) end += json.charCodeAt(end) === BACKSLASH ? 2 : 1;
  const value = json.slice(valueAt, end);
  const after = json.slice(end + 1);
  const before = json.slice(0, from);
  const rest = after.startsWith(',') ? before + after.slice(1) : before.replace(/,$/, '') + after;
  return { rest, value };
}
