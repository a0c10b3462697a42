import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import type { TimeUs } from '../domain/units.ts';
import type { LiveResumeHooks, ResumedLive } from '../modes/live-options.ts';
import type { RunMode } from '../modes/run-identity.ts';
import { readKeptWarmStart, startEngine } from '../modes/warm-start.ts';
import { createRecorder } from '../runtime/recorder.ts';
import { type TapeFaultCode, TapeFaultError } from '../tape/faults.ts';
import { resumeFileTape } from '../tape/file-tape.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder, runFolderAt } from '../tape/run-folder.ts';
import { DivergedError } from './comparing-tape.ts';
import { createCompletingTape, linesUpTo } from './completing-tape.ts';
import { recordedIdentity } from './recorded-scenario.ts';
import { expectSameCode } from './recover-run.ts';
import { isRecordedOnly } from './replay.ts';
import { replayInputs } from './replay-inputs.ts';

/**
 * Makes the tape of a run that was left whole, and brings an engine to where it stands: inputs are taken from the tape,
 * what followed from them is compared, and what a crash kept from being written is appended.
 * @throws TapeFaultError when the tape is damaged rather than torn; InputError when other code wrote it, or a process
 *   still does; CheckFailedError RESUME_DIVERGED when it does not replay
 */
export function resumeLive(runDir: string, { mirror, attach }: LiveResumeHooks = {}): ResumedLive {
  const { tapeDir } = openRunFolder(runDir);
  const { tape, recovery } = resumeFileTape({ dir: tapeDir, durable: true });
  try {
    expectSameCode(tapeDir);
    const { records, torn } = recovery;
    const identity = recordedIdentity(tapeDir);
    const engine = startEngine(identity, () => readKeptWarmStart(runDir));
    let lastCycle = 0;
    let newestBarUs = 0;
    replayInputs({
      lines: linesUpTo(tapeDir, records),
      engine,
      tape: createCompletingTape(linesUpTo(tapeDir, records), { records, tape }),
      attach: (streams) => attach?.(identity, streams),
      onStep: (event, derived) => {
        if (event.type === 'CycleDue') lastCycle = event.cycle;
        if (event.type === 'MarketSlice') newestBarUs = event.slice.table.endUs[event.slice.from];
        mirror?.(event, derived);
        return false;
      },
    });
    const tUs = tape.lastTUs;
    const recorder = createRecorder({ engine, tape, base64: nodeBase64 });
    recorder.record({ type: 'TapeRecovered', tUs, records, tornBytes: torn?.bytes ?? 0 });
    tape.flush();
    return { runDir, identity, engine, tape, lastCycle, newestBarUs };
  } catch (error) {
    tape.close();
    if (!(error instanceof DivergedError)) throw error;
    throw new CheckFailedError(
      'RESUME_DIVERGED',
      `${runDir}: the tape does not replay from seq ${error.divergence.seq}; see "sametape replay"`,
      { cause: error },
    );
  }
}

/** Time of the last whole record of a run that was left: its market has come that far. */
export function standsAtUs(runDir: string): TimeUs {
  const { tapeDir } = openRunFolder(runDir);
  let tUs = 0;
  for (const { record } of readTape(tapeDir, { torn: 'report', storedHead: 'leave', verify: false })) {
    tUs = record.t;
  }
  return tUs;
}

/**
 * The run of a scenario that was left unfinished in a folder, if there is one.
 * @throws InputError LIVE_RUNS_LEFT when there are several: which one goes on is not ours to guess
 */
export function findUnfinished(
  outDir: string,
  { name, kind }: { readonly name: string; readonly kind: RunMode['kind'] },
): string | undefined {
  if (!existsSync(outDir)) return undefined;
  const found = readdirSync(outDir)
    .filter((entry) => entry.startsWith(`${name}-`) && /^[0-9a-f]{12}$/.test(entry.slice(name.length + 1)))
    .map((entry) => join(outDir, entry))
    .filter((dir) => isUnfinished(dir, kind));
  if (found.length > 1) {
    throw new InputError(
      'LIVE_RUNS_LEFT',
      `${outDir}: ${found.length} runs of ${name} are unfinished (${found.join(', ')}); move away those that are not to go on`,
    );
  }
  return found[0];
}

/** What a crash before the first record was whole leaves. */
const NOTHING_WRITTEN: ReadonlySet<TapeFaultCode> = new Set(['TAPE_EMPTY', 'TAPE_TORN']);

function isUnfinished(dir: string, kind: RunMode['kind']): boolean {
  const { tapeDir } = runFolderAt(dir);
  if (!existsSync(tapeDir) || readStoredHead(tapeDir) !== null) return false;
  try {
    const identity = recordedIdentity(tapeDir);
    return identity.mode?.kind === kind && isRecordedOnly(identity) && isStarted(tapeDir, identity.mode);
  } catch (error) {
    // a tape without its first record holds nothing to go on with
    const isNoRun = error instanceof InputError && error.code === 'TAPE_NOT_A_RUN';
    if (isNoRun || (error instanceof TapeFaultError && NOTHING_WRITTEN.has(error.fault.code))) return false;
    throw error;
  }
}

/** A run that crashed while it took history in has done nothing yet; one that was stopped has ended, its head not yet stored. */
function isStarted(tapeDir: string, { startedUs = 0 }: RunMode): boolean {
  let hasStarted = false;
  for (const { record } of readTape(tapeDir, { torn: 'report', storedHead: 'leave', verify: false })) {
    if (record.t >= startedUs) hasStarted = true;
    if (record.type === 'RunStopped') return false;
  }
  return hasStarted;
}
