import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/domain/errors.ts';
import type { MarketSlice } from '../../src/domain/market-table.ts';
import type { Base64Codec } from '../../src/events/base64.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import { decodeInput, type ResolveSlice } from '../../src/events/decode.ts';
import { RecordInvalidError } from '../../src/events/decode-fields.ts';
import { decodeSliceReference } from '../../src/events/decode-market.ts';
import type { Decision, DerivedEvent } from '../../src/events/derived.ts';
import { encodeDerived, encodeInput } from '../../src/events/encode.ts';
import { INPUT_TYPES, type InputEvent, type InputType } from '../../src/events/inputs.ts';
import type { Json, JsonObject, TapeRecord } from '../../src/events/record.ts';
import { nodeBase64 } from '../../src/tape/node-base64.ts';
import { payloadOf } from '../tape/entries.ts';
import { inputEvents } from './arbitraries.ts';
import { derivedSamples, inputSamples, sampleTable, T0 } from './samples.ts';

const inputTypes = Object.keys(inputSamples) as InputType[];
const noDataset: ResolveSlice = () => {
  throw new Error('no dataset in this test');
};

/** The record as a reader of the tape gets it: through text. */
function taped(event: InputEvent, base64?: Base64Codec): TapeRecord {
  const encoded = encodeInput(event, base64);
  return { seq: 12, t: event.tUs, type: encoded.type, payload: payloadOf(encoded) };
}

function resolverOf(slice: MarketSlice): ResolveSlice {
  return (reference) => {
    expect(reference).toEqual({ session: slice.table.session, from: slice.from, to: slice.to });
    return slice;
  };
}

/** The rows of a slice alone, for slices that lie in different tables. */
function rowsOf({ table, from, to }: MarketSlice): object {
  const rows = Object.entries(table).map(([name, value]) => [
    name,
    ArrayBuffer.isView(value) ? (value as Float64Array).slice(from, to) : value,
  ]);
  return { ...Object.fromEntries(rows), rowCount: to - from };
}

describe('payloads of input events', () => {
  it('samples cover every type there is', () => {
    expect([...inputTypes].sort()).toEqual([...INPUT_TYPES].sort());
  });

  it.each(inputTypes)('%s comes back from the tape as it went in', (type) => {
    fc.assert(
      fc.property(inputEvents[type], fc.boolean(), (event, native) => {
        const codec = native ? nodeBase64 : undefined;
        const record = taped(event, codec);
        if (event.type !== 'MarketSlice') {
          expect(decodeInput(record, noDataset, codec)).toStrictEqual(event);
          return;
        }
        const back = decodeInput(record, resolverOf(event.slice), codec) as typeof event;
        expect({ ...back, slice: rowsOf(back.slice) }).toStrictEqual({
          ...event,
          slice: rowsOf(event.slice),
        });
        expect(encodeInput(back)).toEqual(encodeInput(event));
      }),
      { numRuns: 60 },
    );
  });

  it.each(inputTypes)('%s is written as canonical JSON', (type) => {
    fc.assert(
      fc.property(inputEvents[type], (event) => {
        const encoded = encodeInput(event);
        expect(encoded.payloadJson).toBe(canonicalJson(payloadOf(encoded)));
      }),
      { numRuns: 40 },
    );
  });

  it('refers to a dataset by session and rows only', () => {
    const event: InputEvent = { ...inputSamples.MarketSlice, origin: 'dataset' };
    expect(taped(event).payload).toEqual({ from: 0, session: '2013-10-07', to: 2 });
    expect(decodeSliceReference(taped(event))).toEqual({ from: 0, session: '2013-10-07', to: 2 });
    expect(decodeSliceReference(taped(inputSamples.MarketSlice))).toBeNull();
  });

  it('does not give out memory of the codec', () => {
    const record = taped(inputSamples.MarketSlice);
    const back = decodeInput(record, noDataset, nodeBase64) as typeof inputSamples.MarketSlice;
    expect(back.slice.table.flags.buffer.byteLength).toBe(2);
    expect(back.slice.table.volume.byteOffset).toBe(0);
  });
});

