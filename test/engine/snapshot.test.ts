import fc from 'fast-check';
import { concatMap, EMPTY, from, lastValueFrom } from 'rxjs';
import { defaultIfEmpty } from 'rxjs/operators';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine, type Engine } from '../../src/engine/engine-state.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { step } from '../../src/engine/step.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import { encodeDerived } from '../../src/events/encode.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { Json, TapeRecord } from '../../src/events/record.ts';
import { createExchange, type ExchangeState } from '../../src/exchange/state.ts';
import { engineConfig } from '../../src/modes/run-identity.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import type { TapeWriter } from '../../src/ports/tape.ts';
import { createRunLoop } from '../../src/runtime/run-loop.ts';
import { simulatedVenue } from '../../src/runtime/venue.ts';
import { nodeBase64 } from '../../src/tape/node-base64.ts';
import { payloadOf } from '../tape/entries.ts';
import { syntheticRun } from './synthetic-run.ts';

/** A full day and a half one; resting limit orders and a tight loss limit, so that a snapshot has much to keep. */
const RUN = {
  synth: { symbols: 2, sessions: 2, from: '2024-07-02', signal: 0.5, seed: 1, spreadBps: 0.8 },
  scenario: {
    strict: false,
    // short windows: the rings wrap, and a snapshot is small
    prediction: {
      standardizeMinSamples: 30,
      standardizeWindowCycles: 200,
      icWindowPairs: 500,
      confidenceFloor: 0.08,
    },
    blending: { correlationWindowCycles: 200 },
    execution: { orderType: 'limit', timeInForce: 'day', limitOffsetBps: 2 },
    gating: { endOfDayFlattenMinutes: 2 },
    risk: { dailyLoss: 0.0001 },
  },
} as const;

interface Recorded {
  readonly seq: number;
  readonly event: InputEvent;
}

/** What came from outside the loop; the rest of a tape follows from it. */
const SOURCES: ReadonlySet<string> = new Set([
  ...['RunStarted', 'SessionOpened', 'MarketSlice', 'CycleDue', 'SessionClosed'],
]);

let inputs: Recorded[];
let records: readonly TapeRecord[];
/** Type and payload of each record, as text. */
let contents: readonly string[];
let finalEngine: string;

beforeAll(async () => {
  const run = syntheticRun(RUN);
  inputs = [];
  const { engine } = await runSessions({
    ...run,
    attach: ({ inputs$ }) => inputs$.subscribe(({ seq, event }) => inputs.push({ seq, event })),
  });
  records = run.tape.records;
  contents = records.map(({ type, payload }) => contentOf({ type, payload }));
  finalEngine = textOf(engine);
});

function contentOf({ type, payload }: Pick<TapeRecord, 'type' | 'payload'>): string {
  return canonicalJson({ type, payload });
}

function textOf(state: unknown): string {
  return JSON.stringify(encodeState(state));
}

/** Through the text of a file and back. */
function revive<T>(state: T): T {
  return decodeState(JSON.parse(textOf(state)) as Json) as T;
}

/** Feeds inputs to an engine; what follows from them must be the records after each, byte for byte. */
function expectSameRecords(engine: Engine, fed: readonly Recorded[]): void {
  for (const { seq, event } of fed) {
    const { derived } = step(engine, event, seq);
    const found = derived.map((followed) =>
      contentOf({ type: followed.type, payload: payloadOf(encodeDerived(followed)) }),
    );
    const expected = contents.slice(seq + 1, seq + 1 + derived.length);
    expect(found).toEqual(expected);
  }
}

describe('a snapshot of the engine', () => {
  it('is taken of a run with positions, working orders, an open cycle and a tripped switch', () => {
    const types = new Set(records.map(({ type }) => type));
    for (const type of [
      'OrderFilled',
      'OrderCancelled',
      'CancelIntended',
      'PositionClosed',
      'KillSwitchTripped',
      'KillSwitchReset',
    ]) {
      expect(types).toContain(type);
    }
  });

  it('taken between any two inputs, restored from its text, goes on with the same bytes to the same end', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: inputs.length }), { maxLength: 3 }), (cuts) => {
        let engine = createEngine(engineConfig(syntheticRun(RUN).identity));
        let done = 0;
        for (const cut of [...cuts].sort((a, b) => a - b)) {
          expectSameRecords(engine, inputs.slice(done, cut));
          const restored = revive(engine);
          expect(textOf(restored)).toBe(textOf(engine));
          engine = restored;
          done = cut;
        }
        expectSameRecords(engine, inputs.slice(done));
        expect(textOf(engine)).toBe(finalEngine);
      }),
      { numRuns: 3 },
    );
  });

  it('shares nothing with the engine it was taken of', () => {
    const engine = createEngine(engineConfig(syntheticRun(RUN).identity));
    const half = Math.floor(inputs.length / 2);
    expectSameRecords(engine, inputs.slice(0, half));
    const restored = revive(engine);
    expectSameRecords(engine, inputs.slice(half));
    expectSameRecords(restored, inputs.slice(half));
  });
});

