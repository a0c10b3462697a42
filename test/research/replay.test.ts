import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckFailedError, InputError } from '../../src/domain/errors.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { decodeBase64, encodeBase64 } from '../../src/events/base64.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { DerivedType } from '../../src/events/derived.ts';
import { INPUT_TYPES, type InputEvent, type InputType } from '../../src/events/inputs.ts';
import type { JsonObject, TapeRecord } from '../../src/events/record.ts';
import { identityJson } from '../../src/modes/run-identity.ts';
import { runSessions, type SessionRun } from '../../src/modes/run-sessions.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';
import {
  createComparingTape,
  type DivergedError,
  type Divergence,
} from '../../src/research/comparing-tape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { loopDesk, timelineOf } from '../runtime/loop-desk.ts';
import { datasetOf, find, inserted, linesOf, replay, set, without, withRecord } from './tapes.ts';

/** One half day that trades. */
const RUN = {
  synth: { symbols: 2, sessions: 1, from: '2024-07-03', signal: 0.6, seed: 4, spreadBps: 0.8 },
  scenario: { prediction: { standardizeMinSamples: 20, confidenceFloor: 0.15 } },
} as const;

let run: SessionRun;
let dataset: MarketDataset;
let records: readonly TapeRecord[];
let chains: readonly string[];

beforeAll(async () => {
  const made = syntheticRun(RUN);
  await runSessions(made);
  run = made;
  dataset = datasetOf(made);
  records = made.tape.records;
  chains = linesOf(records).map(({ chain }) => chain);
});

async function divergenceOf(
  tampered: readonly TapeRecord[],
  { over = dataset }: { over?: MarketDataset } = {},
): Promise<Divergence> {
  const { divergence } = await replay(tampered, over);
  if (divergence === undefined) throw new Error('expected a divergence');
  return divergence;
}

/** The number of the cycle that was due last at a place on the tape. */
function cycleAt(seq: number): number {
  const due = records.slice(0, seq + 1).filter(({ type }) => type === 'CycleDue');
  return (due.at(-1)?.payload.cycle as number | undefined) ?? 0;
}

/** Somewhere in the afternoon, with positions, fills and scores behind it. */
function middle(): number {
  return Math.floor(records.length * 0.7);
}

