import type { MarketSlice } from '../domain/market-table.ts';
import type { OrderProgress, OrderRejectReason } from '../domain/orders.ts';
import { isSettingKey } from '../domain/setting-changes.ts';
import { TIGHTENABLE_LIMITS } from '../domain/tighten.ts';
import { type Base64Codec, pureBase64 } from './base64.ts';
import {
  choiceField,
  dateField,
  expectOnly,
  type FieldReader,
  fail,
  integerField,
  numberField,
  objectField,
  objectsField,
  payloadReader,
  stringField,
  stringsField,
} from './decode-fields.ts';
import {
  decodeInlineSlice,
  decodePredictions,
  decodeSliceReference,
  type SliceReference,
} from './decode-market.ts';
import { corporateAction, execution, openOrder, positions, session } from './decode-values.ts';
import type { ConnectionSource, InputEvent, InputType, OperatorCommand } from './inputs.ts';
import type { TapeRecord } from './record.ts';

/** Finds the rows a backtest's MarketSlice names, in the dataset the run was made from. */
export type ResolveSlice = (reference: SliceReference) => MarketSlice;

type Decoder<T extends InputType> = (
  record: TapeRecord,
  resolveSlice: ResolveSlice,
  base64: Base64Codec,
) => Extract<InputEvent, { readonly type: T }>;

const COMMANDS = Object.keys({
  pause: true,
  resume: true,
  kill: true,
  reset: true,
  flatten: true,
  reconcile: true,
} satisfies Record<OperatorCommand, true>) as OperatorCommand[];

const CONNECTIONS = Object.keys({
  market_data: true,
  broker: true,
  clock: true,
} satisfies Record<ConnectionSource, true>) as ConnectionSource[];

const REJECT_REASONS = Object.keys({
  unknown_symbol: true,
  market_closed: true,
  no_quote: true,
  halted: true,
  invalid_quantity: true,
  invalid_price: true,
  insufficient_buying_power: true,
  short_not_allowed: true,
  no_borrow: true,
  duplicate_client_order_id: true,
  refused: true,
  not_placed: true,
} satisfies Record<OrderRejectReason, true>) as OrderRejectReason[];

const PROGRESS = Object.keys({
  pending_new: true,
  held: true,
  pending_cancel: true,
  pending_replace: true,
  replaced: true,
  stopped: true,
  suspended: true,
  calculated: true,
  done_for_day: true,
} satisfies Record<OrderProgress, true>) as OrderProgress[];

/**
 * An input record back as the event it was written from; the inverse of `encodeInput`.
 * @param resolveSlice looks up dataset references; it may throw its own error when the dataset lacks the rows
 * @throws RecordInvalidError, naming sequence number and field, for anything `encodeInput` does not write
 */
export function decodeInput(
  record: TapeRecord,
  resolveSlice: ResolveSlice,
  base64: Base64Codec = pureBase64,
): InputEvent {
  if (!Object.hasOwn(DECODERS, record.type)) {
    fail(payloadReader(record), '', 'not an input event this version knows');
  }
  return DECODERS[record.type as InputType](record, resolveSlice, base64);
}

