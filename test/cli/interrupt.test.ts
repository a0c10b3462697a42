import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { type Ended, launcher, projectRoot, sametape } from './sametape.ts';

const folder = mkdtempSync(join(tmpdir(), 'sametape-interrupt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const scenario = join(projectRoot, 'scenarios', 'quickstart.yaml');
const DAY = ['--set', 'data.to=2024-01-10', '--out', 'runs'];

function leftIn(runs: string): string[] {
  return existsSync(runs) ? readdirSync(runs) : [];
}

/** Presses Ctrl-C once the run lies in its folder, or has said something. */
async function interrupted(args: readonly string[], after?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const deadline = performance.now() + 30_000;
  const isTime = (): boolean => after?.test(said.stderr) ?? leftIn(join(folder, 'runs')).length > 0;
  while (!isTime() && performance.now() < deadline) await sleep(2);
  child.kill('SIGINT');
  return { code: await ended, ...said };
}

it('Ctrl-C in a backtest says what is left in one line, and --resume goes on with it', async () => {
  const { code, stdout, stderr } = await interrupted(['run', scenario, ...DAY, '--no-cache']);
  expect(stderr).toMatch(
    /^sametape: interrupted: the run is partial, in runs\/quickstart-\w{12}\.partial; the same command with --resume goes on with it\n$/,
  );
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  const [partial = ''] = leftIn(join(folder, 'runs'));
  const resumed = await sametape(['run', scenario, ...DAY, '--resume'], { cwd: folder });
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(leftIn(join(folder, 'runs'))).toEqual([partial.replace('.partial', '')]);
  rmSync(join(folder, 'runs'), { recursive: true });
});

it('Ctrl-C on paper over a dataset says that it is played anew', async () => {
  const { code, stderr } = await interrupted(['paper', scenario, ...DAY, '--json']);
  expect(code).toBe(130);
  expect(stderr).toMatch(
    /^sametape: interrupted: the run is partial, in .+; the same command plays it anew\n$/,
  );
});

it('Ctrl-C on paper tells of the alerts that are open, on the terminal and in their file', async () => {
  rmSync(join(folder, 'runs'), { recursive: true });
  const watched = join(folder, 'watched.yaml');
  const kill = '{ kind: operator, session: 2024-01-10, minute: 2, command: kill, why: rehearsal }';
  writeFileSync(watched, `extends: ${scenario}\nalerts: { enabled: true }\nincidents: [${kill}]\n`);
  const { code, stderr } = await interrupted(
    ['paper', watched, ...DAY, '--speed', '600'],
    /alert CRITICAL: killSwitchTripped/,
  );
  expect(code).toBe(130);
  expect(stderr).toMatch(/sametape: interrupted: .+\nsametape: alert still open: killSwitchTripped operator/);
  const [partial = ''] = leftIn(join(folder, 'runs'));
  const told = readFileSync(join(folder, 'runs', partial, 'state', 'alerts.jsonl'), 'utf8');
  expect(told).toMatch(/\{"kind":"open","rule":"killSwitchTripped".+\n$/);
});
