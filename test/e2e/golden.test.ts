import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  failsWith,
  folderDigests,
  projectRoot,
  quickstart,
  sametape,
  succeeds,
  useTempFolder,
} from './as-user.ts';

const temp = useTempFolder();
const RIDGE = 'targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge';
/** One day of two-minute cycles: a golden file of its own, quick to check, that trades all the same. */
const SMALL = [quickstart, '--set', 'data.to=2024-01-10', '--set', 'cycle.minutes=2'];
const REASON = 'one day of two-minute cycles';

interface CycleLine {
  /** Cycle, and its decisions other than HOLD by symbol. */
  readonly c: number;
  readonly d: Readonly<Record<string, { readonly side?: string }>>;
}

beforeAll(async () => {
  await succeeds(['golden', 'update', ...SMALL, '--golden', temp('golden'), '--reason', REASON]);
});

/** A copy of the small golden files, to break. */
function copyGolden(name: string): string {
  cpSync(temp('golden'), temp(name), { recursive: true });
  return temp(name);
}

/** A copy of the quickstart's models, to break. */
function copyModels(name: string): string {
  cpSync(join(projectRoot, 'datasets/quickstart-models'), temp(name), { recursive: true });
  return temp(name);
}

function cyclesOf(dir: string): CycleLine[] {
  const lines = readFileSync(join(dir, 'quickstart.cycles.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as CycleLine);
}

/** A check that must find a difference: exit 1, the difference on stdout, one line on stderr. */
async function differs(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sametape(['golden', 'check', ...SMALL, ...args]);
  expect(stderr).toMatch(/^sametape: 1 of 1 scenarios differ from their golden files; [^\n]+\n$/);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^FAILED {2}quickstart: decision head (expected [0-9a-f]{64}, found [0-9a-f]{64}|[0-9a-f]{64} as pinned, but not all else)\n/,
  );
  return stdout;
}

describe.concurrent('sametape golden check', () => {
  it('passes on what is committed, and changes nothing', async () => {
    const golden = join(projectRoot, 'golden');
    const before = folderDigests(golden);
    const stdout = await succeeds(['golden', 'check', 'scenarios/quickstart.yaml']);
    const { decisionHead } = JSON.parse(readFileSync(join(golden, 'quickstart.json'), 'utf8'));
    expect(stdout).toMatch(
      new RegExp(`^ok {6}quickstart: decision head ${decisionHead}; live inference .+\\n$`),
    );
    expect(folderDigests(golden)).toEqual(before);
  });

  it('names cycle and decision when one decision in the golden file is another', async () => {
    const dir = copyGolden('one-decision');
    const cycles = cyclesOf(dir);
    const at = cycles.findIndex(({ c, d }) => c > 120 && Object.values(d).some(({ side }) => side === 'buy'));
    const { c, d } = cycles[at];
    const [symbol, decision] = Object.entries(d).find(([, { side }]) => side === 'buy') ?? ['', {}];
    const changed = { ...cycles[at], d: { ...d, [symbol]: { ...decision, side: 'sell' } } };
    const lines = cycles.map((line, k) => JSON.stringify(k === at ? changed : line));
    writeFileSync(join(dir, 'quickstart.cycles.jsonl'), `${lines.join('\n')}\n`);

    const stdout = await differs(['--golden', dir]);
    expect(stdout).toContain(`\n        first divergent cycle ${c}, stage decisions\n`);
    expect(stdout).toMatch(new RegExp(`\n +${symbol} before \\{[^\n]*"side":"sell"`));
    expect(stdout).toMatch(new RegExp(`\n +${symbol} after {2}\\{[^\n]*"side":"buy"`));
  });

  it('names the first cycle and stage that another setting moves, with the decisions before and after', async () => {
    const stdout = await differs(['--golden', temp('golden'), '--set', 'gating.maxSpreadBps=0.9']);
    const [, cycle, stage] = /first divergent cycle (\d+), stage (\w+)/.exec(stdout) ?? [];
    expect(stage).toBe('gating');
    const golden = cyclesOf(temp('golden')).find(({ c }) => c === Number(cycle));
    const [, symbol = '', before = ''] = /\n +(\w+) before (\{.*\})\n/.exec(stdout) ?? [];
    expect(JSON.parse(before)).toEqual(golden?.d[symbol]);
    expect(stdout).toMatch(new RegExp(`\n +${symbol} after {2}\\{"kind":"BLOCKED".*"spread_too_wide"`));
    expect(stdout).not.toContain('changed:');
  });

  it('goes on from numbers that moved to the first decisions that did, and says in which cycle', async () => {
    const set = ['--golden', temp('golden'), '--set', 'arbitration.entryThresholdBps=1.3'];
    const stdout = await differs(set);
    expect(stdout).toMatch(/first divergent cycle 1, stage arbitration\n/);
    const shown =
      /\n +first decisions that differ: cycle (\d+)\n +(\w+) before (\{.*\})\n +\w+ after {2}(.+)\n/;
    const [, cycle, symbol = '', before = '', after] = shown.exec(stdout) ?? [];
    const golden = cyclesOf(temp('golden'));
    expect(JSON.parse(before)).toEqual(golden.find(({ c }) => c === Number(cycle))?.d[symbol]);
    expect(after).toBe('HOLD');
  });

  it('stops at a model file that is not the one its metadata names', async () => {
    const models = copyModels('other-bytes');
    const other = join(projectRoot, 'datasets/real-2013-10-models', RIDGE, 'model.onnx');
    cpSync(other, join(models, RIDGE, 'model.onnx'));
    const line = await failsWith(2, ['golden', 'check', ...SMALL, '--set', `models.runRoot=${models}`]);
    expect(line).toContain(join(models, RIDGE, 'model.onnx'));
    expect(line).toMatch(
      /sha256 [0-9a-f]{64}, expected [0-9a-f]{64} \(model_meta\.json, field model_checksum\)/,
    );
  });

  it('names the model that is another one, whole with its metadata', async () => {
    const models = copyModels('other-model');
    rmSync(join(models, RIDGE), { recursive: true });
    const other = join(projectRoot, 'datasets/real-2013-10-models', RIDGE);
    cpSync(other, join(models, RIDGE), { recursive: true });
    const stdout = await differs(['--golden', temp('golden'), '--set', `models.runRoot=${models}`]);
    expect(stdout).toContain('\n        changed: model ret_5m/CROSS_SECTIONAL/Ridge\n');
    expect(stdout).toMatch(/first divergent cycle \d+, stage prediction\n/);
  });

  it('refuses recorded predictions with one bit flipped', async () => {
    const dir = copyGolden('predictions');
    const file = join(dir, 'quickstart.predictions.arrow');
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    const line = await failsWith(2, ['golden', 'check', ...SMALL, '--golden', dir]);
    expect(line).toContain(`${file}: it is damaged or incomplete (its checksum does not match)`);
  });

  it('holds the sums over the run, which no cycle has', async () => {
    const dir = copyGolden('totals');
    const file = join(dir, 'quickstart.json');
    const golden = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...golden, finalEquity: golden.finalEquity + 0.01 }));
    const stdout = await differs(['--golden', dir]);
    expect(stdout).toContain('as pinned, but not all else');
    expect(stdout).toContain(
      `finalEquity expected ${golden.finalEquity + 0.01}, found ${golden.finalEquity}`,
    );
  });

  it('leaves no golden file out because its scenario is gone', async () => {
    const dir = copyGolden('orphan');
    writeFileSync(join(dir, 'renamed.json'), '{}');
    const line = await failsWith(2, ['golden', 'check', '--golden', dir]);
    expect(line).toContain('renamed.json: its scenario scenarios/renamed.yaml is not there');
  });

  it('goes on after a scenario that cannot be checked, and tells all at the end', async () => {
    const args = ['golden', 'check', 'gone.yaml', ...SMALL, '--golden', temp('golden')];
    const { code, stdout, stderr } = await sametape(args);
    expect(stdout).toMatch(/^ERROR {3}gone\.yaml: [^\n]+\nok {6}quickstart: [^\n]+\n$/);
    expect(stderr).toBe('sametape: not checked: gone.yaml\n');
    expect(code).toBe(1);
    const none = await sametape(['golden', 'check', 'gone.yaml', 'lost.yaml', '--json']);
    expect(none).toMatchObject({ code: 1, stderr: 'sametape: not checked: gone.yaml, lost.yaml\n' });
    expect(JSON.parse(none.stdout)).toMatchObject({
      ok: false,
      checks: [],
      unchecked: [{ scenarioFile: 'gone.yaml' }, { scenarioFile: 'lost.yaml' }],
    });
  });

  it('says what to do when there is no golden file', async () => {
    const line = await failsWith(2, ['golden', 'check', quickstart, '--golden', temp('nothing')]);
    expect(line).toContain('no golden file; make it with "sametape golden update"');
  });
});

