import { MARKET_VALUE_COLUMNS, type MarketTable } from '../../src/domain/market-table.ts';
import type { DerivedEvent, DerivedType } from '../../src/events/derived.ts';
import type { InputEvent, InputType } from '../../src/events/inputs.ts';

export const T0 = 1_381_152_600_000_000;

export function sampleTable(): MarketTable {
  const columns = Object.fromEntries(
    MARKET_VALUE_COLUMNS.map((name, i) => [name, Float64Array.of(1_000_000 + i, 1_676_900 + i)]),
  );
  return {
    session: '2013-10-07',
    barSeconds: 60,
    symbols: ['IBM', 'SPY'],
    rowCount: 2,
    endUs: Float64Array.of(T0, T0),
    symbolIx: Int32Array.of(0, 1),
    flags: Uint8Array.of(7, 3),
    ...(columns as Record<(typeof MARKET_VALUE_COLUMNS)[number], Float64Array>),
  };
}

const execution = {
  executionId: 'x-1',
  clientOrderId: 'run-7-0',
  symbol: 'SPY',
  side: 'buy',
  quantity: 100,
  priceE4: 1_676_900,
  feeMicros: 500_000,
  tradeTimeUs: T0,
} as const;

/** One of each, with every optional field set. */
export const inputSamples: { readonly [T in InputType]: Extract<InputEvent, { readonly type: T }> } = {
  RunStarted: { type: 'RunStarted', tUs: T0, identity: { code: 'abc', layout: ['SPY'], seed: 7 } },
  HorizonsDiscovered: {
    type: 'HorizonsDiscovered',
    tUs: T0,
    horizons: ['5m', '1d'],
    targets: ['ret_1d', 'ret_5m'],
  },
  ArtifactWarned: {
    type: 'ArtifactWarned',
    tUs: T0,
    code: 'MODEL_CHECKSUM_MISMATCH',
    file: 'targets/ret_5m/models/view=ALL/family=Ridge/model.onnx',
    detail: 'sha256 ab, expected cd',
  },
  SessionOpened: {
    type: 'SessionOpened',
    tUs: T0,
    session: { date: '2013-10-07', openUs: T0, closeUs: T0 + 1, isHalfDay: false },
  },
  CorporateActionApplied: {
    type: 'CorporateActionApplied',
    tUs: T0,
    action: {
      kind: 'split',
      symbol: 'SPY',
      exDate: '2013-10-07',
      oldShares: 1,
      newShares: 7,
      referencePriceE4: 1_676_900,
    },
  },
  SessionClosed: { type: 'SessionClosed', tUs: T0, date: '2013-10-07' },
  MarketSlice: {
    type: 'MarketSlice',
    tUs: T0,
    origin: 'inline',
    slice: { table: sampleTable(), from: 0, to: 2 },
  },
  CycleDue: { type: 'CycleDue', tUs: T0, cycle: 3 },
  PredictionsMade: {
    type: 'PredictionsMade',
    tUs: T0,
    predictions: {
      cycle: 3,
      values: Float32Array.of(0.5, 0, -1.25),
      valid: Uint8Array.of(1, 0, 1),
      faults: [{ column: 0, reason: 'not_finite', symbols: [1], detail: 'NaN' }],
    },
  },
  InferenceFailed: { type: 'InferenceFailed', tUs: T0, cycle: 3, reason: 'timed out' },
  OrderAccepted: { type: 'OrderAccepted', tUs: T0, clientOrderId: 'run-7-0' },
  OrderRejected: {
    type: 'OrderRejected',
    tUs: T0,
    clientOrderId: 'run-7-0',
    reason: 'halted',
    detail: 'now',
  },
  OrderPartiallyFilled: { type: 'OrderPartiallyFilled', tUs: T0, execution, leavesQuantity: 50 },
  OrderFilled: { type: 'OrderFilled', tUs: T0, execution },
  OrderCancelled: { type: 'OrderCancelled', tUs: T0, clientOrderId: 'run-7-0' },
  OrderExpired: { type: 'OrderExpired', tUs: T0, clientOrderId: 'run-7-0' },
  OrderUpdated: {
    type: 'OrderUpdated',
    tUs: T0,
    clientOrderId: 'run-7-0',
    brokerOrderId: 'b-1',
    status: 'pending_cancel',
  },
  CancelRejected: { type: 'CancelRejected', tUs: T0, clientOrderId: 'run-7-0', reason: 'too late' },
  ExecutionCorrected: {
    type: 'ExecutionCorrected',
    tUs: T0,
    execution: { ...execution, executionId: 'x-1.02', quantity: 90 },
    corrects: 'x-1',
  },
  CommissionReported: { type: 'CommissionReported', tUs: T0, executionId: 'x-1', feeMicros: -350_000 },
  BrokerSnapshot: {
    type: 'BrokerSnapshot',
    tUs: T0,
    cashMicros: 5_000_000,
    positions: { SPY: 100, IBM: -20 },
    openOrders: [{ clientOrderId: 'run-7-0', symbol: 'SPY', side: 'buy', leavesQuantity: 50 }],
  },
  BorrowFeeCharged: {
    type: 'BorrowFeeCharged',
    tUs: T0,
    symbol: 'IBM',
    shares: 20,
    nights: 3,
    feeMicros: 310_556,
  },
  OperatorCommanded: { type: 'OperatorCommanded', tUs: T0, command: 'kill', who: 'ann', why: 'drill' },
  ConnectionLost: { type: 'ConnectionLost', tUs: T0, source: 'broker', reason: 'closed by peer' },
  ConnectionRestored: { type: 'ConnectionRestored', tUs: T0, source: 'market_data' },
  DataGapDetected: { type: 'DataGapDetected', tUs: T0, symbol: 'SPY', sinceUs: T0 - 1 },
  Heartbeat: { type: 'Heartbeat', tUs: T0 },
  TapeRecovered: { type: 'TapeRecovered', tUs: T0, records: 12, tornBytes: 340 },
  RunStopped: { type: 'RunStopped', tUs: T0, reason: 'end of data' },
};

