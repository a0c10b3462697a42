import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import { changedTotals, type GoldenPaths, goldenPaths, readGolden } from '../../src/research/golden-file.ts';
import { projectRoot } from '../e2e/as-user.ts';

let paths: GoldenPaths;
let dir: string;

/** A copy of the committed golden files of the quickstart, to break. */
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sametape-golden-file-'));
  paths = goldenPaths(dir, 'quickstart');
  const committed = goldenPaths(join(projectRoot, 'golden'), 'quickstart');
  copyFileSync(committed.file, paths.file);
  copyFileSync(committed.cyclesFile, paths.cyclesFile);
  copyFileSync(committed.predictionsFile, paths.predictionsFile);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The one line a person reads of what is wrong with the golden files. */
function refused(): string {
  try {
    readGolden(paths);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  throw new Error('the golden files were taken');
}

function edit(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

describe('golden files as they are read', () => {
  it('takes what is committed', () => {
    const { golden, cycles } = readGolden(paths);
    expect(cycles).toHaveLength(golden.cycles);
  });

  it.each(['cyclesFile', 'predictionsFile'] as const)('wants its %s, and says which is missing', (name) => {
    rmSync(paths[name]);
    expect(refused()).toContain(`${paths[name]}: missing beside quickstart.json; restore it`);
  });

  it('names the key of the golden file that is gone', () => {
    edit(paths.file, (text) => text.replace(/ {2}"decisionHead".*\n/, ''));
    expect(refused()).toMatch(/quickstart\.json: .*decisionHead/);
  });

  it.each([
    ['no JSON', 'garbage'],
    ['an object of something else', '{}'],
    ['a cycle without a digest', '{"c":300,"d":{},"h":"00","s":["00"],"t":0}'],
  ])('names file and line of a cycle that is none: %s', (_, line) => {
    edit(paths.cyclesFile, (text) => text.split('\n').with(299, line).join('\n'));
    expect(refused()).toContain(`${paths.cyclesFile}:300: not what "sametape golden update" wrote`);
  });

  it('compares every total, to the last digit', () => {
    const { golden } = readGolden(paths);
    expect(changedTotals(golden, golden)).toEqual([]);
    const found = { ...golden, fills: golden.fills + 1, finalEquity: golden.finalEquity + 1e-6 };
    expect(changedTotals(golden, found)).toEqual([
      { name: 'fills', expected: golden.fills, found: golden.fills + 1 },
      { name: 'finalEquity', expected: golden.finalEquity, found: golden.finalEquity + 1e-6 },
    ]);
  });
});