describe('encoding refuses what could not be replayed', () => {
  const slice = (changes: object, rows = { from: 0, to: 2 }): InputEvent => ({
    ...inputSamples.MarketSlice,
    slice: { table: { ...sampleTable(), ...changes }, ...rows },
  });
  const predictions = (values: number[], valid: number[]): InputEvent => ({
    ...inputSamples.PredictionsMade,
    predictions: { cycle: 1, values: Float32Array.from(values), valid: Uint8Array.from(valid) },
  });
  const filled = (changes: object): InputEvent => ({
    ...inputSamples.OrderFilled,
    execution: { ...inputSamples.OrderFilled.execution, ...changes },
  });

  it.each<[string, InputEvent, RegExp]>([
    ['a fractional quantity', filled({ quantity: 1.5 }), /execution\.quantity: 1\.5/],
    ['minus zero, which JSON returns as zero', filled({ feeMicros: -0 }), /execution\.feeMicros: -0/],
    ['an amount beyond 2^53', { ...inputSamples.BrokerSnapshot, cashMicros: 2 ** 53 }, /cashMicros/],
    [
      'a position that is not a number',
      { ...inputSamples.BrokerSnapshot, positions: { SPY: Number.NaN } },
      /positions\.SPY/,
    ],
    ['an empty slice', slice({}, { from: 1, to: 1 }), /rows \[1, 1\)/],
    ['rows beyond the table', slice({}, { from: 0, to: 3 }), /of a table of 2/],
    ['rows of two bars', slice({ endUs: Float64Array.of(T0, T0 + 1) }), /row 1 ends at/],
    ['a symbol index out of range', slice({ symbolIx: Int32Array.of(0, 2) }), /symbol index 2/],
    [
      'a price that is not finite',
      slice({ closeE4: Float64Array.of(1, Number.NaN) }),
      /closeE4 is NaN in row 1/,
    ],
    ['predictions of unequal length', predictions([1, 2], [1]), /2 values but 1/],
    ['a valid prediction that is not finite', predictions([Number.NaN], [1]), /NaN with validity 1/],
    ['a missing prediction with a value', predictions([2], [0]), /2 with validity 0/],
    ['a validity that is neither 0 nor 1', predictions([0], [2]), /validity 2/],
  ])('%s', (_name, event, message) => {
    expect(() => encodeInput(event)).toThrow(InvariantError);
    expect(() => encodeInput(event)).toThrow(message);
  });
});

