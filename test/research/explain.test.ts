import { cpSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckFailedError, InputError } from '../../src/domain/errors.ts';
import type { Engine } from '../../src/engine/engine-state.ts';
import { decodeInput } from '../../src/events/decode.ts';
import type { Decision } from '../../src/events/derived.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import { featuresDigest } from '../../src/pipeline/0-features/feature-engine.ts';
import { RISK_CHECKS } from '../../src/pipeline/6-risk/checks.ts';
import { stageDigests } from '../../src/pipeline/stage-digests.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { type Explanation, explainDecision } from '../../src/research/explain.ts';
import { type DecisionFilter, listDecisions } from '../../src/research/list-decisions.ts';
import { recoverRun } from '../../src/research/recover-run.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { traceSymbol } from '../../src/research/trace.ts';
import type { TraceSection } from '../../src/research/trace-section.ts';
import { limitValues, whyOf } from '../../src/research/why.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { useTempDir } from '../data/support.ts';
import { type MadeRun, makeRunFolder } from './run-folder.ts';

const temp = useTempDir();
const RUN = {
  synth: { symbols: 3, sessions: 1, from: '2024-07-03', signal: 0.6, seed: 5, spreadBps: 0.8 },
  scenario: { prediction: { standardizeMinSamples: 20, confidenceFloor: 0.15 }, cycle: { minutes: 2 } },
};

let made: MadeRun;

beforeAll(async () => {
  made = await makeRunFolder(temp.path(), RUN);
});

function explain(cycle: number, symbol: string, over: Partial<Parameters<typeof explainDecision>[0]> = {}) {
  return explainDecision({
    runDir: made.runDir,
    datasetDir: undefined,
    cycle,
    symbol,
    progress: silentProgress,
    ...over,
  });
}

/** Every decision of the run, with its cycle. */
function decisions(): { cycle: number; record: TapeRecord; decision: Decision }[] {
  return made.records
    .filter(({ type }) => type === 'CycleCompleted')
    .flatMap((record) =>
      (record.payload.decisions as unknown as Decision[]).map((decision) => ({
        cycle: record.payload.cycle as number,
        record,
        decision,
      })),
    );
}

/** A late decision of a kind and reason: by then volatility, scores and confidence are warm. */
function lateDecision(kind: string, reason?: string) {
  const found = decisions().findLast(
    ({ decision }) => decision.kind === kind && (reason === undefined || decision.reason === reason),
  );
  if (found === undefined) throw new Error(`the run has no ${kind} ${reason ?? ''}`);
  return found;
}

function sectionOf(sections: readonly TraceSection[], stage: string): TraceSection {
  return sections.find((section) => section.stage.startsWith(stage))!;
}

function readingOf(sections: readonly TraceSection[], stage: string, name: string, label?: string) {
  const section = sectionOf(sections, stage);
  const values =
    label === undefined ? section.values : section.rows!.find((row) => row.label === label)!.values;
  const found = values.find((value) => value.name === name);
  if (found === undefined) throw new Error(`${stage} ${label ?? ''} has no ${name}`);
  return found.value;
}

function numberOf(...at: Parameters<typeof readingOf>): number {
  const value = readingOf(...at);
  if (typeof value !== 'number') throw new Error(`${at.slice(1).join(' ')} is ${value}`);
  return value;
}

