import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { runPaper } from '../../src/modes/paper.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { askEngine } from '../../src/sources/operator-client.ts';
import type { CtlAnswer } from '../../src/sources/operator-protocol.ts';
import { wallClock } from '../../src/sources/wall-clock.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { projectRoot, scratch } from './live-day.ts';

const outDir = scratch('paper-line');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

it('an operator reaches a paper run that plays a dataset at full speed, and the run replays with what was said', async () => {
  const answers: CtlAnswer[] = [];
  let asked: Promise<void> | undefined;
  const ask = async (runDir: string, verb: 'status' | 'kill' | 'tighten', value = 0) => {
    const tightening = { limit: 'maxGross', value } as const;
    const options = { runDir, verb, why: 'a rehearsal', timeoutMs: 20_000, isEngineAlive: () => true };
    answers.push(await askEngine(verb === 'tighten' ? { ...options, tightening } : options));
  };
  const result = await runPaper({
    scenario: loadScenario({
      file: join(projectRoot, 'scenarios/quickstart.yaml'),
      overrides: [parseSetOption('data.to=2024-01-12', projectRoot)],
    }),
    outDir,
    progress: silentProgress,
    clock: wallClock,
    speed: 'max',
    onLine: (runDir) => {
      asked = ask(runDir, 'status')
        .then(() => ask(runDir, 'tighten', 0.2))
        .then(() => Promise.all([ask(runDir, 'tighten', 0.3), ask(runDir, 'kill')]))
        .then(() => undefined);
    },
  });
  await asked;
  const [status, tightened, ...others] = answers;
  const killed = others.find(({ ok }) => ok);
  const loosened = others.find(({ ok }) => !ok);
  expect(status).toMatchObject({ ok: true, status: expect.anything() });
  if (killed?.ok !== true || !('recorded' in killed))
    throw new Error(`the kill was refused: ${JSON.stringify(killed)}`);
  const lines = [...readTape(runFolderAt(result.runDir).tapeDir)];
  const { record } = lines[killed.recorded.seq]!;
  expect(record).toMatchObject({
    type: 'OperatorCommanded',
    payload: { command: 'kill', why: 'a rehearsal' },
  });
  if (tightened?.ok !== true || !('recorded' in tightened)) throw new Error(JSON.stringify(tightened));
  expect(lines[tightened.recorded.seq]!.record).toMatchObject({
    type: 'ConfigChanged',
    payload: { limit: 'maxGross', value: 0.2, why: 'a rehearsal' },
  });
  expect(loosened).toMatchObject({ ok: false, code: 'CTL_REFUSED' });
  expect(JSON.stringify(loosened)).toContain('risk.maxGross is 0.2; a running engine takes only a smaller');
  const later = lines.slice(killed.recorded.seq).flatMap(({ record: { type, payload } }) => {
    return type === 'OrderIntended' ? [(payload.order as { readonly purpose: string }).purpose] : [];
  });
  expect(later.filter((purpose) => purpose === 'open' || purpose === 'increase')).toEqual([]);
  const replay = await replayRun({ runDir: result.runDir, datasetDir: undefined, progress: silentProgress });
  expect([replay.divergence, replay.chainHead]).toEqual([undefined, result.chainHead]);
}, 120_000);
