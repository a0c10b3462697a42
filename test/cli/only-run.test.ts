import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { runLiveCommand } from '../../src/cli/live-run.ts';
import { expectOnlyRun } from '../../src/cli/only-run.ts';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { lockTape } from '../../src/tape/tape-lock.ts';
import { projectRoot } from '../live/live-day.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

function given(): string {
  const runs = mkdtempSync(join(tmpdir(), 'sametape-only-'));
  closers.push(() => rmSync(runs, { recursive: true }));
  return runs;
}

/** Another process begins a run. */
function begins(runs: string, entry: string): void {
  const tapeDir = join(runs, entry, 'tape');
  mkdirSync(tapeDir, { recursive: true });
  const lock = lockTape(tapeDir);
  closers.push(() => lock.release());
}

it('another scenario, or another folder of any name, may have a writer', () => {
  const runs = given();
  expect(() => expectOnlyRun(join(runs, 'none'), 'quickstart')).not.toThrow();
  begins(runs, 'quickstart-live-0123456789ab');
  begins(runs, 'quickstart-notes');
  expect(() => expectOnlyRun(runs, 'quickstart')).not.toThrow();
  begins(runs, 'quickstart-0123456789ab');
  expect(() => expectOnlyRun(runs, 'quickstart')).toThrow(
    /began to trade quickstart meanwhile; nothing was sent/,
  );
});

it('a run that another began while its operator was asked does not begin', async () => {
  const runs = given();
  const scenario = loadScenario({
    file: join(projectRoot, 'scenarios/quickstart.yaml'),
    overrides: ['data.source=simulated', 'data.warmupSessions=0'].map((text) =>
      parseSetOption(text, projectRoot),
    ),
  });
  await expect(
    runLiveCommand({
      ...{ scenario, kind: 'live', out: runs, speed: 1, sessions: 1, json: true },
      confirm: async () => begins(runs, 'quickstart-0123456789ab'),
    }),
  ).rejects.toMatchObject({ code: 'LIVE_RUNS_ALREADY' });
});
