import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { registerModelsCommands } from '../../src/cli/models.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { synthesize } from '../../src/data/synth.ts';
import { CheckFailedError } from '../../src/domain/errors.ts';
import { linearBytes, modelFolder, temporaryFolder, writeRunRoot } from '../models/fixtures.ts';

const base = await temporaryFolder();

/** Runs a command line in this process. @returns what it printed */
async function sametape(...args: readonly string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const program = new Command('sametape').exitOverride().configureOutput({ writeErr: () => undefined });
  registerModelsCommands(program);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CheckFailedError) failed = error.message;
    else throw error;
  }
  return out;
}

/** What a check that failed said at the end, after what was printed. */
let failed = '';

afterEach(() => {
  failed = '';
  vi.restoreAllMocks();
});

const RIDGE = {
  target: 'ret_5m',
  family: 'Ridge',
  bytes: linearBytes(),
  meta: { metrics: { ic_validation: 0.1234, note: 'x' } },
};

describe('sametape models inspect', () => {
  it('shows what each model is, and whether a run would use it', async () => {
    const dir = await writeRunRoot(join(base, 'shown'), [RIDGE, { ...RIDGE, view: 'SYMBOL_SPECIFIC' }]);
    const lines = (await sametape('models', 'inspect', dir, '--check')).split('\n');
    expect(lines[1]).toMatch(/^ret_5m\/ALL\/Ridge +return +5m +\[N, 3\] +1m +yes +ic_validation 0\.123 /);
    expect(lines[2]).toMatch(/^ret_5m\/SYMBOL_SPECIFIC\/Ridge .* no /);
    expect(lines[4]).toMatch(/^2 models, [\d,]+ bytes, all used models load, run root [0-9a-f]{12}$/);
  });

  it('fails on a checksum that does not match, after it has shown all, also in JSON', async () => {
    const dir = await writeRunRoot(join(base, 'changed'), [RIDGE]);
    await writeFile(join(dir, modelFolder(RIDGE), 'model.onnx'), linearBytes([1, 2, 3]));
    expect(await sametape('models', 'inspect', dir)).toMatch(
      /warning {2}.*model\.onnx: sha256 .*, expected /,
    );
    expect(failed).toBe(
      `${dir}: 1 of 1 models are not the files their metadata names: ret_5m/ALL/Ridge; strict runs refuse them`,
    );
    const json = JSON.parse(await sametape('models', 'inspect', dir, '--json'));
    expect(json.models).toMatchObject([
      { id: 'ret_5m/ALL/Ridge', checksumMatches: false, used: true, horizon: '5m' },
    ]);
    expect(json.warnings).toMatchObject([{ code: 'MODEL_CHECKSUM_MISMATCH' }]);
  });

  it('fails on a model that does not fit its metadata when asked to check', async () => {
    const dir = await writeRunRoot(join(base, 'misfit'), [{ ...RIDGE, meta: { sequence_length: 4 } }]);
    await expect(sametape('models', 'inspect', dir, '--check')).rejects.toMatchObject({
      code: 'MODEL_INPUT_SHAPE',
    });
  });
});

describe('sametape models train', () => {
  it('leaves a run root that inspect shows', async () => {
    const dataset = join(base, 'dataset');
    const tables = synthesize({ symbols: 2, sessions: 2, from: '2024-01-02' });
    await writeDataset({
      dir: dataset,
      tables,
      facts: { provenance: { source: 'synthetic', files: [], options: {} } },
    });
    const out = join(base, 'trained');
    const args = [
      '--dataset',
      dataset,
      '--sessions',
      '2024-01-01..2024-01-02',
      '--out',
      out,
      '--horizons',
      '5m',
    ];
    const report = await sametape('models', 'train', ...args, '--no-barrier', '--no-sequence');
    expect(report).toMatch(/^model +score +train +validation +bytes\n/);
    expect(report).toMatch(/3 models from \d+ rows of 2024-01-02: /);
    const shown = JSON.parse(await sametape('models', 'inspect', out, '--check', '--json'));
    expect(shown.manifest).toMatchObject({
      train_sessions: ['2024-01-02'],
      symbols: ['AAA', 'BBB'],
      seed: 1,
    });
    expect(shown.models.map((model: { readonly id: string }) => model.id)).toEqual([
      'ret_5m/CROSS_SECTIONAL/BoostedTrees',
      'ret_5m/CROSS_SECTIONAL/MLP',
      'ret_5m/CROSS_SECTIONAL/Ridge',
    ]);
    expect(shown.warnings).toEqual([]);
    const elsewhere = ['models', 'train', '--dataset', dataset, '--out', out, '--sessions'];
    await expect(sametape(...elsewhere, '2024-02-01')).rejects.toThrow(
      /has none of them, it covers 2024-01-02 to 2024-01-03/,
    );
    await expect(sametape(...elsewhere, '2024-01-03', '--symbols', 'ZZZ')).rejects.toThrow(/no symbol ZZZ/);
  });

  it.each([
    [['--sessions', 'yesterday'], /DATASET_MISSING|dataset/],
    [['--sessions', '2024-01-02', '--seed', '-1'], /whole number/],
    [['--sessions', '2024-01-02', '--horizons', '5m,'], /separated by commas/],
    [[], /--sessions/],
  ])('refuses %j', async (args, message) => {
    const out = join(base, 'out');
    const missing = join(base, 'no-dataset');
    await expect(sametape('models', 'train', '--dataset', missing, '--out', out, ...args)).rejects.toThrow(
      message,
    );
  });
});
