import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { InferenceRequest } from '../../src/events/inference.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import type { SignalLayout } from '../../src/events/layout.ts';
import { type CacheFolder, evictEntries } from '../../src/models/cache-folder.ts';
import { type CachedInference, createCachedInference } from '../../src/models/cached-inference.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { thumbLayout } from '../engine/synthetic-run.ts';
import { temporaryFolder } from './fixtures.ts';

/** Makes a reader fail in the middle of a session, as a disk does. */
const BROKEN_READS = vi.hoisted(() => ({ isOn: false }));
vi.mock('../../src/models/recorded-inference.ts', async (original) => {
  const { createRecordedInference } =
    await original<typeof import('../../src/models/recorded-inference.ts')>();
  return {
    createRecordedInference: (...spec: Parameters<typeof createRecordedInference>) => {
      const reader = createRecordedInference(...spec);
      const read = reader.infer.bind(reader);
      reader.infer = (request) => {
        if (BROKEN_READS.isOn) throw new Error('gone');
        return read(request);
      };
      return reader;
    },
  };
});

const base = await temporaryFolder();
let folders = 0;

const LAYOUT: SignalLayout = thumbLayout({
  symbols: ['A', 'B'],
  horizons: [parseHorizon('5m')],
  families: ['Ridge', 'Trees'],
  barriers: false,
});
const KEYS = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
/** Three sessions of four cycles. */
const SESSIONS = KEYS.map((key, k) => ({ key, firstCycle: 1 + 4 * k, lastCycle: 4 + 4 * k }));

function newFolder(maxBytes = 1 << 20): CacheFolder {
  folders++;
  return { dir: join(base, `cache-${folders}`), maxBytes };
}

const digestOf = (cycle: number): string => `features of ${cycle}`;
const askFor = (cycle: number, featuresDigest = digestOf(cycle)): InferenceRequest => ({
  cycle,
  batches: [],
  usable: new Uint8Array(4).fill(1),
  featuresDigest,
});

function answerTo({ cycle, featuresDigest }: InferenceRequest): Predictions {
  const shift = featuresDigest === digestOf(cycle) ? 0 : 0.5;
  const answer = { cycle, values: Float32Array.of(cycle + shift, 2, 3, 0), valid: Uint8Array.of(1, 1, 1, 0) };
  const faults = [{ column: 1, reason: 'not_finite', symbols: [1], detail: 'output NaN' }] as const;
  return cycle % 2 === 0 ? { ...answer, faults } : answer;
}

interface Desk {
  readonly cached: CachedInference;
  /** Cycles the models were asked for; -1 where they were opened. */
  readonly asked: number[];
}

function deskOver(folder: CacheFolder, now = new Date('2024-01-10T00:00:00Z')): Desk {
  const asked: number[] = [];
  const models: InferencePort = {
    layout: LAYOUT,
    infer: (request) => {
      asked.push(request.cycle);
      return answerTo(request);
    },
    close: () => Promise.resolve(),
  };
  const openModels = async (): Promise<InferencePort> => {
    asked.push(-1);
    return models;
  };
  const cached = createCachedInference({
    folder,
    layout: LAYOUT,
    sessions: SESSIONS,
    openModels,
    now: () => now,
  });
  return { cached, asked };
}

/** A whole run over the cycles given. */
async function runOver(
  folder: CacheFolder,
  cycles: readonly number[] = Array.from({ length: 12 }, (_, k) => k + 1),
  ask: (cycle: number) => InferenceRequest = askFor,
): Promise<Desk & { readonly answers: readonly Predictions[] }> {
  const desk = deskOver(folder);
  await desk.cached.load();
  const answers: Predictions[] = [];
  for (const cycle of cycles) answers.push(await desk.cached.infer(ask(cycle)));
  await desk.cached.close();
  return { ...desk, answers };
}

const entryOf = (folder: CacheFolder, k: number): string => join(folder.dir, `${KEYS[k]!}.arrow`);

