import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot, scratch } from '../live/live-day.ts';
import { sametape } from './sametape.ts';

const dir = scratch('runs');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly problem: string | null;
}

let runDir = '';
let name = '';

beforeAll(async () => {
  const file = join(projectRoot, 'scenarios/quickstart.yaml');
  const limited = ['--set', 'data.to=2024-01-10', '--set', 'models={runRoot: null}'];
  const { stdout } = await sametape(['run', file, ...limited, '--out', join(dir, 'runs'), '--json']);
  ({ runDir } = JSON.parse(stdout) as { runDir: string });
  name = runDir.slice(dir.length + '/runs/'.length);
});

/** A folder with a copy of the run, changed. */
async function listedWith(label: string, change: (copy: string) => void): Promise<Listed> {
  const folder = join(dir, label);
  cpSync(runDir, join(folder, name), { recursive: true });
  change(join(folder, name));
  const { stdout, code } = await sametape(['runs', folder, '--json']);
  expect(code).toBe(0);
  const { runs } = JSON.parse(stdout) as { readonly runs: readonly Listed[] };
  expect(runs.length).toBe(1);
  return runs[0]!;
}

it('lists a run with what its summary says', async () => {
  mkdirSync(join(dir, 'runs', 'no-run'));
  const { stdout } = await sametape(['runs', join(dir, 'runs'), '--json']);
  const summary = JSON.parse(readFileSync(join(runDir, 'summary.json'), 'utf8'));
  const { runId, decisionHead, cycles, fills } = summary;
  const listed = { name, state: 'ended', mode: 'backtest', firstSession: '2024-01-10', forkOf: null };
  expect(JSON.parse(stdout).runs).toMatchObject([{ ...listed, runId, decisionHead, cycles, fills, pnl: 0 }]);
  const text = await sametape(['runs', join(dir, 'runs')]);
  expect(text.stdout).toMatch(new RegExp(`${name} +backtest +2024-01-10 +ended +\\$0.00`));
});

it('says what is partial, unreadable, or has no result it can vouch for', async () => {
  const partial = await listedWith('partial', (copy) => rmSync(join(copy, 'tape', 'head.json')));
  expect(partial).toMatchObject({ state: 'partial', problem: null, pnl: null });
  const damaged = await listedWith('damaged', (copy) => {
    writeFileSync(join(copy, 'tape', '000001.jsonl'), '{"chain":"no"}\n');
  });
  expect(damaged).toMatchObject({ state: 'unreadable', runId: null });
  const without = await listedWith('without', (copy) => rmSync(join(copy, 'summary.json')));
  expect(without).toMatchObject({ state: 'ended', problem: 'summary.json: no such file', pnl: null });
  const foreign = await listedWith('foreign', (copy) => {
    const file = join(copy, 'summary.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"runId": ".{4}/, '"runId": "ffff'));
  });
  expect(foreign).toMatchObject({ problem: 'summary.json: is that of another run', pnl: null });
});

it('prints no control character of the name of a folder', async () => {
  const folder = join(dir, 'named');
  const wild = 'a\u001b[31m\nb\u202ec';
  mkdirSync(join(folder, wild, 'tape'), { recursive: true });
  const { stdout } = await sametape(['runs', folder]);
  expect(stdout.split('\n').slice(1, 4)).toEqual([
    expect.stringMatching(/^a\ufffd\[31m\ufffdb\ufffdc +unreadable$/),
    '',
    expect.stringMatching(/^a\ufffd\[31m\ufffdb\ufffdc: /),
  ]);
  const json = await sametape(['runs', folder, '--json']);
  expect(JSON.parse(json.stdout).runs).toMatchObject([{ name: wild }]);
});

it('refuses a folder that is not there in one line', async () => {
  const { code, stderr, stdout } = await sametape(['runs', join(dir, 'nowhere')]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/nowhere: no such folder; name one that holds runs\n$/);
});
