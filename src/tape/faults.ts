import { CheckFailedError, SametapeError } from '../domain/errors.ts';

export type TapeFaultCode =
  /** Hash and content of a record disagree: a changed byte, a missing, foreign or moved record. */
  | 'TAPE_CHAIN_BROKEN'
  /** A line that is not framed like a record, or whose content is not one. */
  | 'TAPE_RECORD_MALFORMED'
  /** Well hashed, but not the one canonical way to write its content. */
  | 'TAPE_NOT_CANONICAL'
  | 'TAPE_SEQ_BROKEN'
  | 'TAPE_TIME_REVERSED'
  | 'TAPE_SEGMENT_MISSING'
  | 'TAPE_SEGMENT_EMPTY'
  | 'TAPE_SEGMENT_UNENDED'
  | 'TAPE_SEGMENT_UNEXPECTED'
  /** Bytes after the last newline of the last segment: a write cut short. Recovery may drop them. */
  | 'TAPE_TORN'
  | 'TAPE_EMPTY'
  | 'TAPE_AFTER_STOP'
  /** The stored head names more records than are there. */
  | 'TAPE_TRUNCATED'
  | 'TAPE_HEAD_MISMATCH'
  | 'TAPE_HEAD_MISSING';

/** What is wrong with a tape, and where. */
export interface TapeFault {
  readonly code: TapeFaultCode;
  /** What was found, without the place. */
  readonly problem: string;
  /** File of the tape folder, when the fault lies in one. */
  readonly file: string | null;
  /** Line within the file, from 1. */
  readonly line: number | null;
  /** Sequence number that belongs at this place. */
  readonly seq: number | null;
  /** Offset of the line's first byte within the file. */
  readonly byteOffset: number | null;
  readonly expected: string | null;
  readonly found: string | null;
}

export function tapeFault(
  code: TapeFaultCode,
  problem: string,
  place: Partial<Omit<TapeFault, 'code' | 'problem'>> = {},
): TapeFault {
  return {
    code,
    problem,
    file: place.file ?? null,
    line: place.line ?? null,
    seq: place.seq ?? null,
    byteOffset: place.byteOffset ?? null,
    expected: place.expected ?? null,
    found: place.found ?? null,
  };
}

/** One line: place, problem, and the expected and found value where there are two. */
export function describeFault(fault: TapeFault): string {
  const inFile = [
    fault.line === null ? null : `line ${fault.line}`,
    fault.seq === null ? null : `seq ${fault.seq}`,
    fault.byteOffset === null ? null : `byte ${fault.byteOffset}`,
  ].filter((part) => part !== null);
  const file = fault.file ?? 'tape';
  const place = inFile.length === 0 ? file : `${file} ${inFile.join(', ')}`;
  const compared =
    fault.expected === null && fault.found === null
      ? ''
      : `; expected ${fault.expected ?? 'nothing'}, found ${fault.found ?? 'nothing'}`;
  return `${place}: ${fault.problem}${compared}`;
}

/** A tape that cannot be trusted from some place on. It is reported, never repaired. */
export class TapeFaultError extends CheckFailedError {
  readonly fault: TapeFault;

  constructor(fault: TapeFault) {
    super(fault.code, describeFault(fault));
    this.fault = fault;
  }
}

/** The disk refused a write or a sync. What reached it is unknown, so the writer takes no more records. */
export class TapeWriteError extends SametapeError {
  readonly code = 'TAPE_WRITE_FAILED';
  readonly retryable = false;
  readonly exitCode = 2;
}