describe('a replay', () => {
  it('of a whole tape has its records, cycles and both heads, and loads one session at a time', async () => {
    const days = syntheticRun({
      synth: { ...RUN.synth, sessions: 3 },
      scenario: { ...RUN.scenario, cycle: { minutes: 5 } },
    });
    await runSessions(days);
    const source = datasetOf(days);
    const loaded: string[] = [];
    const watched: MarketDataset = {
      ...source,
      loadSession: (date) => {
        loaded.push(date);
        return source.loadSession(date);
      },
    };
    const result = await replay(days.tape.records, watched);
    expect(result.divergence).toBeUndefined();
    expect(result).toMatchObject({
      records: days.tape.records.length,
      chainHead: days.tape.head,
      decisionHead: days.tape.decisionHead,
      cycles: 41 + 77 + 77,
      identity: days.identity,
    });
    expect(loaded).toEqual(days.sessions.map(({ date }) => date));
  });

  it('of every prefix has exactly the records of the prefix, and wants more only where a step was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: records.length }), async (k) => {
        const prefix = records.slice(0, k);
        const next = records[k];
        const result = await replay(prefix, dataset);
        expect([result.records, result.chainHead]).toEqual([k, chains[k - 1]]);
        const isCut = next !== undefined && follows(next);
        expect(result.divergence).toEqual(
          isCut
            ? {
                seq: k,
                tUs: next.t,
                cycle: cycleAt(k),
                stage: expect.any(String),
                expected: 'nothing',
                found: canonicalJson({ ...next }),
              }
            : undefined,
        );
      }),
      { numRuns: 25, examples: [[3], [4]] },
    );
  });

  it('of a tape that ends while a cycle waits for its predictions wants nothing more, recovered or not', async () => {
    const asked = find(records, 'InferenceRequested', { from: middle() });
    const cut = records.slice(0, asked.seq + 1);
    expect(await replay(cut, dataset)).toMatchObject({ records: cut.length, divergence: undefined });
    const recovered = { t: asked.t, type: 'TapeRecovered', payload: { records: cut.length, tornBytes: 7 } };
    const { cycle } = asked.payload;
    const reason = 'the run was started again';
    const givenUp = { t: asked.t, type: 'CycleSkipped', payload: { cycle, reason } } as const;
    const whole = inserted(inserted(cut, cut.length, recovered), cut.length + 1, givenUp);
    expect(await replay(whole, dataset)).toMatchObject({
      records: cut.length + 2,
      cycles: (cycle as number) - 1,
      divergence: undefined,
    });
  });

  it('of a tape that ends between a fill and its bar takes the fill as it is, recovered or not', async () => {
    const filled = find(records, 'OrderFilled', { from: middle() });
    const end = records.slice(filled.seq + 1).find(({ type }) => INPUT_TYPES.has(type))!.seq;
    const cut = records.slice(0, end);
    const expected = { divergence: undefined, records: end };
    expect(await replay(cut, dataset)).toMatchObject(expected);
    const recovered = { t: filled.t, type: 'TapeRecovered', payload: { records: end, tornBytes: 0 } };
    expect(await replay(inserted(cut, end, recovered), dataset)).toMatchObject({
      ...expected,
      records: end + 1,
    });
  });

  it('until a cycle stops with the engine as it stood, what the cycle asked for included', async () => {
    const intended = find(records, 'OrderIntended', { from: middle() });
    const untilCycle = intended.payload.cycle as number;
    const result = await replay(records, dataset, { untilCycle });
    const whole = records.findIndex(({ t }) => t > intended.t);
    expect(result).toMatchObject({ cycles: untilCycle, records: whole, divergence: undefined });
    const working = result.engine.orders.working.map(({ request, status }) => [
      request.clientOrderId,
      status,
    ]);
    expect(working).toContainEqual([idOf(intended), 'accepted']);
  });

  it('until a cycle the run does not have replays all of it', async () => {
    const result = await replay(records, dataset, { untilCycle: 1e6 });
    expect(result).toMatchObject({ records: records.length, divergence: undefined });
  });

  it('reports its progress by cycle, and stops it at the end, also after a divergence', async () => {
    const told: (number | string)[] = [];
    const progress = {
      update: (done: number) => told.push(done),
      stop: () => told.push('stopped'),
    };
    await replay(records, dataset, { progress });
    const cycles = cycleAt(records.length - 1);
    expect(told).toEqual([...Array.from({ length: cycles }, (_, k) => k + 1), 'stopped']);
    const broken = find(records, 'CycleCompleted', { from: middle() });
    await replay(withRecord(records, broken.seq, { t: broken.t + 1 }), dataset, { progress });
    expect(told.at(-1)).toBe('stopped');
    expect(told).toHaveLength(cycles + 1 + cycleAt(broken.seq));
  });

  it('of failed inference, of an operator at work and of a run that made no predictions is the same', async () => {
    const timeline = await timelineOf(run);
    const at = timeline.findIndex(({ type, tUs }) => type === 'CycleDue' && tUs >= records[middle()]!.t);
    const who: InputEvent = {
      ...{ type: 'OperatorCommanded', command: 'flatten', who: 'ann', why: 'test' },
      tUs: timeline[at]!.tUs,
    } as const;
    const lax = syntheticRun({ ...RUN, scenario: { ...RUN.scenario, strict: false } });
    const desk = loopDesk(lax, {
      inference: {
        ...lax.inference!,
        infer: (request) => {
          if (request.cycle % 50 === 7) throw new Error('down');
          return lax.inference!.infer(request);
        },
      },
    });
    await desk.drive([started(lax), ...timeline.slice(0, at), who, ...timeline.slice(at)]);
    expect(desk.tape.records.some(({ type }) => type === 'InferenceFailed')).toBe(true);
    expect(await replay(desk.tape.records, dataset)).toMatchObject({
      divergence: undefined,
      chainHead: desk.tape.head,
      decisionHead: desk.tape.decisionHead,
    });
    const bare = syntheticRun(RUN);
    const identity = { ...bare.identity, layout: { ...bare.identity.layout, columns: [] } };
    await runSessions({ ...bare, identity, inference: undefined });
    expect(await replay(bare.tape.records, dataset)).toMatchObject({
      divergence: undefined,
      chainHead: bare.tape.head,
    });
  });

  it('of a strict run that stopped itself ends the same way, after the same records', async () => {
    const strict = syntheticRun({ ...RUN, scenario: { ...RUN.scenario, strict: true } });
    const desk = loopDesk(strict, {
      inference: {
        ...strict.inference!,
        infer: (request) => {
          if (request.cycle === 100) throw new Error('down');
          return strict.inference!.infer(request);
        },
      },
    });
    const timeline = await timelineOf(strict);
    await expect(desk.drive([started(strict), ...timeline])).rejects.toMatchObject({
      code: 'STRICT_STOPPED',
    });
    const { records: stopped, head } = desk.tape;
    expect(stopped.at(-1)!.type).toBe('RunStopped');
    expect(await replay(stopped, dataset)).toMatchObject({
      divergence: undefined,
      records: stopped.length,
      chainHead: head,
    });
  });
});

