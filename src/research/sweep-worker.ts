import { InputError } from '../domain/errors.ts';
import { runBacktest } from '../modes/backtest.ts';
import type { Progress } from '../ports/progress.ts';
import { scenarioOf } from './sweep-grid.ts';
import { NO_MORE, type TrialTask, type WorkerMessage } from './sweep-workers.ts';

const TELL_MS = 200;

/**
 * Runs trials that come as messages, one after the other, until the process of the sweep is gone. Ctrl-C reaches both
 * processes: only the other one answers it.
 * @param textOf what a failure is told as
 * @throws InputError USAGE where nobody is there to send any
 */
export function serveTrials(textOf: (error: unknown) => string): void {
  if (process.send === undefined) {
    throw new InputError('USAGE', '--worker: a sweep starts its workers itself; leave it out');
  }
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (task: TrialTask | typeof NO_MORE) => {
    if (task === NO_MORE) process.exit(0);
    void runTrial(task, textOf).then(tell);
  });
}

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

async function runTrial(
  { spec, values, outDir, cache }: TrialTask,
  textOf: (error: unknown) => string,
): Promise<WorkerMessage> {
  try {
    await runBacktest({
      scenario: scenarioOf(spec, values, process.cwd()),
      outDir,
      progress: tellingProgress(),
      ...(cache === undefined ? {} : { cache }),
    });
    return { kind: 'done', residentBytes: process.memoryUsage.rss() };
  } catch (error) {
    return { kind: 'failed', message: textOf(error), residentBytes: process.memoryUsage.rss() };
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
