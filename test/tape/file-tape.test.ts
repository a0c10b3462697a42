import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError, InvariantError } from '../../src/domain/errors.ts';
import type { JsonObject, TapeRecord } from '../../src/events/record.ts';
import { TapeWriteError } from '../../src/tape/faults.ts';
import { createFileTape, resumeFileTape } from '../../src/tape/file-tape.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { entryOf } from './entries.ts';
import { forgeLines, placesOf, record, scratch, segmentsOf, shortRun, writeTape } from './tapes.ts';

const folders = scratch();
afterAll(folders.remove);

const payload = fc
  .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }), {
    noNullPrototype: true,
  })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
const records: fc.Arbitrary<TapeRecord[]> = fc
  .array(
    fc.record({ wait: fc.nat(), type: fc.string({ unit: 'binary' }), payload }, { noNullPrototype: true }),
    {
      minLength: 1,
      maxLength: 30,
    },
  )
  .map((items) => {
    let t = 0;
    return items.map((item, seq) => {
      t += item.wait;
      return { seq, t, type: item.type === 'RunStopped' ? 'x' : item.type, payload: item.payload };
    });
  });

describe('a tape on disk', () => {
  it('has lines of the form and chain the design states', () => {
    const dir = folders.path();
    writeTape(dir, [record(0, 'RunStarted', { b: 1, a: 'é' }), record(1, 'CycleDue')], 1 << 20);
    const body0 = `{"payload":{"a":"é","b":1},"seq":0,"t":${record(0, '').t},"type":"RunStarted"}`;
    const body1 = `{"payload":{},"seq":1,"t":${record(1, '').t},"type":"CycleDue"}`;
    expect(readFileSync(join(dir, '000001.jsonl'))).toEqual(forgeLines([body0, body1]));
  });

  it('gives back any records, whatever the segment size, and chains them as one in memory does', () => {
    fc.assert(
      fc.property(
        records,
        fc.integer({ min: 1, max: 4000 }),
        fc.boolean(),
        (items, segmentBytes, flushing) => {
          const dir = folders.path();
          const tape = createFileTape({ dir, segmentBytes, durable: false });
          const memory = memoryTape({ keepRecords: true });
          for (const item of items) {
            tape.append(entryOf(item));
            memory.append(entryOf(item));
            if (flushing) tape.flush();
          }
          tape.close();
          const lines = [...readTape(dir)];
          expect(lines.map((line) => line.record)).toEqual(items);
          expect(memory.records).toEqual(items);
          expect([tape.head, tape.decisionHead, tape.nextSeq, tape.lastTUs]).toEqual([
            memory.head,
            memory.decisionHead,
            memory.nextSeq,
            memory.lastTUs,
          ]);
          expect(verifyTape(dir)).toMatchObject({
            fault: null,
            head: tape.head,
            decisionHead: tape.decisionHead,
          });
          expect(lines.map(({ segment, line, byteOffset }) => ({ segment, line, byteOffset }))).toEqual(
            placesOf(dir).map(({ file, line, byteOffset }) => ({ segment: file, line, byteOffset })),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('rotates by size without splitting a record', () => {
    const dir = folders.path();
    const items = Array.from({ length: 200 }, (_, seq) =>
      record(seq, 'CycleDue', { cycle: seq, pad: 'x'.repeat(seq) }),
    );
    writeTape(dir, items, 4000);
    const segments = segmentsOf(dir);
    expect(segments.slice(0, 3)).toEqual(['000001.jsonl', '000002.jsonl', '000003.jsonl']);
    for (const name of segments.slice(0, -1)) {
      const { size } = statSync(join(dir, name));
      expect(size).toBeGreaterThanOrEqual(4000);
      expect(size).toBeLessThan(4000 + 4500);
    }
    expect(verifyTape(dir)).toMatchObject({ fault: null, records: 200, segments: segments.length });
  });

  it('takes records longer than its block and than a reader buffers at first', () => {
    const dir = folders.path();
    const items = [1, 300_000, 700_000, 10].map((length, seq) =>
      record(seq, 'X', { text: '€'.repeat(length) }),
    );
    writeTape(dir, items, 1 << 26);
    expect([...readTape(dir)].map((line) => line.record)).toEqual(items);
  });

  it('is on disk after flush, and sealed by close only when the run was stopped', () => {
    const dir = folders.path();
    const tape = createFileTape({ dir, durable: true });
    tape.flush();
    tape.append(entryOf(record(0, 'RunStarted')));
    expect(verifyTape(dir).records).toBe(0);
    tape.flush();
    expect(verifyTape(dir)).toMatchObject({ records: 1, isClosed: false });
    tape.append(entryOf(record(1, 'RunStopped')));
    tape.close();
    tape.close();
    expect(verifyTape(dir)).toMatchObject({ records: 2, isClosed: true });
    expect(readFileSync(join(dir, 'head.json'), 'utf8')).toBe(`{"count":2,"head":"${tape.head}","seq":1}\n`);
  });

  it('rotates durably too', () => {
    const dir = folders.path();
    const tape = createFileTape({ dir, durable: true, segmentBytes: 200 });
    for (let seq = 0; seq < 6; seq += 1) {
      tape.append(entryOf(record(seq, 'CycleDue')));
      tape.flush();
    }
    tape.close();
    expect(verifyTape(dir)).toMatchObject({ fault: null, records: 6, segments: 3 });
  });
});

describe('appending', () => {
  const stopped = { ...record(1, 'CycleDue'), t: 0 };

  it.each<[string, TapeRecord, RegExp]>([
    ['a sequence number that does not follow', record(2, 'CycleDue'), /seq 2, expected 1/],
    ['a time before the last', stopped, /time 0, expected an integer from/],
    ['a time that is no integer', { ...record(1, 'CycleDue'), t: 1e15 + 0.5 }, /expected an integer/],
  ])('refuses %s, in memory and on disk, and stays usable', (_name, bad, message) => {
    const dir = folders.path();
    for (const tape of [createFileTape({ dir, durable: false }), memoryTape()]) {
      tape.append(entryOf(record(0, 'RunStarted')));
      expect(() => tape.append(entryOf(bad))).toThrow(InvariantError);
      expect(() => tape.append(entryOf(bad))).toThrow(message);
      tape.append(entryOf(record(1, 'CycleDue')));
      tape.flush();
      tape.close();
    }
    expect(verifyTape(dir)).toMatchObject({ fault: null, records: 2 });
  });

  it('refuses anything after RunStopped', () => {
    const tape = memoryTape();
    tape.append(entryOf(record(0, 'RunStopped')));
    expect(() => tape.append(entryOf(record(1, 'CycleDue')))).toThrow(/CycleDue after RunStopped/);
    expect(tape.records).toEqual([]);
  });

  it('refuses use after close', () => {
    const tape = createFileTape({ dir: folders.path(), durable: false });
    tape.close();
    expect(() => tape.append(entryOf(record(0, 'RunStarted')))).toThrow(/after it was closed/);
    expect(() => tape.flush()).toThrow(InvariantError);
  });

  it('takes no more records once the disk refused a write', () => {
    const dir = folders.path();
    const tape = createFileTape({ dir, durable: false });
    tape.append(entryOf(record(0, 'RunStarted')));
    mkdirSync(join(dir, '000001.jsonl'));
    expect(() => tape.flush()).toThrow(TapeWriteError);
    expect(() => tape.append(entryOf(record(1, 'CycleDue')))).toThrow(/an earlier write failed/);
    tape.close();
  });
});

describe('where a tape may be started', () => {
  it('not over another', () => {
    const dir = folders.path();
    writeTape(dir, shortRun());
    expect(() => createFileTape({ dir, durable: false })).toThrow(InputError);
    expect(() => createFileTape({ dir, durable: false })).toThrow(/holds a tape already/);
    expect(verifyTape(dir).isClosed).toBe(true);
  });

  it('not below a file', () => {
    const file = folders.path();
    writeFileSync(file, '');
    expect(() => createFileTape({ dir: join(file, 'tape'), durable: false })).toThrow(
      /cannot be created \(ENOTDIR\)/,
    );
  });

  it('not again once it is closed', () => {
    const dir = folders.path();
    writeTape(dir, shortRun());
    expect(() => resumeFileTape({ dir, durable: false })).toThrow(/nothing to resume/);
    expect(() => resumeFileTape({ dir, durable: false })).toThrow(InputError);
  });
});
