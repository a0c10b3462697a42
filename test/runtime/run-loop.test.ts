import { beforeAll, describe, expect, it } from 'vitest';
import { InputError, InvariantError } from '../../src/domain/errors.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import { type EncodedEvent, encodeDerived, encodeInput } from '../../src/events/encode.ts';
import { INPUT_TYPES, type InputEvent } from '../../src/events/inputs.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { payloadOf } from '../tape/entries.ts';
import { groupsOf, loopDesk, timelineOf } from './loop-desk.ts';

/** One half day that trades, with orders that rest, are cancelled and expire. */
const RUN = {
  synth: { symbols: 2, sessions: 1, from: '2024-07-03', signal: 0.5, seed: 4, spreadBps: 0.8 },
  scenario: {
    strict: false,
    prediction: { standardizeMinSamples: 20, confidenceFloor: 0.1 },
    execution: { orderType: 'limit', timeInForce: 'day', limitOffsetBps: 2 },
  },
} as const;

const REPORTS = ['OrderAccepted', 'OrderRejected', 'OrderPartiallyFilled', 'OrderFilled'];
const ENDINGS = ['OrderCancelled', 'OrderExpired'];

let timeline: readonly InputEvent[];
let plain: readonly TapeRecord[];

function textOf(records: readonly TapeRecord[]): string[] {
  return records.map((record) => canonicalJson({ ...record }));
}

/** The answers of another port, each a turn of the event loop later. */
function later(port: InferencePort): InferencePort {
  return {
    ...port,
    infer: async (request) => {
      const answer = await port.infer(request);
      await new Promise((done) => setImmediate(done));
      return answer;
    },
  };
}

/** Fails in the given cycle, at once or as a rejected promise. */
function failing(
  port: InferencePort,
  at: { cycle: number; error: unknown; isLate?: boolean },
): InferencePort {
  return {
    ...port,
    infer: (request) => {
      if (request.cycle !== at.cycle) return port.infer(request);
      if (at.isLate === true) return Promise.reject(at.error);
      throw at.error;
    },
  };
}

beforeAll(async () => {
  const run = syntheticRun(RUN);
  timeline = await timelineOf(run);
  const desk = loopDesk(run);
  await desk.drive(timeline);
  plain = desk.tape.records;
});

function taped(seq: number, t: number, encoded: EncodedEvent): TapeRecord {
  return { seq, t, type: encoded.type, payload: payloadOf(encoded) };
}

describe('record before act', () => {
  it('has an order on the tape, and all that was derived with it, before the broker is asked', async () => {
    const asked: { kind: string; id: string; nextSeq: number }[] = [];
    const desk = loopDesk(syntheticRun(RUN), {
      around: (venue, tape) => ({
        ...venue,
        submit: (order, tUs) => {
          asked.push({ kind: 'OrderIntended', id: order.clientOrderId, nextSeq: tape.nextSeq });
          return venue.submit(order, tUs);
        },
        cancel: (clientOrderId, tUs) => {
          asked.push({ kind: 'CancelIntended', id: clientOrderId, nextSeq: tape.nextSeq });
          return venue.cancel(clientOrderId, tUs);
        },
      }),
    });
    await desk.drive(timeline);
    expect(asked.filter(({ kind }) => kind === 'OrderIntended').length).toBeGreaterThan(10);
    expect(asked.filter(({ kind }) => kind === 'CancelIntended').length).toBeGreaterThan(0);
    for (const { kind, id, nextSeq } of asked) {
      const { records } = desk.tape;
      const intent = records.findIndex(({ type, payload }) => type === kind && idOf(payload, kind) === id);
      expect(intent).toBeGreaterThan(0);
      expect(intent).toBeLessThan(nextSeq);
      // what comes right after the place where the broker was asked is an input: nothing derived was still to come
      expect(INPUT_TYPES).toContain(records[nextSeq]!.type);
    }
  });

  it('has an input on the tape before a sink sees it, and each derived record after it', async () => {
    const desk = loopDesk(syntheticRun(RUN));
    const seen: string[] = [];
    desk.loop.inputs$.subscribe(({ seq, event }) => {
      expect(desk.tape.nextSeq).toBe(seq + 1);
      expect(desk.tape.records[seq]).toEqual(taped(seq, event.tUs, encodeInput(event)));
      seen.push(`${seq} ${event.type}`);
    });
    desk.loop.derived$.subscribe(({ seq, tUs, event }) => {
      expect(desk.tape.records[seq]).toEqual(taped(seq, tUs, encodeDerived(event)));
      seen.push(`${seq} ${event.type}`);
    });
    await desk.drive(timeline.slice(0, 200));
    expect(seen).toEqual(desk.tape.records.map(({ seq, type }) => `${seq} ${type}`));
  });
});