describe('a snapshot of engine and exchange together', () => {
  it('at a random cycle goes on with the same tape: orders and their fills included', async () => {
    const sources = inputs.filter(({ event }) => SOURCES.has(event.type));
    const cycles = sources.flatMap(({ event }, k) => (event.type === 'CycleDue' ? [k] : []));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...cycles), async (cut) => {
        const run = syntheticRun(RUN);
        const { settings, layout } = run.identity;
        let engine = createEngine(engineConfig(run.identity));
        let exchange: ExchangeState = createExchange(settings.exchange, {
          symbols: layout.symbols,
          initialCashMicros: settings.initialCashMicros,
        });
        const found: TapeRecord[] = [];
        await drive(sources.slice(0, cut + 1));
        engine = revive(engine);
        exchange = revive(exchange);
        await drive(sources.slice(cut + 1));
        // all but RunStopped, which the loop appends when it is told to stop
        expect(found.map(contentOf)).toEqual(contents.slice(0, -1));
        expect(found.map(({ seq, t }) => [seq, t])).toEqual(
          records.slice(0, -1).map(({ seq, t }) => [seq, t]),
        );

        async function drive(events: readonly Recorded[]): Promise<void> {
          const loop = createRunLoop({
            engine,
            tape: collecting(found),
            venue: simulatedVenue(exchange),
            inference: run.inference,
            base64: nodeBase64,
          });
          const work$ = loop.drive(from(events.map(({ event }) => event)));
          await lastValueFrom(
            work$.pipe(
              concatMap(() => EMPTY),
              defaultIfEmpty(undefined),
            ),
          );
        }
      }),
      { numRuns: 3 },
    );
  });
});

function collecting(found: TapeRecord[]): TapeWriter {
  return {
    head: '',
    decisionHead: '',
    lastTUs: 0,
    get nextSeq() {
      return found.length;
    },
    append: ({ payloadJson, ...entry }) => found.push({ ...entry, payload: payloadOf({ payloadJson }) }),
    flush: () => undefined,
    close: () => undefined,
  };
}

describe('encodeState and decodeState', () => {
  const special = fc.constantFrom(Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324);
  const numbers = fc.oneof(special, fc.double(), fc.integer());
  const leaf = fc.oneof(
    numbers,
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.array(numbers).map((values) => Float64Array.from(values)),
    fc.array(numbers).map((values) => Float32Array.from(values)),
    fc.array(fc.integer()).map((values) => Int32Array.from(values)),
    fc.array(fc.integer()).map((values) => Int8Array.from(values)),
    fc.array(fc.integer()).map((values) => Uint8Array.from(values)),
    fc.array(fc.integer()).map((values) => Uint32Array.from(values)),
  );
  const { state } = fc.letrec((tie) => ({
    state: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('state')),
      fc.dictionary(fc.string(), tie('state'), { noNullPrototype: true }),
      fc.array(fc.tuple(fc.string(), tie('state'))).map((entries) => new Map(entries)),
    ),
  }));

  it('are inverse over plain data, every bit of every number', () => {
    fc.assert(
      fc.property(state, (value) => {
        const text = JSON.stringify(encodeState(value));
        const back = decodeState(JSON.parse(text) as Json);
        expect(encodeState(back)).toEqual(encodeState(value));
        expect(back).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  it('keep a view of a buffer to the view', () => {
    const whole = Float64Array.of(1, 2, 3, 4);
    expect(decodeState(encodeState(whole.subarray(1, 3)))).toEqual(Float64Array.of(2, 3));
  });

  it.each([
    ['a function', () => 1],
    ['a Set', new Set()],
    ['a Date', new Date(0)],
    ['a bigint', 1n],
    ['an array type with no tag', new Uint16Array(1)],
  ])('refuse %s, which could not be restored', (_name, value) => {
    expect(() => encodeState({ value })).toThrow(/not plain data/);
  });

  it.each([{ $f64: 'not base64!' }, { $f64: 3 }, { $u8: null }])('refuse %j', (json) => {
    expect(() => decodeState(json as Json)).toThrow(/does not hold base64/);
  });
});
