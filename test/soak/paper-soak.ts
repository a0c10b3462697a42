import { join } from 'node:path';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { runPaper } from '../../src/modes/paper.ts';
import type { RunResult } from '../../src/modes/run-views.ts';
import { wallClock } from '../../src/sources/wall-clock.ts';
import { projectRoot } from '../live/live-day.ts';

export interface SoakOptions {
  readonly work: string;
  readonly sessions: number;
  readonly onSession: () => void;
}

/** Paper over a dataset of so many sessions at full speed, on a durable tape. */
export async function soakPaper({ work, sessions, onSession }: SoakOptions): Promise<RunResult> {
  const dir = join(work, 'dataset');
  await synthDataset({ dir, options: { seed: 7, symbols: 8, sessions, from: '2023-01-03' } });
  const scenario = loadScenario({
    file: join(projectRoot, 'scenarios/quickstart.yaml'),
    overrides: [`data={dataset: ${dir}, from: 2023-01-03, to: 2027-12-31}`].map((text) =>
      parseSetOption(text, projectRoot),
    ),
  });
  let session = '';
  return runPaper({
    scenario,
    outDir: join(work, 'runs'),
    clock: wallClock,
    speed: 'max',
    progress: {
      update: (_done, _total, label) => {
        if (label === undefined || label === session) return;
        session = label;
        onSession();
      },
      stop: () => undefined,
    },
  });
}
