import { cpSync, mkdirSync, readdirSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sessionOn } from '../../src/data/calendar.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { diffRuns, type RunDiff } from '../../src/research/diff-runs.ts';
import { identityChanges } from '../../src/research/identity-changes.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { useTempDir } from '../data/support.ts';
import { type MadeRun, makeRunFolder } from './run-folder.ts';

const temp = useTempDir();
const SCENARIO = { prediction: { standardizeMinSamples: 20, confidenceFloor: 0.15 }, cycle: { minutes: 2 } };
/** A half day, a cycle every two minutes: cycle c is due 2c minutes after the opening. */
const RUN = {
  synth: { symbols: 3, sessions: 1, from: '2024-07-03', signal: 0.6, seed: 5, spreadBps: 0.8 },
  scenario: SCENARIO,
};
const CYCLES = 104;
/** The cycle from which on the altered runs differ. */
const ALTERED = 70;

let base: MadeRun;

beforeAll(async () => {
  base = await make('base');
});

function make(name: string, over: Partial<Parameters<typeof makeRunFolder>[1]> = {}): Promise<MadeRun> {
  const dir = join(temp.path(), name);
  mkdirSync(dir);
  return makeRunFolder(dir, { ...RUN, ...over });
}

function diff(other: MadeRun): Promise<RunDiff> {
  return diffRuns({ a: base.runDir, b: other.runDir, datasetDir: undefined, progress: silentProgress });
}

/** Doubles what one model says of the second symbol, from a cycle on. */
function withOtherPredictions({ identity, inference, ...run }: SessionRun): SessionRun {
  return {
    ...run,
    identity,
    inference: {
      ...inference!,
      async infer(request) {
        const answer = await inference!.infer(request);
        if (request.cycle >= ALTERED) answer.values[1]! *= 2;
        return answer;
      },
    },
  };
}

