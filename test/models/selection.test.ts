import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import { loadRunRoot, type RunRoot } from '../../src/models/run-root.ts';
import { buildLayout, discoverHorizons } from '../../src/models/signal-layout.ts';
import {
  classifierBytes,
  FEATURES,
  linearBytes,
  type ModelSpec,
  temporaryFolder,
  writeRunRoot,
} from './fixtures.ts';

const base = await temporaryFolder();
const bytes = linearBytes();
let folders = 0;

/** Two horizons, two views of one of them, three families, a barrier model. */
const MODELS: readonly ModelSpec[] = [
  { target: 'ret_1d', family: 'Ridge', bytes },
  { target: 'ret_5m', family: 'Ridge', bytes },
  { target: 'ret_5m', family: 'Trees', bytes },
  { target: 'ret_5m', family: 'Lasso', view: 'LOCAL', bytes },
  { target: 'fwd_ret_1h', family: 'Trees', bytes },
  { target: 'ret_60m', family: 'Ridge', bytes },
  { target: 'will_peak_5m', family: 'Logistic', bytes: classifierBytes() },
];

async function rootOf(
  options: { readonly views?: readonly string[]; readonly blocked?: string; readonly strict?: boolean } = {},
): Promise<RunRoot> {
  folders++;
  const dir = await writeRunRoot(join(base, `root-${folders}`), MODELS);
  if (options.blocked !== undefined) {
    const file = join(dir, `targets/ret_5m/models/view=${options.blocked}/routing_decision.json`);
    await writeFile(file, '{"route":"BLOCKED"}');
  }
  const { views, strict = true } = options;
  return await loadRunRoot(dir, { strict, knownFeatures: FEATURES, views });
}

const idsOf = (runRoot: RunRoot, choice: object = {}): readonly string[] =>
  buildLayout(runRoot, {
    symbols: ['A'],
    horizons: [parseHorizon('5m'), parseHorizon('1h')],
    ...choice,
  }).columns.map(({ id }) => id);

describe('horizons discovered in target names', () => {
  it('are those of return targets, shortest first, one spelling each', async () => {
    const labels = discoverHorizons(await rootOf(), {}).map(({ label }) => label);
    expect(labels).toEqual(['5m', '1h', '1d']);
  });

  it('leave out what the selection of families leaves out', async () => {
    const runRoot = await rootOf();
    expect(discoverHorizons(runRoot, { families: ['Trees'] }).map(({ label }) => label)).toEqual([
      '5m',
      '1h',
    ]);
    expect(discoverHorizons(runRoot, { excludeFamilies: ['Ridge'] }).map(({ label }) => label)).toEqual([
      '5m',
      '1h',
    ]);
  });
});

describe('families', () => {
  it('included are the return models used, and barrier models stay', async () => {
    expect(idsOf(await rootOf(), { families: ['Trees'] })).toEqual([
      'fwd_ret_1h/ALL/Trees',
      'ret_5m/ALL/Trees',
      'will_peak_5m/ALL/Logistic',
    ]);
  });

  it('excluded are left out of every target', async () => {
    expect(idsOf(await rootOf(), { excludeFamilies: ['Ridge', 'Logistic'] })).toEqual([
      'fwd_ret_1h/ALL/Trees',
      'ret_5m/ALL/Trees',
    ]);
  });

  it('that are not in use are answered with those that are', async () => {
    const runRoot = await rootOf();
    expect(() => idsOf(runRoot, { families: ['Lasso'] })).toThrow(
      /models\.families: Lasso is no family in use of .*, found Ridge, Trees$/,
    );
    expect(() => idsOf(runRoot, { families: ['Logistic'] })).toThrow(/found Ridge, Trees$/);
    expect(() => idsOf(runRoot, { excludeFamilies: ['Rigde'] })).toThrow(
      /models\.excludeFamilies: Rigde is no family .*, found Logistic, Ridge, Trees$/,
    );
  });
});

describe('views', () => {
  it('named are taken before the first, target by target', async () => {
    const runRoot = await rootOf({ views: ['LOCAL', 'ALL'] });
    expect(runRoot.routes.ret_5m).toEqual({ view: 'LOCAL', families: ['Lasso'] });
    expect(runRoot.routes.ret_1d).toEqual({ view: 'ALL', families: ['Ridge'] });
    expect(runRoot.warnings).toEqual([]);
  });

  it('named that a target lacks leave it without predictions, and a warning says so', async () => {
    const runRoot = await rootOf({ views: ['LOCAL'] });
    expect(Object.keys(runRoot.routes)).toEqual(['ret_5m']);
    const codes = runRoot.warnings.map(({ code, path }) => [code, path]);
    expect(codes).toContainEqual(['TARGET_WITHOUT_VIEW', 'targets/ret_1d']);
  });

  it('that are blocked are not taken, even by name', async () => {
    const runRoot = await rootOf({ views: ['LOCAL', 'ALL'], blocked: 'LOCAL' });
    expect(runRoot.routes.ret_5m).toEqual({ view: 'ALL', families: ['Ridge', 'Trees'] });
  });

  it('that no target has are answered with those that are there', async () => {
    await expect(rootOf({ views: ['GLOBAL'] })).rejects.toMatchObject({
      code: 'VIEW_UNKNOWN',
      message: expect.stringMatching(/models\.views: GLOBAL is no view of .*, found ALL, LOCAL$/),
    });
  });
});
