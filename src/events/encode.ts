import type { CorporateAction } from '../domain/corporate-actions.ts';
import { assertNever } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import type { Execution, OrderRequest } from '../domain/orders.ts';
import type { Shares } from '../domain/units.ts';
import { type Base64Codec, pureBase64 } from './base64.ts';
import type { Decision, DerivedEvent, StageDigests } from './derived.ts';
import { exactInteger, sortedByKey } from './encode-fields.ts';
import { encodeMarketSlice } from './encode-market.ts';
import { encodePredictions } from './encode-predictions.ts';
import type { InputEvent } from './inputs.ts';
import type { Json, JsonObject } from './record.ts';

/** An event as the tape holds it. Time and sequence number are the record's own, never the payload's. */
export interface EncodedEvent {
  readonly type: string;
  readonly payload: JsonObject;
}

/**
 * An input event as a tape payload, with keys set in sorted order so that writing it needs no sorting.
 * @param base64 any codec gives the same text; pass a native one where speed matters
 * @throws InvariantError for values `decodeInput` would refuse, such as a fractional quantity: what cannot be
 * replayed must not reach the tape
 */
export function encodeInput(event: InputEvent, base64: Base64Codec = pureBase64): EncodedEvent {
  return { type: event.type, payload: inputPayload(event, base64) };
}

function inputPayload(event: InputEvent, base64: Base64Codec): JsonObject {
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
    case 'MarketSlice':
      return encodeMarketSlice(event.slice, event.origin, base64);
    case 'CycleDue':
      return { cycle: exactInteger(event.cycle, 'cycle') };
    case 'PredictionsMade':
      return encodePredictions(event.predictions, base64);
    case 'InferenceFailed':
      return { cycle: exactInteger(event.cycle, 'cycle'), reason: event.reason };
    case 'OrderAccepted':
    case 'OrderCancelled':
    case 'OrderExpired':
      return { clientOrderId: event.clientOrderId };
    case 'OrderRejected':
      return { clientOrderId: event.clientOrderId, detail: event.detail, reason: event.reason };
    case 'OrderPartiallyFilled':
      return {
        execution: execution(event.execution),
        leavesQuantity: exactInteger(event.leavesQuantity, 'leavesQuantity'),
      };
    case 'OrderFilled':
      return { execution: execution(event.execution) };
    case 'BrokerSnapshot':
      return {
        cashMicros: exactInteger(event.cashMicros, 'cashMicros'),
        positions: positions(event.positions),
      };
    case 'BorrowFeeCharged':
      return {
        feeMicros: exactInteger(event.feeMicros, 'feeMicros'),
        nights: exactInteger(event.nights, 'nights'),
        shares: exactInteger(event.shares, 'shares'),
        symbol: event.symbol,
      };
    case 'OperatorCommanded':
      return { command: event.command, who: event.who, why: event.why };
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

function execution(value: Execution): JsonObject {
  return {
    clientOrderId: value.clientOrderId,
    executionId: value.executionId,
    feeMicros: exactInteger(value.feeMicros, 'execution.feeMicros'),
    priceE4: exactInteger(value.priceE4, 'execution.priceE4'),
    quantity: exactInteger(value.quantity, 'execution.quantity'),
    side: value.side,
    symbol: value.symbol,
    tradeTimeUs: exactInteger(value.tradeTimeUs, 'execution.tradeTimeUs'),
  };
}

function positions(value: Readonly<Record<string, Shares>>): JsonObject {
  for (const [symbol, shares] of Object.entries(value)) exactInteger(shares, `positions.${symbol}`);
  return sortedByKey(value);
}

/** A derived event as a tape payload, with keys set in sorted order. Absent options are absent keys. */
export function encodeDerived(event: DerivedEvent): EncodedEvent {
  return { type: event.type, payload: derivedPayload(event) };
}

function derivedPayload(event: DerivedEvent): JsonObject {
  switch (event.type) {
    case 'CycleStarted':
      return { cycle: event.cycle };
    case 'InferenceRequested':
      return { cycle: event.cycle, featuresDigest: event.featuresDigest };
    case 'CycleCompleted':
      return {
        cycle: event.cycle,
        decisions: event.decisions.map(decision),
        digests: digests(event.digests),
        equityMicros: event.equityMicros,
      };
    case 'ModelFaulted': {
      const payload: Record<string, Json> = { cycle: event.cycle, model: event.model, reason: event.reason };
      if (event.symbols !== undefined) payload.symbols = event.symbols;
      return payload;
    }
    case 'CycleSkipped':
      return { cycle: event.cycle, reason: event.reason };
    case 'OrderIntended': {
      const payload: Record<string, Json> = { cycle: event.cycle };
      if (event.horizon !== undefined) payload.horizon = event.horizon;
      payload.order = orderRequest(event.order);
      payload.reason = event.reason;
      return payload;
    }
    case 'CancelIntended':
      return { clientOrderId: event.clientOrderId, reason: event.reason };
    case 'PositionOpened':
    case 'PositionChanged':
      return { priceE4: event.priceE4, shares: event.shares, symbol: event.symbol };
    case 'PositionClosed':
      return { priceE4: event.priceE4, realizedMicros: event.realizedMicros, symbol: event.symbol };
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
    case 'ErrorRaised': {
      const payload: Record<string, Json> = { code: event.code, message: event.message };
      if (event.symbol !== undefined) payload.symbol = event.symbol;
      return payload;
    }
    default:
      return assertNever(event);
  }
}

function decision(value: Decision): JsonObject {
  const out: Record<string, Json> = {};
  if (value.exitReason !== undefined) out.exitReason = value.exitReason;
  if (value.horizon !== undefined) out.horizon = value.horizon;
  out.kind = value.kind;
  if (value.limit !== undefined) out.limit = value.limit;
  out.reason = value.reason;
  if (value.side !== undefined) out.side = value.side;
  out.symbol = value.symbol;
  if (value.targetShares !== undefined) out.targetShares = value.targetShares;
  if (value.targetWeight !== undefined) out.targetWeight = value.targetWeight;
  if (value.value !== undefined) out.value = value.value;
  return out;
}

function digests(value: StageDigests): JsonObject {
  return {
    arbitration: value.arbitration,
    blending: value.blending,
    features: value.features,
    gating: value.gating,
    prediction: value.prediction,
    risk: value.risk,
    sizing: value.sizing,
  };
}

function orderRequest(value: OrderRequest): JsonObject {
  const out: Record<string, Json> = { clientOrderId: value.clientOrderId };
  if (value.limitPriceE4 !== undefined) out.limitPriceE4 = value.limitPriceE4;
  out.purpose = value.purpose;
  out.quantity = value.quantity;
  out.side = value.side;
  out.symbol = value.symbol;
  out.timeInForce = value.timeInForce;
  out.type = value.type;
  return out;
}
