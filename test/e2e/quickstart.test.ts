import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  folderDigests,
  projectRoot,
  quickstart,
  type RunJson,
  run,
  succeeds,
  type TapeRecordJson,
  tapeOf,
  useTempFolder,
} from './as-user.ts';

const dataset = join(projectRoot, 'datasets/quickstart');
const models = join(projectRoot, 'datasets/quickstart-models');
const temp = useTempFolder();

interface RunRootManifest {
  readonly train_sessions: readonly string[];
  readonly models: readonly { readonly path: string }[];
}

function sizeOf(dir: string): number {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

describe.concurrent('the quickstart as committed', () => {
  it('is under 3 MB: dataset, models and golden files', () => {
    expect(sizeOf(dataset) + sizeOf(models)).toBeGreaterThan(100_000);
    const golden = readdirSync(join(projectRoot, 'golden')).filter((name) => name.startsWith('quickstart.'));
    const goldenBytes = golden.map((name) => statSync(join(projectRoot, 'golden', name)).size);
    expect(golden).toHaveLength(3);
    expect(goldenBytes.reduce((sum, size) => sum + size, sizeOf(dataset) + sizeOf(models))).toBeLessThan(
      3_000_000,
    );
  });

  it('has the model families it promises: four tabular kinds, two horizons, a sequence, both barriers', () => {
    const manifest = JSON.parse(readFileSync(join(models, 'manifest.json'), 'utf8')) as RunRootManifest;
    const names = manifest.models.map(({ path }) =>
      path.replace(/^targets\/(\w+)\/.*family=(\w+)\/.*$/, '$1 $2'),
    );
    expect(names.sort()).toEqual([
      ...['ret_15m BoostedTrees', 'ret_15m MLP', 'ret_15m Ridge'],
      ...['ret_5m BoostedTrees', 'ret_5m Conv1D', 'ret_5m MLP', 'ret_5m Ridge'],
      ...['will_peak_5m Logistic', 'will_valley_5m Logistic'],
    ]);
  });

  it('is reproduced from its seeds, byte for byte: first the dataset, then the models trained on it', async () => {
    const synth = ['--seed', '2024', '--signal', '0.3', '--halt-rate', '0.05'];
    await succeeds(['data', 'synth', '--out', temp('dataset'), ...synth]);
    expect(folderDigests(temp('dataset'))).toEqual(folderDigests(dataset));
    const train = ['--sessions', '2024-01-02..2024-01-09', '--horizons', '5m,15m', '--seed', '2024'];
    await succeeds(['models', 'train', '--dataset', temp('dataset'), '--out', temp('models'), ...train]);
    expect(folderDigests(temp('models'))).toEqual(folderDigests(models));
  });
});

describe.concurrent('a run of the quickstart', () => {
  let first: RunJson;
  let tape: readonly TapeRecordJson[];

  const ofType = (type: string) => tape.filter((record) => record.type === type);

  beforeAll(async () => {
    first = await run([quickstart, '--out', temp('runs')]);
    tape = tapeOf(first.runDir);
  });

  it('prints exactly the documented keys', () => {
    expect(Object.keys(first)).toEqual([
      ...['runId', 'runDir', 'chainHead', 'decisionHead', 'cycles', 'decisions', 'orders', 'fills'],
      ...['finalEquity', 'maxDrawdown', 'wallSeconds', 'cyclesPerSecond'],
    ]);
    expect(Object.keys(first.decisions)).toEqual(['TRADE', 'HOLD', 'BLOCKED', 'EXIT']);
    const heads = [first.runId, first.chainHead, first.decisionHead];
    for (const head of heads) expect(head).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(heads).size).toBe(3);
  });

  it('says what the tape says', () => {
    expect(first.cycles).toBe(ofType('CycleCompleted').length);
    expect(first.orders).toBe(ofType('OrderIntended').length);
    expect(first.fills).toBe(ofType('OrderFilled').length + ofType('OrderPartiallyFilled').length);
    const decided = Object.values(first.decisions).reduce((sum, count) => sum + count, 0);
    expect(decided).toBe(first.cycles * 8);
    expect(basename(first.runDir)).toBe(`quickstart-${first.runId.slice(0, 12)}`);
  });

  it('is out of sample: its sessions come after all that the models learned from', () => {
    const { train_sessions } = JSON.parse(
      readFileSync(join(models, 'manifest.json'), 'utf8'),
    ) as RunRootManifest;
    const { sessions } = tape[0].payload.identity as { readonly sessions: readonly string[] };
    expect(sessions).toEqual(['2024-01-10', '2024-01-11']);
    expect(train_sessions.every((date) => date < sessions[0])).toBe(true);
  });

  it('trades both ways, through every kind of decision', () => {
    const positions = ofType('PositionOpened').map(({ payload }) => Math.sign(payload.shares as number));
    expect(new Set(positions)).toEqual(new Set([1, -1]));
    for (const kind of ['TRADE', 'HOLD', 'BLOCKED', 'EXIT']) expect(first.decisions[kind]).toBeGreaterThan(0);
  });

  it('comes out the same when run again into the same folder', async () => {
    cpSync(temp('runs'), temp('again'), { recursive: true });
    const again = await run([quickstart, '--out', temp('again')]);
    const outcome = ({ runDir: _, wallSeconds: __, cyclesPerSecond: ___, ...facts }: RunJson) => facts;
    expect(outcome(again)).toEqual(outcome(first));
    expect(readdirSync(temp('again'))).toEqual([basename(first.runDir)]);
    const { 'host.json': host, ...files } = folderDigests(again.runDir);
    const { 'host.json': hostBefore, ...filesBefore } = folderDigests(first.runDir);
    expect(files).toEqual(filesBefore);
    expect(host, 'the run was made anew').not.toBe(hostBefore);
  });

  it('replays to the same bits and verifies', async () => {
    const replay = await succeeds(['replay', first.runDir]);
    expect(replay).toBe(
      `ok: ${tape.length} records, ${first.cycles} cycles, the same bits; chain head ${first.chainHead}\n`,
    );
    const verify = await succeeds(['verify', first.runDir]);
    expect(verify).toBe(`ok: ${tape.length} records in 1 segment, chain head ${first.chainHead}, closed\n`);
  });

  it('explains a trade: every stage, every number of the order, with units', async () => {
    const {
      cycle,
      order: { symbol, side, quantity },
    } = ofType('OrderIntended')[0].payload as {
      readonly cycle: number;
      readonly order: { readonly symbol: string; readonly side: string; readonly quantity: number };
    };
    const text = await succeeds(['explain', first.runDir, '--cycle', String(cycle), '--symbol', symbol]);
    const headings = text.split('\n').filter((line) => /^[a-z0-9]/.test(line));
    expect(headings.shift()).toMatch(/^score of \w+ after costs [\d.]+ bps, threshold [\d.]+ bps$/);
    expect(headings.map((line) => line.replace(/ \(.*/, ''))).toEqual([
      ...['market', 'features', 'features', '1 prediction', '2 blending', '3 arbitration', '4 gating'],
      ...['5 sizing', '6 risk', 'orders'],
    ]);
    expect(text).toContain(`${symbol}, cycle ${cycle}, 2024-01-10 `);
    expect(text).toContain(`open: ${side} ${quantity} shares, `);
    expect(text).toMatch(/^ {2}price_collar .* bps, passed$/m);
    expect(text).toMatch(/^ {2}short_not_allowed +\d+ {2}shares short, allowed$/m);
    expect(text).toMatch(/^ {2}kill_switch +no {2}passed$/m);
    expect(text).toMatch(/^ {2}tick_size +\d+ {2}in steps of 100 1e-4 \$, passed$/m);
    for (const unit of ['$', 'bps', 'std', 'probability', 'of equity', 'shares', '%', 's']) {
      expect(text).toMatch(new RegExp(` ${unit.replace('$', '\\$')}$`, 'm'));
    }
  });
});