describe('decoding refuses what encoding does not write', () => {
  const decode = (type: string, payload: JsonObject): InputEvent =>
    decodeInput({ seq: 12, t: T0, type, payload }, noDataset);

  const refusalOf = (type: string, payload: JsonObject): RecordInvalidError => {
    try {
      decode(type, payload);
    } catch (error) {
      expect(error).toBeInstanceOf(RecordInvalidError);
      return error as RecordInvalidError;
    }
    throw new Error(`${type} was accepted: ${JSON.stringify(payload)}`);
  };

  it.each(inputTypes)('%s with any field missing, added or of another kind, naming seq and field', (type) => {
    const { payload } = taped(inputSamples[type]);
    for (const field of Object.keys(payload)) {
      const { [field]: _dropped, ...rest } = payload;
      // no faults where no model failed, no open orders where the broker was not asked
      if (field !== 'faults' && field !== 'openOrders') {
        const missing = refusalOf(type, rest);
        expect(missing.seq).toBe(12);
        // an inline slice without its columns reads as a reference
        if (field !== 'columns') expect(missing.field).toBe(field);
      }
      for (const other of [null, [1], 1.5, '\u0000?', { x: 1 }]) {
        if (field === 'symbols' && Array.isArray(other)) continue;
        if (typeof other === typeof payload[field] && typeof other === 'string') continue;
        // the one number that need not be whole
        if (field === 'value' && other === 1.5) continue;
        const takesAnyObject = field === 'identity' || field === 'positions';
        if (takesAnyObject && typeof other === 'object' && other !== null && 'x' in other) continue;
        expect(refusalOf(type, { ...payload, [field]: other }).field).toMatch(field);
      }
    }
    expect(refusalOf(type, { ...payload, extra: 1 }).field).toBe('extra');
  });

  it.each<[string, InputType, JsonObject, string, RegExp]>([
    ['a negative cycle', 'CycleDue', { cycle: -1 }, 'cycle', /at least 0, found -1/],
    ['minus zero', 'CycleDue', { cycle: -0 }, 'cycle', /exact integer/],
    ['a date that is a path', 'SessionClosed', { date: '../../etc' }, 'date', /YYYY-MM-DD/],
    ['a session that is a path', 'MarketSlice', { from: 0, session: '../x', to: 1 }, 'session', /YYYY-MM-DD/],
    ['an empty range', 'MarketSlice', { from: 3, session: '2013-10-07', to: 3 }, 'to', /at least 4/],
    [
      'an unknown command',
      'OperatorCommanded',
      { command: 'sell', who: '', why: '' },
      'command',
      /pause, resume/,
    ],
    [
      'a side that is none',
      'OrderFilled',
      { execution: { ...(taped(inputSamples.OrderFilled).payload.execution as JsonObject), side: 'hold' } },
      'execution.side',
      /buy, sell/,
    ],
    [
      'a fractional position',
      'BrokerSnapshot',
      { cashMicros: 1, positions: { SPY: 0.5 } },
      'positions.SPY',
      /exact integer/,
    ],
    ...(
      [
        [
          'a fault of no known reason',
          { reason: 'bored' },
          'reason',
          /not_finite, wrong_shape, failed, late/,
        ],
        ['a fault of a column below 0', { column: -1 }, 'column', /at least 0/],
        ['a fault of a column beyond the predictions', { column: 3 }, 'column', /below 3, found 3/],
        ['symbols of a fault that fall', { symbols: [1, 0] }, 'symbols[1]', /from 2/],
        ['a symbol of a fault beyond the predictions', { symbols: [3] }, 'symbols[0]', /from 0 to 2/],
      ] as const
    ).map(([name, change, field, message]): [string, InputType, JsonObject, string, RegExp] => [
      name,
      'PredictionsMade',
      {
        ...taped(inputSamples.PredictionsMade).payload,
        faults: [{ column: 0, detail: '', reason: 'late', ...change }],
      },
      `faults[0].${field}`,
      message,
    ]),
    ...(
      [
        [
          'a dividend of the whole price',
          { cashMicros: 100_000_000 },
          'cashMicros',
          /less than the reference/,
        ],
        ['a dividend of nothing', { cashMicros: 0 }, 'cashMicros', /at least 1/],
        ['a dividend with shares', { newShares: 2 }, 'newShares', /unexpected/],
        ['an action without a price before it', { referencePriceE4: 0 }, 'referencePriceE4', /at least 1/],
        ['an action that is neither split nor dividend', { kind: 'merger' }, 'kind', /dividend, split/],
        ['an action on no date', { exDate: 'soon' }, 'exDate', /YYYY-MM-DD/],
      ] as const
    ).map(([name, change, field, message]): [string, InputType, JsonObject, string, RegExp] => [
      name,
      'CorporateActionApplied',
      {
        action: {
          cashMicros: 500_000,
          exDate: '2024-03-05',
          kind: 'dividend',
          referencePriceE4: 1_000_000,
          symbol: 'AAA',
          ...change,
        },
      },
      `action.${field}`,
      message,
    ]),
    [
      'text that is not base64',
      'PredictionsMade',
      { cycle: 1, valid: 'AQ==', values: 'AAAAA' },
      'values',
      /base64/,
    ],
    [
      'a part of a float',
      'PredictionsMade',
      { cycle: 1, valid: 'AQ==', values: 'AAAA' },
      'values',
      /multiple of 4/,
    ],
    [
      'too few validity bits',
      'PredictionsMade',
      { cycle: 1, valid: '', values: 'AAAAAA==' },
      'valid',
      /1 bytes, found 0/,
    ],
    [
      'bits beyond the values',
      'PredictionsMade',
      { cycle: 1, valid: 'Ag==', values: 'AAAAAA==' },
      'valid',
      /beyond the 1/,
    ],
    [
      'a value marked missing',
      'PredictionsMade',
      { cycle: 1, valid: 'AA==', values: 'AACAPw==' },
      'values',
      /validity 0/,
    ],
    [
      'a NaN marked valid',
      'PredictionsMade',
      { cycle: 1, valid: 'AQ==', values: 'AADAfw==' },
      'values',
      /NaN/,
    ],
  ])('%s', (_name, type, payload, field, message) => {
    const refusal = refusalOf(type, payload);
    expect(refusal.field).toBe(field);
    expect(refusal.message).toMatch(message);
    expect(refusal.message).toContain(`seq 12 (${type})`);
    expect(refusal.exitCode).toBe(1);
  });

  it('inline rows that point nowhere, are not finite, or do not match in number', () => {
    const { payload } = taped(inputSamples.MarketSlice);
    const columns = payload.columns as JsonObject;
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    const nan = base64(new Uint8Array(Float64Array.of(1, Number.NaN).buffer));
    expect(
      refusalOf('MarketSlice', { ...payload, symbolIx: base64(new Uint8Array(Int32Array.of(0, 2).buffer)) })
        .field,
    ).toBe('symbolIx');
    expect(refusalOf('MarketSlice', { ...payload, columns: { ...columns, volume: nan } }).field).toBe(
      'columns.volume',
    );
    expect(refusalOf('MarketSlice', { ...payload, columns: { ...columns, volume: 'AAAA' } }).field).toBe(
      'columns.volume',
    );
    expect(refusalOf('MarketSlice', { ...payload, flags: '' }).message).toMatch(/at least one row/);
    expect(refusalOf('MarketSlice', { ...payload, symbols: ['SPY', 1] }).field).toBe('symbols[1]');
    const { volume: _dropped, ...without } = columns;
    expect(refusalOf('MarketSlice', { ...payload, columns: without }).message).toMatch(
      /columns\.volume: expected a string, found nothing/,
    );
  });

  it('records that are not inputs, also under names objects have from birth', () => {
    for (const type of ['CycleCompleted', 'constructor', '__proto__', '']) {
      expect(refusalOf(type, {}).message).toMatch(/not an input event/);
    }
  });
});

