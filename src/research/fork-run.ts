import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import type { Override } from '../config/overrides.ts';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import type { SettingChanges } from '../domain/setting-changes.ts';
import type { Engine } from '../engine/engine-state.ts';
import { afterFailedRun } from '../modes/keep-run.ts';
import { type RunIdentity, runIdOf } from '../modes/run-identity.ts';
import {
  attachAccount,
  closeAccount,
  openAccount,
  type RunResult,
  writeOrigins,
} from '../modes/run-views.ts';
import { keepWarmStart, readKeptWarmStart, writeWarmSnapshot } from '../modes/warm-start.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import type { Progress } from '../ports/progress.ts';
import { createFileTape } from '../tape/file-tape.ts';
import { readTape } from '../tape/read-tape.ts';
import { createRunFolder, openRunFolder } from '../tape/run-folder.ts';
import { diffRuns, type RunDiff } from './diff-runs.ts';
import { forkTape } from './fork.ts';
import { changedScenario, expectForkableRun, findForkPoint } from './fork-origin.ts';
import {
  collectDerivedOf,
  collectInputOf,
  collectRecord,
  createSide,
  type ForkSide,
  markSide,
  sideOf,
} from './fork-sides.ts';
import { recordedIdentity } from './recorded-scenario.ts';
import { openRunDataset } from './replay-run.ts';

export interface ForkRunOptions {
  readonly runDir: string;
  /** The first cycle with the changed settings. */
  readonly cycle: number;
  readonly overrides: readonly Override[];
  /** Folder that the folder of the fork is made in. */
  readonly outDir: string;
  /** Where the dataset lies now; default: where it lay when the run was made. */
  readonly datasetDir: string | undefined;
  readonly progress: Progress;
  /** Told of the folder that the unfinished fork lies in. */
  readonly onFolder?: (partialDir: string) => void;
}

export interface ForkResult {
  readonly run: RunResult;
  /** Id of the run that was forked. */
  readonly originId: string;
  readonly changes: SettingChanges;
  /** Records of both that are the same bytes. */
  readonly sharedRecords: number;
  readonly first: RunDiff['first'];
  /** Both from the cycle on. */
  readonly original: ForkSide;
  readonly fork: ForkSide;
}

/**
 * Forks a run that ended: its records up to a cycle, each computed again and compared, and from there what would have
 * happened with other settings. Leaves a run folder like any other, `<outDir>/<name>-<first 12 of the run id>`.
 * @throws InputError for a run, cycle or key that cannot be forked, or a folder that is there already;
 *   CheckFailedError FORK_PREFIX_DIFFERS when the run does not come out as recorded before the cycle
 */
export async function forkRun(options: ForkRunOptions): Promise<ForkResult> {
  const { runDir, cycle, overrides, progress } = options;
  const folder = openRunFolder(runDir);
  const before = recordedIdentity(folder.tapeDir);
  expectForkableRun(runDir, before, cycle);
  const { scenario, changes } = await changedScenario(runDir, { identity: before, overrides });
  const { chainHead, cycles } = findForkPoint(runDir, cycle);
  const dataset =
    before.mode === undefined ? await openSameDataset(folder.hostFile, before, options) : undefined;
  const originId = runIdOf(before);
  const identity: RunIdentity = {
    ...before,
    forks: [...(before.forks ?? []), { runId: originId, chainHead, cycle, changes }],
  };
  const forkDir = freeFolder(options, `${scenario.name}-${runIdOf(identity).slice(0, 12)}`);
  const partialDir = `${forkDir}.partial`;
  const made = createRunFolder(partialDir, { existing: 'replace' });
  options.onFolder?.(partialDir);
  const origins = {
    scenario: withDatasetAt(scenario, options.datasetDir),
    prepared: { identity, cacheUse: undefined, warnings: [], dataset: { sha256: before.datasetSha256 } },
    runDir: forkDir,
  };
  writeOrigins(made, origins);
  const warmStart = readKeptWarmStart(runDir);
  if (warmStart !== undefined) keepWarmStart(partialDir, warmStart);
  const tape = createFileTape({ dir: made.tapeDir, durable: false });
  const account = openAccount(identity);
  const original = createSide(identity);
  const fork = createSide(identity);
  let sharedRecords = 0;
  let engine: Engine;
  try {
    engine = await forkTape({
      openTape: () => readTape(folder.tapeDir),
      identity,
      dataset,
      tape,
      readWarmStart: () => warmStart,
      attach: (loop) => {
        attachAccount(account, loop);
        loop.inputs$.subscribe(({ event }) => collectInputOf(fork, event));
        loop.derived$.subscribe(({ event, tUs }) => {
          collectDerivedOf(fork, event, tUs);
          if (event.type === 'CycleCompleted') progress.update(event.cycle, cycles);
        });
      },
      onOriginal: (record, decode) => collectRecord(original, record, decode),
      onFork: () => {
        sharedRecords = tape.nextSeq - 1;
        markSide(original);
        markSide(fork);
      },
    });
  } catch (error) {
    tape.close();
    if (error instanceof CheckFailedError) rmSync(partialDir, { recursive: true });
    throw afterFailedRun(error, { partialDir, runDir: forkDir, chainHead: tape.head, isResumed: false });
  } finally {
    progress.stop();
  }
  tape.close();
  const run = closeAccount(account, { ...origins, engine, tape, folder: made });
  writeWarmSnapshot(partialDir, identity, engine);
  renameSync(partialDir, forkDir);
  const { first } = await diffRuns({
    a: runDir,
    b: forkDir,
    datasetDir: undefined,
    progress,
    values: 'left_out',
  });
  return { run, originId, changes, sharedRecords, first, original: sideOf(original), fork: sideOf(fork) };
}

/** @throws InputError FORK_INSIDE_RUN, FORK_EXISTS */
function freeFolder({ runDir, outDir }: ForkRunOptions, name: string): string {
  if (`${outDir}/`.startsWith(`${runDir}/`)) {
    throw new InputError(
      'FORK_INSIDE_RUN',
      `--out ${outDir}: lies in the run that is forked, whose folder is not written to; choose another`,
    );
  }
  const forkDir = join(outDir, name);
  if (!existsSync(forkDir)) return forkDir;
  throw new InputError(
    'FORK_EXISTS',
    `${forkDir}: this fork was made before; use it, or choose another --out folder`,
  );
}

/** The scenario with its dataset where it was found, so that the fork finds it too. */
function withDatasetAt(scenario: LoadedScenario, found: string | undefined): LoadedScenario {
  const { resolvedPaths } = scenario;
  return { ...scenario, resolvedPaths: { ...resolvedPaths, datasetDir: found ?? resolvedPaths.datasetDir } };
}

/** @throws InputError FORK_DATASET_CHANGED when it is not the one the run was made from */
async function openSameDataset(
  hostFile: string,
  { datasetSha256 }: RunIdentity,
  options: ForkRunOptions,
): Promise<MarketDataset> {
  const dataset = await openRunDataset(hostFile, options);
  if (dataset.sha256 === datasetSha256 && dataset.mismatches.length === 0) return dataset;
  throw new InputError(
    'FORK_DATASET_CHANGED',
    `${options.runDir}: its dataset is not the one it was made from any more; name where that lies with --dataset`,
  );
}
