/** `npm run crash-walk -- [--json] [--every N] [--point STEP:WHEN:N]`: exit 1 where anything was lost, doubled or unequal. */
import { parseArgs } from 'node:util';
import { walkCrashes } from './crash-walk.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    every: { type: 'string', default: '1' },
    point: { type: 'string' },
  },
});
const report = await walkCrashes({
  every: Math.max(1, Number(values.every)),
  ...(values.point === undefined ? {} : { only: values.point }),
  onPoint: (done, total) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total} points`);
  },
});
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  const { points, reached, violations } = report;
  for (const { point, problem, reproduce } of violations)
    process.stdout.write(`${point}: ${problem}\n  ${reproduce}\n`);
  process.stdout.write(`${points} points, ${reached} reached, ${violations.length} violations\n`);
}
process.exitCode = report.violations.length === 0 ? 0 : 1;
