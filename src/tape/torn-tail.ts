import { type TapeFault, tapeFault } from './faults.ts';
import { readStoredHead } from './head-file.ts';
import type { TapeCursor } from './tape-cursor.ts';
import { HEAD_FILE } from './tape-files.ts';

/** What a write that was cut short left behind the last newline of the last segment. */
export interface TornTail {
  readonly segment: string;
  readonly line: number;
  readonly byteOffset: number;
  /** 0 for a last segment that was created but never written. */
  readonly bytes: number;
}

/**
 * What a torn end is: TAPE_TORN, which recovery sets aside, or TAPE_TRUNCATED, where the stored head of a closed run
 * says that more is missing than its last record.
 * @param dir the tape folder of a run
 */
export function tornFault(dir: string, torn: TornTail, cursor: TapeCursor): TapeFault {
  const { segment, line, byteOffset, bytes } = torn;
  const seq = cursor.nextSeq;
  const place = { file: segment, line, seq, byteOffset };
  const stored = readStoredHead(dir);
  const isLastOfClosed = stored !== null && stored !== 'unreadable' && stored.seq === seq && bytes > 0;
  if (stored === null || isLastOfClosed) return tapeFault('TAPE_TORN', problemOf(bytes, seq), place);
  return tapeFault('TAPE_TRUNCATED', 'more than the torn record is missing at the end of a closed run', {
    ...place,
    expected: stored === 'unreadable' ? `a readable ${HEAD_FILE}` : `records up to seq ${stored.seq}`,
    found: seq === 0 ? 'no whole record' : `records up to seq ${seq - 1}`,
  });
}

function problemOf(bytes: number, wholeRecords: number): string {
  if (bytes === 0) return 'torn: the last segment is empty';
  return wholeRecords === 0
    ? `torn: ${bytes} bytes, and no complete record before them`
    : `torn: ${bytes} bytes after the last complete record; recovery sets them aside`;
}