describe('the prediction cache', () => {
  it('keeps what the models said, faults included, and a second run does not even open them', async () => {
    const folder = newFolder();
    const first = await runOver(folder);
    expect(first.asked).toEqual([-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(first.cached.use).toMatchObject({ hits: 0, misses: 3, notes: [] });
    expect(first.answers).toEqual(first.answers.map(({ cycle }) => answerTo(askFor(cycle))));
    const second = await runOver(folder);
    expect(second.asked).toEqual([]);
    expect(second.cached.use).toMatchObject({ hits: 3, misses: 0, evicted: 0, notes: [] });
    expect(second.answers).toEqual(first.answers);
    expect(readdirSync(folder.dir).sort()).toEqual(KEYS.map((key) => `${key}.arrow`));
  });

  it('keeps no part of a session: a run that stopped early asks again from its first cycle', async () => {
    const folder = newFolder();
    await runOver(folder, [1, 2, 3, 4, 5, 6]);
    expect(readdirSync(folder.dir)).toEqual([`${KEYS[0]!}.arrow`]);
    const again = await runOver(folder);
    expect(again.asked).toEqual([-1, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(again.cached.use).toMatchObject({ hits: 1, misses: 2 });
  });

  it('finds any damaged byte of an entry by its hash, says so, computes it again and keeps that', async () => {
    const folder = newFolder();
    const { answers } = await runOver(folder);
    const whole = readFileSync(entryOf(folder, 1));
    for (const at of [0, 100, whole.length >> 1, whole.length - 1]) {
      const damaged = Uint8Array.from(whole);
      damaged[at] = damaged[at]! ^ 1;
      writeFileSync(entryOf(folder, 1), damaged);
      const again = await runOver(folder);
      expect(again.answers).toEqual(answers);
      expect(again.asked).toEqual([-1, 5, 6, 7, 8]);
      expect(again.cached.use).toMatchObject({ hits: 2, misses: 1 });
      expect(again.cached.use.notes).toEqual([expect.stringMatching(/b{64}\.arrow: .*computed again$/)]);
      expect(readFileSync(entryOf(folder, 1))).toEqual(whole);
    }
  });

  it('does not give an answer to other features, whatever its key, and goes on with the models', async () => {
    const folder = newFolder();
    await runOver(folder);
    const moved = (cycle: number): InferenceRequest => askFor(cycle, cycle >= 7 ? 'moved' : digestOf(cycle));
    const again = await runOver(folder, [1, 2, 3, 4, 5, 6, 7, 8], moved);
    expect(again.asked).toEqual([-1, 7, 8]);
    expect(again.answers[6]!.values[0]).toBe(7.5);
    expect(again.cached.use).toMatchObject({ hits: 1, misses: 1 });
    expect(again.cached.use.notes).toEqual([expect.stringContaining('cycle 7 answers other features')]);
    // what was computed again is what the cache now holds
    const third = await runOver(folder, [5, 6, 7, 8], moved);
    expect(third.asked).toEqual([]);
    expect(third.answers).toEqual(again.answers.slice(4));
  });

  it('evicts what was not used for longest until it holds no more bytes than it may', async () => {
    const folder = newFolder();
    await runOver(folder);
    const bytes = statSync(entryOf(folder, 0)).size;
    const at = (minutes: number): Date => new Date(Date.UTC(2024, 0, 10, 0, minutes));
    [3, 1, 2].forEach((minutes, k) => {
      utimesSync(entryOf(folder, k), at(minutes), at(minutes));
    });
    // a use makes the oldest the newest
    const desk = deskOver({ ...folder, maxBytes: bytes * 2.5 }, at(10));
    await desk.cached.infer(askFor(5));
    await desk.cached.close();
    expect(desk.cached.use.evicted).toBe(1);
    expect([0, 1, 2].map((k) => existsSync(entryOf(folder, k)))).toEqual([true, true, false]);
    expect(evictEntries({ ...folder, maxBytes: 0 }, at(11))).toBe(2);
    expect(evictEntries({ ...folder, maxBytes: 0 }, at(11))).toBe(0);
  });

  it('takes away only its own files, and what a killed process left only when it is old', async () => {
    const folder = newFolder();
    mkdirSync(folder.dir, { recursive: true });
    const partial = `${KEYS[0]!}.arrow.4711.partial`;
    for (const name of ['notes.txt', partial]) writeFileSync(join(folder.dir, name), 'x'.repeat(100));
    evictEntries({ ...folder, maxBytes: 0 }, new Date());
    expect(readdirSync(folder.dir).sort()).toEqual([partial, 'notes.txt'].sort());
    evictEntries({ ...folder, maxBytes: 0 }, new Date(Date.now() + 2 * 86_400_000));
    expect(readdirSync(folder.dir)).toEqual(['notes.txt']);
  });

  it.each<[string, (path: string) => void]>([
    ['folder', (path) => mkdirSync(join(path, 'inner'), { recursive: true })],
    ['link to nowhere', (path) => symlinkSync('/nowhere/at/all', path)],
  ])('takes a %s in the place of an entry for none, and the run goes on', async (_, put) => {
    const folder = newFolder();
    const { answers } = await runOver(folder);
    rmSync(entryOf(folder, 1));
    put(entryOf(folder, 1));
    const again = await runOver(folder);
    expect(again.answers).toEqual(answers);
    expect(again.asked).toEqual([-1, 5, 6, 7, 8]);
    expect(again.cached.use).toMatchObject({ hits: 2, misses: 1 });
    expect(readdirSync(folder.dir).sort()).toEqual(KEYS.map((key) => `${key}.arrow`));
  });

  it('whose file is cut while it is read goes on with the models, and keeps nothing of that session', async () => {
    const folder = newFolder();
    const { answers } = await runOver(folder);
    for (const moved of [false, true]) {
      const desk = deskOver(folder);
      expect(await desk.cached.infer(askFor(5))).toEqual(answers[4]);
      const reader = BROKEN_READS;
      reader.isOn = true;
      const ask = askFor(6, moved ? 'moved' : digestOf(6));
      expect(await desk.cached.infer(ask)).toEqual(answerTo(ask));
      reader.isOn = false;
      expect(await desk.cached.infer(askFor(7))).toEqual(answers[6]);
      await desk.cached.close();
      expect(desk.asked).toEqual([-1, 6, 7]);
      expect(desk.cached.use).toMatchObject({ hits: 0, misses: 1 });
      expect(desk.cached.use.notes.join()).toContain('cannot be read on (gone)');
      expect((await runOver(folder)).answers).toEqual(answers);
    }
  });

  it('that cannot be written costs the run nothing but a note', async () => {
    const folder = newFolder();
    mkdirSync(base, { recursive: true });
    writeFileSync(folder.dir, 'a file where the folder should be');
    const run = await runOver(folder).catch((error: unknown) => error as Error);
    expect(run).not.toBeInstanceOf(Error);
    const { cached, answers } = run as Awaited<ReturnType<typeof runOver>>;
    expect(answers).toHaveLength(12);
    expect(cached.use.notes).toEqual([expect.stringContaining('predictions could not be cached')]);
  });
});
