import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { createOnnxInference } from '../../src/models/onnx-inference.ts';
import { loadRunRoot } from '../../src/models/run-root.ts';
import { buildLayout } from '../../src/models/signal-layout.ts';
import { FEATURE_NAMES } from '../../src/pipeline/0-features/feature-names.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';
import { type TrainOptions, trainRunRoot } from '../../src/research/training/train-run-root.ts';
import { temporaryFolder } from '../models/fixtures.ts';
import { SYMBOLS, smallDataset } from './market.ts';

const base = await temporaryFolder();
const OPTIONS: Omit<TrainOptions, 'outDir'> = {
  dataset: smallDataset({ minutes: 130 }),
  trainSessions: ['2024-07-01', '2024-07-02', '2024-07-03'],
  symbols: SYMBOLS,
  horizons: ['5m', '15m'],
  seed: 1,
  barrier: true,
  sequence: true,
};

async function bytesOf(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(dir, { recursive: true })).sort()) {
    const path = join(dir, name);
    if ((await stat(path)).isFile()) files[name] = (await readFile(path)).toString('base64');
  }
  return files;
}

/** Each symbol twice: a ranking needs five. */
function sixSymbols(dataset: MarketDataset): MarketDataset {
  const symbols = dataset.symbols.flatMap((symbol) => [symbol, `${symbol}2`]).sort();
  return {
    ...dataset,
    symbols,
    loadSession: async (date) => {
      const table = await dataset.loadSession(date);
      const doubled = Object.entries(table).map(([name, column]: [string, unknown]) => {
        if (!(column instanceof Float64Array || column instanceof Int32Array || column instanceof Uint8Array))
          return [name, column];
        const twice = column.length === 0 ? column : twiceOf(column);
        if (name === 'symbolIx') for (const row of twice.keys()) twice[row] = row % symbols.length;
        return [name, twice];
      });
      return { ...Object.fromEntries(doubled), symbols, rowCount: table.rowCount * 2 } as MarketTable;
    },
  };
}

function twiceOf<T extends Float64Array | Int32Array | Uint8Array>(column: T): T {
  const twice = new (column.constructor as new (length: number) => T)(column.length * 2);
  column.forEach((value, row) => {
    twice[2 * row] = value;
    twice[2 * row + 1] = value;
  });
  return twice;
}

const first = join(base, 'first');
const report = await trainRunRoot({ ...OPTIONS, outDir: first });

