/** `npm run crash-walk -- [--json] [--every N] [--leg LEG] [--list] [--point [LEG/]STEP:WHEN:N]`: exit 1 where anything was lost, doubled or unequal. */
import { parseArgs } from 'node:util';
import { CRASH_LEGS, nameOf } from './crash-points.ts';
import { pointsOfRuns, walkCrashes } from './crash-walk.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    every: { type: 'string', default: '1' },
    leg: { type: 'string' },
    list: { type: 'boolean', default: false },
    point: { type: 'string' },
  },
});
const legs = CRASH_LEGS.filter((leg) => values.leg === undefined || leg === values.leg);
if (values.list) {
  const points = await pointsOfRuns(legs);
  process.stdout.write(`${points.map(nameOf).join('\n')}\n${points.length} points\n`);
  process.exit(0);
}
const report = await walkCrashes({
  legs,
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
