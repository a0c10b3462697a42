import { existsSync } from 'node:fs';
import { type FileDataset, openDataset } from '../data/dataset.ts';
import { InputError } from '../domain/errors.ts';
import type { JsonObject } from '../events/record.ts';
import { readKeptWarmStart } from '../modes/warm-start.ts';
import type { Progress } from '../ports/progress.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder, readJson } from '../tape/run-folder.ts';
import { NOTHING } from './comparing-tape.ts';
import { recordedIdentity } from './recorded-scenario.ts';
import { type ReplayOptions, type ReplayResult, replayTape } from './replay.ts';

export interface ReplayRunOptions {
  readonly runDir: string;
  /** Where the dataset lies now; default: where it lay when the run was made. */
  readonly datasetDir: string | undefined;
  readonly progress: Progress;
  readonly untilCycle?: number;
  readonly attach?: (streams: RunStreams) => void;
  readonly openTarget?: ReplayOptions['openTarget'];
}

/** A file or a manifest that is not what the tape was made from. */
export interface DatasetChange {
  readonly file: string;
  readonly expectedSha256: string;
  readonly foundSha256: string;
}

export interface ReplayRunResult extends ReplayResult {
  readonly datasetChanges: readonly DatasetChange[];
  /** The one difference is that the tape ended: of a run that crashed, or goes on, amid what follows from an input. */
  readonly isUnfinished: boolean;
}

/**
 * Replays the tape of a run folder over its dataset. A dataset that changed is noted, and comparing goes on, because
 * where a run first differs is what one wants to know then.
 * @throws InputError when the folder is no run, or its dataset is not found; TapeFaultError when the tape is damaged
 */
export async function replayRun(options: ReplayRunOptions): Promise<ReplayRunResult> {
  const folder = openRunFolder(options.runDir);
  // a run that was no backtest carries its market data on its tape
  const isSelfContained = recordedIdentity(folder.tapeDir).mode !== undefined;
  const dataset = isSelfContained ? undefined : await openRunDataset(folder.hostFile, options);
  const result = await replayTape({
    // both readings check the chain: either may be the first to reach a damaged record
    openTape: () => readTape(folder.tapeDir),
    dataset,
    readWarmStart: () => readKeptWarmStart(options.runDir),
    progress: options.progress,
    ...(options.untilCycle === undefined ? {} : { untilCycle: options.untilCycle }),
    ...(options.attach === undefined ? {} : { attach: options.attach }),
    ...(options.openTarget === undefined ? {} : { openTarget: options.openTarget }),
  });
  const isUnfinished = result.divergence?.expected === NOTHING && readStoredHead(folder.tapeDir) === null;
  return { ...result, datasetChanges: changesOf(result, dataset), isUnfinished };
}

function changesOf({ identity }: ReplayResult, dataset: FileDataset | undefined): DatasetChange[] {
  if (dataset === undefined) return [];
  const changes: DatasetChange[] = [...dataset.mismatches];
  if (dataset.sha256 !== identity.datasetSha256) {
    changes.unshift({
      file: 'dataset',
      expectedSha256: identity.datasetSha256,
      foundSha256: dataset.sha256,
    });
  }
  return changes;
}

/** A dataset that has moved is no fault of the run: the message says how to go on. */
export async function openRunDataset(
  hostFile: string,
  { datasetDir, runDir }: Pick<ReplayRunOptions, 'datasetDir' | 'runDir'>,
): Promise<FileDataset> {
  if (datasetDir !== undefined) return openDataset(datasetDir, { onMismatch: 'collect' });
  const lastDir = datasetOf(hostFile, runDir);
  try {
    return await openDataset(lastDir, { onMismatch: 'collect' });
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'DATASET_MISSING') throw error;
    throw new InputError(
      'DATASET_MISSING',
      `${runDir}: its dataset is no longer at ${lastDir}; name where it lies with --dataset DIR`,
      { cause: error },
    );
  }
}

function datasetOf(hostFile: string, runDir: string): string {
  const unknown = (what: string, cause?: unknown): InputError =>
    new InputError(
      'DATASET_UNKNOWN',
      `${runDir}/host.json: ${what} where the dataset lies; name it with --dataset DIR`,
      { cause },
    );
  let host: JsonObject;
  try {
    host = readJson(hostFile) as JsonObject;
  } catch (error) {
    throw unknown(existsSync(hostFile) ? 'is not JSON that says' : 'is not there to say', error);
  }
  if (typeof host?.datasetDir === 'string') return host.datasetDir;
  throw unknown('does not say');
}
