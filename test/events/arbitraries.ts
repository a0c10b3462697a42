import fc from 'fast-check';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../../src/domain/market-table.ts';
import { TIGHTENABLE_LIMITS } from '../../src/domain/tighten.ts';
import type { InputEvent, InputType, ModelFault } from '../../src/events/inputs.ts';
import type { JsonObject } from '../../src/events/record.ts';

/** Objects as sametape makes them; by default half of fast-check's have no prototype. */
const plain = { noNullPrototype: true } as const;

const tUs = fc.integer({ min: 0, max: 4_000_000_000_000_000 });
const micros = fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value));
const text = fc.string({ unit: 'binary', maxLength: 12 });
const symbol = fc.oneof(fc.constantFrom('AIG', 'BAC', 'SPY', '600000', '__proto__'), text);
const date = fc.constantFrom('2013-10-07', '2024-02-29', '2013-11-29');
const cycle = fc.nat();
const price = fc.nat({ max: 1e9 });

const execution = fc.record(
  {
    executionId: text,
    clientOrderId: text,
    symbol,
    side: fc.constantFrom('buy', 'sell'),
    quantity: fc.integer({ min: 0, max: 1e7 }),
    priceE4: price,
    feeMicros: micros,
    tradeTimeUs: tUs,
  },
  plain,
);

const account = { cashMicros: micros, positions: fc.dictionary(symbol, micros, plain) };

const openOrder = fc.record(
  {
    clientOrderId: text,
    symbol,
    side: fc.constantFrom('buy', 'sell'),
    leavesQuantity: fc.nat(),
    limitPriceE4: fc.nat(),
  },
  { ...plain, requiredKeys: ['clientOrderId', 'symbol', 'side', 'leavesQuantity'] },
);

/** Shares of a finite price, so that the bits of a sum are not all zero. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

function column(rows: number): fc.Arbitrary<Float64Array> {
  return fc.array(finite, { minLength: rows, maxLength: rows }).map((values) => Float64Array.from(values));
}

/** A table whose rows all end together, with rows before and after the ones a slice takes. */
const table: fc.Arbitrary<MarketTable> = fc
  .record({
    rows: fc.integer({ min: 1, max: 6 }),
    symbols: fc.uniqueArray(symbol, { minLength: 1, maxLength: 5 }),
  })
  .chain(({ rows, symbols }) => {
    const ix = fc.array(fc.nat({ max: symbols.length - 1 }), { minLength: rows, maxLength: rows });
    const columns = Object.fromEntries(MARKET_VALUE_COLUMNS.map((name) => [name, column(rows)]));
    return fc.record(
      {
        session: date,
        barSeconds: fc.constantFrom(1, 60),
        symbols: fc.constant(symbols),
        rowCount: fc.constant(rows),
        endUs: tUs.map((end) => new Float64Array(rows).fill(end)),
        symbolIx: ix.map((values) => Int32Array.from(values)),
        flags: fc.uint8Array({ minLength: rows, maxLength: rows }),
        ...(columns as unknown as Record<(typeof MARKET_VALUE_COLUMNS)[number], fc.Arbitrary<Float64Array>>),
      },
      plain,
    );
  });

const slice = fc.tuple(table, fc.nat(), fc.nat()).map(([rows, a, b]) => {
  const from = a % rows.rowCount;
  return { table: rows, from, to: from + 1 + (b % (rows.rowCount - from)) };
});

