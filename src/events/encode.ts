import type { CorporateAction } from '../domain/corporate-actions.ts';
import { assertNever } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import type { OpenOrder } from '../domain/orders.ts';
import type { Shares } from '../domain/units.ts';
import { type Base64Codec, pureBase64 } from './base64.ts';
import { canonicalJson, quote } from './canonical.ts';
import type { DerivedEvent } from './derived.ts';
import { exactInteger, sortedByKey } from './encode-fields.ts';
import { cycleCompletedJson, executionJson, orderIntendedJson } from './encode-frequent.ts';
import { encodeMarketSlice } from './encode-market.ts';
import { encodePredictions } from './encode-predictions.ts';
import type { InputEvent } from './inputs.ts';
import type { Json, JsonObject } from './record.ts';

/** An event as the tape holds it. Time and sequence number are the record's own, never the payload's. */
export interface EncodedEvent {
  readonly type: string;
  /** Canonical JSON of an object. */
  readonly payloadJson: string;
}

/**
 * An input event as a tape payload.
 * @param base64 any codec gives the same text; pass a native one where speed matters
 * @throws InvariantError for values `decodeInput` would refuse, such as a fractional quantity: what cannot be
 * replayed must not reach the tape
 */
export function encodeInput(event: InputEvent, base64: Base64Codec = pureBase64): EncodedEvent {
  return { type: event.type, payloadJson: inputJson(event, base64) };
}

function inputJson(event: InputEvent, base64: Base64Codec): string {
  switch (event.type) {
    case 'MarketSlice':
      return encodeMarketSlice(event.slice, event.origin, base64);
    case 'CycleDue':
      return `{"cycle":${exactInteger(event.cycle, 'cycle')}}`;
    case 'PredictionsMade':
      return encodePredictions(event.predictions, base64);
    case 'OrderAccepted':
    case 'OrderCancelled':
    case 'OrderExpired':
      return `{"clientOrderId":${quote(event.clientOrderId)}}`;
    case 'OrderPartiallyFilled':
      return `{"execution":${executionJson(event.execution)},"leavesQuantity":${exactInteger(event.leavesQuantity, 'leavesQuantity')}}`;
    case 'OrderFilled':
      return `{"execution":${executionJson(event.execution)}}`;
    case 'ExecutionCorrected':
      return `{"corrects":${quote(event.corrects)},"execution":${executionJson(event.execution)}}`;
    default:
      return canonicalJson(inputPayload(event));
  }
}

type FrequentInput =
  | 'MarketSlice'
  | 'CycleDue'
  | 'PredictionsMade'
  | 'OrderAccepted'
  | 'OrderCancelled'
  | 'OrderExpired'
  | 'OrderPartiallyFilled'
  | 'OrderFilled'
  | 'ExecutionCorrected';

/** The rest, as objects whose keys are set in sorted order, so that writing them needs no sorting. */
function inputPayload(event: Exclude<InputEvent, { readonly type: FrequentInput }>): JsonObject {
  switch (event.type) {
    case 'RunStarted':
      return { identity: event.identity };
    case 'HorizonsDiscovered':
      return { horizons: event.horizons, targets: event.targets };
    case 'ArtifactWarned':
      return { code: event.code, detail: event.detail, file: event.file };
    case 'SessionOpened':
      return { session: session(event.session) };
    case 'CorporateActionApplied':
      return { action: corporateAction(event.action) };
    case 'SessionClosed':
      return { date: event.date };
    case 'InferenceFailed':
      return { cycle: exactInteger(event.cycle, 'cycle'), reason: event.reason };
    case 'OrderRejected':
      return { clientOrderId: event.clientOrderId, detail: event.detail, reason: event.reason };
    case 'OrderUpdated':
      return {
        brokerOrderId: event.brokerOrderId,
        clientOrderId: event.clientOrderId,
        status: event.status,
      };
    case 'CancelRejected':
      return { clientOrderId: event.clientOrderId, reason: event.reason };
    case 'CommissionReported':
      return { executionId: event.executionId, feeMicros: exactInteger(event.feeMicros, 'feeMicros') };
    case 'BrokerSnapshot':
      return brokerSnapshot(event);
    case 'BorrowFeeCharged':
      return {
        feeMicros: exactInteger(event.feeMicros, 'feeMicros'),
        nights: exactInteger(event.nights, 'nights'),
        shares: exactInteger(event.shares, 'shares'),
        symbol: event.symbol,
      };
    case 'OperatorCommanded':
      return { command: event.command, who: event.who, why: event.why };
    case 'ConfigChanged':
      return { limit: event.limit, value: event.value, who: event.who, why: event.why };
    case 'SettingsChanged':
      return { changes: event.changes };
    case 'ConnectionLost':
      return { reason: event.reason, source: event.source };
    case 'ConnectionRestored':
      return { source: event.source };
    case 'DataGapDetected':
      return {
        ...(event.lateBarUs === undefined ? {} : { lateBarUs: exactInteger(event.lateBarUs, 'lateBarUs') }),
        sinceUs: exactInteger(event.sinceUs, 'sinceUs'),
        symbol: event.symbol,
      };
    case 'Heartbeat':
      return {};
    case 'TapeRecovered':
      return {
        records: exactInteger(event.records, 'records'),
        tornBytes: exactInteger(event.tornBytes, 'tornBytes'),
      };
    case 'RunStopped':
      return { reason: event.reason };
    default:
      return assertNever(event);
  }
}

