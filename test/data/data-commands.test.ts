import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { folderBytes, useTempDir } from './support.ts';

const temp = useTempDir();
const bin = fileURLToPath(new URL('../../src/cli/sametape.mjs', import.meta.url));
const bars = fileURLToPath(new URL('./parquet-fixtures/', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and collects what it prints. */
async function sametape(...args: string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const collect = (stream: 'stdout' | 'stderr') => {
    const { write } = process[stream];
    process[stream].write = ((text: string) => {
      printed[stream] += text;
      return true;
    }) as typeof write;
    return () => {
      process[stream].write = write;
    };
  };
  const restore = [collect('stdout'), collect('stderr')];
  const before = process.cwd();
  process.chdir(temp.path());
  try {
    const code = await main(['data', ...args]);
    return { code, ...printed };
  } finally {
    process.chdir(before);
    process.exitCode = undefined;
    for (const each of restore) each();
  }
}

/** Runs it in a process of its own, elsewhere, in another zone and locale. */
function elsewhere(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', NO_COLOR: '1' };
  return new Promise((done) => {
    const child = execFile(process.execPath, [bin, 'data', ...args], { cwd: '/', env }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe('sametape data', () => {
  it('synth plants splits and dividends, which inspect lists', async () => {
    const plant = ['--splits', 'AAA=3:2@2024-01-03', '--dividends', 'BBB=0.62@2024-01-03'];
    const made = await sametape('synth', '--out', 'planted', '--symbols', '2', '--sessions', '2', ...plant);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await sametape('inspect', 'planted');
    expect(stdout).toMatch(/actions +1 split, 1 dividend\n/);
    expect(stdout).toMatch(
      /2024-01-03 +AAA +split +3 for 2 +\d+\.\d\d\n2024-01-03 +BBB +dividend +\$ 0\.620 +\d/,
    );
    for (const [flag, text] of [
      ['--splits', 'AAA=3@2024-01-03'],
      ['--splits', 'AAA=0:2@2024-01-03'],
      ['--dividends', 'AAA=-1@2024-01-03'],
      ['--dividends', 'AAA=0@2024-01-03'],
    ] as const) {
      const refused = await sametape('synth', '--out', 'refused', flag, text);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/^sametape: --splits or --dividends|^sametape: --(splits|dividends)/);
      expect(refused.stderr.trimEnd()).not.toContain('\n');
    }
    expect(existsSync(temp.path('refused'))).toBe(false);
  });

  it('synth makes a dataset that inspect shows, in text and as one JSON object', async () => {
    const made = await sametape(
      'synth',
      '--out',
      'synthetic',
      '--symbols',
      'BBB,AAA',
      '--sessions',
      '2',
      '--seed',
      '4',
      '--json',
    );
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const facts = JSON.parse(made.stdout) as { sha256: string; rows: number };
    expect(facts).toMatchObject({ dir: 'synthetic', symbols: ['AAA', 'BBB'], sessions: 2 });

    const text = await sametape('inspect', 'synthetic');
    expect(text.code).toBe(0);
    expect(text.stdout).toContain(facts.sha256);
    expect(text.stdout).toMatch(/source +synthetic, importer version 2/);
    expect(text.stdout).toMatch(/seed=4/);
    expect(text.stdout).toMatch(/2024-01-03 +7\d\d/);
    const json = JSON.parse((await sametape('inspect', 'synthetic', '--json')).stdout) as Record<
      string,
      unknown
    >;
    expect(json).toMatchObject({
      dir: 'synthetic',
      mismatches: [],
      missingSessions: [],
      manifest: { rows: facts.rows },
    });
  });

  it('makes the same bytes in another process, folder, zone and locale', async () => {
    await sametape('synth', '--out', 'here', '--sessions', '1');
    const outcome = await elsewhere('synth', '--out', temp.path('there'), '--sessions', '1');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(folderBytes(temp.path('there'))).toEqual(folderBytes(temp.path('here')));
  });

  it('import guesses the format, reports, and is the same from any order of files', async () => {
    mkdirSync(temp.path('two'));
    for (const name of ['pandas-default.parquet', 'polars-zstd-e4.parquet'])
      cpSync(`${bars}${name}`, temp.path('two', name));
    const args = ['--on-bad', 'drop', '--json'];
    const one = await sametape(
      'import',
      'two/pandas-default.parquet',
      'two/polars-zstd-e4.parquet',
      '--out',
      'a',
      ...args,
    );
    const two = await sametape(
      'import',
      'two/polars-zstd-e4.parquet',
      'two/pandas-default.parquet',
      '--out',
      'b',
      ...args,
    );
    expect(JSON.parse(one.stdout)).toMatchObject({
      rowsRead: 600,
      rowsRejected: 300,
      badRows: { duplicate: 300 },
      rows: 300,
      actions: 0,
      actionsLeftOut: 0,
    });
    expect({ ...JSON.parse(two.stdout), dir: 'a' }).toEqual(JSON.parse(one.stdout));
    expect(folderBytes(temp.path('a'))).toEqual(folderBytes(temp.path('b')));
    const csv = await sametape('import', `${bars}bars.csv`, '--out', 'c');
    expect(csv.stdout).toMatch(/rows read +300\nnot asked for +0\nrejected +0/);
    expect(csv.stdout).not.toContain('prices rounded');
  });

  it('import and inspect say how many prices were rounded', async () => {
    writeFileSync(temp.path('fine.csv'), 'end,symbol,bid,ask\n2024-07-05T13:31:00Z,A,1.00001,1.00003\n');
    const said = /prices rounded +2: finer than 1e-4 dollars; bids down, asks up, trades to the nearest/;
    expect((await sametape('import', 'fine.csv', '--out', 'fine')).stdout).toMatch(said);
    expect((await sametape('inspect', 'fine')).stdout).toMatch(said);
    const json = await sametape('import', 'fine.csv', '--out', 'fine', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ pricesRounded: 2, filesLeftOut: [] });
  });

  it('import says what it left out of a folder', async () => {
    mkdirSync(temp.path('mixed/older'), { recursive: true });
    writeFileSync(temp.path('mixed/bars.csv.gz'), '');
    writeFileSync(temp.path('mixed/bars.csv'), 'end,symbol,bid,ask\n2024-07-05T13:31:00Z,A,1.01,1.02\n');
    const { stdout } = await sametape('import', 'mixed', '--out', 'from-mixed');
    expect(stdout).toMatch(/files left out +mixed\/bars\.csv\.gz mixed\/older/);
  });

  it('a refused import is one line on stderr and exit 2', async () => {
    writeFileSync(temp.path('bad.csv'), 'end,symbol,close\n2024-07-05T13:31:00Z,A,-1\n');
    const outcome = await sametape('import', 'bad.csv', '--out', 'refused');
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toBe(
      'sametape: import refused, no dataset written: bad rows 1 negative; first negative at bad.csv:2: A: trade close -10000; all are listed in refused/rejected.csv; repair them, or leave them out with --on-bad drop\n',
    );
    expect(readdirSync(temp.path('refused'))).toEqual(['rejected.csv']);
  });

  it('inspect of a changed dataset says which file and ends with 2', async () => {
    cpSync(temp.path('a'), temp.path('changed'), { recursive: true });
    cpSync(temp.path('synthetic/data/2024-01-02.parquet'), temp.path('changed/data/2024-07-01.parquet'));
    const outcome = await sametape('inspect', 'changed');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/^sametape: .*\n$/);
  });

  it.each([
    [['import', 'nowhere.csv', '--out', 'x'], /nowhere\.csv: no such file or folder/],
    [['import', 'bad.csv'], /--out/],
    [['import', 'bad.csv', '--out', 'x', '--format', 'xml'], /--format xml: expected lean, csv, parquet/],
    [['import', 'bad.csv', '--out', 'x', '--on-bad', 'ignore'], /--on-bad ignore: expected refuse, drop/],
    [['import', 'bad.csv', '--out', 'x', '--columns', 'close'], /"close" is not field=column/],
    [
      ['import', 'bad.csv', '--out', 'x', '--bar-seconds', '0.5'],
      /--bar-seconds 0\.5: expected a whole number/,
    ],
    [['import', 'bad.csv', '--out', 'x', '--from', '2024-13-01'], /date "2024-13-01"/],
    [['synth', '--out', 'x', '--signal', 'high'], /--signal high: expected a number/],
    [['synth', '--out', 'x', '--prices', 'AAA'], /--prices AAA: expected pairs/],
    [['synth', '--out', '.'], /exists and is not a dataset/],
    [['inspect', 'nowhere'], /no manifest\.json there; name a folder made by/],
  ])('%j ends with 2 and one line', async (args, message) => {
    const outcome = await sametape(...args);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(outcome.stderr).toMatch(message);
    expect(existsSync(temp.path('x'))).toBe(false);
  });
});
