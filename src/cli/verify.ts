import type { Command } from 'commander';
import { CheckFailedError } from '../domain/errors.ts';
import { describeFault } from '../tape/faults.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { type VerifyReport, verifyTape } from '../tape/verify.ts';

/** Adds `sametape verify RUN_DIR [--json]`: checks the chain of a run's tape, byte by byte. */
export function registerVerifyCommand(program: Command): void {
  program
    .command('verify')
    .summary('check that the tape of a run is exactly what was written')
    .description('Check that the tape of a run is exactly what was written.')
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape verify runs/RUN_ID
  $ sametape verify runs/RUN_ID --json

Exit code 0: sound. 1: damaged or torn; the message names file, line, sequence number and byte. 2: not a run folder.`,
    )
    .action((runDir: string, options: { readonly json?: boolean }) => {
      const folder = openRunFolder(runDir);
      const report = verifyTape(folder.tapeDir);
      if (options.json === true) process.stdout.write(`${JSON.stringify(jsonOf(folder.dir, report))}\n`);
      if (report.fault !== null) throw new CheckFailedError(report.fault.code, describeFault(report.fault));
      if (options.json !== true) process.stdout.write(`${summaryLine(report)}\n`);
    });
}

function jsonOf(runDir: string, report: VerifyReport): object {
  const { fault, records, segments, head, decisionHead, isClosed } = report;
  return {
    ok: fault === null,
    runDir,
    records,
    segments,
    chainHead: head,
    decisionHead,
    closed: isClosed,
    fault,
  };
}

function summaryLine({ records, segments, head, isClosed }: VerifyReport): string {
  const files = segments === 1 ? '1 segment' : `${segments} segments`;
  const ending = isClosed ? 'closed' : 'not closed: the run is in progress or crashed';
  return `ok: ${records} records in ${files}, chain head ${head}, ${ending}`;
}