describe.concurrent('sametape golden update', () => {
  const goldenFile = (dir: string) => readFileSync(join(dir, 'quickstart.json'), 'utf8');

  it('records the reason and the day, after those before', async () => {
    const dir = copyGolden('updated');
    const setting = ['--set', 'arbitration.entryThresholdBps=0.6'];
    const reason = 'a higher bar for entries';
    await succeeds(['golden', 'update', ...SMALL, ...setting, '--golden', dir, '--reason', reason]);
    const before = JSON.parse(goldenFile(temp('golden')));
    expect(before.history).toEqual([{ date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), reason: REASON }]);
    const after = JSON.parse(goldenFile(dir));
    expect(after.history).toEqual([...before.history, { date: expect.any(String), reason }]);
    expect(after.decisionHead).not.toBe(before.decisionHead);
    expect(after.orders).toBeLessThan(before.orders);
  });

  it.each([
    ['none', []],
    ['one that says nothing', ['--reason', 'fix']],
  ])('asks for a reason: %s', async (_, reason) => {
    const before = folderDigests(temp('golden'));
    const line = await failsWith(2, ['golden', 'update', ...SMALL, '--golden', temp('golden'), ...reason]);
    expect(line).toContain('--reason');
    if (reason.length > 0) expect(line).toContain('--reason "fix": expected at least 8 characters');
    expect(folderDigests(temp('golden'))).toEqual(before);
  });
});
