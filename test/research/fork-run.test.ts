import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSetOption } from '../../src/config/overrides.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { explainDecision } from '../../src/research/explain.ts';
import { type ForkRunOptions, forkRun } from '../../src/research/fork-run.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { sametape } from '../cli/sametape.ts';

const folder = mkdtempSync(join(tmpdir(), 'sametape-fork-'));
const path = (...parts: string[]): string => join(folder, ...parts);
const AT = 300;
const SET = 'arbitration.entryThresholdBps=1.5';
let runDir: string;
let decisionHead: string;

async function printed(...args: string[]): Promise<Record<string, never>> {
  const { code, stdout, stderr } = await sametape([...args, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

function fork(options: Partial<ForkRunOptions> & { readonly sets?: readonly string[] } = {}) {
  const overrides = (options.sets ?? []).map((text) => parseSetOption(text, '/'));
  const outDir = path('forks');
  return forkRun({
    runDir,
    cycle: AT,
    overrides,
    outDir,
    datasetDir: undefined,
    progress: silentProgress,
    ...options,
  });
}

beforeAll(async () => {
  const made = await printed(
    ...['run', 'scenarios/quickstart.yaml', '--predictions', 'golden/quickstart.predictions.arrow'],
    ...['--out', path('runs')],
  );
  ({ runDir, decisionHead } = made);
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the fork of a run folder', () => {
  it('is the same in two processes, and a run like any other', async () => {
    const args = ['fork', runDir, '--at', String(AT), '--set', SET, '--out'];
    const [a, b] = [await printed(...args, path('a')), await printed(...args, path('b'))];
    expect({ ...b, runDir: '' }).toEqual({ ...a, runDir: '' });
    expect(a).toMatchObject({
      at: AT,
      changes: { 'arbitration.entryThresholdBps': 1.5 },
      first: { cycle: AT },
    });
    const forkDir: string = a.runDir!;
    expect(verifyTape(join(forkDir, 'tape'))).toMatchObject({
      fault: null,
      isClosed: true,
      head: a.chainHead,
    });
    const replayed = await replayRun({ runDir: forkDir, datasetDir: undefined, progress: silentProgress });
    expect(replayed.divergence).toBeUndefined();
    const summary = JSON.parse(readFileSync(join(forkDir, 'summary.json'), 'utf8'));
    expect((a.fork as { finalEquity: number }).finalEquity).toBe(summary.finalEquity);
    const original = JSON.parse(readFileSync(join(runDir, 'summary.json'), 'utf8'));
    expect((a.original as { finalEquity: number }).finalEquity).toBe(original.finalEquity);
    const thresholds = await Promise.all([AT - 1, AT].map((cycle) => thresholdOf(forkDir, cycle)));
    expect(thresholds).toEqual([0.25, 1.5]);
    const again = await fork({ runDir: forkDir, cycle: AT + 20, sets: ['sizing.grossTarget=0.2'] });
    expect(again.changes).toEqual({ 'sizing.grossTarget': 0.2 });
    await expect(fork({ runDir: forkDir, cycle: AT - 1 })).rejects.toMatchObject({
      code: 'FORK_BEFORE_FORK',
    });
    const scenario = await sametape(['config', 'diff', runDir, forkDir, '--json']);
    expect(JSON.parse(scenario.stdout).differences).toMatchObject([{ key: 'arbitration.entryThresholdBps' }]);
  }, 60_000);

  it('without changes is the run, and both sides are the same', async () => {
    const { run, first, original, fork: side } = await fork({ cycle: 200 });
    expect(run.decisionHead).toBe(decisionHead);
    expect(first).toBeUndefined();
    expect(side).toEqual(original);
  });
});

async function thresholdOf(dir: string, cycle: number): Promise<unknown> {
  const spec = { runDir: dir, datasetDir: undefined, cycle, symbol: 'AAA', progress: silentProgress };
  const { sections } = await explainDecision(spec);
  const values = sections.flatMap((section) => section.values);
  return values.find(({ name }) => name === 'threshold')?.value;
}

describe('is refused, with nothing left behind', () => {
  afterAll(() => {
    expect(readdirSync(path('forks')).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it.each<[string, string, RegExp, () => Partial<ForkRunOptions> & { readonly sets?: readonly string[] }]>([
    ['a cycle it does not have', 'CYCLE_UNKNOWN', /cycles 1 to 778/, () => ({ cycle: 779 })],
    ['an unknown key', 'SCENARIO_INVALID', /did you mean "k1"/, () => ({ sets: ['arbitration.k11=1'] })],
    ['a window', 'FORK_KEY', /run the scenario anew/, () => ({ sets: ['prediction.icWindowPairs=99'] })],
    ['a run cut short', 'FORK_RUN_UNFINISHED', /not closed/, () => ({ runDir: altered('cut', cutShort) })],
    [
      'another dataset',
      'FORK_DATASET_CHANGED',
      /--dataset/,
      () => ({ datasetDir: 'datasets/corporate-actions' }),
    ],
    ['a folder in the run', 'FORK_INSIDE_RUN', /choose another/, () => ({ outDir: join(runDir, 'forks') })],
    ['no run folder', 'RUN_NOT_FOUND', /not a run folder/, () => ({ runDir: path('none') })],
  ])('%s', async (_name, code, message, options) => {
    const refused = fork(options());
    await expect(refused).rejects.toMatchObject({ code, exitCode: 2 });
    await expect(refused).rejects.toThrow(message);
  });

  it('a flipped byte, as verify says it', async () => {
    const damaged = altered('flip', flipByte);
    const { fault } = verifyTape(join(damaged, 'tape'));
    await expect(fork({ runDir: damaged })).rejects.toMatchObject({ fault, exitCode: 1 });
  });

  it('a folder that is there', async () => {
    const { run } = await fork({ cycle: 3 });
    await expect(fork({ cycle: 3 })).rejects.toMatchObject({ code: 'FORK_EXISTS', exitCode: 2 });
    expect(verifyTape(join(run.runDir, 'tape')).isClosed).toBe(true);
  });
});

function altered(name: string, alter: (tape: string) => string): string {
  const dir = path(name);
  cpSync(runDir, dir, { recursive: true });
  const file = join(dir, 'tape', readdirSync(join(dir, 'tape')).find((each) => each.endsWith('.jsonl'))!);
  writeFileSync(file, alter(readFileSync(file, 'utf8')));
  if (alter === cutShort) rmSync(join(dir, 'tape', 'head.json'), { force: true });
  return dir;
}

function cutShort(tape: string): string {
  return `${tape.trimEnd().split('\n').slice(0, -1).join('\n')}\n`;
}

function flipByte(tape: string): string {
  return tape.replace('"type":"CycleDue"', '"type":"CycleDuf"');
}