describe('the order of a tape', () => {
  it('has the reports a slice causes before the slice, and acceptances right after their intents', () => {
    const groups = groupsOf(plain, INPUT_TYPES);
    const fills = groups.filter(([input]) => input!.type.endsWith('Filled'));
    expect(fills.length).toBeGreaterThan(10);
    groups.forEach(([input], k) => {
      const { type, t } = input!;
      if (type === 'OrderPartiallyFilled' || type === 'OrderFilled') {
        const rest = groups.slice(k + 1).map(([next]) => next!);
        const slice = rest.find(({ type: next }) => !REPORTS.includes(next) && !ENDINGS.includes(next))!;
        expect(slice).toMatchObject({ type: 'MarketSlice', t });
      }
      if (type === 'OrderAccepted') {
        const before = groups.slice(0, k).filter(([prior]) => prior!.type === 'PredictionsMade');
        const intents = before.at(-1)!.filter(({ type: derived }) => derived === 'OrderIntended');
        expect(intents.map(({ payload }) => idOf(payload, 'OrderIntended'))).toContain(
          input!.payload.clientOrderId,
        );
      }
    });
  });

  it('ends a session with what the venue says of it, SessionClosed last', async () => {
    const far = { ...RUN.scenario.execution, limitOffsetBps: 45 };
    const desk = loopDesk(syntheticRun({ ...RUN, scenario: { ...RUN.scenario, execution: far } }));
    await desk.drive(timeline);
    const types = desk.tape.records.map(({ type }) => type);
    const last = ['BrokerSnapshot', 'ReconciliationStarted', 'ReconciliationEnded', 'SessionClosed'];
    expect(types.slice(-5)).toEqual(['OrderExpired', ...last]);
    expect(
      types.slice(types.lastIndexOf('MarketSlice') + 1, -4).every((type) => type === 'OrderExpired'),
    ).toBe(true);
  });

  it('numbers records without a gap, and never goes back in time', () => {
    expect(plain.map(({ seq }) => seq)).toEqual(plain.map((_, k) => k));
    expect(plain.every(({ t }, k) => k === 0 || t >= plain[k - 1]!.t)).toBe(true);
  });

  it('answers a cancel of a cancel in turn: what an answer causes waits until the answers before it are in', async () => {
    const desk = loopDesk(syntheticRun(RUN), {
      around: (venue) => ({
        ...venue,
        // a broker that reports an order nobody sent with its acceptance: the engine trips and cancels what works
        submit: (order: OrderRequest, tUs: number) => [
          { type: 'OrderAccepted', tUs, clientOrderId: 'stranger' },
          ...venue.submit(order, tUs),
        ],
      }),
    });
    await desk.drive(timeline);
    const at = desk.tape.records.findIndex(({ type }) => type === 'OrderIntended');
    expect(
      desk.tape.records.slice(at, at + 8).map(({ type, payload }) => `${type} ${payload.code ?? ''}`),
    ).toEqual([
      'OrderIntended ',
      'OrderAccepted ',
      'ErrorRaised ORDER_UNKNOWN',
      'KillSwitchTripped ',
      'CancelIntended ',
      'OrderAccepted ',
      'OrderCancelled ',
      'MarketSlice ',
    ]);
  });
});

describe('inference', () => {
  it('that answers later gives the tape of one that answers at once', async () => {
    const run = syntheticRun(RUN);
    const desk = loopDesk(run, { inference: later(run.inference!) });
    await desk.drive(timeline);
    expect(textOf(desk.tape.records)).toEqual(textOf(plain));
  });

  it.each([
    ['throws', { error: new Error('out of memory') }],
    ['rejects', { error: new Error('out of memory'), isLate: true }],
    ['throws something that is no error', { error: 'out of memory' }],
  ])('that %s is recorded, the universe holds, and the run goes on', async (_how, failure) => {
    const run = syntheticRun(RUN);
    const desk = loopDesk(run, { inference: failing(run.inference!, { cycle: 40, ...failure }) });
    await desk.drive(timeline);
    const { records } = desk.tape;
    const at = records.findIndex(({ type }) => type === 'InferenceFailed');
    expect(records[at]!.payload).toEqual({ cycle: 40, reason: 'out of memory' });
    expect(records.slice(at + 1, at + 3).map(({ type }) => type)).toEqual(['ErrorRaised', 'CycleCompleted']);
    const decisions = records[at + 2]!.payload.decisions as { reason: string; kind: string }[];
    expect(decisions.every(({ kind }) => kind === 'HOLD' || kind === 'EXIT')).toBe(true);
    expect(textOf(records.slice(0, at))).toEqual(textOf(plain.slice(0, at)));
    const later = records.slice(at + 3);
    expect(later.filter(({ type }) => type === 'PredictionsMade').length).toBeGreaterThan(100);
    expect(later.at(-1)!.type).toBe('SessionClosed');
  });

  it.each([
    ['a bug', new InvariantError('broken')],
    ['a cache that cannot serve the run', new InputError('PREDICTIONS_MISSING', 'no cycle 40')],
  ])('that fails for %s stops the run: that is no failure of the models', async (_what, error) => {
    for (const isLate of [false, true]) {
      const run = syntheticRun(RUN);
      const desk = loopDesk(run, { inference: failing(run.inference!, { cycle: 40, error, isLate }) });
      await expect(desk.drive(timeline)).rejects.toBe(error);
      expect(desk.tape.records.at(-1)!.type).toBe('InferenceRequested');
    }
  });

  it('is never asked for in limited mode, and asking all the same is a bug', async () => {
    const run = syntheticRun(RUN);
    const bare = { ...run, identity: { ...run.identity, layout: { ...run.identity.layout, columns: [] } } };
    const limited = loopDesk(bare, { inference: undefined });
    await limited.drive(timeline);
    const types = new Set(limited.tape.records.map(({ type }) => type));
    expect(types).not.toContain('InferenceRequested');
    expect(types).toContain('CycleCompleted');
    await expect(loopDesk(run, { inference: undefined }).drive(timeline)).rejects.toThrow(InvariantError);
  });
});

