import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, sametape } from './sametape.ts';

const SYNTH = ['data', 'synth', '--out', 'data', '--symbols', 'AAA,BBB', '--sessions', '1', '--seed', '3'];
let folder: string;
let json: Ended;
let text: Ended;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sametape-run-'));
  writeFileSync(join(folder, 's.yaml'), 'name: small\ndata: { dataset: data }\ncycle: { minutes: 5 }\n');
  const synth = await sametape(SYNTH, { cwd: folder });
  expect(synth.code, synth.stderr).toBe(0);
  json = await sametape(['run', 's.yaml', '--json'], { cwd: folder });
  text = await sametape(['run', 's.yaml', '--out', 'other'], { cwd: folder });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('sametape run', () => {
  it('prints exactly one JSON object with the promised keys', () => {
    expect(json.code, json.stderr).toBe(0);
    expect(json.stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = JSON.parse(json.stdout);
    expect(Object.keys(result)).toEqual([
      ...['runId', 'runDir', 'chainHead', 'decisionHead', 'cycles', 'decisions', 'orders', 'fills'],
      ...['finalEquity', 'maxDrawdown', 'wallSeconds', 'cyclesPerSecond'],
    ]);
    expect(result.runId).toMatch(/^[0-9a-f]{64}$/);
    expect(result.chainHead).toMatch(/^[0-9a-f]{64}$/);
    expect(result).toMatchObject({ cycles: 77, finalEquity: 1_000_000, maxDrawdown: 0, orders: 0 });
    expect(Object.values<number>(result.decisions).reduce((sum, n) => sum + n, 0)).toBe(2 * 77);
  });

  it('makes the run folder in runs/ of the current directory, or where --out says', () => {
    expect(existsSync(JSON.parse(json.stdout).runDir)).toBe(true);
    expect(readdirSync(join(folder, 'runs'))).toEqual(readdirSync(join(folder, 'other')));
  });

  it('ends with the path of the run, after the same chain head, in a pipe without progress', () => {
    expect(text.code, text.stderr).toBe(0);
    const lines = text.stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^run +other\/small-[0-9a-f]{12}$/);
    expect(text.stdout).toContain(JSON.parse(json.stdout).chainHead);
    expect(text.stderr).not.toMatch(/ETA|\r/);
  });

  it('says on stderr that it made no predictions without models', () => {
    expect(json.stderr).toMatch(/^sametape: warning: limited mode: .*\n$/);
  });

  it.each([
    ['--cache', 'kept'],
    ['--cache-mib', '64'],
  ])('refuses %s with --resume, which uses none', async (...cache) => {
    const refused = await sametape(['run', 's.yaml', '--resume', ...cache], { cwd: folder });
    expect(refused.stderr).toMatch(new RegExp(`^sametape: ${cache[0]}: --resume uses no cache`));
    expect(refused.code).toBe(2);
  });

  it('takes --resume without a cache, and --no-cache too', async () => {
    const resumed = await sametape(['run', 's.yaml', '--resume', '--no-cache', '--json'], { cwd: folder });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout).chainHead).toBe(JSON.parse(json.stdout).chainHead);
  });
});
