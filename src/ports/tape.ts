import type { TapeRecord } from '../events/record.ts';

/** The append side of a tape. Appends are ordered; `flush` makes everything appended so far durable. */
export interface TapeWriter {
  readonly head: string;
  readonly nextSeq: number;
  append(record: TapeRecord): void;
  flush(): void;
  close(): void;
}
