import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { failsWith, folderDigests, type Host, projectRoot } from './as-user.ts';

/** Name of a scenario over copies of the quickstart's data and models, in every sandbox. */
export const SCENARIO_FILE = 'scenario.yaml';
export const SCENARIO = `name: hostile
data:
  dataset: dataset
  from: 2024-01-10
  to: 2024-01-10
models:
  runRoot: models
horizons: [5m, 15m]
`;

/** A start of the program with data, models and the ONNX runtime takes about 200; what the tests feed it far more. */
const MAX_PEAK_MIB = 450;
const RECORD_PEAK = `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS)));
`;

/** The home folder of a made-up user; commands run in `work` below it and may write to `work/out`, nowhere else. */
export interface Sandbox {
  readonly path: (...parts: string[]) => string;
  readonly host: Host;
  /** Runs a command that must end with exit code 2 and one line, within memory, without writing elsewhere. */
  refused(...args: string[]): Promise<string>;
  /** Everything but the output folder, by digest. */
  untouched(): Record<string, string>;
}

let sandboxes = 0;

/** @param root a temporary folder */
export function createSandbox(root: string): Sandbox {
  sandboxes += 1;
  const home = join(root, `home-${sandboxes}`);
  const work = join(home, 'work');
  const peakFile = join(root, `peak-${sandboxes}`);
  const recordPeak = join(root, `peak-${sandboxes}.mjs`);
  mkdirSync(work, { recursive: true });
  cpSync(join(projectRoot, 'datasets/quickstart'), join(work, 'dataset'), { recursive: true });
  cpSync(join(projectRoot, 'datasets/quickstart-models'), join(work, 'models'), { recursive: true });
  writeFileSync(join(work, SCENARIO_FILE), SCENARIO);
  writeFileSync(recordPeak, RECORD_PEAK);
  const env = {
    // What keeps quiet on build machines shows here what it does on a person's.
    CI: undefined,
    HOME: home,
    NODE_OPTIONS: `--import=${pathToFileURL(recordPeak).href}`,
    PEAK_FILE: peakFile,
  };
  const host = { cwd: work, env };
  const untouched = () => {
    const files = Object.entries(folderDigests(home));
    return Object.fromEntries(files.filter(([name]) => !name.startsWith('work/out/')));
  };
  return {
    path: (...parts) => join(work, ...parts),
    host,
    untouched,
    async refused(...args) {
      const before = untouched();
      const line = await failsWith(2, args, host);
      expect(untouched()).toEqual(before);
      expect(Number(readFileSync(peakFile, 'utf8')) / 1024).toBeLessThan(MAX_PEAK_MIB);
      return line;
    },
  };
}
