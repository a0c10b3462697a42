import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { synthesize } from '../../src/data/synth.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { mutateAfter } from '../../src/research/mutate-future.ts';
import { launcher, projectRoot } from './sametape.ts';

const folder = mkdtempSync(join(tmpdir(), 'sametape-sweep-'));
const path = (...parts: string[]): string => join(folder, ...parts);
const scenario = path('s.yaml');
const VARY = ['--vary', 'arbitration.entryThresholdBps=0.1,0.5,1,3'];
const TRIALS = 4;
const SPLIT = ['--split', '2024-01-04'];
const FILES = ['sweep.json', 'sweep.csv', 'sweep.parquet'];

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process; workers are processes of their own all the same. */
async function said(...args: string[]): Promise<Said> {
  const kept = { out: '', err: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((part) => {
      kept[name === 'stdout' ? 'out' : 'err'] += String(part);
      return true;
    }),
  );
  try {
    const code = await main(args);
    process.exitCode = undefined;
    return { code, ...kept };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

interface SweepJson {
  readonly sweepDir: string;
  readonly trials: readonly {
    readonly settings: Readonly<Record<string, string>>;
    readonly runId: string;
    readonly runDir: string | null;
    readonly chainHead: string;
    readonly finalEquity: number;
    readonly pnl: number;
    readonly sessionPnl: readonly number[];
  }[];
  readonly failed: readonly { readonly trial: number; readonly message: string }[];
  readonly walkForward:
    | readonly {
        readonly chosen: number;
        readonly chosenOn: object;
        readonly reported: { readonly pnl: number };
      }[]
    | null;
}

async function sweep(...args: string[]): Promise<SweepJson & { readonly said: Said }> {
  const all = await said('sweep', scenario, '--no-cache', '--json', ...args);
  expect(all.code, all.err).toBeLessThan(2);
  return { ...(JSON.parse(all.out) as SweepJson), said: all };
}

const OPTIONS = { symbols: ['AAA', 'BBB'], sessions: 3, seed: 7, signal: 0.5 };

async function market(dir: string, alterLast = (table: MarketTable) => table): Promise<void> {
  const tables = [...synthesize(OPTIONS)];
  tables.push(alterLast(tables.pop()!));
  const provenance = { source: 'synthetic', files: [], options: {} } as const;
  await writeDataset({ dir, facts: { provenance }, tables });
}

beforeAll(async () => {
  await market(path('market'));
  const trained = await said(
    ...`models train --dataset ${path('market')} --sessions 2024-01-02 --out ${path('models')}`.split(' '),
    ...'--horizons 5m --families Ridge --no-barrier --no-sequence'.split(' '),
  );
  expect(trained.code, trained.err).toBe(0);
  writeFileSync(
    scenario,
    'name: small\ndata: { dataset: market, from: 2024-01-03 }\nmodels: { runRoot: models }\nhorizons: [5m]\ncycle: { minutes: 2 }\n',
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('sametape sweep', () => {
  let first: SweepJson;
  let firstFiles: readonly Buffer[];

  it('runs every combination as the run that it is', async () => {
    const one = await sweep(...VARY, ...SPLIT, '--jobs', '1', '--out', path('one'));
    first = one;
    firstFiles = FILES.map((name) => readFileSync(join(one.sweepDir, name)));
    expect(
      one.said.err.match(/^sametape: [1-4]\/4 {2}arbitration.entryThresholdBps=\S+ {2}[+-]?\$.+$/gm),
    ).toHaveLength(TRIALS);
    // then: each trial is the run that "sametape run" makes, and what it says is what that says
    const trial = one.trials[1]!;
    const run = await said(
      ...`run ${scenario} --set arbitration.entryThresholdBps=0.5 --no-cache --json --out ${path('runs')}`.split(
        ' ',
      ),
    );
    const { runId, chainHead, finalEquity, runDir } = JSON.parse(run.out);
    expect(trial).toMatchObject({
      runId,
      chainHead,
      finalEquity,
      settings: { 'arbitration.entryThresholdBps': '0.5' },
    });
    const { statistics } = JSON.parse(readFileSync(join(runDir, 'summary.json'), 'utf8'));
    expect(trial.pnl).toBe(statistics.netPnlMicros / 1e6);
    expect(trial.sessionPnl.reduce((sum, pnl) => sum + pnl, 0)).toBeCloseTo(trial.pnl, 6);
    expect(new Set(one.trials.map(({ pnl }) => pnl)).size).toBe(TRIALS);
    for (const command of ['verify', 'replay']) {
      expect((await said(command, join(one.sweepDir, trial.runDir!))).code).toBe(0);
    }
  });

  it('keeps the best only, or none, and makes a dropped one again', async () => {
    const runs = join(first.sweepDir, 'runs');
    const asked = [...VARY, '--jobs', '1', '--out', path('one')];
    const best = await sweep(...asked, '--keep', 'best');
    const kept = best.trials.flatMap(({ runDir }) => runDir ?? []);
    expect(kept).toHaveLength(1);
    expect(readdirSync(runs).map((name) => `runs/${name}`)).toEqual(kept);
    await sweep(...asked, '--keep', 'none');
    expect(readdirSync(runs)).toEqual([]);
    const again = await sweep(...asked, '--keep', 'best');
    expect(again.said.err).toMatch(/^sametape: 4 of 4 trials are taken up .+\nsametape: 1\/1 /);
    expect({ ...again, said: best.said }).toEqual(best);
    expect((await said('verify', join(first.sweepDir, kept[0]!))).code).toBe(0);
  });

  it('chooses the same whatever the later sessions hold and whichever trials fail, which it lists', async () => {
    // given: the same days but for the last, altered in one dataset and damaged in another, which shows when it is reached
    await market(path('changed'), (table) => mutateAfter(table, 0, ['sweep']));
    cpSync(path('market'), path('damaged'), { recursive: true });
    const file = readdirSync(path('damaged'), { recursive: true, encoding: 'utf8' }).find((name) =>
      /2024-01-04.*parquet$/.test(name),
    )!;
    const bytes = readFileSync(path('damaged', file));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path('damaged', file), bytes);
    const datasets = `data.dataset=${path('changed')},${path('damaged')}`;
    const { trials, failed, walkForward, said } = await sweep(
      ...['--vary', datasets, ...VARY, ...SPLIT, '--jobs', '1', '--out', path('c')],
    );
    const [before, after] = [first.walkForward?.[0], walkForward?.[0]];
    expect(after).toMatchObject({ chosen: before?.chosen, chosenOn: before?.chosenOn });
    expect(after?.reported).not.toEqual(before?.reported);
    // and: who fails is listed, and the others went on
    expect(trials.map(({ settings }) => settings['data.dataset'])).toEqual(
      Array.from({ length: TRIALS }, () => path('changed')),
    );
    expect(failed.map(({ trial }) => trial)).toEqual([5, 6, 7, 8]);
    for (const { message } of failed) expect(message).toMatch(/2024-01-04/);
    expect(said.code).toBe(1);
    expect(said.err).toMatch(
      /\nsametape: 4 of 8 trials failed, and the same command tries them again; the first, data.dataset=\S+ arbitration.entryThresholdBps=0.1: .+\n$/,
    );
  });

  it.each([
    [
      ['--vary', 'cycle.minutes=5,0,-1'],
      /^sametape: 2 of 3 combinations cannot run, and none was started; the first, cycle.minutes=0: --vary cycle.minutes=0: cycle.minutes: /,
    ],
    [['--vary', 'horizons=[5m],[15m]'], /^sametape: 1 of 2 .+ the first, horizons=\[15m\]: /],
    [
      ['--vary', 'sizing.grossTarget=0.5,0.50'],
      /sizing.grossTarget=0.5 and sizing.grossTarget=0.50 are the same run/,
    ],
    [[...VARY, '--by', 'sharpe'], /--by sharpe: expected at least 20 sessions, found 2; use --by pnl/],
    [
      ['--vary', 'data.to=2024-01-03,2024-01-04', '--by', 'sharpe'],
      /--by sharpe: expected at least 20 sessions, found 1; use --by pnl/,
    ],
    [[...VARY, '--folds', '2'], /--folds 2: expected at least 3 sessions, found 2/],
    [['--vary', 'data.to=2024-01-03,2024-01-04', '--folds', '1'], /the trials do not have the same sessions/],
    [[...VARY, '--seed', '1'], /--seed: decides what --random draws/],
    [[...VARY, '--random', '2'], /--random: expected --seed N beside it/],
    [[...VARY, '--jobs', '0'], /--jobs: expected a whole number from 1 to 64/],
    [[], /--vary: expected at least one/],
  ])('refuses %j in a line, and runs nothing', async (args, message) => {
    const { code, out, err } = await said('sweep', scenario, '--out', path('nothing'), ...args);
    expect(err).toMatch(message);
    expect(err.match(/\n/g)).toHaveLength(1);
    expect({ code, out, isThere: existsSync(path('nothing')) }).toEqual({ code: 2, out: '', isThere: false });
  });

  it('takes up what is whole, also after Ctrl-C, to the same bytes with any number of jobs', async () => {
    // given: one run that is whole, records without their runs, and one of them edited
    const dir = first.sweepDir;
    const [kept] = readdirSync(join(dir, 'runs'));
    const other = readdirSync(join(dir, 'trials')).find((name) => name !== `${kept}.json`)!;
    const edited = join(dir, 'trials', other);
    writeFileSync(edited, readFileSync(edited, 'utf8').replace(/"netPnlMicros": -?\d/, '"netPnlMicros": 9'));
    // when: the others are made again, and Ctrl-C comes after the first of them
    const args = ['sweep', scenario, ...VARY, '--jobs', '1', '--no-cache', '--json', '--out', path('one')];
    const child = spawn(process.execPath, [launcher, ...args], { cwd: projectRoot });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      if (text.includes('1/3')) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code, err).toBe(130);
    expect(err).toMatch(/^sametape: 1 of 4 trials are taken up from /);
    expect(err).toMatch(
      /\nsametape: interrupted: the sweep is partial, in .+small\.sweep-\w{12}; the same command goes on with it\n$/,
    );
    // then
    const again = await sweep(...VARY, ...SPLIT, '--jobs', '2', '--out', path('one'));
    expect(again.said.err).toMatch(/^sametape: [23] of 4 trials are taken up/);
    for (const [at, name] of FILES.entries()) {
      expect(readFileSync(join(dir, name)).equals(firstFiles[at]!), name).toBe(true);
    }
    expect(readdirSync(join(dir, 'runs')).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
});
