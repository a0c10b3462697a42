import { existsSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, run, sametape, sha256, useTempFolder } from './as-user.ts';
import { createSandbox, type Sandbox, SCENARIO, SCENARIO_FILE } from './sandbox.ts';
import { deflatedBomb, zipOf, zipOfText } from './zips.ts';

const temp = useTempFolder();
const RIDGE = 'targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge';
const SESSION_FILE = 'data/2024-01-10.parquet';

describe.concurrent('a run with nothing wrong', () => {
  it('writes to its output folder and nowhere else, the ONNX runtime included', async () => {
    const { host, untouched } = createSandbox(temp());
    const before = untouched();
    const { runDir } = await run([SCENARIO_FILE, '--set', 'cycle.minutes=10', '--out', 'out'], host);
    expect(existsSync(runDir)).toBe(true);
    expect(untouched()).toEqual(before);
  });
});

describe.concurrent('a hostile scenario', () => {
  it.each([
    ['an alias', `${SCENARIO}a: &a [x, x]\nb: [*a, *a]\n`, /:9:4: anchors/],
    ['a tag', `${SCENARIO}sizing: !!js/function "process.exit()"\n`, /:9:9: tags/],
    ['__proto__', `${SCENARIO}__proto__: { polluted: 1 }\n`, /:9:1: the key "__proto__" is not accepted/],
    ['a duplicate key', `${SCENARIO}horizons: [1d]\n`, /:9:1: duplicate key "horizons"/],
    ['nesting without end', `${SCENARIO}risk: ${'['.repeat(100_000)}\n`, /:9:\d+: nested/],
    ['a name that leads out', SCENARIO.replace('name: hostile', 'name: ../../escaped'), /:1:7: name: /],
  ])('is refused with its place: %s', async (_, text, expected) => {
    const { path, refused } = createSandbox(temp());
    writeFileSync(path('bad.yaml'), text);
    const line = await refused('run', 'bad.yaml', '--out', 'out');
    expect(line).toMatch(/^sametape: bad\.yaml:/);
    expect(line).toMatch(expected);
  });
});

describe.concurrent('a hostile zip', () => {
  const BOMB_MIB = 1000;
  const bomb = deflatedBomb(BOMB_MIB);
  const row = '34200000,1000000,1000000,1000000,1000000,100\n';

  function writeLeanFolder({ path }: Sandbox, zip: Buffer): void {
    mkdirSync(path('lean/equity/usa/minute/aaa'), { recursive: true });
    writeFileSync(path('lean/equity/usa/minute/aaa/20240705_trade.zip'), zip);
  }

  it('is imported when there is nothing wrong with it', async () => {
    const sandbox = createSandbox(temp());
    writeLeanFolder(sandbox, zipOfText('20240705_aaa_minute_trade.csv', row));
    const { code, stdout } = await sametape(['data', 'import', 'lean', '--out', 'out/good'], sandbox.host);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/rows +1\b/)]);
  });

  it.each([
    ['a bomb', zipOf({ name: 'a.csv', data: bomb, plainBytes: BOMB_MIB << 20 }), /unpacks \d+-fold, limit/],
    ['a bomb that lies', zipOf({ name: 'a.csv', data: bomb, plainBytes: 5000 }), /as zip: too many bytes/],
    ['a name above', zipOfText('../../../../../escaped.csv', row), /refused, invalid relative path/],
    ['a name from the root', zipOfText('/tmp/escaped.csv', row), /refused, absolute path/],
    ['half a file', zipOfText('a.csv', row.repeat(99)).subarray(0, 60), /cannot be read as zip: /],
  ])('is refused with its name: %s', async (_, zip, expected) => {
    const sandbox = createSandbox(temp());
    writeLeanFolder(sandbox, zip);
    const line = await sandbox.refused('data', 'import', 'lean', '--out', 'out/imported');
    expect(line).toMatch(/^sametape: equity\/usa\/minute\/aaa\/20240705_trade\.zip: /);
    expect(line).toMatch(expected);
  });
});

describe.concurrent('a Parquet file cut short', () => {
  const whole = readFileSync(join(projectRoot, 'datasets/quickstart', SESSION_FILE));

  it.each([3, 500, 40_000, whole.length - 5])('is refused by import at %i bytes', async (size) => {
    const { path, refused } = createSandbox(temp());
    writeFileSync(path('cut.parquet'), whole.subarray(0, size));
    const line = await refused('data', 'import', 'cut.parquet', '--out', 'out/imported');
    expect(line).toMatch(/^sametape: cut\.parquet: cannot be read as Parquet: /);
  });

  it('is refused by run when it is a session of the dataset', async () => {
    const { path, refused } = createSandbox(temp());
    truncateSync(path('dataset', SESSION_FILE), 40_000);
    const line = await refused('run', SCENARIO_FILE, '--out', 'out');
    expect(line).toContain(`${SESSION_FILE} changed since it was imported`);
  });

  it('cannot be asked for outside the dataset', async () => {
    const { path, refused } = createSandbox(temp());
    const manifest = readFileSync(path('dataset/manifest.json'), 'utf8');
    writeFileSync(path('dataset/manifest.json'), manifest.replace(`"${SESSION_FILE}`, `"../${SESSION_FILE}`));
    const line = await refused('run', SCENARIO_FILE, '--out', 'out');
    expect(line).toMatch(/dataset\/manifest\.json: sessions\.6\.file: /);
  });
});

