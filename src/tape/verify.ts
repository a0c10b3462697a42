import { decisionHeadOf } from './decision-head.ts';
import { type TapeFault, TapeFaultError, tapeFault } from './faults.ts';
import { readTape } from './read-tape.ts';
import { createTapeCursor } from './tape-cursor.ts';

/** What a check of a tape found. Counts and heads cover the sound records, up to the fault if there is one. */
export interface VerifyReport {
  /** Null when the tape is sound. */
  readonly fault: TapeFault | null;
  readonly records: number;
  readonly segments: number;
  /** Chain hash of the last sound record; 64 zeros when there is none. */
  readonly head: string;
  readonly decisionHead: string;
  /**
   * The run was closed: RunStopped and stored head agree, so nothing is missing at the end. A sound tape that is
   * not closed belongs to a run in progress or a crashed one, and cannot tell whether whole records were cut off.
   */
  readonly isClosed: boolean;
}

/**
 * Checks a whole tape: every byte of every record, their order, the segments, and the stored head of a closed run.
 * @param dir the tape folder of a run
 * @throws InputError when the folder or a segment cannot be read; damage is reported, not thrown
 */
export function verifyTape(dir: string): VerifyReport {
  const cursor = createTapeCursor();
  const segments = new Set<string>();
  let fault: TapeFault | null = null;
  try {
    for (const { segment } of readTape(dir, { cursor })) segments.add(segment);
    if (cursor.nextSeq === 0) fault = tapeFault('TAPE_EMPTY', 'there are no records');
  } catch (error) {
    if (!(error instanceof TapeFaultError)) throw error;
    fault = error.fault;
  }
  return {
    fault,
    records: cursor.nextSeq,
    segments: segments.size,
    head: cursor.head,
    decisionHead: decisionHeadOf(cursor.decisions),
    isClosed: fault === null && cursor.isStopped,
  };
}
