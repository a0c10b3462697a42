import { expect, it } from 'vitest';
import { aroundTape } from '../../src/tape/around-tape.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { entryOf } from './entries.ts';

const place = ({ head, decisionHead, nextSeq, lastTUs }: ReturnType<typeof memoryTape>) => ({
  head,
  decisionHead,
  nextSeq,
  lastTUs,
});

it('a tape around another stands where that one stands now, also when it is another one now', () => {
  const first = memoryTape();
  const second = memoryTape();
  let inner = first;
  const flushed: string[] = [];
  const around = aroundTape(() => inner, {
    append: (entry) => inner.append(entry),
    flush: () => flushed.push('own'),
    close: () => undefined,
    extra: 7,
  });
  for (const [tape, t] of [
    [first, 5],
    [second, 9],
  ] as const) {
    inner = tape;
    around.append(entryOf({ seq: 0, t, type: 'CycleDue', payload: { cycle: t } }));
    expect(tape.lastTUs).toBe(t);
    const { head, decisionHead, nextSeq, lastTUs } = around;
    expect({ head, decisionHead, nextSeq, lastTUs }).toEqual(place(tape));
  }
  around.flush();
  expect([flushed, around.extra]).toEqual([['own'], 7]);
});