describe('a replay of a forged tape, chained anew, names the first record that does not follow', () => {
  it('one bit of a prediction: the cycle whose scores it moved, stage prediction', async () => {
    const made = find(records, 'PredictionsMade', { from: middle() });
    const bytes = decodeBase64(made.payload.values as string)!;
    const column = run.identity.layout.columns.findIndex(({ kind }) => kind === 'return');
    bytes[column * run.identity.layout.symbols.length * 4]! ^= 1;
    const forged = withRecord(records, made.seq, {
      payload: set(made.payload, ['values'], encodeBase64(bytes)),
    });
    const completed = find(records, 'CycleCompleted', { from: made.seq });
    const divergence = await divergenceOf(forged);
    expect(divergence).toMatchObject({ seq: completed.seq, cycle: made.payload.cycle, stage: 'prediction' });
    const digest = (completed.payload.digests as JsonObject).prediction;
    expect(divergence.expected).toBe(`digests.prediction "${digest}"`);
    expect(divergence.found).toMatch(/^digests\.prediction "[0-9a-f]{32}"$/);
    expect(divergence.found).not.toBe(divergence.expected);
  });

  it.each([
    ['column', { column: 999 }],
    ['column', { column: 6 }],
    ['symbols[0]', { symbols: [2] }],
  ] as const)(
    'a fault of a model or symbol that is not there is refused by its field: %s',
    async (at, change) => {
      const made = find(records, 'PredictionsMade', { from: middle() });
      const fault = { column: 0, detail: '', reason: 'late', ...change };
      const forged = withRecord(records, made.seq, { payload: { ...made.payload, faults: [fault] } });
      await expect(replay(forged, dataset)).rejects.toThrow(
        new RegExp(`seq ${made.seq} .*faults\\[0\\]\\.${at.replace(/[[\]]/g, '\\$&')}: expected`),
      );
    },
  );

  it('a decision: stage decisions, with the field before and after', async () => {
    const completed = find(records, 'CycleCompleted', { from: middle() });
    const decisions = completed.payload.decisions as readonly JsonObject[];
    const forged = withRecord(records, completed.seq, {
      payload: set(completed.payload, ['decisions', 1, 'reason'], 'quote_stale'),
    });
    expect(await divergenceOf(forged)).toEqual({
      ...{ seq: completed.seq, tUs: completed.t, cycle: completed.payload.cycle, stage: 'decisions' },
      expected: 'decisions[1].reason "quote_stale"',
      found: `decisions[1].reason ${JSON.stringify(decisions[1]!.reason)}`,
    });
  });

  it('a decision less, or a field more', async () => {
    const completed = find(records, 'CycleCompleted', { from: middle() });
    const [first] = completed.payload.decisions as readonly JsonObject[];
    const fewer = withRecord(records, completed.seq, {
      payload: set(completed.payload, ['decisions'], [first!]),
    });
    expect((await divergenceOf(fewer)).expected).toBe(`decisions ${canonicalJson([first!])}`);
    const more = withRecord(records, completed.seq, {
      payload: set(completed.payload, ['decisions', 0], { ...first, note: 'x' }),
    });
    expect(await divergenceOf(more)).toMatchObject({
      expected: 'decisions[0].note "x"',
      found: 'decisions[0].note null',
    });
  });

  it.each(['features', 'blending', 'arbitration', 'gating', 'sizing', 'risk'])(
    'the digest of stage %s: that stage',
    async (stage) => {
      const completed = find(records, 'CycleCompleted', { from: middle() });
      const forged = withRecord(records, completed.seq, {
        payload: set(completed.payload, ['digests', stage], 'f'.repeat(32)),
      });
      expect(await divergenceOf(forged)).toMatchObject({ seq: completed.seq, stage });
    },
  );

  it.each([
    ['InferenceRequested', ['featuresDigest'], 'features'],
    ['OrderIntended', ['order', 'quantity'], 'orders'],
    ['OrderAccepted', ['clientOrderId'], 'exchange'],
    ['OrderFilled', ['execution', 'priceE4'], 'exchange'],
    ['PositionOpened', ['shares'], 'ledger'],
    ['BrokerSnapshot', ['cashMicros'], 'exchange'],
    ['CycleStarted', ['cycle'], 'session'],
  ] as const)('a field of %s: its cycle, stage and field', async (type, path, stage) => {
    const record = find(records, type, { from: middle() });
    const forged = withRecord(records, record.seq, { payload: set(record.payload, path, 12345) });
    const divergence = await divergenceOf(forged);
    expect(divergence).toMatchObject({ seq: record.seq, cycle: cycleAt(record.seq), stage });
    expect(divergence.expected).toBe(`${path.join('.')} 12345`);
    expect(divergence.found).toMatch(new RegExp(`^${path.join('\\.')} `));
  });

  it('the predictions of a cycle taken out: what was decided with them', async () => {
    const made = find(records, 'PredictionsMade', { from: middle() });
    const divergence = await divergenceOf(without(records, made.seq));
    expect(divergence).toMatchObject({ seq: made.seq, cycle: made.payload.cycle, stage: 'decisions' });
  });

  it('a fill taken out: the exchange, which fills all the same', async () => {
    const filled = find(records, 'OrderFilled', { from: middle() });
    const divergence = await divergenceOf(without(records, filled.seq));
    expect(divergence).toMatchObject({ seq: filled.seq, cycle: cycleAt(filled.seq), stage: 'exchange' });
    expect(divergence.found).toBe(canonicalJson({ ...filled }));
  });

  it('a fill taken out with all that followed from it: the exchange, not the market that comes next', async () => {
    const filled = find(records, 'OrderFilled', { from: middle() });
    const { seq } = records.slice(filled.seq + 1).find(({ type }) => INPUT_TYPES.has(type))!;
    const forged = [...records.slice(0, filled.seq), ...records.slice(seq)];
    expect(await divergenceOf(forged)).toMatchObject({ seq: filled.seq, stage: 'exchange' });
  });

  it('a position taken out of the books: the ledger', async () => {
    const opened = find(records, 'PositionOpened', { from: middle() });
    const divergence = await divergenceOf(without(records, opened.seq));
    expect(divergence).toMatchObject({
      seq: opened.seq,
      stage: 'ledger',
      found: canonicalJson({ ...opened }),
    });
  });

  it('a record put in: what it claims to be', async () => {
    const before = find(records, 'MarketSlice', { from: middle() });
    const extra = {
      t: before.t,
      type: 'RiskLimitWarned',
      payload: { limit: 'drawdown', threshold: 0.07, value: 0.08 },
    };
    const divergence = await divergenceOf(inserted(records, before.seq, extra));
    expect(divergence).toMatchObject({ seq: before.seq, cycle: cycleAt(before.seq), stage: 'risk' });
    expect(divergence.expected).toContain('RiskLimitWarned');
    expect(divergence.found).toContain('MarketSlice');
  });

  it('a record put in after the end', async () => {
    const last = records.at(-1)!;
    const extra = { t: last.t, type: 'PositionClosed', payload: { symbol: 'AAA' } };
    const forged = inserted(records, records.length, extra);
    expect(await divergenceOf(forged)).toMatchObject({
      ...{ seq: records.length, stage: 'ledger', found: 'nothing' },
      expected: linesOf(forged).at(-1)!.body,
    });
  });

  it('a due cycle moved by a microsecond: what is stamped with its time', async () => {
    const due = find(records, 'CycleDue', { from: middle() });
    const divergence = await divergenceOf(withRecord(records, due.seq, { t: due.t + 1 }));
    expect(divergence).toMatchObject({ seq: due.seq + 1, cycle: due.payload.cycle, stage: 'session' });
    expect(divergence.tUs).toBe(due.t + 1);
  });

  it('a whole cycle moved by a second: stage prediction, because its data is older', async () => {
    const due = find(records, 'CycleDue', { from: middle() });
    const end = records.slice(due.seq).find(({ t }) => t > due.t)!.seq;
    const forged = records.map((record) =>
      record.seq >= due.seq && record.seq < end ? { ...record, t: record.t + 1_000_000 } : record,
    );
    const completed = find(records, 'CycleCompleted', { from: due.seq });
    expect(await divergenceOf(forged)).toMatchObject({
      ...{ seq: completed.seq, cycle: due.payload.cycle, stage: 'prediction' },
    });
  });

  it('another time on a derived record: the record itself, in full', async () => {
    const intended = find(records, 'OrderIntended', { from: middle() });
    const divergence = await divergenceOf(withRecord(records, intended.seq, { t: intended.t + 1 }));
    expect(divergence).toMatchObject({
      seq: intended.seq,
      stage: 'orders',
      found: canonicalJson({ ...intended }),
    });
  });

  it('market rows left out of a slice: the first cycle whose features miss them', async () => {
    const slice = find(records, 'MarketSlice', { from: middle() });
    const forged = without(records, slice.seq);
    const divergence = await divergenceOf(forged);
    expect(['features', 'exchange', 'prediction']).toContain(divergence.stage);
    expect(divergence.cycle).toBeGreaterThanOrEqual(cycleAt(slice.seq));
  });
});