function session(value: Session): JsonObject {
  return {
    closeUs: exactInteger(value.closeUs, 'session.closeUs'),
    date: value.date,
    isHalfDay: value.isHalfDay,
    openUs: exactInteger(value.openUs, 'session.openUs'),
  };
}

function corporateAction(value: CorporateAction): JsonObject {
  const referencePriceE4 = exactInteger(value.referencePriceE4, 'action.referencePriceE4');
  const { exDate, kind, symbol } = value;
  if (value.kind === 'dividend') {
    const cashMicros = exactInteger(value.cashMicros, 'action.cashMicros');
    return { cashMicros, exDate, kind, referencePriceE4, symbol };
  }
  return {
    exDate,
    kind,
    newShares: exactInteger(value.newShares, 'action.newShares'),
    oldShares: exactInteger(value.oldShares, 'action.oldShares'),
    referencePriceE4,
    symbol,
  };
}

function brokerSnapshot(event: Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>): JsonObject {
  const { openOrders } = event;
  const payload: Record<string, Json> = { cashMicros: exactInteger(event.cashMicros, 'cashMicros') };
  if (openOrders !== undefined) payload.openOrders = openOrders.map(openOrder);
  payload.positions = positions(event.positions);
  return payload;
}

function openOrder({ clientOrderId, leavesQuantity, limitPriceE4, side, symbol }: OpenOrder): JsonObject {
  return {
    clientOrderId,
    leavesQuantity: exactInteger(leavesQuantity, 'openOrders.leavesQuantity'),
    ...(limitPriceE4 === undefined
      ? {}
      : { limitPriceE4: exactInteger(limitPriceE4, 'openOrders.limitPriceE4') }),
    side,
    symbol,
  };
}

function positions(value: Readonly<Record<string, Shares>>): JsonObject {
  for (const [symbol, shares] of Object.entries(value)) exactInteger(shares, `positions.${symbol}`);
  return sortedByKey(value);
}

/** A derived event as a tape payload. Absent options are absent keys. */
export function encodeDerived(event: DerivedEvent): EncodedEvent {
  return { type: event.type, payloadJson: derivedJson(event) };
}

function derivedJson(event: DerivedEvent): string {
  switch (event.type) {
    case 'CycleStarted':
      return `{"cycle":${exactInteger(event.cycle, 'cycle')}}`;
    case 'InferenceRequested':
      return `{"cycle":${exactInteger(event.cycle, 'cycle')},"featuresDigest":"${event.featuresDigest}"}`;
    case 'CycleCompleted':
      return cycleCompletedJson(event);
    case 'OrderIntended':
      return orderIntendedJson(event);
    case 'PositionOpened':
    case 'PositionChanged':
      return `{"priceE4":${exactInteger(event.priceE4, 'priceE4')},"shares":${exactInteger(event.shares, 'shares')},"symbol":${quote(event.symbol)}}`;
    case 'PositionClosed':
      return `{"priceE4":${exactInteger(event.priceE4, 'priceE4')},"realizedMicros":${exactInteger(event.realizedMicros, 'realizedMicros')},"symbol":${quote(event.symbol)}}`;
    default:
      return canonicalJson(derivedPayload(event));
  }
}

