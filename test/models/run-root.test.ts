import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import { parseHorizon } from '../../src/domain/horizon.ts';
import { type LoadRunRootOptions, loadRunRoot } from '../../src/models/run-root.ts';
import { buildLayout } from '../../src/models/signal-layout.ts';
import {
  EVERY_KIND,
  FEATURES,
  linearBytes,
  type ModelSpec,
  modelFolder,
  temporaryFolder,
  writeRunRoot,
} from './fixtures.ts';

const STRICT: LoadRunRootOptions = { strict: true, knownFeatures: FEATURES };
const LENIENT: LoadRunRootOptions = { strict: false, knownFeatures: FEATURES };
const RIDGE: ModelSpec = { target: 'ret_5m', family: 'Ridge', bytes: linearBytes() };
const RIDGE_FOLDER = modelFolder(RIDGE);

let folders = 0;
const base = await temporaryFolder();

async function rootOf(models: readonly ModelSpec[]): Promise<string> {
  folders++;
  return await writeRunRoot(join(base, `root-${folders}`), models);
}

/** The one-line error a load gives. */
async function failure(work: Promise<unknown>): Promise<InputError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const inputError = error as InputError;
  expect(inputError.message).not.toMatch(/\n/);
  expect(inputError.exitCode).toBe(2);
  return inputError;
}

