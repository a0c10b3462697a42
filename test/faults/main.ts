/**
 * `npm run faults -- --seed 1 --scripts 200 --json`: fault scripts against every broker's twin. Prints scripts, checks
 * and violations, each with the line that runs it alone; exit 1 when there are any.
 */
import { parseArgs } from 'node:util';
import { type FaultsOptions, type FaultsReport, runAlpacaFaults } from './alpaca-faults.ts';
import { runIbkrFaults } from './ibkr-faults.ts';

const RUNNERS: Readonly<Record<string, (options: FaultsOptions) => Promise<FaultsReport>>> = {
  alpaca: runAlpacaFaults,
  ibkr: runIbkrFaults,
};

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    scripts: { type: 'string', default: '200' },
    broker: { type: 'string' },
    script: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const wanted = Object.entries(RUNNERS).filter(
  ([name]) => values.broker === undefined || values.broker === name,
);
if (wanted.length === 0) {
  process.stderr.write(`--broker ${values.broker}: expected one of ${Object.keys(RUNNERS).join(', ')}\n`);
  process.exit(2);
}
const total = { scripts: 0, checks: 0, violations: [] as object[] };
for (const [broker, run] of wanted) {
  const options = { seed: wholeNumber('seed', values.seed), scripts: wholeNumber('scripts', values.scripts) };
  const only = values.script === undefined ? undefined : wholeNumber('script', values.script);
  const report = await run(only === undefined ? options : { ...options, only });
  total.scripts += report.scripts;
  total.checks += report.checks;
  total.violations.push(...report.violations.map((violation) => ({ broker, ...violation })));
  if (values.json) continue;
  process.stdout.write(
    `${broker}: ${report.scripts} scripts, ${report.checks} checks, ${report.violations.length} violations\n`,
  );
  for (const { invariant, detail, reproduce } of report.violations) {
    process.stdout.write(`  ${invariant}: ${detail}\n    ${reproduce}\n`);
  }
}
if (values.json) process.stdout.write(`${JSON.stringify(total)}\n`);
process.exitCode = total.violations.length === 0 ? 0 : 1;

function wholeNumber(name: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  process.stderr.write(`--${name} ${text}: expected a whole number\n`);
  process.exit(2);
}