describe('a strict run', () => {
  const strict = { ...RUN, scenario: { ...RUN.scenario, strict: true } };

  it.each([false, true])(
    'stops at the first error it raises, with all of its records on the tape (late: %s)',
    async (isLate) => {
      const run = syntheticRun(strict);
      const error = new Error('out of memory');
      const desk = loopDesk(run, { inference: failing(run.inference!, { cycle: 40, error, isLate }) });
      await expect(desk.drive(timeline)).rejects.toMatchObject({
        code: 'STRICT_STOPPED',
        message: 'strict run stopped: INFERENCE_FAILED: out of memory',
      });
      expect(desk.tape.records.slice(-5).map(({ type }) => type)).toEqual([
        'InferenceFailed',
        'ErrorRaised',
        'CycleCompleted',
        'KillSwitchTripped',
        'RunStopped',
      ]);
    },
  );

  it('cancels what works before it stops, and sends no order of the step that stopped it', async () => {
    const sent: string[] = [];
    const desk = loopDesk(syntheticRun(strict), {
      around: (venue) => ({
        ...venue,
        applySlice: (slice, tUs) =>
          sent.length === 0
            ? venue.applySlice(slice, tUs)
            : [{ type: 'OrderAccepted' as const, tUs, clientOrderId: 'stranger' }],
        submit: (order, tUs) => {
          sent.push(order.clientOrderId);
          return venue.submit(order, tUs);
        },
        cancel: (clientOrderId) => {
          sent.push(`cancel ${clientOrderId}`);
          return [];
        },
      }),
    });
    await expect(desk.drive(timeline)).rejects.toMatchObject({ code: 'STRICT_STOPPED' });
    expect(desk.tape.records.at(-1)!.type).toBe('RunStopped');
    const working = sent.filter((id) => !id.startsWith('cancel'));
    expect(sent.slice(working.length)).toEqual(working.map((id) => `cancel ${id}`));
  });
});

describe('sessions', () => {
  it('are loaded one at a time: the next only when the one before is on the tape to its close', async () => {
    for (const isLate of [false, true]) {
      const run = syntheticRun({
        synth: { ...RUN.synth, sessions: 3 },
        scenario: { ...RUN.scenario, cycle: { minutes: 10 } },
      });
      const tape = memoryTape({ keepRecords: true });
      const loads: { date: string; last: string; closed: number }[] = [];
      await runSessions({
        ...run,
        tape,
        inference: isLate ? later(run.inference!) : run.inference,
        loadSession: (date) => {
          const { records } = tape;
          const closed = records.filter(({ type }) => type === 'SessionClosed').length;
          loads.push({ date, last: records.at(-1)!.type, closed });
          return run.loadSession(date);
        },
      });
      expect(loads).toEqual(
        run.sessions.map(({ date }, k) => ({
          date,
          last: k === 0 ? 'RunStarted' : 'SessionClosed',
          closed: k,
        })),
      );
    }
  });

  it('number their cycles from 1 over the whole run', async () => {
    const run = syntheticRun({
      ...RUN,
      synth: { ...RUN.synth, sessions: 2 },
      scenario: { cycle: { minutes: 5 } },
    });
    await runSessions(run);
    const due = run.tape.records.filter(({ type }) => type === 'CycleDue');
    expect(due.map(({ payload }) => payload.cycle)).toEqual(due.map((_, k) => k + 1));
    expect(due).toHaveLength(41 + 77);
  });

  it('are needed: a run of none is a bug', async () => {
    await expect(runSessions({ ...syntheticRun(RUN), sessions: [] })).rejects.toThrow(InvariantError);
  });

  it('end with RunStopped at the last close, and both streams complete', async () => {
    const run = syntheticRun({ ...RUN, scenario: { cycle: { minutes: 30 } } });
    const ended: string[] = [];
    await runSessions({
      ...run,
      attach: (loop) => {
        loop.inputs$.subscribe({ complete: () => ended.push('inputs') });
        loop.derived$.subscribe({ complete: () => ended.push('derived') });
      },
    });
    expect(ended).toEqual(['inputs', 'derived']);
    expect(run.tape.records.at(-1)).toMatchObject({
      type: 'RunStopped',
      t: run.sessions.at(-1)!.closeUs,
      payload: { reason: 'completed' },
    });
  });
});

function idOf(payload: TapeRecord['payload'], kind: string): unknown {
  const order = kind === 'OrderIntended' ? (payload.order as { clientOrderId: string }) : payload;
  return order.clientOrderId;
}