describe('explain', () => {
  it.each([
    ['TRADE', 'score_best'],
    ['HOLD', 'below_threshold'],
    ['EXIT', undefined],
    ['HOLD', 'volatility_warming_up'],
  ])('recomputes a %s %s as the tape has it', async (kind, reason) => {
    const { cycle, record, decision } = lateDecision(kind, reason);
    const explained = await explain(cycle, decision.symbol);
    expect(explained).toMatchObject({ cycle, tUs: record.t, symbol: decision.symbol, decision });
    expect(explained.sections.map(({ stage }) => stage)).toEqual([
      'market',
      'features (1-minute bars)',
      '1 prediction',
      '2 blending',
      '3 arbitration',
      '4 gating',
      '5 sizing',
      '6 risk',
      'orders',
    ]);
  });

  it('shows orders of its symbol in its cycle, and of no other', async () => {
    const { cycle, decision } = lateDecision('TRADE', 'score_best');
    const intended = made.records.find(
      ({ type, payload }) =>
        type === 'OrderIntended' &&
        payload.cycle === cycle &&
        (payload.order as { symbol: string }).symbol === decision.symbol,
    )!;
    const order = intended.payload.order as {
      clientOrderId: string;
      quantity: number;
      side: string;
      purpose: string;
    };
    const { sections } = await explain(cycle, decision.symbol);
    expect(sectionOf(sections, 'orders').values).toEqual([
      {
        name: order.clientOrderId,
        value: expect.stringContaining(
          `${order.purpose}: ${order.side} ${order.quantity} shares, marketable_limit at `,
        ),
        unit: '',
      },
    ]);
    const other = decisions().find(
      ({ cycle: c, decision: d }) => c === cycle && d.symbol !== decision.symbol,
    )!;
    const unmoved = await explain(cycle, other.decision.symbol);
    const ids = sectionOf(unmoved.sections, 'orders').values.map(({ name }) => name);
    expect(ids).not.toContain(order.clientOrderId);
  });

  it('shows every check of its order with value and limit, and none where there was no order', async () => {
    const { cycle, decision } = lateDecision('TRADE', 'score_best');
    const { sections } = await explain(cycle, decision.symbol);
    expect(sectionOf(sections, '6 risk').rows!.map(({ label }) => label)).toEqual(
      RISK_CHECKS.map(({ check }) => check),
    );
    expect(readingOf(sections, '6 risk', 'result', 'price_collar')).toBe('passed');
    const { risk } = made.identity.settings;
    expect(numberOf(sections, '6 risk', 'limit', 'max_order_value')).toBe(risk.maxOrderValueMicros / 1e6);
    const shares = Math.abs(numberOf(sections, '6 risk', 'asked'));
    expect(numberOf(sections, '6 risk', 'value', 'max_order_shares')).toBe(shares);
    const quiet = lateDecision('HOLD', 'below_threshold');
    const { sections: none } = await explain(quiet.cycle, quiet.decision.symbol);
    expect(sectionOf(none, '6 risk').rows).toBeUndefined();
    expect(readingOf(none, '6 risk', 'asked')).toBeNull();
  });

  it('reads what the digests of the tape cover', async () => {
    const { cycle, record } = lateDecision('TRADE', 'score_best');
    const { engine } = await engineAt(cycle);
    const { pipeline } = engine;
    expect(stageDigests(pipeline, featuresDigest(pipeline.features))).toEqual(record.payload.digests);
  });
});

