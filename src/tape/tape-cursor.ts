import { InvariantError } from '../domain/errors.ts';
import type { TimeUs } from '../domain/units.ts';
import { quote } from '../events/canonical.ts';
import type { TapeEntry } from '../events/record.ts';
import { GENESIS } from './chain.ts';
import { addToDecisionHead, createDecisionHead, type DecisionHead } from './decision-head.ts';

/** Where a tape stands: what the next record is checked against and chained to. */
export interface TapeCursor {
  head: string;
  nextSeq: number;
  lastTUs: TimeUs;
  isStopped: boolean;
  readonly decisions: DecisionHead;
}

export function createTapeCursor(): TapeCursor {
  return { head: GENESIS, nextSeq: 0, lastTUs: 0, isStopped: false, decisions: createDecisionHead() };
}

/**
 * The record's canonical JSON without its opening brace: a line of the tape is `{"chain":"<hash>",` and this, and the
 * hash covers the previous hash, the brace and this.
 */
export function bodyAfterBrace({ seq, t, type, payloadJson }: TapeEntry): string {
  return `"payload":${payloadJson},"seq":${seq},"t":${t},"type":${quote(type)}}`;
}

/**
 * Checks that a record may follow.
 * @throws InvariantError: whoever numbers and stamps records has a bug, and nothing must be written
 */
export function assertFollows(cursor: TapeCursor, record: Pick<TapeEntry, 'seq' | 't' | 'type'>): void {
  if (cursor.isStopped) {
    throw new InvariantError(`tape: ${record.type} after RunStopped (seq ${record.seq})`);
  }
  if (record.seq !== cursor.nextSeq) {
    throw new InvariantError(`tape: ${record.type} has seq ${record.seq}, expected ${cursor.nextSeq}`);
  }
  if (!Number.isSafeInteger(record.t) || record.t < cursor.lastTUs) {
    throw new InvariantError(
      `tape: ${record.type} (seq ${record.seq}) has time ${record.t}, expected an integer from ${cursor.lastTUs}`,
    );
  }
}

/** Moves past a record whose chain hash is `head`. Updates `cursor` in place. */
export function moveCursor(cursor: TapeCursor, entry: TapeEntry, head: string): void {
  cursor.head = head;
  cursor.nextSeq += 1;
  cursor.lastTUs = entry.t;
  cursor.isStopped = entry.type === 'RunStopped';
  addToDecisionHead(cursor.decisions, entry);
}
