import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { prepareRun } from '../../src/modes/prepare.ts';
import { useTempDir } from '../data/support.ts';

const temp = useTempDir();

it('refuses a cycle as long as every session of the run, here half a day of 210 minutes', async () => {
  const options = { symbols: ['AAA'], from: '2024-07-03', sessions: 2 } as const;
  await synthDataset({ dir: temp.path('dataset'), options });
  const prepare = (minutes: number, to: string) => {
    const file = temp.path('cycles.yaml');
    const prediction = 'prediction: { standardizeMinSamples: 10 }';
    writeFileSync(
      file,
      `name: s\ndata: { dataset: ./dataset, to: ${to} }\ncycle: { minutes: ${minutes} }\n${prediction}\n`,
    );
    return prepareRun(loadScenario({ file }));
  };
  await expect(prepare(210, '2024-07-03')).rejects.toMatchObject({
    code: 'CYCLES_NONE',
    message: expect.stringMatching(/^cycle\.minutes: 210 is no shorter than any session of the run/),
  });
  expect((await prepare(209, '2024-07-03')).sessions).toHaveLength(1);
  expect((await prepare(210, '2024-07-05')).sessions).toHaveLength(2);
});
