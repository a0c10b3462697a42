import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import {
  changedTotals,
  firstDifference,
  type GoldenCycle,
  type GoldenPaths,
  goldenPaths,
  readGolden,
} from '../../src/research/golden-file.ts';
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

describe('where a run leaves its golden file', () => {
  /** The pinned cycles as a run of now gives them, each other in what `change` gives. */
  function runOf(
    cycles: readonly GoldenCycle[],
    change: (cycle: GoldenCycle, k: number) => Partial<GoldenCycle>,
  ): GoldenCycle[] {
    return cycles.map((cycle, k) => ({ ...cycle, ...change(cycle, k) }));
  }

  const moved = (cycle: GoldenCycle) => ({ digests: { ...cycle.digests, arbitration: 'f'.repeat(32) } });

  it('is nowhere for the pinned cycles', () => {
    const { cycles } = readGolden(paths);
    expect(
      firstDifference(
        cycles,
        runOf(cycles, () => ({})),
      ),
    ).toBeUndefined();
  });

  it('names the first decisions that differ, however long after the first number', () => {
    const { cycles } = readGolden(paths);
    const at = cycles.findIndex(({ decisions }) => Object.keys(decisions).length > 0);
    const [[symbol, before]] = Object.entries(cycles[at].decisions);
    const run = runOf(cycles, (cycle, k) => ({ ...moved(cycle), ...(k >= at ? { decisions: {} } : {}) }));
    expect(at).toBeGreaterThan(0);
    expect(firstDifference(cycles, run)).toMatchObject({
      cycle: cycles[0].cycle,
      stage: 'arbitration',
      changedCycle: cycles[at].cycle,
      changed: expect.arrayContaining([{ symbol, before, after: 'HOLD' }]),
    });
  });

  it('says where numbers move and no decision does', () => {
    const { cycles } = readGolden(paths);
    const run = runOf(cycles, (cycle, k) => (k === 7 ? moved(cycle) : {}));
    expect(firstDifference(cycles, run)).toEqual({
      cycle: cycles[7].cycle,
      stage: 'arbitration',
      changedCycle: null,
      changed: [],
    });
  });

  it('says where a cycle is missing, or one too many', () => {
    const { cycles } = readGolden(paths);
    const { cycle } = cycles.at(-1)!;
    const nothing = { changedCycle: null, changed: [] };
    expect(firstDifference(cycles, cycles.slice(0, -1))).toEqual({
      cycle,
      stage: 'missing cycle',
      ...nothing,
    });
    expect(firstDifference(cycles.slice(0, -1), cycles)).toEqual({ cycle, stage: 'extra cycle', ...nothing });
  });
});
