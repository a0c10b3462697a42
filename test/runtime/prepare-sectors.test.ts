import { writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { prepareRun } from '../../src/modes/prepare.ts';
import { useTempDir } from '../data/support.ts';

const temp = useTempDir();

beforeAll(async () => {
  await synthDataset({ dir: temp.path('dataset'), options: { symbols: ['AAA', 'BBB'], sessions: 1 } });
});

function prepare(sectors: string) {
  const file = temp.path('sectors.yaml');
  writeFileSync(
    file,
    `name: s\ndata: { dataset: ./dataset }\nrisk: { maxSector: 0.3, sectors: ${sectors} }\n`,
  );
  return prepareRun(loadScenario({ file }));
}

it('refuses a universe with a symbol in no sector, and takes sectors that know more symbols than it', async () => {
  await expect(prepare('{ metals: [AAA] }')).rejects.toMatchObject({
    code: 'SECTOR_MISSING',
    message: 'risk.sectors: BBB of ./dataset is in no sector; list every symbol that is traded',
  });
  const { identity } = await prepare('{ metals: [AAA, ZZZ], energy: [BBB] }');
  expect(identity.settings.risk.sectors.map(({ name }) => name)).toEqual(['energy', 'metals']);
});
