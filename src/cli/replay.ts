import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CheckFailedError } from '../domain/errors.ts';
import type { ReplayRunResult } from '../research/replay-run.ts';
import { createProgress } from './progress.ts';
import { shorten } from './terminal.ts';

/** Characters shown of a record. */
const SHOWN_LENGTH = 200;

interface ReplayOptions {
  readonly dataset?: string;
  readonly json?: boolean;
}

/** Adds `sametape replay RUN_DIR`: recomputes a run from its tape and compares every record. */
export function registerReplayCommand(program: Command): void {
  program
    .command('replay')
    .summary('recompute a run from its tape and compare every record')
    .description(
      'Recompute every derived record of a run from the inputs on its tape, with its own predictions, and compare byte for byte. Names the first difference by sequence number, cycle and stage.',
    )
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .option('--dataset <dir>', 'dataset folder, when it is not where it was')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape replay runs/RUN_ID
  $ sametape replay runs/RUN_ID --dataset /data/quickstart
  $ sametape replay runs/RUN_ID --json | jq .divergence

Exit code 0: the same bits. 1: a difference, a dataset that changed, a damaged tape, or one that is not closed, of a run
that was interrupted, crashed or goes on, though its bits are the same up to where it ends; the message says which.
2: not a run folder.`,
    )
    .action(replayCommand);
}

async function replayCommand(runDir: string, options: ReplayOptions): Promise<void> {
  const { replayRun } = await import('../research/replay-run.ts');
  const result = await replayRun({
    runDir: resolve(runDir),
    datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
    progress: createProgress(),
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(jsonOf(result))}\n`);
  const problem = problemOf(result);
  if (problem !== undefined) throw problem;
  if (options.json === true) return;
  const { records, cycles, chainHead } = result;
  process.stdout.write(`ok: ${records} records, ${cycles} cycles, the same bits; chain head ${chainHead}\n`);
}

function jsonOf(result: ReplayRunResult): object {
  const { records, cycles, chainHead, decisionHead, divergence, datasetChanges } = result;
  return {
    ok: problemOf(result) === undefined,
    records,
    cycles,
    chainHead,
    decisionHead,
    divergence: divergence ?? null,
    datasetChanges,
  };
}

function problemOf({
  divergence,
  datasetChanges,
  isUnfinished,
}: ReplayRunResult): CheckFailedError | undefined {
  const changes = datasetChanges.map(
    ({ file, expectedSha256, foundSha256 }) =>
      `${file} is not the one the run was made from, expected sha256 ${expectedSha256.slice(0, 12)}, found ${foundSha256.slice(0, 12)}`,
  );
  if (divergence !== undefined) {
    const { seq, cycle, stage, expected, found } = divergence;
    if (isUnfinished) {
      const open = `the tape ends at seq ${seq - 1} and is not closed, the same bits up to there; see "sametape recover" or "sametape run --resume"`;
      return new CheckFailedError('REPLAY_UNFINISHED', [...changes, open].join('; '));
    }
    const first = `first difference at seq ${seq}, cycle ${cycle}, stage ${stage}: expected ${shorten(expected, SHOWN_LENGTH)}, found ${shorten(found, SHOWN_LENGTH)}`;
    return new CheckFailedError('REPLAY_DIVERGED', [...changes, first].join('; '));
  }
  if (changes.length === 0) return undefined;
  return new CheckFailedError('DATASET_CHANGED', `${changes.join('; ')}; no record differs`);
}
