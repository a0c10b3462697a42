import type { Command } from 'commander';
import { CheckFailedError } from '../domain/errors.ts';
import { auditLookAhead, type LookAheadCut, type LookAheadReport } from '../research/look-ahead.ts';
import { wholeNumberOption } from './option-values.ts';
import { createProgress } from './progress.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';
import { renderTable } from './terminal.ts';

interface LookAheadCliOptions extends ScenarioOptions {
  readonly cuts: string;
  readonly seed: string;
  readonly json?: boolean;
}

const MAX_CUTS = 1000;

/** Adds `sametape audit look-ahead SCENARIO`. */
export function registerAuditCommand(program: Command): void {
  const audit = program
    .command('audit')
    .summary('prove that a scenario does not see the future')
    .description('Audits of a scenario that need nothing but the scenario and its data.')
    .addHelpText('after', '\nExamples:\n  $ sametape audit look-ahead scenarios/quickstart.yaml');
  const lookAhead = audit
    .command('look-ahead')
    .description(
      'Changes all data after a moment, runs the scenario again, and compares every record before it, byte for byte.',
    )
    .argument('<scenario>', 'scenario file')
    .option('--cuts <n>', 'moments to try, drawn from all sessions', '4')
    .option('--seed <n>', 'seed of the moments and of the changes', '1')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape audit look-ahead scenarios/quickstart.yaml
  $ sametape audit look-ahead scenarios/quickstart.yaml --cuts 20 --seed 7 --json

Exit code 0: the past does not move. 1: it does; the first record that moved and its stage are named.`,
    );
  withSetOption(lookAhead).action(lookAheadCommand);
}

async function lookAheadCommand(scenarioFile: string, options: LookAheadCliOptions): Promise<void> {
  const report = await auditLookAhead(loadWithOptions(scenarioFile, options), {
    cuts: wholeNumberOption('--cuts', options.cuts, { min: 1, max: MAX_CUTS }),
    seed: wholeNumberOption('--seed', options.seed, { min: 0, max: Number.MAX_SAFE_INTEGER }),
    progress: createProgress(),
  });
  process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : `${lookAheadText(report)}\n`);
  if (report.ok) return;
  throw new CheckFailedError('LOOK_AHEAD', `${scenarioFile}: ${lookAheadProblem(report) ?? 'failed'}`);
}

/** What an audit found, in a line; undefined where nothing. */
export function lookAheadProblem({ cuts }: LookAheadReport): string | undefined {
  const leaking = cuts.find(({ leak }) => leak !== undefined);
  if (leaking?.leak !== undefined) {
    const { seq, cycle, stage } = leaking.leak;
    return `what is decided depends on the future: with other data after ${placeOf(leaking)}, record ${seq} (cycle ${cycle}, ${stage}) before it changes`;
  }
  const empty = cuts.find(({ hasChangedFuture }) => !hasChangedFuture);
  if (empty === undefined) return undefined;
  return `with other data after ${placeOf(empty)}, nothing after it changed either, so nothing is proven`;
}

function placeOf({ date, minute }: LookAheadCut): string {
  return `minute ${minute} of ${date}`;
}

function lookAheadText({ cuts, ok }: LookAheadReport): string {
  const rows = cuts.map((cut) => [
    cut.date,
    String(cut.minute),
    String(cut.recordsBefore),
    cut.leak === undefined ? (cut.hasChangedFuture ? 'same' : 'nothing to see') : 'CHANGED',
  ]);
  const columns = [
    { title: 'cut in session' },
    { title: 'minute', align: 'right' },
    { title: 'records before', align: 'right' },
    { title: 'the past is' },
  ] as const;
  const verdict = ok ? `ok: ${cuts.length} cuts, the past does not depend on the future` : 'not proven';
  return `${renderTable(columns, rows)}\n${verdict}`;
}
