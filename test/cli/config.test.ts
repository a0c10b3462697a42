import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, sametape } from './sametape.ts';

const PLANTED = 'pl4nted-v4lue';
const ENV = { TEST_BROKER_SECRET: PLANTED };
const SCENARIO = `name: small
data: { dataset: data }
cycle: { minutes: 30 }
broker: { credentials: { secretKey: "\${env:TEST_BROKER_SECRET}" } }
`;
const SYNTH = ['data', 'synth', '--out', 'data', '--symbols', 'AAA', '--sessions', '1', '--seed', '3'];
let folder: string;
let runDir: string;
const outputs: Ended[] = [];

async function run(...args: string[]): Promise<Ended> {
  const ended = await sametape(args, { cwd: folder, env: ENV });
  outputs.push(ended);
  return ended;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sametape-config-cli-'));
  writeFileSync(join(folder, 's.yaml'), SCENARIO);
  await run(...SYNTH);
  const ended = await run('run', 's.yaml', '--json');
  expect(ended.code, ended.stderr).toBe(0);
  runDir = JSON.parse(ended.stdout).runDir;
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('sametape config diff', () => {
  it('ends with 0 for a scenario and the run made from it', async () => {
    expect(await run('config', 'diff', 's.yaml', runDir)).toMatchObject({
      code: 0,
      stdout: 'the same settings\n',
    });
  });

  it('ends with 1 and lists keys, values and places where they differ', async () => {
    const ended = await run('config', 'diff', 's.yaml', runDir, '--set', 'sizing.band=0.01', '--json');
    expect(ended.code, ended.stderr).toBe(1);
    const { same, differences } = JSON.parse(ended.stdout);
    expect(same).toBe(false);
    expect(differences).toEqual([
      {
        key: 'sizing.band',
        a: { value: 0.01, from: '--set sizing.band=0.01' },
        b: { value: 0.008, from: expect.stringMatching(/small-[0-9a-f]{12}\/scenario\.yaml:\d+:9$/) },
      },
    ]);
    const text = await run('config', 'diff', 's.yaml');
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/^cycle\.minutes +30 +s\.yaml:3:19 +1 +default$/m);
  });

  it('ends with 2 for --set on what it could not change', async () => {
    const set = ['--set', 'sizing.band=0.01'];
    expect(await run('config', 'diff', 'defaults', 's.yaml', ...set)).toMatchObject({
      code: 2,
      stderr:
        'sametape: --set: changes a scenario file given first, and defaults is not a file; name the scenario file first\n',
    });
    const onRun = await run('config', 'diff', runDir, ...set);
    expect(onRun.code).toBe(2);
    expect(onRun.stderr).toContain('is a run, whose settings are those it was made with');
  });

  it('ends with 2 for what is no scenario, and for a run whose scenario was changed', async () => {
    expect(await run('config', 'diff', 's.yaml', 'gone.yaml')).toMatchObject({
      code: 2,
      stderr: 'sametape: gone.yaml: no such file; give the path of a scenario .yaml file\n',
    });
    const file = join(runDir, 'scenario.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('band: 0.008', 'band: 0.009'));
    const changed = await run('config', 'diff', 's.yaml', runDir);
    writeFileSync(file, text);
    expect(changed.code).toBe(2);
    expect(changed.stderr).toContain('scenario.yaml: does not give the settings recorded on the tape');
  });
});

describe('the value of a secret', () => {
  it('is in nothing that any command prints and in no file of the run', async () => {
    await run('config', 'show', 's.yaml');
    await run('config', 'show', 's.yaml', '--json');
    const validated = await run('config', 'validate', 's.yaml', '--secrets');
    expect(validated.code, validated.stderr).toBe(0);
    await run('replay', runDir);
    await run('verify', runDir);
    await run('config', 'show', 's.yaml', '--set', `broker.credentials.secretKey=${PLANTED}`);
    writeFileSync(join(folder, 'bad.yaml'), SCENARIO.replace(/"\$.*"/, `"${PLANTED}"`));
    const bad = await sametape(['run', 'bad.yaml'], {
      cwd: folder,
      env: { ...ENV, SAMETAPE_DEBUG: '1' },
    });
    expect(bad.stderr).toContain('found a value that is not shown');
    for (const { stdout, stderr } of [...outputs, bad]) expect(stdout + stderr).not.toContain(PLANTED);
    const files = readdirSync(join(folder, 'runs'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(4);
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name), 'latin1'), name).not.toContain(PLANTED);
    }
  });

  it('that is not set is named with its variable', async () => {
    const ended = await sametape(['config', 'validate', 's.yaml', '--secrets'], { cwd: folder });
    expect(ended).toMatchObject({
      code: 2,
      stderr:
        'sametape: broker.credentials.secretKey: the environment variable TEST_BROKER_SECRET is not set; set it to the secret\n',
    });
  });
});
