import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRecordedScenario } from '../../src/research/recorded-scenario.ts';
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

  it('ends with 2 for what is no scenario', async () => {
    expect(await run('config', 'diff', 's.yaml', 'gone.yaml')).toMatchObject({
      code: 2,
      stderr: 'sametape: gone.yaml: no such file; give the path of a scenario .yaml file\n',
    });
  });

  it.each([
    ['settings', 'band: 0.008', 'band: 0.009'],
    ['symbols', 'dataset: ../../data', 'dataset: ../../data\n  symbols: [AAA, BBB]'],
    ['sessions', 'dataset: ../../data', 'dataset: ../../data\n  to: "2024-01-01"'],
    ['sessions', 'dataset: ../../data', 'dataset: ../../data\n  from: "2024-01-03"'],
    ['incidents', 'heartbeatMinutes: 0', 'heartbeatMinutes: 30'],
  ])('refuses a run whose scenario was changed in its %s', async (what, from, to) => {
    const file = join(runDir, 'scenario.yaml');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
    const changed = loadRecordedScenario(runDir);
    await expect(changed).rejects.toThrow(`scenario.yaml: does not give the ${what} recorded on the tape`);
    writeFileSync(file, text);
    await expect(loadRecordedScenario(runDir)).resolves.toMatchObject({ name: 'small' });
  });

  it('takes the horizons that a run discovered from its tape', async () => {
    const quickstart = fileURLToPath(new URL('../../scenarios/quickstart.yaml', import.meta.url));
    const sets = ['horizons=discover', 'cycle.minutes=39', 'data.to=2024-01-10'].flatMap((set) => [
      '--set',
      set,
    ]);
    const made = await run('run', quickstart, ...sets, '--no-cache', '--json');
    expect(made.code, made.stderr).toBe(0);
    const discovered = JSON.parse(made.stdout).runDir;
    expect(await run('config', 'diff', quickstart, discovered, ...sets)).toMatchObject({
      code: 0,
      stdout: 'the same settings\n',
      stderr: '',
    });
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
