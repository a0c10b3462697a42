import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject } from '../events/record.ts';
import { chainHash, GENESIS } from './chain.ts';

/**
 * The decision head: a second chain, over what a run decided and what came of it, blind to what merely identifies
 * the run. Two runs that decide, order and fill alike have equal decision heads, whatever their code version, run
 * id, sequence numbers and ids; golden files pin it, and backtest, paper and live are compared by it.
 *
 * | record                             | in the chain                                               | left out               |
 * |------------------------------------|------------------------------------------------------------|------------------------|
 * | CycleCompleted                     | due time of the cycle, the whole payload                   | record time            |
 * | OrderIntended                      | order number, the payload with its order                   | client order id        |
 * | CancelIntended                     | order number, reason                                       | client order id        |
 * | OrderPartiallyFilled, OrderFilled  | order number, execution, leaves quantity                   | client and execution id|
 * | OrderRejected                      | order number, reason                                       | client order id, detail|
 * | OrderCancelled, OrderExpired       | order number                                               | client order id        |
 * | everything else                    | nothing: inputs and their consequences show in the digests | all                    |
 *
 * An order's number counts OrderIntended from 0; it stands for the client order id, so that a fill booked to another
 * order is seen. Record times are left out because live, an answer arrives later than its cycle fell due; the due
 * time itself (of CycleDue) is in. The payload of CycleCompleted holds decisions, stage digests and equity.
 */
export interface DecisionHead {
  head: string;
  intendedOrders: number;
  /** Due time of the open cycle, null before the first CycleDue. */
  dueUs: number | null;
  /** Orders by client id; ended ones are kept until the next session opens, for late and repeated reports. */
  readonly orders: Map<string, OrderTrace>;
}

interface OrderTrace {
  readonly number: number;
  isEnded: boolean;
}

export interface DecisionHeadRecord {
  readonly type: string;
  readonly tUs: number;
  readonly payload: JsonObject;
  /** Canonical JSON of `payload`, which writers and readers have at hand anyway. */
  readonly payloadJson: string;
}

export function createDecisionHead(): DecisionHead {
  return { head: GENESIS, intendedOrders: 0, dueUs: null, orders: new Map() };
}

/** Takes the next record of a tape, of any type, into the chain. Updates `state` in place. */
export function addToDecisionHead(state: DecisionHead, record: DecisionHeadRecord): void {
  const { type, payload } = record;
  switch (type) {
    case 'CycleDue':
      state.dueUs = record.tUs;
      return;
    case 'SessionOpened':
      for (const [id, order] of state.orders) if (order.isEnded) state.orders.delete(id);
      return;
    case 'CycleCompleted':
      // the one large entry, once a cycle: its text is reused, not written again
      state.head = chainHash(state.head, `["CycleCompleted",${state.dueUs},${record.payloadJson}]`);
      return;
    case 'OrderIntended': {
      const order = objectOr(payload.order);
      const number = state.intendedOrders;
      state.intendedOrders += 1;
      state.orders.set(order.clientOrderId as string, { number, isEnded: false });
      chain(state, [type, number, { ...payload, order: without(order, 'clientOrderId') }]);
      return;
    }
    case 'CancelIntended':
      chain(state, [type, numberOf(state, payload), without(payload, 'clientOrderId')]);
      return;
    case 'OrderPartiallyFilled':
    case 'OrderFilled': {
      const execution = objectOr(payload.execution);
      const number = numberOf(state, execution);
      const seen = without(execution, 'clientOrderId', 'executionId');
      chain(state, [type, number, { ...payload, execution: seen }]);
      if (type === 'OrderFilled') end(state, execution);
      return;
    }
    case 'OrderRejected':
    case 'OrderCancelled':
    case 'OrderExpired':
      chain(state, [type, numberOf(state, payload), without(payload, 'clientOrderId', 'detail')]);
      end(state, payload);
      return;
    default:
      return;
  }
}

function chain(state: DecisionHead, entry: readonly Json[]): void {
  state.head = chainHash(state.head, canonicalJson(entry));
}

/** @returns null for an order this run did not intend, such as one placed by hand at the broker */
function numberOf(state: DecisionHead, report: JsonObject): number | null {
  return state.orders.get(report.clientOrderId as string)?.number ?? null;
}

function end(state: DecisionHead, report: JsonObject): void {
  const order = state.orders.get(report.clientOrderId as string);
  if (order !== undefined) order.isEnded = true;
}

/** A tape from elsewhere may hold anything under a known type; its head is computed all the same. */
function objectOr(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Everything but the named fields, so that a field added to an event later is covered without a change here. */
function without(object: JsonObject, field: string, alsoField = field): JsonObject {
  const rest: Record<string, Json> = {};
  for (const key of Object.keys(object)) {
    if (key === field || key === alsoField) continue;
    // assigned, this key would set the prototype
    if (key === '__proto__') Object.defineProperty(rest, key, { value: object[key], enumerable: true });
    else rest[key] = object[key];
  }
  return rest;
}
