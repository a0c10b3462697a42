import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runInWorkers } from '../../src/research/sweep-workers.ts';

it('tells of no end after it failed to take one in: the trials that were going on did not end', async () => {
  // given: two workers, whose trials fail for want of a scenario
  const scenarioFile = join(import.meta.dirname, 'no-such-scenario.yaml');
  const ended: [number, string | null][] = [];
  const running = runInWorkers([1, 2], {
    jobs: 2,
    scenarioFile,
    taskOf: () => ({ spec: { scenarioFile, set: [], axes: [] }, values: [], outDir: import.meta.dirname }),
    onProgress: () => undefined,
    onEnd: (item, failure) => {
      ended.push([item, failure]);
      throw new Error('the disk is full');
    },
  });
  // when
  await expect(running).rejects.toThrow('the disk is full');
  await new Promise((resolve) => setTimeout(resolve, 200));
  // then
  expect(ended).toEqual([[expect.any(Number), expect.stringMatching(/no-such-scenario.yaml: no such file/)]]);
});
