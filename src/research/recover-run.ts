import { InputError } from '../domain/errors.ts';
import { codeSha256 } from '../modes/code-identity.ts';
import type { Progress } from '../ports/progress.ts';
import { createRecorder } from '../runtime/recorder.ts';
import { resumeFileTape } from '../tape/file-tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { recoverTape } from '../tape/recover.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { createCompletingTape } from './completing-tape.ts';
import { recordedIdentity } from './recorded-scenario.ts';
import { replayRun } from './replay-run.ts';

export interface RecoveredRun {
  /** Whole records found on the tape. */
  readonly records: number;
  /** Bytes of a record cut short, and the file they were saved in. */
  readonly tornBytes: number;
  readonly savedAs: string | null;
  /** Derived records that were missing after the last input, recomputed and appended. */
  readonly appended: number;
  /** The run had ended in order; there was nothing to complete. */
  readonly isClosed: boolean;
}

/**
 * Makes the tape of a crashed run whole: a torn record is saved aside and cut off, the derived records missing after
 * the last input are recomputed and appended, and the recovery itself is recorded.
 * @throws TapeFaultError when the tape is damaged rather than torn; InputError when another version of the code wrote
 *   it, or a process still writes it; CheckFailedError when it does not replay
 */
export async function recoverRun(options: {
  readonly runDir: string;
  readonly datasetDir: string | undefined;
  readonly progress: Progress;
}): Promise<RecoveredRun> {
  const { tapeDir } = openRunFolder(options.runDir);
  expectSameCode(tapeDir);
  const { torn, records, isClosed } = recoverTape(tapeDir);
  const found = { records, tornBytes: torn?.bytes ?? 0, savedAs: torn?.savedAs ?? null, isClosed };
  if (isClosed) return { ...found, appended: 0 };
  const { tape } = resumeFileTape({ dir: tapeDir, durable: true });
  try {
    const { divergence, engine } = await replayRun({
      ...options,
      openTarget: (recorded) => createCompletingTape(recorded, { records, tape }),
    });
    if (divergence !== undefined) {
      throw new InputError(
        'RECOVER_DIVERGED',
        `${options.runDir}: the tape does not replay from seq ${divergence.seq}; see "sametape replay"`,
      );
    }
    const appended = tape.nextSeq - records;
    const event = { type: 'TapeRecovered', tUs: tape.lastTUs, records, tornBytes: found.tornBytes } as const;
    createRecorder({ engine, tape, base64: nodeBase64 }).record(event);
    tape.flush();
    return { ...found, appended };
  } finally {
    tape.close();
  }
}

/** Records computed by other code must not be mixed with ours. */
export function expectSameCode(tapeDir: string): void {
  const { codeSha256: written } = recordedIdentity(tapeDir);
  if (written === codeSha256()) return;
  throw new InputError(
    'RECOVER_OTHER_CODE',
    `${tapeDir}: written by other code (${written.slice(0, 12)}), this is ${codeSha256().slice(0, 12)}; recover it with the version that wrote it`,
  );
}
