import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import { createOnnxInference } from '../../src/models/onnx-inference.ts';
import { loadRunRoot } from '../../src/models/run-root.ts';
import { buildLayout } from '../../src/models/signal-layout.ts';
import { FEATURE_NAMES } from '../../src/pipeline/0-features/feature-names.ts';
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
    ['a horizon of days', { horizons: ['1d'] }, /horizon 1d/],
    ['no horizon', { horizons: [] }, /no horizon given/],
    ['a horizon longer than the session', { horizons: ['2h'] }, /ret_2h has \d+ rows, expected at least 200/],
  ])('refuses %s', async (_, change, message) => {
    const outDir = join(base, 'refused');
    await expect(trainRunRoot({ ...OPTIONS, ...change, outDir })).rejects.toThrow(message);
    expect(await readdir(base)).not.toContain('refused');
  });
});