describe('the difference of two runs', () => {
  it('is none where both are the same run', async () => {
    expect(await diff(await make('same'))).toEqual({
      changes: [],
      first: undefined,
      firstDecision: undefined,
      likelyCause: undefined,
      otherCauses: [],
      values: [],
      valuesMissing: undefined,
      cycles: CYCLES,
      cyclesDecidedDifferently: 0,
    });
  });

  it('is in the stage that a setting changes, with the setting, its values and what was decided otherwise', async () => {
    const other = await make('strict', { scenario: { ...SCENARIO, arbitration: { entryThresholdBps: 30 } } });
    const { first, firstDecision, likelyCause, changes, values, cyclesDecidedDifferently } =
      await diff(other);
    expect(first).toMatchObject({ cycle: 1, stage: 'arbitration' });
    expect(likelyCause).toBe('settings');
    expect(changes).toEqual([
      { kind: 'settings', key: 'settings.arbitration.entryThresholdBps', a: 0.25, b: 30 },
    ]);
    expect(values[0]).toEqual({
      symbols: ['AAA', 'BBB', 'CCC'],
      section: '3 arbitration',
      row: null,
      name: 'threshold',
      unit: 'bps',
      a: 0.25,
      b: 30,
    });
    expect(firstDecision?.a).not.toEqual(firstDecision?.b);
    expect(cyclesDecidedDifferently).toBeGreaterThan(0);
  });

  it('is in the cycle and the features that a changed price enters', async () => {
    const other = await make('price', {
      alterTable: (table) => {
        const endUs = sessionOn(table.session)!.openUs + 2 * ALTERED * 60e6;
        const row = table.endUs.findIndex((end, k) => Number(end) === endUs && table.symbolIx[k] === 1);
        for (const column of [table.closeE4, table.highE4]) column[row]! += 500;
      },
    });
    const { first, likelyCause, values } = await diff(other);
    expect(first).toMatchObject({ cycle: ALTERED, stage: 'features' });
    expect(likelyCause).toBe('data');
    expect(values[0]).toMatchObject({ symbols: ['BBB'], section: expect.stringContaining('features') });
  });

  it('is in the predictions where a model answers otherwise from the same features', async () => {
    const other = await make('model', {
      alterRun: (run) => {
        const [column, ...rest] = run.identity.layout.columns;
        const layout = {
          ...run.identity.layout,
          columns: [{ ...column!, modelSha256: 'f'.repeat(64) }, ...rest],
        };
        return withOtherPredictions({ ...run, identity: { ...run.identity, layout } });
      },
    });
    const { first, likelyCause, changes, values } = await diff(other);
    expect(first).toMatchObject({ cycle: ALTERED, stage: 'predictions' });
    expect(likelyCause).toBe('models');
    expect(changes.map(({ key }) => key)).toEqual([
      expect.stringMatching(/^layout\.columns\[.+\/.+\]\.modelSha256$/),
    ]);
    expect(values[0]).toMatchObject({ symbols: ['BBB'], section: '1 prediction', name: 'raw' });
    expect(values[0]!.b).toBe((values[0]!.a as number) * 2);
  });

  it('blames nothing that does not differ', async () => {
    const { first, likelyCause, changes } = await diff(
      await make('unexplained', { alterRun: withOtherPredictions }),
    );
    expect(first).toMatchObject({ cycle: ALTERED, stage: 'predictions' });
    expect(changes).toEqual([]);
    expect(likelyCause).toBeUndefined();
  });

  it('is at the exchange where only fills differ', async () => {
    const other = await make('fee', {
      scenario: { ...SCENARIO, broker: { source: 'simulated', fee: { kind: 'bps', bps: 4 } } },
    });
    const { first, likelyCause } = await diff(other);
    expect(first).toMatchObject({ stage: 'exchange', a: expect.stringContaining('feeMicros') });
    expect(likelyCause).toBe('settings');
  });

  it('says why values are missing where the market of a run is', async () => {
    const other = await make('gone', { scenario: { ...SCENARIO, arbitration: { entryThresholdBps: 30 } } });
    renameSync(other.datasetDir, `${other.datasetDir}-moved`);
    const { first, values, valuesMissing } = await diff(other);
    expect(first).toMatchObject({ cycle: 1, stage: 'arbitration' });
    expect(values).toEqual([]);
    expect(valuesMissing).toContain('--dataset');
  });

  it('is the end of the shorter run where they are alike up to there', async () => {
    const longer = await make('longer', { synth: { ...RUN.synth, sessions: 2 } });
    const { first, likelyCause, cyclesDecidedDifferently } = await diff(longer);
    expect(first).toMatchObject({ cycle: CYCLES, stage: 'session', seqA: null, a: 'nothing' });
    expect(likelyCause).toBe('sessions');
    expect(cyclesDecidedDifferently).toBe(0);
  });

  it('names the symbols left out, once, and other changes that could explain it as well', async () => {
    const other = await make('fewer', {
      synth: { ...RUN.synth, symbols: 2 },
      scenario: { ...SCENARIO, blending: { costPenalty: 0.4 } },
    });
    const { likelyCause, otherCauses, changes } = await diff(other);
    expect(likelyCause).toBe('symbols');
    expect(otherCauses).toContain('settings');
    expect(changes.filter(({ kind }) => kind === 'symbols').map(({ key }) => key)).toEqual([
      'layout.symbols',
    ]);
  });

  it('names the run whose tape is damaged', async () => {
    const torn = join(temp.path(), 'torn');
    cpSync(base.runDir, torn, { recursive: true });
    const name = readdirSync(join(torn, 'tape')).find((file) => file.endsWith('.jsonl'))!;
    truncateSync(join(torn, 'tape', name), 60_000);
    await expect(diff({ ...base, runDir: torn })).rejects.toThrow(join(torn, 'tape', name));
    truncateSync(join(torn, 'tape', name));
    await expect(diff({ ...base, runDir: torn })).rejects.toThrow(join(torn, 'tape', name));
  });
});

describe('what two runs started from differently', () => {
  it('is told by the name of a model or horizon, whatever stands before it', async () => {
    const identity = recordedIdentity(join(base.runDir, 'tape'));
    const [first, ...columns] = identity.layout.columns;
    const fewer = { ...identity, layout: { ...identity.layout, columns } };
    expect(columns.length).toBeGreaterThan(0);
    expect(identityChanges(identity, fewer)).toEqual([
      { kind: 'models', key: `layout.columns[${first!.id}]`, a: expect.anything(), b: null },
    ]);
    const turned = { ...identity, layout: { ...identity.layout, columns: [...columns, first!] } };
    expect(identityChanges(identity, turned)).not.toEqual([]);
  });
});