const digests = {
  features: 'f1',
  prediction: 'p1',
  blending: 'b1',
  arbitration: 'a1',
  gating: 'g1',
  sizing: 's1',
  risk: 'r1',
} as const;

/** One of each, with every optional field set. */
export const derivedSamples: { readonly [T in DerivedType]: Extract<DerivedEvent, { readonly type: T }> } = {
  CycleStarted: { type: 'CycleStarted', cycle: 3 },
  InferenceRequested: { type: 'InferenceRequested', cycle: 3, featuresDigest: 'f1' },
  CycleCompleted: {
    type: 'CycleCompleted',
    cycle: 3,
    decisions: [
      {
        symbol: 'IBM',
        kind: 'BLOCKED',
        reason: 'spread_too_wide',
        horizon: '5m',
        side: 'sell',
        targetWeight: -0.0125,
        targetShares: -20,
        value: 14.5,
        limit: 12,
        exitReason: 'exit_end_of_day',
        propensity: 0.95,
      },
      { symbol: 'SPY', kind: 'HOLD', reason: 'below_threshold' },
    ],
    digests,
    equityMicros: 100_000_000,
  },
  ModelFaulted: {
    type: 'ModelFaulted',
    cycle: 3,
    model: 'ret_5m/ALL/Ridge',
    reason: 'not_finite',
    symbols: ['SPY'],
  },
  CycleSkipped: { type: 'CycleSkipped', cycle: 4, reason: 'the one before is open' },
  OrderIntended: {
    type: 'OrderIntended',
    order: {
      clientOrderId: 'run-7-0',
      symbol: 'SPY',
      side: 'buy',
      type: 'marketable_limit',
      timeInForce: 'day',
      quantity: 100,
      limitPriceE4: 1_677_000,
      purpose: 'open',
    },
    cycle: 3,
    horizon: '5m',
    reason: 'score_best',
  },
  CancelIntended: { type: 'CancelIntended', clientOrderId: 'run-7-0', reason: 'kill_switch' },
  PositionOpened: { type: 'PositionOpened', symbol: 'SPY', shares: 100, priceE4: 1_676_900 },
  PositionChanged: { type: 'PositionChanged', symbol: 'SPY', shares: 50, priceE4: 1_676_900 },
  PositionClosed: { type: 'PositionClosed', symbol: 'SPY', priceE4: 1_676_900, realizedMicros: -3 },
  PositionAdjusted: {
    type: 'PositionAdjusted',
    symbol: 'SPY',
    cause: 'split',
    shares: 700,
    cashMicros: 12_345,
    realizedMicros: -3,
  },
  RiskLimitWarned: {
    type: 'RiskLimitWarned',
    limit: 'position',
    value: 0.15,
    threshold: 0.14,
    symbol: 'SPY',
    sector: 'technology',
  },
  GateBlocked: {
    type: 'GateBlocked',
    cycle: 3,
    symbol: 'SPY',
    reason: 'spread_too_wide',
    value: 14.5,
    limit: 12,
  },
  QuoteStale: { type: 'QuoteStale', cycle: 3, symbol: 'SPY', ageUs: 60_000_000, limitUs: 2_000_000 },
  KillSwitchTripped: { type: 'KillSwitchTripped', cause: 'daily_loss', value: 0.021, limit: 0.02 },
  KillSwitchReset: { type: 'KillSwitchReset', cause: 'daily_loss', by: 'ann' },
  ReconciliationRequested: { type: 'ReconciliationRequested', reason: 'mismatch' },
  ReconciliationStarted: { type: 'ReconciliationStarted' },
  ReconciliationMismatched: {
    type: 'ReconciliationMismatched',
    item: 'position',
    symbol: 'SPY',
    ours: 100,
    theirs: 90,
  },
  ReconciliationEnded: { type: 'ReconciliationEnded', mismatches: 1 },
  RewardObserved: {
    type: 'RewardObserved',
    symbol: 'SPY',
    horizon: '5m',
    netReturn: -0.0012,
    sigma: 0.0016,
    reward: -0.25,
    loss: 0.625,
    propensity: 0.95,
  },
  LearningUpdated: {
    type: 'LearningUpdated',
    algorithm: 'exp3ix',
    arms: ['5m', '15m'],
    rounds: 120,
    lossSums: [61.5, 60.25],
    probabilities: [0.48, 0.52],
    omega: [0.499, 0.501],
  },
  ErrorRaised: { type: 'ErrorRaised', code: 'FEATURE_MISSING', message: 'no rsi_7', symbol: 'SPY' },
};