describe('a trace', () => {
  let explained: Explanation;
  let engine: Engine;
  let predictions: Predictions;
  let symbolIx: number;

  beforeAll(async () => {
    const { cycle, decision } = lateDecision('TRADE', 'score_best');
    explained = await explain(cycle, decision.symbol);
    ({ engine, predictions } = await engineAt(cycle));
    symbolIx = made.identity.layout.symbols.indexOf(decision.symbol);
  });

  it('is of the numbers in the stages, bit for bit', () => {
    const { work, symbolCount, prediction, blendPlan } = engine.pipeline;
    const { sections } = explained;
    const { columns } = made.identity.layout;
    columns.forEach(({ id, kind }, c) => {
      const at = c * symbolCount + symbolIx;
      expect(numberOf(sections, '1 prediction', 'raw', id)).toBe(predictions.values[at]);
      if (kind !== 'return') return;
      expect(numberOf(sections, '1 prediction', 'score', id)).toBe(prediction.scores.scores[at]);
      expect(numberOf(sections, '1 prediction', 'calibrated', id)).toBe(prediction.calibrated.calibrated[at]);
    });
    blendPlan.horizons.forEach(({ horizon }, h) => {
      const slot = h * symbolCount + symbolIx;
      expect(numberOf(sections, '2 blending', 'alpha', horizon.label)).toBe(work.blend.alpha[slot]! * 1e4);
      expect(numberOf(sections, '3 arbitration', 'score', horizon.label)).toBe(
        work.arbitration.scoreBps[slot],
      );
    });
    expect(numberOf(sections, '5 sizing', 'target weight')).toBe(work.sizing.targetWeight[symbolIx]);
    expect(numberOf(sections, '6 risk', 'approved')).toBe(work.orderShares[symbolIx]);
  });

  it('adds up from models to shares by the formulas of the pipeline', () => {
    const { sections, decision } = explained;
    const { columns, symbols } = made.identity.layout;
    const { settings, horizons } = made.identity;
    for (const { label, minutes } of horizons) {
      let blended = 0;
      for (const { id, family } of columns.filter(({ target }) => target === `ret_${label}`)) {
        const at = (name: string) => numberOf(sections, '1 prediction', name, id);
        const confidence =
          Math.max(at('IC shrunk'), settings.prediction.confidenceFloor) *
          at('freshness') *
          numberOf(sections, '1 prediction', 'capacity') *
          at('stability');
        expect(at('confidence')).toBeCloseTo(confidence, 12);
        expect(at('calibrated')).toBeCloseTo(at('score') * confidence, 12);
        blended += numberOf(sections, '2 blending', `weight ${family}`, label) * at('calibrated');
      }
      const alpha = numberOf(sections, '2 blending', 'alpha', label);
      expect(alpha).toBeCloseTo(numberOf(sections, '2 blending', 'sigma', label) * blended, 9);
      const cost = numberOf(sections, '3 arbitration', 'total cost', label);
      const [spread, timing] = ['cost of spread', 'timing'].map((name) =>
        numberOf(sections, '3 arbitration', name, label),
      );
      // one session: its ADV is not known yet
      expect(readingOf(sections, '3 arbitration', 'impact', label)).toBeNull();
      expect(cost).toBeCloseTo(spread! + timing!, 9);
      const preference = horizons.length * numberOf(sections, '3 arbitration', 'omega', label);
      const score = (Math.abs(alpha) * preference - cost) / Math.sqrt(minutes / 5);
      expect(numberOf(sections, '3 arbitration', 'score', label)).toBeCloseTo(score, 9);
    }
    const scores = horizons.map(({ label }) => numberOf(sections, '3 arbitration', 'score', label));
    expect(numberOf(sections, '3 arbitration', 'best score')).toBe(Math.max(...scores));
    expect(readingOf(sections, '3 arbitration', 'best horizon')).toBe(decision.horizon);
    const { zMax, maxWeight, grossTarget, band, bandGrossFraction } = settings.sizing;
    const z = numberOf(sections, '5 sizing', 'z');
    expect(Math.abs(z)).toBeLessThanOrEqual(zMax);
    const signal = (z * maxWeight * numberOf(sections, '4 gating', 'gate factor')) / zMax;
    expect(numberOf(sections, '5 sizing', 'signal weight')).toBeCloseTo(signal, 12);
    expect(numberOf(sections, '5 sizing', 'band')).toBeCloseTo(
      Math.min(band, (bandGrossFraction * grossTarget) / symbols.length),
      12,
    );
    const equity = numberOf(sections, '6 risk', 'equity');
    const shares = Math.trunc(
      (numberOf(sections, '5 sizing', 'target weight') * equity) / numberOf(sections, 'market', 'mark'),
    );
    expect(Math.abs(decision.targetShares! - shares)).toBeLessThanOrEqual(1);
    expect(numberOf(sections, '5 sizing', 'position') + numberOf(sections, '6 risk', 'approved')).toBe(
      decision.targetShares,
    );
  });

  it('gives every number a unit a person can read, and no number that is not one', () => {
    const values = explained.sections.flatMap(({ values: own, rows }) => [
      ...own,
      ...(rows ?? []).flatMap((row) => row.values),
    ]);
    expect(values.length).toBeGreaterThan(60);
    for (const { name, value } of values) {
      if (typeof value === 'number') expect(value, name).toSatisfy(Number.isFinite);
    }
    const unitOf = (name: string) => values.find((value) => value.name === name)!.unit;
    expect(
      ['bid', 'spread', 'sigma5', 'alpha', 'equity', 'daily loss', 'position', 'held'].map(unitOf),
    ).toEqual([...['$', 'bps', 'bps', 'bps', '$', '%', 'shares', 'session minutes']]);
  });

  it('of a cycle without predictions says so with nothing in their place', () => {
    const { sections } = explained;
    const blind = traceSymbol(engine, { symbolIx, tUs: explained.tUs, predictions: undefined, effects: [] });
    const id = made.identity.layout.columns[0]!.id;
    expect(readingOf(blind, '1 prediction', 'raw', id)).toBeNull();
    expect(readingOf(sections, '1 prediction', 'raw', id)).not.toBeNull();
    expect(sectionOf(blind, 'orders').values).toEqual([]);
  });

  it('of the first cycle, before anything is warm, has words where there are no numbers', async () => {
    const { sections } = await explain(1, made.identity.layout.symbols[0]!);
    expect(readingOf(sections, '3 arbitration', 'best horizon')).toBeNull();
    expect(readingOf(sections, '3 arbitration', 'best score')).toBeNull();
    expect(readingOf(sections, '5 sizing', 'z')).toBeNull();
    expect(readingOf(sections, '2 blending', 'alpha', '5m')).toBeNull();
    expect(readingOf(sections, 'market', 'ADV')).toBeNull();
    expect(readingOf(sections, '4 gating', 'entry horizon')).toBeNull();
    expect(readingOf(sections, '6 risk', 'kill switch')).toBe('not tripped');
  });
});

