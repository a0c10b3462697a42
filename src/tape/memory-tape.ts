import type { JsonObject, TapeRecord } from '../events/record.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { chainHash } from './chain.ts';
import { decisionHeadOf } from './decision-head.ts';
import { assertFollows, bodyAfterBrace, createTapeCursor, moveCursor } from './tape-cursor.ts';

/** A tape without a disk: same checks, same heads. For golden runs, benchmarks and tests. */
export interface MemoryTape extends TapeWriter {
  /** What was appended, when asked to keep it; empty otherwise. */
  readonly records: readonly TapeRecord[];
}

/** @param keepRecords keep every record; otherwise only the heads, in constant memory */
export function memoryTape({ keepRecords = false }: { readonly keepRecords?: boolean } = {}): MemoryTape {
  const cursor = createTapeCursor();
  const records: TapeRecord[] = [];
  return {
    records,
    get head() {
      return cursor.head;
    },
    get decisionHead() {
      return decisionHeadOf(cursor.decisions);
    },
    get nextSeq() {
      return cursor.nextSeq;
    },
    get lastTUs() {
      return cursor.lastTUs;
    },
    append(entry) {
      assertFollows(cursor, entry);
      moveCursor(cursor, entry, chainHash(cursor.head, `{${bodyAfterBrace(entry)}`));
      const { seq, t, type, payloadJson } = entry;
      if (keepRecords) records.push({ seq, t, type, payload: JSON.parse(payloadJson) as JsonObject });
    },
    flush: () => undefined,
    close: () => undefined,
  };
}