/** One decoder a type: a new input event without one does not compile. */
const DECODERS: { readonly [T in InputType]: Decoder<T> } = {
  RunStarted: (record) => {
    const reader = only(record, 'identity');
    return { type: 'RunStarted', tUs: record.t, identity: objectField(reader, 'identity').object };
  },
  HorizonsDiscovered: (record) => {
    const reader = only(record, 'horizons', 'targets');
    return {
      type: 'HorizonsDiscovered',
      tUs: record.t,
      horizons: stringsField(reader, 'horizons'),
      targets: stringsField(reader, 'targets'),
    };
  },
  ArtifactWarned: (record) => {
    const reader = only(record, 'code', 'detail', 'file');
    return {
      type: 'ArtifactWarned',
      tUs: record.t,
      code: stringField(reader, 'code'),
      file: stringField(reader, 'file'),
      detail: stringField(reader, 'detail'),
    };
  },
  SessionOpened: (record) => {
    const reader = only(record, 'session');
    return { type: 'SessionOpened', tUs: record.t, session: session(objectField(reader, 'session')) };
  },
  CorporateActionApplied: (record) => {
    const reader = only(record, 'action');
    const action = corporateAction(objectField(reader, 'action'));
    return { type: 'CorporateActionApplied', tUs: record.t, action };
  },
  SessionClosed: (record) => {
    const reader = only(record, 'date');
    return { type: 'SessionClosed', tUs: record.t, date: dateField(reader, 'date') };
  },
  MarketSlice: (record, resolveSlice, base64) => {
    const reference = decodeSliceReference(record);
    return reference === null
      ? { type: 'MarketSlice', tUs: record.t, origin: 'inline', slice: decodeInlineSlice(record, base64) }
      : { type: 'MarketSlice', tUs: record.t, origin: 'dataset', slice: resolveSlice(reference) };
  },
  CycleDue: (record) => {
    const reader = only(record, 'cycle');
    return { type: 'CycleDue', tUs: record.t, cycle: integerField(reader, 'cycle', 0) };
  },
  PredictionsMade: (record, _resolveSlice, base64) => ({
    type: 'PredictionsMade',
    tUs: record.t,
    predictions: decodePredictions(record, base64),
  }),
  InferenceFailed: (record) => {
    const reader = only(record, 'cycle', 'reason');
    return {
      type: 'InferenceFailed',
      tUs: record.t,
      cycle: integerField(reader, 'cycle', 0),
      reason: stringField(reader, 'reason'),
    };
  },
  OrderAccepted: (record) => ({ type: 'OrderAccepted', tUs: record.t, clientOrderId: onlyOrderId(record) }),
  OrderRejected: (record) => {
    const reader = only(record, 'clientOrderId', 'detail', 'reason');
    return {
      type: 'OrderRejected',
      tUs: record.t,
      clientOrderId: stringField(reader, 'clientOrderId'),
      reason: choiceField(reader, 'reason', REJECT_REASONS),
      detail: stringField(reader, 'detail'),
    };
  },
  OrderPartiallyFilled: (record) => {
    const reader = only(record, 'execution', 'leavesQuantity');
    return {
      type: 'OrderPartiallyFilled',
      tUs: record.t,
      execution: execution(objectField(reader, 'execution')),
      leavesQuantity: integerField(reader, 'leavesQuantity'),
    };
  },
  OrderFilled: (record) => {
    const reader = only(record, 'execution');
    return { type: 'OrderFilled', tUs: record.t, execution: execution(objectField(reader, 'execution')) };
  },
  OrderCancelled: (record) => ({ type: 'OrderCancelled', tUs: record.t, clientOrderId: onlyOrderId(record) }),
  OrderExpired: (record) => ({ type: 'OrderExpired', tUs: record.t, clientOrderId: onlyOrderId(record) }),
  OrderUpdated: (record) => {
    const reader = only(record, 'brokerOrderId', 'clientOrderId', 'status');
    return {
      type: 'OrderUpdated',
      tUs: record.t,
      clientOrderId: stringField(reader, 'clientOrderId'),
      brokerOrderId: stringField(reader, 'brokerOrderId'),
      status: choiceField(reader, 'status', PROGRESS),
    };
  },
  CancelRejected: (record) => {
    const reader = only(record, 'clientOrderId', 'reason');
    return {
      type: 'CancelRejected',
      tUs: record.t,
      clientOrderId: stringField(reader, 'clientOrderId'),
      reason: stringField(reader, 'reason'),
    };
  },
  ExecutionCorrected: (record) => {
    const reader = only(record, 'corrects', 'execution');
    return {
      type: 'ExecutionCorrected',
      tUs: record.t,
      execution: execution(objectField(reader, 'execution')),
      corrects: stringField(reader, 'corrects'),
    };
  },
  CommissionReported: (record) => {
    const reader = only(record, 'executionId', 'feeMicros');
    return {
      type: 'CommissionReported',
      tUs: record.t,
      executionId: stringField(reader, 'executionId'),
      feeMicros: integerField(reader, 'feeMicros'),
    };
  },
  BrokerSnapshot: (record) => {
    const reader = only(record, 'cashMicros', 'openOrders', 'positions');
    const account = {
      cashMicros: integerField(reader, 'cashMicros'),
      positions: positions(objectField(reader, 'positions')),
    };
    return Object.hasOwn(reader.object, 'openOrders')
      ? {
          type: 'BrokerSnapshot',
          tUs: record.t,
          ...account,
          openOrders: objectsField(reader, 'openOrders').map(openOrder),
        }
      : { type: 'BrokerSnapshot', tUs: record.t, ...account };
  },
  BorrowFeeCharged: (record) => {
    const reader = only(record, 'feeMicros', 'nights', 'shares', 'symbol');
    return {
      type: 'BorrowFeeCharged',
      tUs: record.t,
      symbol: stringField(reader, 'symbol'),
      shares: integerField(reader, 'shares'),
      nights: integerField(reader, 'nights'),
      feeMicros: integerField(reader, 'feeMicros'),
    };
  },
  OperatorCommanded: (record) => {
    const reader = only(record, 'command', 'who', 'why');
    return {
      type: 'OperatorCommanded',
      tUs: record.t,
      command: choiceField(reader, 'command', COMMANDS),
      who: stringField(reader, 'who'),
      why: stringField(reader, 'why'),
    };
  },
  ConfigChanged: (record) => {
    const reader = only(record, 'limit', 'value', 'who', 'why');
    return {
      type: 'ConfigChanged',
      tUs: record.t,
      limit: choiceField(reader, 'limit', TIGHTENABLE_LIMITS),
      value: numberField(reader, 'value'),
      who: stringField(reader, 'who'),
      why: stringField(reader, 'why'),
    };
  },
  SettingsChanged: (record) => {
    const changes = objectField(only(record, 'changes'), 'changes');
    const stray = Object.keys(changes.object).find((key) => !isSettingKey(key));
    if (stray !== undefined) fail(changes, stray, 'no setting of an engine');
    return { type: 'SettingsChanged', tUs: record.t, changes: changes.object };
  },
  ConnectionLost: (record) => {
    const reader = only(record, 'reason', 'source');
    return {
      type: 'ConnectionLost',
      tUs: record.t,
      source: choiceField(reader, 'source', CONNECTIONS),
      reason: stringField(reader, 'reason'),
    };
  },
  ConnectionRestored: (record) => {
    const reader = only(record, 'source');
    return { type: 'ConnectionRestored', tUs: record.t, source: choiceField(reader, 'source', CONNECTIONS) };
  },
  DataGapDetected: (record) => {
    const reader = only(record, 'lateBarUs', 'sinceUs', 'symbol');
    return {
      type: 'DataGapDetected',
      tUs: record.t,
      symbol: stringField(reader, 'symbol'),
      sinceUs: integerField(reader, 'sinceUs'),
      ...(Object.hasOwn(reader.object, 'lateBarUs') ? { lateBarUs: integerField(reader, 'lateBarUs') } : {}),
    };
  },
  Heartbeat: (record) => {
    only(record);
    return { type: 'Heartbeat', tUs: record.t };
  },
  TapeRecovered: (record) => {
    const reader = only(record, 'records', 'tornBytes');
    return {
      type: 'TapeRecovered',
      tUs: record.t,
      records: integerField(reader, 'records', 0),
      tornBytes: integerField(reader, 'tornBytes', 0),
    };
  },
  RunStopped: (record) => {
    const reader = only(record, 'reason');
    return { type: 'RunStopped', tUs: record.t, reason: stringField(reader, 'reason') };
  },
};

function only(record: TapeRecord, ...fields: readonly string[]): FieldReader {
  const reader = payloadReader(record);
  expectOnly(reader, fields);
  return reader;
}

function onlyOrderId(record: TapeRecord): string {
  return stringField(only(record, 'clientOrderId'), 'clientOrderId');
}
