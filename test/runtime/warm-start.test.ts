import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeState } from '../../src/engine/snapshot.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import { type RunIdentity, runIdOf } from '../../src/modes/run-identity.ts';
import { runSessions, type SessionRun, type SessionRunResult } from '../../src/modes/run-sessions.ts';
import {
  readKeptWarmStart,
  readWarmStart,
  startEngine,
  writeWarmSnapshot,
} from '../../src/modes/warm-start.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { type MemoryTape, memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, replay } from '../research/tapes.ts';

/** Four sessions of a market that nobody trades in, so that equity, and what is measured against it, stays put. */
const OPTIONS = {
  synth: { symbols: 3, sessions: 4, signal: 0.4, seed: 11, from: '2024-07-01' },
  horizons: ['5m', '1d'],
  scenario: {
    arbitration: { entryThresholdBps: 10_000 },
    prediction: { standardizeMinSamples: 30, icMinPairs: 20 },
  },
} as const;

const scratch = mkdtempSync(join(tmpdir(), 'sametape-warm-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let all: SessionRun;
let whole: MemoryTape;
let earlier: SessionRunResult;
let earlierIdentity: RunIdentity;
let earlierDir: string;

/** The run over some of the sessions. */
function partOf(
  from: number,
  to: number,
  identity: RunIdentity = all.identity,
): SessionRun & { tape: MemoryTape } {
  const sessions = all.sessions.slice(from, to);
  const tape = memoryTape({ keepRecords: true });
  return { ...all, tape, sessions, identity: { ...identity, sessions: sessions.map(({ date }) => date) } };
}

/** Its models answer from the features alone: cycles are numbered from 1 in every run. */
function blindToCycles(run: SessionRun): SessionRun {
  const inference = run.inference!;
  const infer: InferencePort['infer'] = (request) => ({
    ...(inference.infer({ ...request, cycle: 1 }) as Predictions),
    cycle: request.cycle,
  });
  return { ...run, inference: { ...inference, infer } };
}

beforeAll(async () => {
  all = blindToCycles(syntheticRun(OPTIONS));
  const complete = partOf(0, 4);
  await runSessions(complete);
  whole = complete.tape;
  const first = partOf(0, 2);
  earlierIdentity = first.identity;
  earlier = await runSessions(first);
  earlierDir = join(scratch, 'earlier');
  mkdirSync(join(earlierDir, 'state'), { recursive: true });
  writeWarmSnapshot(earlierDir, earlierIdentity, earlier.engine);
});

function read(from: number, change: Partial<RunIdentity> = {}, dir = earlierDir) {
  const identity = { ...partOf(from, 4).identity, ...change };
  return readWarmStart(dir, { identity, first: all.sessions[from]! });
}

async function runWarm(from: number): Promise<{ readonly run: SessionRun; readonly tape: MemoryTape }> {
  const { warmStart, snapshot } = read(from);
  const part = partOf(from, 4);
  const run = { ...part, identity: { ...part.identity, warmStart }, warmSnapshot: snapshot };
  await runSessions(run);
  return { run, tape: part.tape };
}

/** Digests of stages 0 to 2 of every cycle, by time. */
function digestsOf({ records }: MemoryTape): Map<number, string> {
  return new Map(
    records
      .filter(({ type }) => type === 'CycleCompleted')
      .map(({ t, payload }) => {
        const { features, prediction, blending } = payload.digests as Record<string, string>;
        return [t, `${features} ${prediction} ${blending}`] as const;
      }),
  );
}

describe('a run that starts where an earlier one ended', () => {
  it('has features, scores and blends of every cycle to the bit as if the two had been one run', async () => {
    const { tape } = await runWarm(2);
    const [ours, theirs] = [digestsOf(tape), digestsOf(whole)];
    expect(ours.size).toBeGreaterThan(500);
    for (const [t, digests] of ours) expect(theirs.get(t), `cycle at ${t}`).toBe(digests);
    const cold = partOf(2, 4);
    await runSessions(cold);
    const same = [...digestsOf(cold.tape)].filter(([t, digests]) => theirs.get(t) === digests);
    expect(same.length).toBeLessThan(ours.size / 10);
  });

  it('takes nothing of the account over', () => {
    const { warmStart, snapshot } = read(2);
    const engine = startEngine({ ...partOf(2, 4).identity, warmStart }, () => snapshot);
    const fresh = startEngine(partOf(2, 4).identity);
    for (const part of ['ledger', 'orders', 'kill', 'clock', 'nowUs', 'closingEquityMicros'] as const) {
      expect(encodeState(engine[part])).toEqual(encodeState(fresh[part]));
    }
  });

  it('has the state in its identity by hash, and replays from the copy it was given, and from no other', async () => {
    const { run, tape } = await runWarm(2);
    expect(runIdOf(run.identity)).not.toBe(runIdOf(partOf(2, 4).identity));
    expect(tape.records[0]!.payload.identity).toMatchObject({
      warmStart: {
        sha256: run.warmSnapshot!.sha256,
        runId: runIdOf(earlierIdentity),
        lastSession: all.sessions[1]!.date,
        isNextSession: true,
      },
    });
    const readWarm = () => run.warmSnapshot;
    expect(await replay(tape.records, datasetOf(all), { readWarmStart: readWarm })).toMatchObject({
      divergence: undefined,
      chainHead: tape.head,
    });
    await expect(replay(tape.records, datasetOf(all))).rejects.toMatchObject({ code: 'WARM_START_CHANGED' });
    const other = { ...run.warmSnapshot!, sha256: 'f'.repeat(64) };
    await expect(replay(tape.records, datasetOf(all), { readWarmStart: () => other })).rejects.toMatchObject({
      code: 'WARM_START_CHANGED',
    });
    expect(readKeptWarmStart(earlierDir)).toBeUndefined();
  });

  it('over a gap of sessions leaves out forecasts that waited for a later one, and the overnight return', () => {
    const { warmStart, snapshot } = read(3);
    expect(warmStart.isNextSession).toBe(false);
    const engine = startEngine({ ...partOf(3, 4).identity, warmStart }, () => snapshot);
    const { prediction, volatility } = engine.pipeline;
    expect(prediction.pairs.queues.map(({ length }) => length)).toEqual(prediction.pairs.queues.map(() => 0));
    expect(volatility.previousClose.every((mid) => mid === 0)).toBe(true);
    expect(earlier.engine.pipeline.prediction.pairs.queues.some(({ length }) => length > 0)).toBe(true);
    expect(volatility.returnCount).toEqual(earlier.engine.pipeline.volatility.returnCount);
  });
});

describe('a warm start is refused', () => {
  const cases: readonly [string, (identity: RunIdentity) => Partial<RunIdentity>, RegExp][] = [
    [
      'for another universe',
      ({ layout }) => ({ layout: { ...layout, symbols: layout.symbols.slice(1) } }),
      /another universe of symbols/,
    ],
    [
      'for other models',
      ({ layout }) => ({ layout: { ...layout, columns: layout.columns.slice(1) } }),
      /another set of models/,
    ],
    [
      'for other settings of prediction',
      ({ settings }) => ({
        settings: { ...settings, prediction: { ...settings.prediction, icWindow: 400 } },
      }),
      /another prediction section/,
    ],
    ['for other code', () => ({ codeSha256: '9'.repeat(64) }), /another version of sametape/],
    ['for bars of another length', () => ({ barSeconds: 1 }), /another length of bars/],
  ];

  it.each(cases)('%s', (_, change, message) => {
    expect(() => read(2, change(partOf(2, 4).identity))).toThrow(message);
    expect(() => read(2, change(partOf(2, 4).identity))).toThrow(
      expect.objectContaining({ code: 'WARM_START_MISMATCH' }),
    );
  });

  it('where the earlier run ends after this one starts: it would know the future', () => {
    expect(() => read(1)).toThrow(/ends with session .*, expected one before .*it would know the future/);
    expect(() => read(0)).toThrow(expect.objectContaining({ code: 'WARM_START_LATER' }));
  });

  it('where there is none, or it is damaged, or another program wrote it', () => {
    expect(() => read(2, {}, join(scratch, 'nowhere'))).toThrow(
      expect.objectContaining({ code: 'WARM_START_MISSING' }),
    );
    const dir = join(scratch, 'damaged');
    mkdirSync(join(dir, 'state'), { recursive: true });
    const path = join(dir, 'state/warm_state.json.gz');
    const bytes = readFileSync(join(earlierDir, 'state/warm_state.json.gz'));
    const text = gunzipSync(bytes).toString('utf8');
    for (const damaged of [
      bytes.subarray(0, bytes.length - 20),
      Buffer.from('hello'),
      gzipSync('{"format":'),
      gzipSync('{}'),
      gzipSync(text.replace('sametape-warm-state-1', 'sametape-warm-state-9')),
    ]) {
      writeFileSync(path, damaged);
      expect(() => read(2, {}, dir)).toThrow(expect.objectContaining({ code: 'WARM_START_INVALID' }));
    }
  });
});