describe('explain says in one line what a decision hangs on', () => {
  it.each([
    ['HOLD', 'below_threshold', /^best score after costs -?[\d.e-]+ bps, limit [\d.]+ bps$/],
    ['HOLD', 'inside_band', /^target -?[\d.e-]+ of equity, now -?[\d.e-]+ of equity; a smaller change than /],
    ['TRADE', 'score_best', /^score of \d+m after costs [\d.]+ bps, threshold [\d.]+ bps$/],
    ['EXIT', 'exit_horizon_elapsed', /^held \d+ session minutes, limit \d+ session minutes$/],
    ['HOLD', 'volatility_warming_up', undefined],
  ])('%s %s', async (kind, reason, expected) => {
    const { cycle, decision } = lateDecision(kind, reason);
    const { sections } = await explain(cycle, decision.symbol);
    const why = whyOf(decision, sections);
    if (expected === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(expected);
  });

  it('reads ages in seconds, money in dollars and shares of a check in its unit', () => {
    const pair = { value: 60_000_000, limit: 2_000_000 };
    const amounts = (reason: string) =>
      limitValues(reason, pair).map(({ value, unit }) => `${value} ${unit}`);
    expect(amounts('quote_stale')).toEqual(['60 s', '2 s']);
    expect(amounts('max_order_value')).toEqual(['60 $', '2 $']);
    expect(amounts('max_order_shares')).toEqual(['60000000 shares', '2000000 shares']);
    expect(amounts('halted')).toEqual(['60000000 ', '2000000 ']);
  });
});

describe('explain lists decisions to choose from', () => {
  const list = (filter: Partial<DecisionFilter>) =>
    listDecisions({ runDir: made.runDir, cycle: undefined, symbol: undefined, only: undefined, ...filter });
  const plain = (of: ReturnType<typeof decisions>) =>
    of.map(({ cycle, record, decision }) => ({ ...decision, cycle, tUs: record.t }));

  it('all but HOLD, and all of a cycle that is named', () => {
    expect(list({})).toEqual(plain(decisions().filter(({ decision }) => decision.kind !== 'HOLD')));
    expect(list({ cycle: 7 })).toEqual(plain(decisions().filter(({ cycle }) => cycle === 7)));
  });

  it('of a symbol, of kinds and of reasons', () => {
    const only = ['EXIT', 'below_threshold'];
    const wanted = decisions().filter(
      ({ decision: { symbol, kind, reason } }) =>
        symbol === 'BBB' && (kind === 'EXIT' || reason === 'below_threshold'),
    );
    expect(wanted.length).toBeGreaterThan(0);
    expect(list({ symbol: 'BBB', only })).toEqual(plain(wanted));
  });

  it('refuses what the run does not have, and says what it has', () => {
    expect(() => list({ only: ['TRAED'] })).toThrow(
      /--only TRAED: the run has no such decision, it has .*TRADE/,
    );
    expect(() => list({ symbol: 'ZZZ' })).toThrow('--symbol ZZZ: not in the universe AAA, BBB, CCC');
    expect(() => list({ cycle: 9999 })).toThrow(/--cycle 9999: the run has cycles 1 to \d+$/);
  });
});

describe('explain refuses', () => {
  it('a cycle the run does not have, and says which it has', async () => {
    const last = decisions().at(-1)!.cycle;
    await expect(explain(last + 1, 'AAA')).rejects.toThrow(InputError);
    await expect(explain(last + 1, 'AAA')).rejects.toThrow(
      `--cycle ${last + 1}: the run has cycles 1 to ${last}`,
    );
  });

  it('a symbol outside the universe, with the nearest one where there is one', async () => {
    await expect(explain(1, 'AAB')).rejects.toThrow(
      '--symbol AAB: not in the universe AAA, BBB, CCC; did you mean AAA?',
    );
    await expect(explain(1, 'NOTHING')).rejects.toThrow(/not in the universe AAA, BBB, CCC$/);
    await expect(explain(1, 'AAB')).rejects.toThrow(InputError);
  });

  it('a run that no longer replays to the cycle, and names the first difference', async () => {
    const dir = temp.path('tampered');
    cpSync(made.runDir, dir, { recursive: true });
    const other = await makeRunFolder(temp.path('other'), { ...RUN, synth: { ...RUN.synth, seed: 6 } });
    const over = { runDir: dir, datasetDir: other.datasetDir };
    await expect(explain(100, 'AAA', over)).rejects.toThrow(CheckFailedError);
    await expect(explain(100, 'AAA', over)).rejects.toThrow(
      /cycle 100: the run does not replay to it, first difference at seq \d+, stage/,
    );
  });

  it('a folder that is no run, and a run that does not know its dataset', async () => {
    await expect(explain(1, 'AAA', { runDir: temp.path('nothing') })).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
    });
    const dir = temp.path('homeless');
    cpSync(made.runDir, dir, { recursive: true });
    writeFileSync(join(dir, 'host.json'), '{}');
    await expect(explain(1, 'AAA', { runDir: dir })).rejects.toMatchObject({ code: 'DATASET_UNKNOWN' });
    writeFileSync(join(dir, 'host.json'), '{');
    await expect(explain(1, 'AAA', { runDir: dir })).rejects.toThrow(
      /host\.json: is not JSON that says where/,
    );
    rmSync(join(dir, 'host.json'));
    await expect(explain(1, 'AAA', { runDir: dir })).rejects.toThrow(
      /host\.json: is not there to say where the dataset lies; name it with --dataset DIR$/,
    );
    expect((await explain(1, 'AAA', { runDir: dir, datasetDir: made.datasetDir })).cycle).toBe(1);
  });
});