describe('loadRunRoot', () => {
  it('reads every model with what its target name and metadata say', async () => {
    const runRoot = await loadRunRoot(await rootOf(EVERY_KIND), STRICT);
    expect(runRoot.models.map((model) => [model.id, model.kind, model.horizon.minutes])).toEqual([
      ['fwd_ret_1h/ALL/Ridge', 'return', 60],
      ['ret_5m/ALL/Conv', 'return', 5],
      ['ret_5m/ALL/Ridge', 'return', 5],
      ['ret_5m/ALL/Trees', 'return', 5],
      ['will_peak_5m/ALL/Logistic', 'peak', 5],
      ['y_will_valley_5m/ALL/Logistic', 'valley', 5],
    ]);
    expect(runRoot.warnings).toEqual([]);
  });

  it('gives the same identity for the same files, and another when one byte of metadata changes', async () => {
    const first = await loadRunRoot(await rootOf([RIDGE]), STRICT);
    const second = await loadRunRoot(await rootOf([RIDGE]), STRICT);
    const changed = await loadRunRoot(await rootOf([{ ...RIDGE, meta: { metrics: { ic: 0.1 } } }]), STRICT);
    expect(second.sha256).toBe(first.sha256);
    expect(changed.sha256).not.toBe(first.sha256);
  });

  describe('given a model that is not the one its metadata names', () => {
    const wrong = { ...RIDGE, meta: { model_checksum: '0'.repeat(64) } };

    it('stops in strict mode with expected and found', async () => {
      const error = await failure(loadRunRoot(await rootOf([wrong]), STRICT));
      expect(error.code).toBe('MODEL_CHECKSUM_MISMATCH');
      expect(error.message).toContain(join(RIDGE_FOLDER, 'model.onnx'));
      expect(error.message).toMatch(/sha256 [0-9a-f]{64}, expected 0{64}/);
    });

    it('warns outside strict mode and identifies the file as found', async () => {
      const runRoot = await loadRunRoot(await rootOf([wrong]), LENIENT);
      expect(runRoot.warnings.map((warning) => warning.code)).toEqual(['MODEL_CHECKSUM_MISMATCH']);
      expect(runRoot.models[0]!.sha256).not.toBe('0'.repeat(64));
    });
  });

  it.each([
    ['a missing field', { interval_minutes: undefined }, 'field interval_minutes: missing'],
    ['a field of another type', { sequence_length: '16' }, 'field sequence_length: '],
    ['a checksum that is none', { model_checksum: 'abc' }, 'field model_checksum: expected a SHA-256'],
    ['no features', { feature_list: [] }, 'field feature_list: '],
    ['a repeated feature', { feature_list: ['ret_1d', 'ret_1d'] }, 'feature_list[1] repeats "ret_1d"'],
    ['another family', { family: 'Lasso' }, 'field family: "Lasso", expected "Ridge"'],
  ])('names file and field for metadata with %s', async (_, meta, expected) => {
    const error = await failure(loadRunRoot(await rootOf([{ ...RIDGE, meta }]), LENIENT));
    expect(error.code).toBe('MODEL_META_INVALID');
    expect(error.message).toContain(`${join(RIDGE_FOLDER, 'model_meta.json')}: ${expected}`);
  });

  it('names the nearest valid name of an unknown feature', async () => {
    const meta = { feature_list: ['ret_1d', 'rsi_15'] };
    const error = await failure(loadRunRoot(await rootOf([{ ...RIDGE, meta }]), LENIENT));
    expect(error.code).toBe('FEATURE_UNKNOWN');
    expect(error.message).toContain(
      'feature_list[1] "rsi_15" is not a known feature, nearest valid name "rsi_14"',
    );
  });

  it('refuses metadata that is not JSON', async () => {
    const dir = await rootOf([RIDGE]);
    await writeFile(join(dir, RIDGE_FOLDER, 'model_meta.json'), '{\n"family":\n');
    expect((await failure(loadRunRoot(dir, STRICT))).message).toContain('not valid JSON');
  });

  it.each([
    ['text', new TextEncoder().encode('hello, I am not a model\n')],
    ['an empty file', new Uint8Array(0)],
    ['zeros', new Uint8Array(4096)],
    ['a truncated model', linearBytes().subarray(0, 300)],
  ])('refuses %s in place of an ONNX file, in any mode', async (_, bytes) => {
    const error = await failure(loadRunRoot(await rootOf([{ ...RIDGE, bytes }]), LENIENT));
    expect(error.code).toBe('MODEL_NOT_ONNX');
    expect(error.message).toContain('model.onnx');
  });

  it('refuses a truncated model before looking inside it when its checksum is known', async () => {
    const dir = await rootOf([RIDGE]);
    await truncate(join(dir, RIDGE_FOLDER, 'model.onnx'), 200);
    expect((await failure(loadRunRoot(dir, STRICT))).code).toBe('MODEL_CHECKSUM_MISMATCH');
    expect((await failure(loadRunRoot(dir, LENIENT))).code).toBe('MODEL_NOT_ONNX');
  });

  it('refuses a file larger than any metadata', async () => {
    const dir = await rootOf([RIDGE]);
    await writeFile(join(dir, 'manifest.json'), `{"a":"${'x'.repeat(1 << 20)}"}`);
    expect((await failure(loadRunRoot(dir, STRICT))).message).toMatch(
      /manifest\.json: \d+ bytes, expected at most/,
    );
  });

  it.each(['file', 'folder'])('never follows a link out of the run root: %s', async (kind) => {
    const outside = await rootOf([RIDGE]);
    const dir = await rootOf([RIDGE]);
    const path = kind === 'file' ? join(RIDGE_FOLDER, 'model.onnx') : RIDGE_FOLDER;
    await rm(join(dir, path), { recursive: true });
    await symlink(join(outside, path), join(dir, path));
    expect((await failure(loadRunRoot(dir, LENIENT))).code).toBe('RUN_ROOT_ESCAPE');
  });

  it('says what is missing when the folder is not a run root', async () => {
    expect((await failure(loadRunRoot(join(base, 'nowhere'), STRICT))).code).toBe('RUN_ROOT_MISSING');
    const empty = join(base, 'empty');
    await mkdir(empty);
    expect((await failure(loadRunRoot(empty, STRICT))).message).toMatch(/manifest\.json: missing/);
    await writeFile(join(empty, 'manifest.json'), '{}');
    expect((await failure(loadRunRoot(empty, STRICT))).message).toMatch(
      /targets: missing; expected a run root, as "sametape models train" writes it$/,
    );
  });

  it('stops at a target name without meaning in strict mode, and leaves it out otherwise', async () => {
    const dir = await rootOf([RIDGE, { ...RIDGE, target: 'price_in_5m' }]);
    expect((await failure(loadRunRoot(dir, STRICT))).code).toBe('TARGET_UNKNOWN');
    const runRoot = await loadRunRoot(dir, LENIENT);
    expect(runRoot.models.map((model) => model.target)).toEqual(['ret_5m']);
    expect(runRoot.warnings.map((warning) => warning.code)).toEqual(['TARGET_UNKNOWN']);
  });
});

