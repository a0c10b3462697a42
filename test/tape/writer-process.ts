import { createFileTape } from '../../src/tape/file-tape.ts';
import { entryOf } from './entries.ts';
import { record } from './tapes.ts';

const tape = createFileTape({ dir: process.argv[2], segmentBytes: 20_000, durable: true });
for (let seq = 0; ; seq += 1) {
  tape.append(entryOf(record(seq, 'CycleDue', { cycle: seq })));
  if (seq % 7 !== 0) continue;
  tape.flush();
  process.stdout.write(`${seq}\n`);
  // the pipe is written between turns of the event loop
  await new Promise((resolve) => setImmediate(resolve));
}
