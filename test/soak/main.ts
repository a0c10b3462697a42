/**
 * `npm run soak -- [--sessions N] [--json]`: a made-up market of many sessions on paper at full speed, on a durable tape.
 * Says what memory and open files came to, early and late; exit 1 where they grew.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { runPaper } from '../../src/modes/paper.ts';
import { wallClock } from '../../src/sources/wall-clock.ts';

interface Sample {
  readonly rssMib: number;
  readonly files: number;
}

const { values } = parseArgs({
  options: { sessions: { type: 'string', default: '250' }, json: { type: 'boolean', default: false } },
});
const sessions = Number(values.sessions);
const root = fileURLToPath(new URL('../../', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'sametape-soak-'));
/** Memory may differ by this much from the early sessions to the late ones. */
const MAX_GROWTH = 0.1;

/** Open files of this process; -1 where the system does not tell. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

try {
  const dir = join(work, 'dataset');
  await synthDataset({ dir, options: { seed: 7, symbols: 8, sessions, from: '2023-01-03' } });
  const scenario = loadScenario({
    file: join(root, 'scenarios/quickstart.yaml'),
    overrides: [`data={dataset: ${dir}, from: 2023-01-03, to: 2027-12-31}`].map((text) =>
      parseSetOption(text, root),
    ),
  });
  const samples: Sample[] = [];
  let session = '';
  const result = await runPaper({
    scenario,
    outDir: join(work, 'runs'),
    clock: wallClock,
    speed: 'max',
    progress: {
      update: (_done, _total, label) => {
        if (label === undefined || label === session) return;
        session = label;
        samples.push({ rssMib: process.memoryUsage.rss() / 2 ** 20, files: openFiles() });
        if (process.stderr.isTTY) process.stderr.write(`\r${samples.length} of ${sessions} sessions`);
      },
      stop: () => undefined,
    },
  });
  // the first tenth warms up: code is compiled, buffers find their size
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const early = samples.slice(tenth, 3 * tenth);
  const late = samples.slice(-2 * tenth);
  const of = (part: readonly Sample[], key: keyof Sample): number =>
    median(part.map((sample) => sample[key]));
  const report = {
    sessions: samples.length,
    cycles: result.cycles,
    orders: result.orders,
    cyclesPerSecond: Math.round(result.cyclesPerSecond),
    rssMib: { early: Math.round(of(early, 'rssMib')), late: Math.round(of(late, 'rssMib')) },
    files: { early: of(early, 'files'), late: of(late, 'files') },
  };
  const isFlat =
    report.rssMib.late <= report.rssMib.early * (1 + MAX_GROWTH) && report.files.late <= report.files.early;
  process.stdout.write(`${JSON.stringify({ ...report, isFlat }, null, values.json ? 0 : 2)}\n`);
  process.exitCode = isFlat ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
