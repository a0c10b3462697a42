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
  const ask = (runDir: string, verb: 'status' | 'kill') =>
    askEngine({ runDir, verb, why: 'a rehearsal', timeoutMs: 20_000, isEngineAlive: () => true }).then(
      (answer) => {
        answers.push(answer);
      },
    );
  const result = await runPaper({
    scenario: loadScenario({
      file: join(projectRoot, 'scenarios/quickstart.yaml'),
      overrides: [parseSetOption('data.to=2024-01-10', projectRoot)],
    }),
    outDir,
    progress: silentProgress,
    clock: wallClock,
    speed: 'max',
    onLine: (runDir) => {
      asked = ask(runDir, 'status').then(() => ask(runDir, 'kill'));
    },
  });
  await asked;
  const [status, killed] = answers;
  expect(status).toMatchObject({ ok: true, status: expect.anything() });
  if (killed?.ok !== true || !('recorded' in killed))
    throw new Error(`the kill was refused: ${JSON.stringify(killed)}`);
  const lines = [...readTape(runFolderAt(result.runDir).tapeDir)];
  const { record } = lines[killed.recorded.seq]!;
  expect(record).toMatchObject({
    type: 'OperatorCommanded',
    payload: { command: 'kill', why: 'a rehearsal' },
  });
  const later = lines.slice(killed.recorded.seq).filter(({ record: { type } }) => type === 'OrderIntended');
  expect(later).toEqual([]);
  const replay = await replayRun({ runDir: result.runDir, datasetDir: undefined, progress: silentProgress });
  expect([replay.divergence, replay.chainHead]).toEqual([undefined, result.chainHead]);
}, 120_000);