describe('a replay over a changed dataset names the first difference it makes', () => {
  /** A dataset in which one value of the row that ends at `endUs` is another. */
  function changed(
    endUs: number,
    symbol: string,
    column: 'closeE4' | 'bidCloseE4' | 'askOpenE4',
    by: number,
  ): MarketDataset {
    return datasetOf(run, (table: MarketTable) => {
      const copy = structuredClone(table);
      const s = table.symbols.indexOf(symbol);
      for (let row = 0; row < table.rowCount; row += 1) {
        if (table.endUs[row] === endUs && table.symbolIx[row] === s) copy[column][row]! += by;
      }
      return copy;
    });
  }

  it('a trade price: the features of the next cycle', async () => {
    const due = find(records, 'CycleDue', { from: middle() });
    const divergence = await divergenceOf(records, { over: changed(due.t, 'BBB', 'closeE4', 1) });
    expect(divergence).toMatchObject({ seq: due.seq + 2, cycle: due.payload.cycle, stage: 'features' });
  });

  it('a closing quote: the first stage that reads it', async () => {
    const due = find(records, 'CycleDue', { from: middle() });
    const completed = find(records, 'CycleCompleted', { from: due.seq });
    const divergence = await divergenceOf(records, { over: changed(due.t, 'AAA', 'bidCloseE4', -1) });
    expect(divergence).toMatchObject({ seq: completed.seq, cycle: due.payload.cycle });
    expect(['prediction', 'blending', 'arbitration']).toContain(divergence.stage);
  });

  it('an opening ask that an order bought at: the exchange, before any cycle', async () => {
    const filled = find(records, 'OrderFilled', {
      from: middle(),
      where: ({ execution }) => (execution as JsonObject).side === 'buy',
    });
    const { symbol } = filled.payload.execution as { symbol: string };
    const divergence = await divergenceOf(records, { over: changed(filled.t, symbol, 'askOpenE4', 3) });
    expect(divergence).toMatchObject({ seq: filled.seq, cycle: cycleAt(filled.seq), stage: 'exchange' });
    expect(divergence.expected).toMatch(/^execution\.(feeMicros|priceE4) \d+$/);
  });

  it('rows that are gone: an error that says what is needed', async () => {
    const short = datasetOf(run, (table) => ({ ...table, rowCount: 100 }));
    await expect(replay(records, short)).rejects.toThrow(CheckFailedError);
    await expect(replay(records, short)).rejects.toThrow(
      /session 2024-07-03 has no rows 100 to \d+; replay needs/,
    );
  });
});

