import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { importDataset } from '../../src/data/import.ts';
import type { ImportOptions, ImportReport } from '../../src/data/import-types.ts';
import { parseManifest } from '../../src/data/manifest.ts';
import { runPaper } from '../../src/modes/paper.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { createTapeImporter } from '../../src/research/tape-importer.ts';
import { wallClock } from '../../src/sources/wall-clock.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { sametape } from '../cli/sametape.ts';
import { projectRoot, scratch } from '../live/live-day.ts';

const dir = scratch('tape-importer');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const scenario = join(projectRoot, 'scenarios/corporate-actions.yaml');
const original = parseManifest(
  readFileSync(join(projectRoot, 'datasets/corporate-actions/manifest.json'), 'utf8'),
  'original',
);
let runDir = '';
let decisionHead = '';

beforeAll(async () => {
  const run = await runPaper({
    scenario: loadScenario({ file: scenario, overrides: [] }),
    outDir: join(dir, 'paper'),
    progress: silentProgress,
    clock: wallClock,
    speed: 'max',
    onLine: () => {},
  });
  ({ runDir, decisionHead } = run);
});

const imported = (from: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importDataset({ format: 'tape', sources: [from], out: join(dir, 'lived'), ...options }, createTapeImporter);

/** A copy of the run whose tape was changed. */
function altered(name: string, change: (text: string) => string): string {
  const copy = join(dir, name);
  cpSync(runDir, copy, { recursive: true });
  const segment = join(copy, 'tape', '000001.jsonl');
  writeFileSync(segment, change(readFileSync(segment, 'utf8')));
  rmSync(join(copy, 'tape', 'head.json'), { force: true });
  return copy;
}

describe('the market data on a tape', () => {
  it('is a dataset again: that of the run, to the byte, splits and dividends included', async () => {
    const { manifest, rowsRejected, sessionsLeftOut } = await imported(runDir);
    expect(manifest.sha256).toBe(original.sha256);
    expect(manifest.provenance).toMatchObject({
      source: 'tape',
      files: [{ file: '000001.jsonl' }],
      options: { chainHead: verifyTape(join(runDir, 'tape')).head },
    });
    expect({ rowsRejected, sessionsLeftOut }).toEqual({ rowsRejected: 0, sessionsLeftOut: [] });
  });

  it('gives a backtest the decisions of the run', async () => {
    await imported(runDir);
    const args = ['--set', `data.dataset=${join(dir, 'lived')}`, '--out', join(dir, 'backtest'), '--json'];
    const { stdout } = await sametape(['run', scenario, ...args]);
    const backtest = JSON.parse(stdout) as { decisionHead: string; runDir: string };
    expect(backtest.decisionHead).toBe(decisionHead);
    await expect(imported(backtest.runDir)).rejects.toMatchObject({ code: 'IMPORT_TAPE', exitCode: 2 });
  });

  it('has no session that had not ended', async () => {
    const cut = altered('cut', (text) => {
      const second = text.indexOf('"date":"2024-03-05"');
      return text.slice(0, text.indexOf('"MarketSlice"', second) + 20);
    });
    const { manifest, sessionsLeftOut } = await imported(cut, { out: join(dir, 'first-day') });
    expect(sessionsLeftOut).toEqual(['2024-03-05']);
    expect(manifest.sessions).toEqual(original.sessions.slice(0, 1));
  });

  it('is refused by name where its only session had not ended', async () => {
    const cut = altered('first-cut', (text) => text.slice(0, text.indexOf('"CycleDue"')));
    const out = join(dir, 'of-first-cut');
    await expect(imported(cut, { out })).rejects.toMatchObject({
      code: 'IMPORT_TAPE',
      message: expect.stringMatching(/no session has ended on the tape.+2024-03-04/),
    });
    expect(existsSync(out)).toBe(false);
  });

  it('of a run that goes on is what was recorded when its import began', async () => {
    let whole = '';
    const growing = altered('growing', (text) => {
      whole = text;
      return text.slice(0, text.lastIndexOf('\n', text.indexOf('"date":"2024-03-05"')) + 1);
    });
    const out = join(dir, 'of-growing');
    const options = { format: 'tape', sources: [growing], out } as const;
    const { manifest } = await importDataset(options, async (given) => {
      const importer = await createTapeImporter(given);
      writeFileSync(join(growing, 'tape', '000001.jsonl'), whole);
      return importer;
    });
    expect(manifest.sessions).toEqual(original.sessions.slice(0, 1));
  });

  it('is not taken from a damaged tape', async () => {
    const damaged = altered('damaged', (text) => text.replace('"MarketSlice"', '"MarketSlicf"'));
    const { fault } = verifyTape(join(damaged, 'tape'));
    const out = join(dir, 'of-damaged');
    await expect(imported(damaged, { out })).rejects.toMatchObject({ fault, exitCode: 1 });
    expect(existsSync(out)).toBe(false);
  });
});
