import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentProgress } from '../../src/ports/progress.ts';
import { explainDecision } from '../../src/research/explain.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { type MadeRun, makeRunFolder } from './run-folder.ts';

const EX_DATE = '2024-01-03';
const SYNTH = {
  symbols: ['AAA', 'BBB', 'CCC'],
  sessions: 2,
  signal: 0.4,
  seed: 11,
  actions: [
    { kind: 'split', symbol: 'AAA', exDate: EX_DATE, oldShares: 2, newShares: 3 },
    { kind: 'dividend', symbol: 'BBB', exDate: EX_DATE, cashMicros: 410_000 },
    { kind: 'split', symbol: 'CCC', exDate: EX_DATE, oldShares: 7, newShares: 1 },
  ],
} as const;

let dir: string;
let made: MadeRun;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sametape-actions-'));
  const scenario = { arbitration: { entryThresholdBps: 0 } };
  made = await makeRunFolder(dir, { synth: SYNTH, scenario });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const options = (runDir: string) => ({ runDir, datasetDir: undefined, progress: silentProgress });

describe('the folder of a run over corporate actions', () => {
  it('replays to the same bits', async () => {
    expect(made.records.filter(({ type }) => type === 'CorporateActionApplied')).toHaveLength(3);
    expect(made.records.filter(({ type }) => type === 'PositionAdjusted').length).toBeGreaterThan(0);
    const { divergence, datasetChanges } = await replayRun(options(made.runDir));
    expect([divergence, datasetChanges]).toEqual([undefined, []]);
  });

  it('says so when the actions of its dataset changed, and still replays, as they are on the tape', async () => {
    const moved = join(dir, 'moved');
    cpSync(made.datasetDir, moved, { recursive: true });
    const path = join(moved, 'manifest.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"cashMicros": 410000', '"cashMicros": 420000'));
    const { divergence, datasetChanges } = await replayRun({ ...options(made.runDir), datasetDir: moved });
    expect(divergence).toBeUndefined();
    expect(datasetChanges.map(({ file }) => file)).toContain('manifest.json');
  });

  it('explains a decision after them, on the new terms', async () => {
    const opened = made.records.filter(({ type }) => type === 'SessionOpened')[1]!;
    const first = made.records.find(({ type, seq }) => type === 'CycleDue' && seq > opened.seq)!;
    const cycle = first.payload.cycle as number;
    const explained = await explainDecision({ ...options(made.runDir), cycle, symbol: 'AAA' });
    const completed = made.records.find(
      ({ type, payload }) => type === 'CycleCompleted' && payload.cycle === cycle,
    )!;
    expect(explained.decision).toEqual((completed.payload.decisions as readonly unknown[])[0]);
  });
});