describe('what is not the tape of a run', () => {
  it.each([
    ['nothing', () => []],
    ['the rest of one', () => records.slice(1)],
  ])('%s is refused', async (_what, forged) => {
    await expect(replay(forged(), dataset)).rejects.toThrow(InputError);
    await expect(replay(forged(), dataset)).rejects.toThrow('tape record 0: expected RunStarted');
  });

  it('a run of another version is refused', async () => {
    const [first] = records;
    const forged = withRecord(records, 0, { payload: set(first!.payload, ['identity', 'version'], 99) });
    await expect(replay(forged, dataset)).rejects.toMatchObject({ code: 'IDENTITY_INVALID' });
  });
});

/** True for a record the loop adds of itself to the ones before it: derived, or an answer to an intent or a question. */
function follows({ seq, t, type, payload }: TapeRecord): boolean {
  if (!INPUT_TYPES.has(type)) return true;
  if (type === 'BrokerSnapshot') {
    const before = records.slice(0, seq).filter((record) => record.t === t);
    const count = (wanted: string) => before.filter((record) => record.type === wanted).length;
    return count('ReconciliationRequested') > count('BrokerSnapshot');
  }
  const { clientOrderId } = payload;
  const asked = type === 'OrderCancelled' ? 'CancelIntended' : 'OrderIntended';
  const answers = ['OrderAccepted', 'OrderRejected', 'OrderCancelled'].includes(type);
  return (
    answers &&
    records
      .slice(0, seq)
      .some((before) => before.t === t && before.type === asked && idOf(before) === clientOrderId)
  );
}

