import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { CacheFolder } from '../models/cache-folder.ts';
import type { Combination, SweepSpec } from './sweep-grid.ts';

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

/** How a trial ended: null, or why it failed. */
export type Failure = string | null;

export interface WorkerPool<T> {
  readonly jobs: number;
  readonly scenarioFile: string;
  readonly taskOf: (item: T) => TrialTask;
  readonly onProgress: (item: T, cycles: number) => void;
  readonly onEnd: (item: T, failure: Failure) => void;
}

export const MOST_JOBS = 64;
/** What one worker may need, and what it may hold between two trials before a fresh one takes its place. */
const WORKER_BYTES = 2 ** 30;
const RESIDENT_LIMIT_BYTES = 3 * 2 ** 28;
/** Kept of what a worker says, for when it dies. */
const KEPT_CHARACTERS = 400;

/** As many as cores and memory allow. */
export function defaultJobs(): number {
  const byMemory = Math.floor(totalmem() / WORKER_BYTES);
  return Math.max(1, Math.min(availableParallelism(), byMemory, MOST_JOBS));
}

/** Runs all items in worker processes, `jobs` at a time. A worker that dies fails its trial, and no other. */
export async function runInWorkers<T>(items: readonly T[], pool: WorkerPool<T>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const workers = new Set<ChildProcess>();
  let isOver = false;
  const killAll = (): void => {
    for (const worker of workers) worker.kill('SIGKILL');
  };
  // whatever ends this process ends them
  process.on('exit', killAll);
  const work = async (): Promise<void> => {
    let worker: Worker | undefined;
    for (const item of waiting) {
      if (isOver) return;
      worker ??= startWorker(pool.scenarioFile, workers);
      const { failure, isSpent } = await worker.run(pool.taskOf(item), (cycles) =>
        pool.onProgress(item, cycles),
      );
      // killed because another end could not be taken in
      if (isOver) return;
      if (isSpent) {
        await worker.end();
        worker = undefined;
      }
      pool.onEnd(item, failure);
    }
    await worker?.end();
  };
  try {
    await Promise.all(Array.from({ length: Math.min(pool.jobs, items.length) }, work));
  } finally {
    isOver = true;
    killAll();
    process.off('exit', killAll);
  }
}

interface Worker {
  run(
    task: TrialTask,
    onProgress: (cycles: number) => void,
  ): Promise<{ readonly failure: Failure; readonly isSpent: boolean }>;
  end(): Promise<void>;
}

function startWorker(scenarioFile: string, workers: Set<ChildProcess>): Worker {
  const launcher = fileURLToPath(new URL('../../src/cli/sametape.mjs', import.meta.url));
  const child = spawn(process.execPath, [launcher, 'sweep', '--worker', '--', scenarioFile], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  workers.add(child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  });
  // after a failed start both come
  const ended = new Promise<string>((resolve) => {
    child.on('error', ({ message }) => resolve(message));
    child.on('close', (code, signal) => resolve(signal ?? `code ${code}`));
  });
  void ended.then(() => workers.delete(child));
  return {
    run: (task, onProgress) =>
      new Promise((resolve) => {
        const onMessage = (message: WorkerMessage): void => {
          if (message.kind === 'progress') {
            onProgress(message.cycles);
            return;
          }
          child.off('message', onMessage);
          const isSpent = message.residentBytes > RESIDENT_LIMIT_BYTES;
          resolve({ failure: message.kind === 'failed' ? message.message : null, isSpent });
        };
        child.on('message', onMessage);
        void ended.then((how) => {
          const last = said.trim().split('\n').at(-1) ?? '';
          resolve({
            failure: `its process ended with ${how}${last === '' ? '' : `: ${last}`}`,
            isSpent: true,
          });
        });
        // where it is gone already, its end says so
        child.send(task, () => undefined);
      }),
    end: async () => {
      if (child.connected) child.send(NO_MORE, () => undefined);
      await ended;
    },
  };
}