describe('trainRunRoot', { timeout: 60_000 }, () => {
  it('leaves a run root that loads in strict mode and predicts', async () => {
    const runRoot = await loadRunRoot(first, { strict: true, knownFeatures: FEATURE_NAMES });
    const layout = buildLayout(runRoot, {
      symbols: SYMBOLS,
      horizons: [parseHorizon('5m'), parseHorizon('15m')],
    });
    expect(layout.columns.map((column) => [column.id, column.kind, column.shape])).toEqual([
      ['ret_15m/CROSS_SECTIONAL/BoostedTrees', 'return', 'tabular'],
      ['ret_15m/CROSS_SECTIONAL/MLP', 'return', 'tabular'],
      ['ret_15m/CROSS_SECTIONAL/Ridge', 'return', 'tabular'],
      ['ret_5m/CROSS_SECTIONAL/BoostedTrees', 'return', 'tabular'],
      ['ret_5m/CROSS_SECTIONAL/Conv1D', 'return', 'sequence'],
      ['ret_5m/CROSS_SECTIONAL/MLP', 'return', 'tabular'],
      ['ret_5m/CROSS_SECTIONAL/Ridge', 'return', 'tabular'],
      ['will_peak_5m/CROSS_SECTIONAL/Logistic', 'peak', 'tabular'],
      ['will_valley_5m/CROSS_SECTIONAL/Logistic', 'valley', 'tabular'],
    ]);
    const inference = await createOnnxInference({ runRoot, layout });
    const batches = layout.columns.map(
      (column) => new Float32Array(3 * column.sequenceLength * column.features.length),
    );
    const answer = await inference.infer({ cycle: 1, batches, usable: new Uint8Array(27).fill(1) });
    expect(answer.valid.every((flag) => flag === 1)).toBe(true);
    await inference.close();
  });

  it('is small, and reports scores on sessions it did not see', async () => {
    const bytes = report.models.reduce((sum, model) => sum + model.bytes, 0);
    expect(bytes).toBeLessThan(400_000);
    const ridge = report.models.find((model) => model.id === 'ret_5m/CROSS_SECTIONAL/Ridge')!;
    expect(ridge.metrics.ic_validation).toBeGreaterThan(0.1);
    expect(ridge.metrics.rows_validation).toBeGreaterThan(100);
    const meta = JSON.parse(
      await readFile(
        join(first, 'targets/ret_5m/models/view=CROSS_SECTIONAL/family=Ridge/model_meta.json'),
        'utf8',
      ),
    );
    expect(meta.metrics).toEqual(ridge.metrics);
  });

  it('writes the same bytes again, whatever the order of sessions, symbols and horizons given', async () => {
    const outDir = join(base, 'again');
    await trainRunRoot({
      ...OPTIONS,
      outDir,
      trainSessions: OPTIONS.trainSessions.toReversed(),
      symbols: SYMBOLS.toReversed(),
      horizons: ['15m', '5m'],
    });
    expect(await bytesOf(outDir)).toEqual(await bytesOf(first));
  });

  it('draws differently with another seed, and ignores sessions it was not given', async () => {
    const ridge = 'targets/ret_15m/models/view=CROSS_SECTIONAL/family=Ridge/model.onnx';
    const network = 'targets/ret_15m/models/view=CROSS_SECTIONAL/family=MLP/model.onnx';
    const options = {
      ...OPTIONS,
      trainSessions: ['2024-07-01', '2024-07-02'],
      horizons: ['15m'],
      barrier: false,
      sequence: false,
    };
    const plain = join(base, 'plain');
    const other = join(base, 'other');
    await trainRunRoot({ ...options, outDir: plain });
    const alteredLater = smallDataset({
      minutes: 130,
      alter: ({ session }, mid) => (session === 2 ? mid * 1.5 : mid),
    });
    await trainRunRoot({ ...options, outDir: other, seed: 2, dataset: alteredLater });
    const [a, b] = [await bytesOf(plain), await bytesOf(other)];
    expect(Object.keys(a)).toEqual(Object.keys(b));
    expect(b[ridge]).toBe(a[ridge]);
    expect(b[network]).not.toBe(a[network]);
  });

  it('trains models of every kind of output, which ONNX reads as their metadata says', async () => {
    const outDir = join(base, 'kinds');
    const families = ['RankRidge', 'QuantileLinear', 'LogisticPair', 'JointLogistic'];
    const dataset = sixSymbols(OPTIONS.dataset);
    const kinds = await trainRunRoot({ ...OPTIONS, dataset, symbols: dataset.symbols, outDir, families });
    for (const { metrics } of kinds.models) {
      expect((metrics.ic_validation ?? 0) + (metrics.auc_validation ?? 0)).toBeGreaterThan(0.1);
    }
    const runRoot = await loadRunRoot(outDir, { strict: true, knownFeatures: FEATURE_NAMES });
    const symbols = ['A', 'B'];
    const layout = buildLayout(runRoot, { symbols, horizons: [parseHorizon('5m'), parseHorizon('15m')] });
    const ids = layout.columns.map(({ id }) => id.replace('/CROSS_SECTIONAL/', ' '));
    expect(ids).toEqual([
      'ret_15m QuantileLinear',
      'ret_15m RankRidge',
      'ret_5m QuantileLinear',
      'ret_5m RankRidge',
      'will_peak_5m LogisticPair',
      'will_peak_valley_5m JointLogistic:peak',
      'will_peak_valley_5m JointLogistic:valley',
      'will_valley_5m LogisticPair',
    ]);
    expect(layout.columns.map(({ crossSectionalRanking }) => crossSectionalRanking === true)).toEqual(
      ids.map((id) => id.endsWith('RankRidge')),
    );
    const inference = await createOnnxInference({ runRoot, layout });
    const batches = layout.columns.map(({ features }) =>
      Float32Array.from({ length: 2 * features.length }, (_, k) => ((k * 7) % 13) / 1000),
    );
    const answer = await inference.infer({ cycle: 1, batches, usable: new Uint8Array(16).fill(1) });
    await inference.close();
    expect(answer.valid.every((flag) => flag === 1)).toBe(true);
    const of = (id: string): number[] => [
      ...answer.values.slice(ids.indexOf(id) * 2, ids.indexOf(id) * 2 + 2),
    ];
    // the pair and the joint model are the same two logistic regressions in two shapes
    for (const side of ['peak', 'valley'] as const) {
      const joint = of(`will_peak_valley_5m JointLogistic:${side}`);
      of(`will_${side}_5m LogisticPair`).forEach((p, k) => {
        expect(p).toBeCloseTo(joint[k]!, 5);
        expect(p).toBeGreaterThan(0);
        expect(p).toBeLessThan(1);
      });
    }
    expect(of('will_peak_valley_5m JointLogistic:peak')).not.toEqual(
      of('will_peak_valley_5m JointLogistic:valley'),
    );
  });

  it('trains a horizon of a day where there are sessions for it', async () => {
    const outDir = join(base, 'days');
    const { models } = await trainRunRoot({
      ...OPTIONS,
      outDir,
      horizons: ['1d', '5m'],
      families: ['Ridge', 'Conv1D'],
    });
    expect(models.map(({ id }) => id)).toEqual([
      'ret_5m/CROSS_SECTIONAL/Ridge',
      'ret_5m/CROSS_SECTIONAL/Conv1D',
      'ret_1d/CROSS_SECTIONAL/Ridge',
    ]);
    // of three sessions the last has no day after it
    expect(models[2]!.metrics.rows_train).toBeLessThan(models[0]!.metrics.rows_train!);
    expect(models[2]!.metrics.rows_train).toBeGreaterThan(400);
  });

  it('replaces an earlier run root, and nothing else', async () => {
    const options = { ...OPTIONS, horizons: ['5m'], barrier: false, sequence: false };
    const again = join(base, 'again');
    await trainRunRoot({ ...options, outDir: `${again}/` });
    expect(await readdir(join(again, 'targets'))).toEqual(['ret_5m']);
    expect((await readdir(base)).filter((name) => name.includes('partial'))).toEqual([]);
    const mine = join(base, 'mine');
    await mkdir(mine);
    await writeFile(join(mine, 'notes.txt'), 'keep me');
    await expect(trainRunRoot({ ...options, outDir: mine })).rejects.toMatchObject({
      code: 'OUT_DIR_NOT_EMPTY',
    });
    await writeFile(join(again, 'notes.txt'), 'keep me');
    await expect(trainRunRoot({ ...options, outDir: again })).rejects.toMatchObject({
      code: 'OUT_DIR_NOT_EMPTY',
    });
    expect(await readFile(join(again, 'notes.txt'), 'utf8')).toBe('keep me');
  });

  it.each([
    [
      'a session that is not there',
      { trainSessions: ['2024-07-04'] },
      /no session 2024-07-04, it covers 2024-07-01/,
    ],
    ['a symbol that is not there', { symbols: ['ZZZ'] }, /no symbol ZZZ/],
    [
      'a horizon of days that the sessions do not span',
      { horizons: ['3d'], families: ['Ridge'] },
      /ret_3d has 0 rows, expected at least 200/,
    ],
    [
      'a family that cannot be trained',
      { families: ['Ridge', 'Lasso'] },
      /Lasso is no family that can be trained, expected some of BoostedTrees, .*QuantileLinear, RankRidge/,
    ],
    ['no horizon', { horizons: [] }, /no horizon given/],
    ['a horizon longer than the session', { horizons: ['2h'] }, /ret_2h has \d+ rows, expected at least 200/],
  ])('refuses %s', async (_, change, message) => {
    const outDir = join(base, 'refused');
    await expect(trainRunRoot({ ...OPTIONS, ...change, outDir })).rejects.toThrow(message);
    expect(await readdir(base)).not.toContain('refused');
  });
});