function idOf({ payload }: TapeRecord): unknown {
  return ((payload.order ?? payload) as JsonObject).clientOrderId;
}

function started({ identity, sessions }: SessionRun): InputEvent {
  return { type: 'RunStarted', tUs: sessions[0]!.openUs, identity: identityJson(identity) };
}

describe('a record with another time', () => {
  const places: readonly (readonly [DerivedType | InputType, string])[] = [
    ['ModelFaulted', 'predictions'],
    ['GateBlocked', 'gating'],
    ['QuoteStale', 'gating'],
    ['RiskLimitWarned', 'risk'],
    ['RewardObserved', 'learning'],
    ['LearningUpdated', 'learning'],
    ['PositionAdjusted', 'ledger'],
    ['ReconciliationEnded', 'ledger'],
    ['BorrowFeeCharged', 'exchange'],
  ];
  it.each(places)('%s is named as part of %s', (type, stage) => {
    const [line] = linesOf([{ seq: 0, t: 1, type, payload: {} }]);
    const tape = createComparingTape([line!][Symbol.iterator]());
    try {
      tape.append({ seq: 0, t: 2, type, payloadJson: '{}' });
    } catch (error) {
      expect((error as DivergedError).divergence).toMatchObject({ seq: 0, stage });
      return;
    }
    throw new Error('expected a divergence');
  });
});