describe('payloads of derived events', () => {
  const variants: DerivedEvent[] = Object.values(derivedSamples).flatMap((event) => withoutOptions(event));

  it.each(variants.map((event) => [event.type, event] as const))(
    '%s is written as canonical JSON and holds every field but its type',
    (_type, event) => {
      const encoded = encodeDerived(event);
      expect(encoded.payloadJson).toBe(canonicalJson(payloadOf(encoded)));
      expect({ type: encoded.type, ...payloadOf(encoded) }).toEqual(event);
    },
  );

  it('CycleCompleted is so for any decision, whatever its strings and numbers', () => {
    const text = fc.string({ unit: 'grapheme' });
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const decision: fc.Arbitrary<Decision> = fc.record(
      {
        symbol: text,
        kind: fc.constantFrom('TRADE', 'HOLD', 'BLOCKED', 'EXIT'),
        reason: fc.constant('score_best'),
        exitReason: fc.constant('exit_horizon_elapsed'),
        horizon: text,
        side: fc.constantFrom('buy', 'sell'),
        targetWeight: number,
        targetShares: fc.integer(),
        value: number,
        limit: number,
      },
      { requiredKeys: ['symbol', 'kind', 'reason'] },
    );
    fc.assert(
      fc.property(fc.array(decision, { maxLength: 5 }), (decisions) => {
        const event = { ...derivedSamples.CycleCompleted, decisions };
        const encoded = encodeDerived(event);
        expect(encoded.payloadJson).toBe(canonicalJson(payloadOf(encoded)));
        const { type: _type, ...fields } = event;
        expect(encoded.payloadJson).toBe(canonicalJson(fields as unknown as Json));
      }),
    );
  });

  it('CycleCompleted is so for decisions that only say why, whichever of their symbol came before', () => {
    const decision: fc.Arbitrary<Decision> = fc.record({
      symbol: fc.constantFrom('A', 'B', '"', 'é'),
      kind: fc.constantFrom('HOLD', 'BLOCKED'),
      reason: fc.constantFrom('below_threshold', 'order_working'),
    });
    fc.assert(
      fc.property(fc.array(decision), (decisions) => {
        const { type: _type, ...fields } = { ...derivedSamples.CycleCompleted, decisions };
        const encoded = encodeDerived({ ...derivedSamples.CycleCompleted, decisions });
        expect(encoded.payloadJson).toBe(canonicalJson(fields as unknown as Json));
      }),
    );
  });

  it('a number that is not finite reaches no tape', () => {
    const decisions: Decision[] = [
      { symbol: 'SPY', kind: 'TRADE', reason: 'score_best', targetWeight: Number.NaN },
    ];
    expect(() => encodeDerived({ ...derivedSamples.CycleCompleted, decisions })).toThrow(
      /targetWeight: NaN is not finite/,
    );
  });
});

/** The event as it is, and with its optional fields left out. */
function withoutOptions(event: DerivedEvent): DerivedEvent[] {
  if (event.type === 'RiskLimitWarned' || event.type === 'ErrorRaised') {
    const { symbol: _symbol, ...rest } = event;
    return [event, rest];
  }
  if (event.type !== 'OrderIntended') return [event];
  const { horizon: _horizon, ...rest } = event;
  const { limitPriceE4: _limit, ...order } = event.order;
  return [event, { ...rest, order: { ...order, type: 'market' } }];
}