type FrequentDerived =
  | 'CycleStarted'
  | 'InferenceRequested'
  | 'CycleCompleted'
  | 'OrderIntended'
  | 'PositionOpened'
  | 'PositionChanged'
  | 'PositionClosed';

function derivedPayload(event: Exclude<DerivedEvent, { readonly type: FrequentDerived }>): JsonObject {
  switch (event.type) {
    case 'ModelFaulted': {
      const payload: Record<string, Json> = { cycle: event.cycle, model: event.model, reason: event.reason };
      if (event.symbols !== undefined) payload.symbols = event.symbols;
      return payload;
    }
    case 'CycleSkipped':
      return { cycle: event.cycle, reason: event.reason };
    case 'CancelIntended':
      return { clientOrderId: event.clientOrderId, reason: event.reason };
    case 'PositionAdjusted':
      return {
        cashMicros: event.cashMicros,
        cause: event.cause,
        realizedMicros: event.realizedMicros,
        shares: event.shares,
        symbol: event.symbol,
      };
    case 'RiskLimitWarned': {
      const payload: Record<string, Json> = { limit: event.limit };
      if (event.sector !== undefined) payload.sector = event.sector;
      if (event.symbol !== undefined) payload.symbol = event.symbol;
      payload.threshold = event.threshold;
      payload.value = event.value;
      return payload;
    }
    case 'GateBlocked':
      return {
        cycle: event.cycle,
        limit: event.limit,
        reason: event.reason,
        symbol: event.symbol,
        value: event.value,
      };
    case 'QuoteStale':
      return { ageUs: event.ageUs, cycle: event.cycle, limitUs: event.limitUs, symbol: event.symbol };
    case 'KillSwitchTripped':
      return { cause: event.cause, limit: event.limit, value: event.value };
    case 'KillSwitchReset':
      return { by: event.by, cause: event.cause };
    case 'ReconciliationRequested':
      return { reason: event.reason };
    case 'ReconciliationStarted':
      return {};
    case 'ReconciliationMismatched':
      return mismatch(event);
    case 'CashAdopted':
      return { cashMicros: event.cashMicros };
    case 'PositionAdopted':
      return {
        change: event.change,
        priceE4: event.priceE4,
        realizedMicros: event.realizedMicros,
        shares: event.shares,
        symbol: event.symbol,
      };
    case 'OrderDropped':
      return { clientOrderId: event.clientOrderId, leavesQuantity: event.leavesQuantity };
    case 'ReconciliationEnded':
      return { mismatches: event.mismatches };
    case 'RewardObserved':
      return reward(event);
    case 'LearningUpdated':
      return learning(event);
    case 'ErrorRaised': {
      const payload: Record<string, Json> = { code: event.code, message: event.message };
      if (event.symbol !== undefined) payload.symbol = event.symbol;
      return payload;
    }
    default:
      return assertNever(event);
  }
}

function mismatch(event: Extract<DerivedEvent, { readonly type: 'ReconciliationMismatched' }>): JsonObject {
  const payload: Record<string, Json> = {};
  if (event.clientOrderId !== undefined) payload.clientOrderId = event.clientOrderId;
  payload.item = event.item;
  payload.ours = event.ours;
  if (event.symbol !== undefined) payload.symbol = event.symbol;
  payload.theirs = event.theirs;
  return payload;
}

function reward(event: Extract<DerivedEvent, { readonly type: 'RewardObserved' }>): JsonObject {
  return {
    horizon: event.horizon,
    loss: event.loss,
    netReturn: event.netReturn,
    propensity: event.propensity,
    reward: event.reward,
    sigma: event.sigma,
    symbol: event.symbol,
  };
}

function learning(event: Extract<DerivedEvent, { readonly type: 'LearningUpdated' }>): JsonObject {
  return {
    algorithm: event.algorithm,
    arms: event.arms,
    lossSums: event.lossSums,
    omega: event.omega,
    probabilities: event.probabilities,
    rounds: event.rounds,
  };
}
