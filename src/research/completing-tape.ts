import type { TapeLine, TapeWriter } from '../ports/tape.ts';
import { aroundTape } from '../tape/around-tape.ts';
import { readTape } from '../tape/read-tape.ts';
import { type ComparingTape, createComparingTape } from './comparing-tape.ts';

/**
 * Compares while recorded lines last, then appends: what a crash kept from being written is written now.
 * @param recorded lines of the tape, from its first
 */
export function createCompletingTape(
  recorded: Iterator<TapeLine>,
  { records, tape }: { readonly records: number; readonly tape: TapeWriter },
): ComparingTape {
  const comparing = createComparingTape(recorded);
  const current = (): TapeWriter => (comparing.nextSeq < records ? comparing : tape);
  return aroundTape(current, {
    append: (entry) => current().append(entry),
    flush: () => current().flush(),
    close: () => undefined,
    expectEnd: () => undefined,
  });
}

/** Only the lines that were there: the file grows while they are read. */
export function* linesUpTo(tapeDir: string, records: number): Generator<TapeLine> {
  if (records === 0) return;
  for (const line of readTape(tapeDir, { torn: 'report', storedHead: 'leave' })) {
    yield line;
    if (line.record.seq === records - 1) return;
  }
}