const predictions = fc
  .record({
    cycle,
    outputs: fc.array(fc.option(fc.float({ noNaN: true, noDefaultInfinity: true })), { maxLength: 70 }),
    faults: fc.array(
      fc.record(
        {
          column: fc.nat(),
          reason: fc.constantFrom('not_finite', 'wrong_shape', 'failed', 'late'),
          detail: text,
          symbols: fc.uniqueArray(fc.nat({ max: 69 })).map((ix) => ix.sort((a, b) => a - b)),
        },
        { requiredKeys: ['column', 'reason', 'detail'], ...plain },
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ cycle: n, outputs, faults }) => ({
    cycle: n,
    values: Float32Array.from(outputs, (output) => output ?? 0),
    valid: Uint8Array.from(outputs, (output) => (output === null ? 0 : 1)),
    ...faultsWithin(faults, outputs.length),
  }));

/** Faults whose column and symbols lie within the predictions, as a reader demands; absent when there are none. */
function faultsWithin(
  faults: readonly ModelFault[],
  size: number,
): { readonly faults?: readonly ModelFault[] } {
  if (faults.length === 0 || size === 0) return {};
  return {
    faults: faults.map(({ symbols, column, ...rest }) => {
      const fault = { ...rest, column: column % size };
      return symbols === undefined ? fault : { ...fault, symbols: symbols.filter((ix) => ix < size) };
    }),
  };
}

function event<T extends InputType>(
  type: T,
  fields: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Extract<InputEvent, { readonly type: T }>> {
  return fc.record({ type: fc.constant(type), tUs, ...fields }, plain) as unknown as fc.Arbitrary<
    Extract<InputEvent, { readonly type: T }>
  >;
}

const action = fc.oneof(
  fc.record(
    {
      kind: fc.constant('split'),
      symbol,
      exDate: date,
      referencePriceE4: fc.integer({ min: 1, max: 1e9 }),
      oldShares: fc.integer({ min: 1, max: 100 }),
      newShares: fc.integer({ min: 1, max: 100 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('dividend'),
      symbol,
      exDate: date,
      referencePriceE4: fc.integer({ min: 10_001, max: 1e9 }),
      cashMicros: fc.integer({ min: 1, max: 1_000_000 }),
    },
    plain,
  ),
);

const identity = fc
  .dictionary(text, fc.jsonValue(), plain)
  .map(
    (value) => JSON.parse(JSON.stringify(value, (_, item) => (Object.is(item, -0) ? 0 : item))) as JsonObject,
  );

/** Any input event, by type: a type without a generator does not compile. */
export const inputEvents: { readonly [T in InputType]: fc.Arbitrary<InputEvent> } = {
  RunStarted: event('RunStarted', { identity }),
  HorizonsDiscovered: event('HorizonsDiscovered', { horizons: fc.array(text), targets: fc.array(text) }),
  ArtifactWarned: event('ArtifactWarned', { code: text, file: text, detail: text }),
  SessionOpened: event('SessionOpened', {
    session: fc.record({ date, openUs: tUs, closeUs: tUs, isHalfDay: fc.boolean() }, plain),
  }),
  CorporateActionApplied: event('CorporateActionApplied', { action }),
  SessionClosed: event('SessionClosed', { date }),
  MarketSlice: event('MarketSlice', { origin: fc.constantFrom('dataset', 'inline'), slice }),
  CycleDue: event('CycleDue', { cycle }),
  PredictionsMade: event('PredictionsMade', { predictions }),
  InferenceFailed: event('InferenceFailed', { cycle, reason: text }),
  OrderAccepted: event('OrderAccepted', { clientOrderId: text }),
  OrderRejected: event('OrderRejected', {
    clientOrderId: text,
    reason: fc.constantFrom('halted', 'insufficient_buying_power', 'refused', 'not_placed'),
    detail: text,
  }),
  OrderPartiallyFilled: event('OrderPartiallyFilled', { execution, leavesQuantity: fc.nat() }),
  OrderFilled: event('OrderFilled', { execution }),
  OrderCancelled: event('OrderCancelled', { clientOrderId: text }),
  OrderExpired: event('OrderExpired', { clientOrderId: text }),
  OrderUpdated: event('OrderUpdated', {
    clientOrderId: text,
    brokerOrderId: text,
    status: fc.constantFrom('pending_new', 'held', 'pending_cancel', 'replaced', 'done_for_day'),
  }),
  CancelRejected: event('CancelRejected', { clientOrderId: text, reason: text }),
  ExecutionCorrected: event('ExecutionCorrected', { execution, corrects: text }),
  CommissionReported: event('CommissionReported', { executionId: text, feeMicros: micros }),
  BrokerSnapshot: fc.oneof(
    event('BrokerSnapshot', account),
    event('BrokerSnapshot', { ...account, openOrders: fc.array(openOrder, { maxLength: 4 }) }),
  ),
  BorrowFeeCharged: event('BorrowFeeCharged', {
    symbol,
    shares: fc.nat(),
    nights: fc.nat(),
    feeMicros: fc.nat(),
  }),
  ConnectionLost: event('ConnectionLost', {
    source: fc.constantFrom('market_data', 'broker', 'clock'),
    reason: text,
  }),
  ConnectionRestored: event('ConnectionRestored', {
    source: fc.constantFrom('market_data', 'broker', 'clock'),
  }),
  DataGapDetected: fc.oneof(
    event('DataGapDetected', { symbol, sinceUs: tUs }),
    event('DataGapDetected', { symbol, sinceUs: tUs, lateBarUs: tUs }),
  ),
  Heartbeat: event('Heartbeat', {}),
  OperatorCommanded: event('OperatorCommanded', {
    command: fc.constantFrom('pause', 'resume', 'kill', 'reset', 'flatten', 'reconcile'),
    who: text,
    why: text,
  }),
  ConfigChanged: event('ConfigChanged', {
    limit: fc.constantFrom(...TIGHTENABLE_LIMITS),
    value: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
    who: text,
    why: text,
  }),
  SettingsChanged: event('SettingsChanged', {
    changes: fc.record(
      {
        strict: fc.boolean(),
        'risk.maxGrossFrac': fc.double({ min: 0.001, max: 10, noNaN: true }),
        'exchange.fee': fc.constant({ kind: 'bps', bps: 0.5 }),
        'risk.lossVelocityFrac': fc.constant(null),
      },
      { noNullPrototype: true },
    ),
  }),
  TapeRecovered: event('TapeRecovered', { records: fc.nat(), tornBytes: fc.nat() }),
  RunStopped: event('RunStopped', { reason: text }),
};
