import type { TapeLine, TapeWriter } from '../ports/tape.ts';
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
  return {
    get head() {
      return current().head;
    },
    get decisionHead() {
      return current().decisionHead;
    },
    get nextSeq() {
      return current().nextSeq;
    },
    get lastTUs() {
      return current().lastTUs;
    },
    append: (entry) => current().append(entry),
    flush: () => current().flush(),
    close: () => undefined,
    expectEnd: () => undefined,
  };
}
