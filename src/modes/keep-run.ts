import { existsSync, renameSync, rmSync } from 'node:fs';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { readTape } from '../tape/read-tape.ts';
import { runFolderAt } from '../tape/run-folder.ts';
import { COMPLETED } from './run-sessions.ts';

/** A run that ended, and where it is to lie. */
interface EndedRun {
  readonly partialDir: string;
  readonly runDir: string;
  readonly chainHead: string;
}

/**
 * What is left of a run that did not finish. One that a strict stop ended is whole and kept, beside the run of the same
 * identity where there is one; bad input leaves nothing; anything else is a bug, and what it left stays for the report.
 */
export function afterFailedRun(
  error: unknown,
  { isResumed, ...run }: EndedRun & { readonly isResumed: boolean },
): unknown {
  if (!(error instanceof InputError)) return error;
  if (error.code !== 'STRICT_STOPPED') {
    if (!isResumed) rmSync(run.partialDir, { recursive: true });
    return error;
  }
  const keptDir = otherRun(run) !== undefined ? `${run.runDir}.stopped` : run.runDir;
  rmSync(keptDir, { recursive: true, force: true });
  renameSync(run.partialDir, keptDir);
  const earlier = keptDir === run.runDir ? '' : `, and the earlier run is untouched in ${run.runDir}`;
  return new InputError(error.code, `${error.message}; its tape is in ${keptDir}${earlier}`, {
    cause: error,
  });
}

/**
 * Moves the finished run into place. A completed run of the same identity must have the same tape; one that stopped
 * early gives way.
 * @throws CheckFailedError RUN_NOT_REPRODUCED
 */
export function adopt(run: EndedRun): void {
  const { runDir, partialDir, chainHead } = run;
  const before = otherRun(run);
  if (before?.isComplete === true) {
    throw new CheckFailedError(
      'RUN_NOT_REPRODUCED',
      `${runDir}: the same scenario, data, models and code gave another tape, expected head ${before.head}, found ${chainHead}; compare it with ${partialDir}`,
    );
  }
  rmSync(runDir, { recursive: true, force: true });
  renameSync(partialDir, runDir);
}

/** What lies where a run goes and is another run; undefined where nothing does, or an equal one. */
function otherRun({
  runDir,
  chainHead,
}: EndedRun): { readonly head: string; readonly isComplete: boolean } | undefined {
  if (!existsSync(runDir)) return undefined;
  const { tapeDir } = runFolderAt(runDir);
  const before = readStoredHead(tapeDir);
  if (before === null || before === 'unreadable') return { head: 'unknown', isComplete: false };
  return before.head === chainHead ? undefined : { head: before.head, isComplete: isComplete(tapeDir) };
}

/** A tape that cannot be read to its end counts as complete: it is not ours to throw away. */
function isComplete(tapeDir: string): boolean {
  try {
    let reason: unknown = COMPLETED;
    for (const { record } of readTape(tapeDir, { verify: false })) {
      if (record.type === 'RunStopped') reason = record.payload.reason;
    }
    return reason === COMPLETED;
  } catch {
    return true;
  }
}
