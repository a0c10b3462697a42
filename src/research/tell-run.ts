import { InputError } from '../domain/errors.ts';
import type { MarketTable } from '../domain/market-table.ts';
import { decodeInput, type ResolveSlice } from '../events/decode.ts';
import type { DerivedEvent } from '../events/derived.ts';
import { INPUT_TYPES } from '../events/inputs.ts';
import { type RunIdentity, runIdOf } from '../modes/run-identity.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import type { Progress } from '../ports/progress.ts';
import { createRunStory, type RunStory, tellDerived, tellInput } from '../report/run-story.ts';
import { decisionHeadOf } from '../tape/decision-head.ts';
import { TapeFaultError } from '../tape/faults.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { readTape, type TapeEnd } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { createTapeCursor } from '../tape/tape-cursor.ts';
import { tornFault } from '../tape/torn-tail.ts';
import { recordedIdentity } from './recorded-scenario.ts';
import { openRunDataset } from './replay-run.ts';

export interface TellRunOptions {
  /** Folder of the run, as the user named it. */
  readonly runDir: string;
  /** Where the dataset lies now; default: where it lay when the run was made. */
  readonly datasetDir: string | undefined;
  readonly progress: Progress;
}

/** A run as its tape has it. */
export interface ToldRun {
  readonly runId: string;
  readonly identity: RunIdentity;
  readonly story: RunStory;
  readonly records: number;
  readonly chainHead: string;
  readonly decisionHead: string;
  /** Whether the run ended in order; otherwise it goes on, or crashed. */
  readonly isClosed: boolean;
  /** Bytes of a record cut short at the end, which are left out. */
  readonly tornBytes: number;
}

/** What the statistics of a run never ask for, and costs most to decode. */
const PASSED_OVER: ReadonlySet<string> = new Set(['PredictionsMade', 'Heartbeat', 'RunStarted', 'CycleDue']);

/**
 * Tells a run from its tape, checking the chain on the way. Nothing is computed again; where the tape refers to market
 * data, positions are valued at those prices, so the dataset must be the one of the run.
 * @throws InputError for a folder that is no run, or a dataset that is missing or another; TapeFaultError for a tape that
 *   is damaged. One without its end is told as far as it goes
 */
export async function tellRun(options: TellRunOptions): Promise<ToldRun> {
  const { runDir, progress } = options;
  const { tapeDir, hostFile } = openRunFolder(runDir);
  const identity = recordedIdentity(tapeDir);
  const dataset =
    identity.mode === undefined ? await openSameDataset(hostFile, identity, options) : undefined;
  const story = createRunStory({
    symbols: identity.layout.symbols,
    initialCashMicros: identity.settings.initialCashMicros,
    fromUs: identity.mode?.startedUs ?? 0,
  });
  let table: MarketTable | undefined;
  const resolveSlice: ResolveSlice = ({ session, from, to }) => {
    if (table !== undefined && table.session === session && to <= table.rowCount) return { table, from, to };
    throw new InputError(
      'TAPE_NOT_A_RUN',
      `${runDir}: a bar names rows ${from} to ${to} of session ${session}, which was not opened or has fewer`,
    );
  };
  const cursor = createTapeCursor();
  const lines = readTape(tapeDir, { torn: 'report', cursor });
  let end: TapeEnd | undefined;
  try {
    for (let read = lines.next(); ; read = lines.next()) {
      if (read.done === true) {
        end = read.value;
        break;
      }
      const { record } = read.value;
      if (PASSED_OVER.has(record.type)) continue;
      if (!INPUT_TYPES.has(record.type)) {
        // a derived record is the event as it was, plain
        tellDerived(story, { type: record.type, ...record.payload } as unknown as DerivedEvent, record.t);
        if (record.type === 'CycleCompleted') progress.update(story.cycle, 0, 'cycles');
        continue;
      }
      const event = decodeInput(record, resolveSlice, nodeBase64);
      if (event.type === 'SessionOpened' && dataset !== undefined) {
        table = await dataset.loadSession(event.session.date);
      }
      tellInput(story, event);
    }
  } finally {
    progress.stop();
  }
  const { torn } = end;
  if (torn !== null && readStoredHead(tapeDir) !== null) {
    throw new TapeFaultError(tornFault(tapeDir, torn, cursor));
  }
  return {
    runId: runIdOf(identity),
    identity,
    story,
    records: cursor.nextSeq,
    chainHead: cursor.head,
    decisionHead: decisionHeadOf(cursor.decisions),
    isClosed: cursor.isStopped,
    tornBytes: torn?.bytes ?? 0,
  };
}

/** @throws InputError REPORT_DATASET_CHANGED: other prices would give other numbers than those of the run */
async function openSameDataset(
  hostFile: string,
  { datasetSha256 }: RunIdentity,
  options: TellRunOptions,
): Promise<MarketDataset> {
  const dataset = await openRunDataset(hostFile, options);
  if (dataset.sha256 === datasetSha256 && dataset.mismatches.length === 0) return dataset;
  throw new InputError(
    'REPORT_DATASET_CHANGED',
    `${options.runDir}: its dataset is not the one it was made from any more; name where that lies with --dataset DIR`,
  );
}
