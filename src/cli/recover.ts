import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { RecoveredRun } from '../research/recover-run.ts';
import { createProgress } from './progress.ts';

interface RecoverOptions {
  readonly dataset?: string;
  readonly json?: boolean;
}

/** Adds `sametape recover RUN_DIR`: makes the tape of a crashed run whole. */
export function registerRecoverCommand(program: Command): void {
  program
    .command('recover')
    .summary('make the tape of a crashed run whole')
    .description(
      'Make the tape of a crashed run whole: save a record that was cut short aside and drop it, recompute and append what should have followed the last input. Damage is never repaired, only reported.',
    )
    .argument('<run-dir>', 'folder of the run')
    .option('--dataset <dir>', 'dataset folder, when it is not where it was')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape recover runs/RUN_ID
  $ sametape recover runs/RUN_ID --dataset /data/quickstart

Exit code 0: the tape is whole. 1: it is damaged, not torn; the place is named. 2: not a run, or written by other code.`,
    )
    .action(recoverCommand);
}

async function recoverCommand(runDir: string, options: RecoverOptions): Promise<void> {
  const { recoverRun } = await import('../research/recover-run.ts');
  const recovered = await recoverRun({
    runDir: resolve(runDir),
    datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
    progress: createProgress(),
  });
  process.stdout.write(
    options.json === true ? `${JSON.stringify(recovered)}\n` : `${recoveredText(recovered)}\n`,
  );
}

function recoveredText({ records, tornBytes, savedAs, appended, isClosed }: RecoveredRun): string {
  const torn = tornBytes === 0 ? 'nothing was torn' : `${tornBytes} torn bytes saved as ${savedAs}`;
  const rest = isClosed ? 'the run had ended in order' : `${appended} missing records recomputed`;
  return `ok: ${records} whole records; ${torn}; ${rest}`;
}
