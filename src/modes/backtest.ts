import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { CacheFolder } from '../models/cache-folder.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { Progress } from '../ports/progress.ts';
import type { TapeWriter } from '../ports/tape.ts';
import type { RunLoop } from '../runtime/run-loop.ts';
import { cyclesIn } from '../sources/session-timeline.ts';
import { createFileTape } from '../tape/file-tape.ts';
import { createRunFolder, type RunFolder, runFolderAt } from '../tape/run-folder.ts';
import { adopt, afterFailedRun } from './keep-run.ts';
import { type PreparedRun, prepareRun } from './prepare.ts';
import { type RunMode, runIdOf } from './run-identity.ts';
import type { RunObserver } from './run-observer.ts';
import { runSessions, type SessionRun, type SessionRunResult } from './run-sessions.ts';
import { attachAccount, closeAccount, openAccount, type RunResult, writeOrigins } from './run-views.ts';
import { keepWarmStart, writeWarmSnapshot } from './warm-start.ts';

export interface BacktestOptions {
  readonly scenario: LoadedScenario;
  /** Folder that the run folder is made in. */
  readonly outDir: string;
  readonly progress: Progress;
  /** Takes up what a crash left of this very run, where it left something; absent: such a run is made again. */
  readonly resume?: (tapeDir: string, inference: InferencePort | undefined) => ResumedRun | undefined;
  /** Where predictions are kept from run to run; absent: nowhere. */
  readonly cache?: CacheFolder;
  /** Told of the folder that the unfinished run lies in. */
  readonly onFolder?: (partialDir: string) => void;
  /** Watches the run. */
  readonly observer?: RunObserver | undefined;
  /** Makes it a paper run over the dataset: same pipeline and exchange, at its own pace, on a durable tape. */
  readonly paper?: PaperPlay;
}

/** What a paper run over a dataset adds to a backtest. */
export interface PaperPlay {
  readonly mode: RunMode;
  readonly pace: NonNullable<SessionRun['pace']>;
  /** Opens what an operator speaks to, once the run's folder is there; absent: nobody can. */
  readonly openLine?: (runDir: string) => Promise<PaperLine>;
}

/** An operator's line to a paper run. */
export interface PaperLine {
  /** Called once before the first event. `flush` makes what is recorded durable. */
  attach(run: { readonly loop: RunLoop; readonly engine: Engine; readonly flush: () => void }): void;
  close(): Promise<void>;
}

/** The tape of a crashed run, ready to be completed, and the models behind the answers it already holds. */
export interface ResumedRun {
  readonly tape: TapeWriter;
  readonly inference: InferencePort | undefined;
}

/**
 * Runs a scenario over its dataset and leaves a run folder, `<outDir>/<name>-<first 12 of the run id>`. A run that was
 * made before is made again and must come out the same: it is replaced only by an equal one, or where it did not complete.
 * @throws InputError for anything wrong with what the scenario names; CheckFailedError RUN_NOT_REPRODUCED when the
 *   same identity gave another tape than last time
 */
export async function runBacktest(options: BacktestOptions): Promise<RunResult> {
  const { scenario, outDir, progress, cache, paper, observer } = options;
  const prepared = await prepareRun(scenario, {
    ...(cache === undefined ? {} : { cache }),
    ...(paper === undefined ? {} : { mode: paper.mode }),
  });
  const { identity } = prepared;
  const runDir = join(outDir, `${scenario.name}-${runIdOf(identity).slice(0, 12)}`);
  const partialDir = `${runDir}.partial`;
  const { folder, tape, inference, isResumed } = openTape(partialDir, prepared, options);
  options.onFolder?.(partialDir);
  writeOrigins(folder, { scenario, prepared, runDir });
  const account = openAccount(identity);
  const line = await paper?.openLine?.(folder.dir);
  let result: SessionRunResult;
  try {
    result = await runSessions({
      identity,
      sessions: prepared.sessions,
      actions: prepared.dataset.actions,
      loadSession: (date) => prepared.dataset.loadSession(date),
      inference,
      tape,
      discoveries: prepared.discoveries,
      warmSnapshot: prepared.warmSnapshot,
      ...(paper === undefined ? {} : { pace: paper.pace }),
      attach: (loop, engine) => {
        attachAccount(account, loop);
        observer?.attach({
          ...{ identity, runId: runIdOf(identity), runDir: folder.dir, streams: loop, engine },
          ...{ collector: account.collector, tapeSeq: () => tape.nextSeq - 1 },
        });
        line?.attach({ loop, engine, flush: () => tape.flush() });
        attachProgress(loop, prepared, progress);
      },
    });
  } catch (error) {
    tape.close();
    await observer?.close();
    throw afterFailedRun(error, { partialDir, runDir, chainHead: tape.head, isResumed });
  } finally {
    progress.stop();
    await line?.close();
    await inference?.close();
  }
  tape.close();
  const { engine } = result;
  const ended = closeAccount(account, { scenario, prepared, engine, tape, folder, runDir });
  if (prepared.warmSnapshot !== undefined) keepWarmStart(partialDir, prepared.warmSnapshot);
  writeWarmSnapshot(partialDir, identity, engine);
  await observer?.close();
  adopt({ partialDir, runDir, chainHead: tape.head });
  return ended;
}

/** A new tape, or what a crash left of this run and may be gone on with. */
function openTape(
  partialDir: string,
  { inference, identity }: PreparedRun,
  { resume }: BacktestOptions,
): ResumedRun & { readonly folder: RunFolder; readonly isResumed: boolean } {
  const left = runFolderAt(partialDir);
  const resumed = existsSync(left.tapeDir) ? resume?.(left.tapeDir, inference) : undefined;
  if (resumed !== undefined) return { ...resumed, folder: left, isResumed: true };
  const folder = createRunFolder(partialDir, { existing: 'replace' });
  const tape = createFileTape({ dir: folder.tapeDir, durable: identity.mode !== undefined });
  return { tape, inference, folder, isResumed: false };
}

function attachProgress(loop: RunLoop, { sessions, identity }: PreparedRun, progress: Progress): void {
  const total = sessions.reduce((sum, session) => sum + cyclesIn(session, identity.settings.cycleMinutes), 0);
  let session = '';
  loop.inputs$.subscribe(({ event }) => {
    if (event.type === 'SessionOpened') session = event.session.date;
  });
  loop.derived$.subscribe(({ event }) => {
    if (event.type === 'CycleCompleted') progress.update(event.cycle, total, session);
  });
}
