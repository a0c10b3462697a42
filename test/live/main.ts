/** `npm run live-day -- [--minutes N] [--symbols N] [--json]`: a live day at the twin, timed from tick to order and replayed. */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { scratch } from './live-day.ts';
import { twinDay } from './twin-day.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '390' },
    symbols: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const outDir = scratch('live-day');
const { result, latency, errors } = await twinDay({
  outDir,
  minutes: Number(values.minutes),
  symbols: Number(values.symbols),
});
const { runDir } = result;
const { divergence } = await replayRun({ runDir, datasetDir: undefined, progress: silentProgress });
rmSync(outDir, { recursive: true, force: true });
const { cycles, orders, fills, chainHead } = result;
const report = {
  symbols: Number(values.symbols),
  ...{ cycles, orders, fills, chainHead, errors },
  isReplayedToTheSameBits: divergence === undefined,
  latency: latency.summaries(),
};
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${JSON.stringify(report, null, 2)}\n`);
process.exit(divergence === undefined && errors.length === 0 ? 0 : 1);