describe.concurrent('an ONNX file that is not one', () => {
  const ridge = readFileSync(join(projectRoot, 'datasets/quickstart-models', RIDGE, 'model.onnx'));
  const unknownOperator = Buffer.from(ridge.toString('latin1').replaceAll('Gemm', 'Nope'), 'latin1');

  it.each([
    ['empty', Buffer.alloc(0), /not an ONNX file/],
    ['a page of HTML', Buffer.from('<!doctype html><title>404</title>'), /not an ONNX file/],
    ['half a model', ridge.subarray(0, ridge.length >> 1), /not an ONNX file, or a truncated one/],
    ['a model of an unknown operator', unknownOperator, /the ONNX runtime refuses it/],
  ])('is refused with its path, although its checksum is right: %s', async (_, bytes, expected) => {
    const { path, refused } = createSandbox(temp());
    const metaFile = path('models', RIDGE, 'model_meta.json');
    const meta = JSON.parse(readFileSync(metaFile, 'utf8'));
    writeFileSync(metaFile, JSON.stringify({ ...meta, model_checksum: sha256(bytes) }));
    writeFileSync(path('models', RIDGE, 'model.onnx'), bytes);
    const line = await refused('run', SCENARIO_FILE, '--out', 'out');
    expect(line).toContain(path('models', RIDGE, 'model.onnx'));
    expect(line).toMatch(expected);
  });
});

describe.concurrent('a run folder that is not one', () => {
  it.each([
    ['replay', []],
    ['verify', []],
    ['explain', ['--cycle', '1', '--symbol', 'AAA']],
    ['export', ['--out', 'out/exported']],
    ['recover', []],
  ])('is refused by %s', async (command, options) => {
    const line = await createSandbox(temp()).refused(command, 'dataset', ...options);
    expect(line).toMatch(
      /dataset: not a run folder \(no tape\/ in it\); expected what "sametape run" printed$/,
    );
  });
});

describe.concurrent('a mistake', () => {
  it.each([
    [
      'the path of the scenario',
      ['run', 'scenarios/quickstart.yaml'],
      'scenarios/quickstart.yaml: no such file; give the path of a scenario .yaml file',
    ],
    [
      'the path of the dataset',
      ['run', SCENARIO_FILE, '--set', 'data.dataset=datasets/quickstart'],
      'name a folder made by "sametape data import" or "data synth"',
    ],
    [
      'the path of data to import',
      ['data', 'import', 'nowhere', '--out', 'out/imported'],
      'nowhere: no such file or folder; give the path of the data',
    ],
    [
      'a key on the command line',
      ['run', SCENARIO_FILE, '--set', 'sizing.grosTarget=0.4'],
      '--set sizing.grosTarget=...: unknown key "grosTarget" in sizing; did you mean "grossTarget"?',
    ],
    [
      'a symbol',
      ['run', SCENARIO_FILE, '--set', 'data.symbols=[AAA, BBBB]'],
      'BBBB is not in dataset, which holds AAA, BBB, CCC, DDD, EEE, FFF, GGG, HHH; did you mean BBB?',
    ],
    ['a command', ['rnu', SCENARIO_FILE], "unknown command 'rnu' (Did you mean run?)"],
    [
      'a day that does not exist',
      ['models', 'train', '--dataset', 'dataset', '--sessions', '2024-01-02..2024-01-32', '--out', 'out/m'],
      'date "2024-01-32": expected an existing day as YYYY-MM-DD',
    ],
  ])('is answered with what to do: %s', async (_, args, expected) => {
    expect(await createSandbox(temp()).refused(...args)).toContain(expected);
  });

  it('in a key of the file is answered with file, line, column and the nearest key', async () => {
    const { path, refused } = createSandbox(temp());
    writeFileSync(path('typo.yaml'), `${SCENARIO}arbitration:\n  entryTreshold: 0.3\n`);
    expect(await refused('run', 'typo.yaml', '--out', 'out')).toBe(
      'sametape: typo.yaml:10:3: unknown key "entryTreshold" in arbitration; did you mean "entryThresholdBps"?',
    );
  });

  it('of moving the dataset of a run is answered with how to go on', async () => {
    const { path, host, refused } = createSandbox(temp());
    const { runDir } = await run([SCENARIO_FILE, '--set', 'cycle.minutes=30', '--out', 'out'], host);
    renameSync(path('dataset'), path('moved'));
    expect(await refused('replay', runDir)).toContain('; name where it lies with --dataset');
    const { code, stderr } = await sametape(['replay', runDir, '--dataset', 'moved'], host);
    expect([code, stderr]).toEqual([0, '']);
  });
});