describe('replaying a run folder', () => {
  it.each([
    ['an empty segment', 'TAPE_TRUNCATED', (tape: string) => truncateSync(join(tape, '000001.jsonl'))],
    ['no segment', 'TAPE_TRUNCATED', (tape: string) => rmSync(join(tape, '000001.jsonl'))],
    [
      'no file at all',
      'TAPE_EMPTY',
      (tape: string) => readdirSync(tape).map((name) => rmSync(join(tape, name))),
    ],
    [
      'half a record',
      'TAPE_TORN',
      (tape: string) => {
        truncateSync(join(tape, '000001.jsonl'), 100);
        rmSync(join(tape, 'head.json'));
      },
    ],
  ])('with %s fails where verify does, as a check', async (name, code, damage) => {
    const dir = temp.path(`without-records ${name}`);
    cpSync(made.runDir, dir, { recursive: true });
    damage(join(dir, 'tape'));
    const { fault } = verifyTape(join(dir, 'tape'));
    expect(fault?.code).toBe(code);
    const over = { runDir: dir, datasetDir: undefined, progress: silentProgress };
    await expect(replayRun(over)).rejects.toMatchObject({ exitCode: 1, fault });
    await expect(recoverRun(over)).rejects.toMatchObject({ exitCode: 1, fault });
  });

  it('notes a dataset that is another, and goes on comparing', async () => {
    const dataset = temp.path('other', 'dataset');
    const result = await replayRun({ runDir: made.runDir, datasetDir: dataset, progress: silentProgress });
    expect(result.datasetChanges).toMatchObject([
      { file: 'dataset', expectedSha256: made.identity.datasetSha256 },
    ]);
    expect(result.divergence).toBeDefined();
    const same = await replayRun({ runDir: made.runDir, datasetDir: undefined, progress: silentProgress });
    expect(same).toMatchObject({ datasetChanges: [], divergence: undefined, records: made.records.length });
  });
});

/** The engine as it stood after a cycle, and what the models said in it. */
async function engineAt(cycle: number): Promise<{ engine: Engine; predictions: Predictions }> {
  const { engine } = await replayRun({
    runDir: made.runDir,
    datasetDir: undefined,
    progress: silentProgress,
    untilCycle: cycle,
  });
  const record = made.records.find(
    ({ type, payload }) => type === 'PredictionsMade' && payload.cycle === cycle,
  )!;
  const event = decodeInput(record, () => {
    throw new Error('no slice in predictions');
  });
  if (event.type !== 'PredictionsMade') throw new Error(event.type);
  return { engine, predictions: event.predictions };
}
