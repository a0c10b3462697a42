import { canonicalJson } from '../events/canonical.ts';
import type { TapeRecord } from '../events/record.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { chainHash } from './chain.ts';
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
      return cursor.decisions.head;
    },
    get nextSeq() {
      return cursor.nextSeq;
    },
    get lastTUs() {
      return cursor.lastTUs;
    },
    append(record) {
      assertFollows(cursor, record);
      const payloadJson = canonicalJson(record.payload);
      const head = chainHash(cursor.head, `{${bodyAfterBrace(record, payloadJson)}`);
      moveCursor(cursor, record, { head, payloadJson });
      if (keepRecords) records.push(record);
    },
    flush: () => undefined,
    close: () => undefined,
  };
}
