import type { TapeRecord } from '../events/record.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { createJsonBytes } from './json-bytes.ts';
import { appendLine } from './line-layout.ts';
import { assertFollows, createTapeCursor, moveCursor } from './tape-cursor.ts';

/** A tape without a disk: same checks, same heads. For golden runs, benchmarks and tests. */
export interface MemoryTape extends TapeWriter {
  /** What was appended, when asked to keep it; empty otherwise. */
  readonly records: readonly TapeRecord[];
}

const INITIAL_LINE_BYTES = 4096;

/** @param keepRecords keep every record; otherwise only the heads, in constant memory */
export function memoryTape({ keepRecords = false }: { readonly keepRecords?: boolean } = {}): MemoryTape {
  const cursor = createTapeCursor();
  const records: TapeRecord[] = [];
  const line = createJsonBytes(INITIAL_LINE_BYTES);
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
      line.length = 0;
      moveCursor(cursor, record, appendLine(line, cursor.head, record));
      if (keepRecords) records.push(record);
    },
    flush: () => undefined,
    close: () => undefined,
  };
}