describe('routing', () => {
  const twoViews = [
    { ...RIDGE, view: 'CROSS_SECTIONAL' },
    { ...RIDGE, view: 'SYMBOL_SPECIFIC' },
    { ...RIDGE, view: 'SYMBOL_SPECIFIC', family: 'Lasso' },
  ];

  async function routedFamilies(decisions: Readonly<Record<string, unknown>>): Promise<string[]> {
    const dir = await rootOf(twoViews);
    for (const [view, decision] of Object.entries(decisions)) {
      const file = join(dir, `targets/ret_5m/models/view=${view}/routing_decision.json`);
      await writeFile(file, JSON.stringify(decision));
    }
    const runRoot = await loadRunRoot(dir, STRICT);
    return buildLayout(runRoot, { symbols: ['A'], horizons: [parseHorizon('5m')] }).columns.map((c) => c.id);
  }

  it('takes the first view when nothing decides', async () => {
    expect(await routedFamilies({})).toEqual(['ret_5m/CROSS_SECTIONAL/Ridge']);
  });

  it('takes the view and families its decision names', async () => {
    const route = 'SYMBOL_SPECIFIC';
    expect(await routedFamilies({ SYMBOL_SPECIFIC: { route } })).toHaveLength(2);
    expect(await routedFamilies({ SYMBOL_SPECIFIC: { route, families: ['Lasso'] } })).toEqual([
      'ret_5m/SYMBOL_SPECIFIC/Lasso',
    ]);
  });

  it('passes over a blocked view', async () => {
    expect(await routedFamilies({ CROSS_SECTIONAL: { route: 'BLOCKED' } })).toEqual([
      'ret_5m/SYMBOL_SPECIFIC/Lasso',
      'ret_5m/SYMBOL_SPECIFIC/Ridge',
    ]);
  });

  it.each([
    [
      { CROSS_SECTIONAL: { route: 'CROSS_SECTIONAL' }, SYMBOL_SPECIFIC: { route: 'SYMBOL_SPECIFIC' } },
      'several views',
    ],
    [{ CROSS_SECTIONAL: { route: 'ELSEWHERE' } }, 'routes to view "ELSEWHERE"'],
    [{ CROSS_SECTIONAL: { route: 'CROSS_SECTIONAL', families: ['Nope'] } }, 'names family "Nope"'],
    [{ CROSS_SECTIONAL: { path: 'x' } }, 'field route: missing'],
  ])('refuses a decision that cannot be carried out: %j', async (decisions, expected) => {
    expect((await failure(routedFamilies(decisions))).message).toContain(expected);
  });
});

describe('buildLayout', () => {
  it('orders columns by id and symbols by code unit, and keeps barrier models of any horizon', async () => {
    const runRoot = await loadRunRoot(await rootOf(EVERY_KIND), STRICT);
    const layout = buildLayout(runRoot, { symbols: ['b', 'A', 'B'], horizons: [parseHorizon('60m')] });
    expect(layout.symbols).toEqual(['A', 'B', 'b']);
    expect(layout.columns.map((column) => column.id)).toEqual([
      'fwd_ret_1h/ALL/Ridge',
      'will_peak_5m/ALL/Logistic',
      'y_will_valley_5m/ALL/Logistic',
    ]);
    // the scenario says 60m, the target 1h: one horizon, spelled as the scenario does
    expect(layout.columns[0]!.horizon.label).toBe('60m');
  });

  it('says which horizon has no model', async () => {
    const dir = await rootOf([RIDGE]);
    const horizons = [parseHorizon('5m'), parseHorizon('390m')];
    const strict = await loadRunRoot(dir, STRICT);
    expect(() => buildLayout(strict, { symbols: ['A'], horizons })).toThrow(/horizon 390m, found 5m/);
    const lenient = await loadRunRoot(dir, LENIENT);
    expect(buildLayout(lenient, { symbols: ['A'], horizons }).columns).toHaveLength(1);
    expect(() => buildLayout(lenient, { symbols: ['A'], horizons: [parseHorizon('1d')] })).toThrow(
      /1d, found 5m/,
    );
  });

  it('names the model whose bars the data cannot make up', async () => {
    const runRoot = await loadRunRoot(await rootOf([RIDGE]), STRICT);
    const choice = { symbols: ['A'], horizons: [parseHorizon('5m')] };
    expect(buildLayout(runRoot, { ...choice, barSeconds: 60 }).columns).toHaveLength(1);
    expect(() => buildLayout(runRoot, { ...choice, barSeconds: 3600 })).toThrow(
      /model_meta\.json: field interval_minutes: 1, expected a multiple of the dataset's bars of 3600 s/,
    );
  });

  it.each([[[]], [['A', 'A']]])('refuses the universe %j', async (symbols) => {
    const runRoot = await loadRunRoot(await rootOf([RIDGE]), STRICT);
    expect(() => buildLayout(runRoot, { symbols, horizons: [parseHorizon('5m')] })).toThrow(InputError);
  });
});
