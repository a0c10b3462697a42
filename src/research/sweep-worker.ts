import { InputError, SametapeError } from '../domain/errors.ts';
import type { CacheFolder } from '../models/cache-folder.ts';
import { runBacktest } from '../modes/backtest.ts';
import type { Progress } from '../ports/progress.ts';
import type { Combination } from './sweep-grid.ts';
import { type SweepSpec, scenarioOf } from './sweep-plan.ts';

/** One trial, as the process of a sweep hands it to one of its workers. */
export interface TrialTask {
  readonly spec: Pick<SweepSpec, 'scenarioFile' | 'set' | 'axes'>;
  readonly values: Combination;
  readonly outDir: string;
  readonly cache?: CacheFolder;
}

/** What a worker tells of its trial: how far it is, and how it ended. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly cycles: number }
  | { readonly kind: 'done'; readonly residentBytes: number }
  | { readonly kind: 'failed'; readonly message: string; readonly residentBytes: number };

/** Ends a worker. Node never tells that a child is closed after its parent hung up first. */
export const NO_MORE = 'no more';

const TELL_MS = 200;

/**
 * Runs trials that come as messages, one after the other, until the process of the sweep is gone. Ctrl-C reaches both
 * processes: only the other one answers it.
 * @throws InputError USAGE where nobody is there to send any
 */
export function serveTrials(): void {
  if (process.send === undefined) {
    throw new InputError('USAGE', '--worker: a sweep starts its workers itself; leave it out');
  }
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (task: TrialTask | typeof NO_MORE) => {
    if (task === NO_MORE) process.exit(0);
    void runTrial(task).then(tell);
  });
}

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

async function runTrial({ spec, values, outDir, cache }: TrialTask): Promise<WorkerMessage> {
  try {
    await runBacktest({
      scenario: scenarioOf(spec, values, process.cwd()),
      outDir,
      progress: tellingProgress(),
      ...(cache === undefined ? {} : { cache }),
    });
    return { kind: 'done', residentBytes: process.memoryUsage.rss() };
  } catch (error) {
    const message =
      error instanceof SametapeError
        ? error.message
        : `internal error: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
    return { kind: 'failed', message, residentBytes: process.memoryUsage.rss() };
  }
}

function tellingProgress(): Progress {
  let toldMs = 0;
  return {
    update(cycles) {
      const now = performance.now();
      if (now - toldMs < TELL_MS) return;
      toldMs = now;
      tell({ kind: 'progress', cycles });
    },
    stop: () => undefined,
  };
}
