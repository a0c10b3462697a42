import type { TimeUs } from '../domain/units.ts';
import type { TapeEntry, TapeRecord } from '../events/record.ts';

/**
 * The append side of a tape. Appends are ordered; `flush` makes everything appended so far durable, as far as the
 * tape promises durability. After RunStopped nothing may be appended, and `close` seals the tape.
 */
export interface TapeWriter {
  /** Chain hash of the last record, lower-case hex SHA-256; 64 zeros before the first. */
  readonly head: string;
  /** Head of the chain over decisions, orders and fills only: equal runs have equal ones, whatever their ids. */
  readonly decisionHead: string;
  /** Sequence number the next record must carry; the first record's is 0. */
  readonly nextSeq: number;
  /** Time of the last record, which the next may not precede; 0 before the first. */
  readonly lastTUs: TimeUs;
  append(entry: TapeEntry): void;
  flush(): void;
  close(): void;
}

/** One record as read back, with the place it was found at. */
export interface TapeLine {
  readonly record: TapeRecord;
  readonly chain: string;
  /** Canonical JSON of the record: the text its hash covers, for comparing byte for byte. */
  readonly body: string;
  /** Canonical JSON of its payload. */
  readonly payloadJson: string;
  /** File name of the segment. */
  readonly segment: string;
  /** Line within the segment, from 1. */
  readonly line: number;
  /** Offset of the line's first byte within the segment. */
  readonly byteOffset: number;
}
