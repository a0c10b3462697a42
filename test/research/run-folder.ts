import { join } from 'node:path';
import { openDataset } from '../../src/data/dataset.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { synthesize } from '../../src/data/synth.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import type { SynthOptions } from '../../src/data/synth-options.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import type { RunIdentity } from '../../src/modes/run-identity.ts';
import { runSessions, type SessionRun } from '../../src/modes/run-sessions.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { createRunFolder, writeJsonAtomic } from '../../src/tape/run-folder.ts';
import { type SyntheticRunOptions, syntheticRun } from '../engine/synthetic-run.ts';

export interface MadeRun {
  readonly runDir: string;
  readonly datasetDir: string;
  readonly identity: RunIdentity;
  readonly records: readonly TapeRecord[];
}

/** A dataset and the folder of a run over it, as `sametape run` leaves them but for models: rules of thumb answer. */
export async function makeRunFolder(
  dir: string,
  options: SyntheticRunOptions & {
    synth: SynthOptions;
    /** Changes the market before it is written. */
    alterTable?: (table: MarketTable) => void;
    alterRun?: (run: SessionRun) => SessionRun;
  },
): Promise<MadeRun> {
  const datasetDir = join(dir, 'dataset');
  const runDir = join(dir, 'run');
  const { alterTable, alterRun = (made) => made } = options;
  if (alterTable === undefined) await synthDataset({ dir: datasetDir, options: options.synth });
  else {
    const tables = [...synthesize(options.synth)];
    tables.forEach(alterTable);
    const provenance = { source: 'synthetic', files: [], options: { altered: true } } as const;
    await writeDataset({ dir: datasetDir, facts: { provenance }, tables });
  }
  const dataset = await openDataset(datasetDir);
  const { actions } = dataset;
  const run = alterRun(syntheticRun(options));
  const identity = { ...run.identity, datasetSha256: dataset.sha256 };
  const folder = createRunFolder(runDir, { existing: 'refuse' });
  const tape = createFileTape({ dir: folder.tapeDir, durable: false });
  await runSessions({ ...run, identity, tape, actions, loadSession: (date) => dataset.loadSession(date) });
  tape.close();
  writeJsonAtomic(folder.hostFile, { datasetDir });
  return { runDir, datasetDir, identity, records: [...readTape(folder.tapeDir)].map(({ record }) => record) };
}
