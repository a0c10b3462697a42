import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { synthesize } from '../../src/data/synth.ts';
import { runBacktest } from '../../src/modes/backtest.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { projectRoot } from '../cli/sametape.ts';
import { temporaryFolder } from '../models/fixtures.ts';

const base = await temporaryFolder();

/** What the quickstart's models say over a made-up day, with volumes or without. */
async function warningsOver(name: string, hasVolume: boolean): Promise<readonly string[]> {
  const dir = join(base, name);
  const tables = [...synthesize({ symbols: 3, sessions: 1, from: '2024-07-03', seed: 3 })];
  if (!hasVolume) for (const { volume } of tables) volume.fill(0);
  await writeDataset({ dir, facts: { provenance: { source: 'synthetic', files: [], options: {} } }, tables });
  const set = [`data.dataset=${dir}`, 'data.from=2024-07-03', 'data.to=2024-07-03', 'cycle.minutes=5'];
  const scenario = loadScenario({
    file: join(projectRoot, 'scenarios/quickstart.yaml'),
    overrides: set.map((text) => parseSetOption(text, base)),
  });
  const { warnings } = await runBacktest({ scenario, outDir: join(base, 'runs'), progress: silentProgress });
  return warnings;
}

describe('a run whose models never answer', () => {
  it('says so, and which feature was never there', async () => {
    const silent = (await warningsOver('silent', false)).filter((line) => line.includes('never answered'));
    expect(silent).toEqual([
      expect.stringMatching(
        /^models ret_15m\/.+ and \d+ more never answered for any symbol: no symbol ever had volume_ma_ratio$/,
      ),
    ]);
  });

  it('says nothing where they do', async () => {
    expect(await warningsOver('heard', true)).not.toContainEqual(expect.stringContaining('never answered'));
  });
});
