import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOptions } from '../../src/config/overrides.ts';
import { type PreparedRun, prepareRun } from '../../src/modes/prepare.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, replay } from '../research/tapes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'sametape-discovery-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function prepare(...sets: readonly string[]): Promise<PreparedRun> {
  const prepared = await prepareRun(
    loadScenario({
      file: join(root, 'scenarios/quickstart.yaml'),
      overrides: parseSetOptions(sets, root),
    }),
  );
  await prepared.inference?.close();
  return prepared;
}

describe('a scenario that leaves its horizons to be discovered', () => {
  it('has those of the run root, with one value of every setting a horizon, and says so on the tape', async () => {
    const { identity, discoveries } = await prepare('horizons=discover');
    expect(identity.horizons.map(({ label }) => label)).toEqual(['5m', '15m']);
    expect(identity.settings.prediction.freshnessTauSeconds).toEqual({ '5m': 150, '15m': 450 });
    expect(identity).toEqual((await prepare()).identity);
    expect(discoveries).toEqual([
      {
        type: 'HorizonsDiscovered',
        horizons: ['5m', '15m'],
        targets: ['ret_15m', 'ret_5m', 'will_peak_5m', 'will_valley_5m'],
      },
    ]);
  });

  it('finds fewer when families are excluded, and refuses a value given to a horizon that is not there', async () => {
    const { identity } = await prepare('horizons=discover', 'models.families=[Conv1D]');
    expect(identity.horizons.map(({ label }) => label)).toEqual(['5m']);
    await expect(prepare('horizons=discover', 'blending.temperature={7m: 1}')).rejects.toMatchObject({
      code: 'HORIZON_UNKNOWN',
      message: expect.stringContaining('blending.temperature: 7m is not one of the horizons found'),
    });
  });
});

describe('what was found outside before the first session', () => {
  it('is on the tape behind RunStarted, and a replay passes it through', async () => {
    const run = syntheticRun({ synth: { symbols: 2, sessions: 1, from: '2024-07-03', seed: 4 } });
    const tape = memoryTape({ keepRecords: true });
    await runSessions({
      ...run,
      tape,
      discoveries: [
        { type: 'HorizonsDiscovered', horizons: ['5m'], targets: ['ret_5m'] },
        { type: 'ArtifactWarned', code: 'MODEL_CHECKSUM_MISMATCH', file: 'targets/x', detail: 'odd' },
      ],
    });
    expect(tape.records.slice(0, 4).map(({ type }) => type)).toEqual([
      'RunStarted',
      'HorizonsDiscovered',
      'ArtifactWarned',
      'SessionOpened',
    ]);
    expect(await replay(tape.records, datasetOf(run))).toMatchObject({
      divergence: undefined,
      chainHead: tape.head,
    });
  });

  it('names a model that is not the one its metadata says, outside strict mode, by its path in the run root', async () => {
    const copy = join(scratch, 'models');
    cpSync(join(root, 'datasets/quickstart-models'), copy, { recursive: true });
    const folder = 'targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge';
    const metaFile = join(copy, folder, 'model_meta.json');
    const meta = JSON.parse(readFileSync(metaFile, 'utf8')) as object;
    writeFileSync(metaFile, JSON.stringify({ ...meta, model_checksum: '0'.repeat(64) }));
    const { discoveries } = await prepare(`models.runRoot=${copy}`, 'strict=false');
    expect(discoveries).toEqual([
      {
        type: 'ArtifactWarned',
        code: 'MODEL_CHECKSUM_MISMATCH',
        file: `${folder}/model.onnx`,
        detail: expect.stringMatching(/^sha256 [0-9a-f]{64}, expected 0{64}/),
      },
    ]);
    await expect(prepare(`models.runRoot=${copy}`)).rejects.toMatchObject({
      code: 'MODEL_CHECKSUM_MISMATCH',
    });
  });
});
