/**
 * `npm run soak -- [--sessions N] [--live] [--json]`: a made-up market of many sessions at full speed on a durable tape, on
 * paper over a dataset, or on the live loop. Says what memory and open files came to, early and late; exit 1 where they grew.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { scratch } from '../live/live-day.ts';
import { soakLive } from './live-soak.ts';
import { soakPaper } from './paper-soak.ts';
import { growthOf, type Sample, takeSample } from './samples.ts';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '250' },
    live: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const sessions = Number(values.sessions);
const work = scratch('soak');
const samples: Sample[] = [];
try {
  const soak = values.live ? soakLive : soakPaper;
  const { cycles, orders, cyclesPerSecond } = await soak({
    work,
    sessions,
    onSession: () => {
      samples.push(takeSample());
      if (process.stderr.isTTY) process.stderr.write(`\r${samples.length} of ${sessions} sessions`);
    },
  });
  const growth = growthOf(samples);
  const report = {
    loop: values.live ? 'live' : 'paper',
    ...{ cycles, orders, cyclesPerSecond: Math.round(cyclesPerSecond) },
    ...growth,
  };
  process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`);
  process.exitCode = growth.isFlat ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
