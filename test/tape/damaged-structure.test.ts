import {
  appendFileSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import { describeFault } from '../../src/tape/faults.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { recoverTape } from '../../src/tape/recover.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { faultOf, forgeTape, placesOf, record, scratch, segmentsOf, shortRun, writeTape } from './tapes.ts';

const folders = scratch();
afterAll(folders.remove);

const closed = folders.path();
writeTape(closed, shortRun());
const open = folders.path();
writeTape(open, shortRun().slice(0, -1));

const swap = (dir: string, a: string, b: string): void => {
  renameSync(join(dir, a), join(dir, 'aside'));
  renameSync(join(dir, b), join(dir, a));
  renameSync(join(dir, 'aside'), join(dir, b));
};

describe('segments', () => {
  it.each<[string, (dir: string) => void, object]>([
    [
      'one missing',
      (dir) => rmSync(join(dir, '000002.jsonl')),
      { code: 'TAPE_SEGMENT_MISSING', file: '000002.jsonl' },
    ],
    [
      'the first missing',
      (dir) => rmSync(join(dir, '000001.jsonl')),
      { code: 'TAPE_SEGMENT_MISSING', file: '000001.jsonl' },
    ],
    [
      'all missing',
      (dir) => segmentsOf(dir).map((name) => rmSync(join(dir, name))),
      { code: 'TAPE_TRUNCATED' },
    ],
    [
      'two swapped',
      (dir) => swap(dir, '000001.jsonl', '000002.jsonl'),
      { code: 'TAPE_CHAIN_BROKEN', file: '000001.jsonl', line: 1, seq: 0 },
    ],
    [
      'one copied over another',
      (dir) => copyFileSync(join(dir, '000001.jsonl'), join(dir, '000002.jsonl')),
      { code: 'TAPE_CHAIN_BROKEN', file: '000002.jsonl', line: 1 },
    ],
    [
      'one renamed',
      (dir) => renameSync(join(dir, '000002.jsonl'), join(dir, '2.jsonl')),
      { code: 'TAPE_SEGMENT_MISSING', file: '000002.jsonl' },
    ],
    [
      'one too many',
      (dir) => writeFileSync(join(dir, 'extra.jsonl'), ''),
      { code: 'TAPE_SEGMENT_UNEXPECTED', file: 'extra.jsonl' },
    ],
    [
      'one that is a folder',
      (dir) => mkdirSync(join(dir, '000099.jsonl')),
      { code: 'TAPE_SEGMENT_UNEXPECTED' },
    ],
    [
      'one emptied',
      (dir) => truncateSync(join(dir, '000001.jsonl')),
      { code: 'TAPE_SEGMENT_EMPTY', file: '000001.jsonl', seq: 0 },
    ],
    [
      'one without its last newline',
      (dir) => {
        const path = join(dir, '000001.jsonl');
        truncateSync(path, readFileSync(path).length - 1);
      },
      { code: 'TAPE_SEGMENT_UNENDED', file: '000001.jsonl' },
    ],
    [
      'an empty one after the last',
      (dir) => writeFileSync(join(dir, `00000${segmentsOf(dir).length + 1}.jsonl`), ''),
      { code: 'TAPE_AFTER_STOP' },
    ],
    [
      'a line repeated at the end',
      (dir) => {
        const last = placesOf(dir).at(-1);
        const path = join(dir, last?.file ?? '');
        appendFileSync(path, readFileSync(path).subarray(last?.byteOffset));
      },
      { code: 'TAPE_CHAIN_BROKEN', seq: 7 },
    ],
    [
      'bytes after RunStopped',
      (dir) => appendFileSync(join(dir, segmentsOf(dir).at(-1) ?? ''), 'x'),
      { code: 'TAPE_AFTER_STOP', seq: 7 },
    ],
    [
      'a line removed',
      (dir) => {
        const path = join(dir, '000001.jsonl');
        writeFileSync(path, readFileSync(path).subarray(readFileSync(path).indexOf(10) + 1));
      },
      { code: 'TAPE_CHAIN_BROKEN', file: '000001.jsonl', line: 1, seq: 0 },
    ],
  ])('%s', (_name, damage, expected) => {
    const dir = folders.copyOf(closed);
    damage(dir);
    const { fault } = verifyTape(dir);
    expect(fault).toMatchObject(expected);
    expect(describeFault(fault ?? expect.fail('no fault'))).not.toContain('\n');
  });

  it('tells a moved record from a changed one', () => {
    const dir = folders.copyOf(closed);
    swap(dir, '000001.jsonl', '000002.jsonl');
    expect(verifyTape(dir).fault?.problem).toMatch(/says seq \d+: missing or moved/);
  });
});

describe('the end of a tape', () => {
  const places = placesOf(closed);

  it.each(places.map(({ seq }) => seq))('of a closed run cut before record %d is caught', (seq) => {
    const dir = folders.copyOf(closed);
    const cut = places[seq];
    truncateSync(join(dir, cut.file), cut.byteOffset);
    if (cut.byteOffset === 0) rmSync(join(dir, cut.file));
    for (const name of segmentsOf(dir)) if (name > cut.file) rmSync(join(dir, name));
    expect(verifyTape(dir)).toMatchObject({
      records: seq,
      isClosed: false,
      fault: { code: 'TAPE_TRUNCATED', seq, file: 'head.json' },
    });
  });

  it.each(places.slice(0, -1).map(({ seq }) => seq))(
    'of a closed run cut within record %d is not said to be torn only, as recovery refuses it',
    (seq) => {
      const dir = folders.copyOf(closed);
      const cut = places[seq];
      truncateSync(join(dir, cut.file), cut.byteOffset + 10);
      for (const name of segmentsOf(dir)) if (name > cut.file) rmSync(join(dir, name));
      const { fault } = verifyTape(dir);
      expect(fault).toMatchObject({
        code: 'TAPE_TRUNCATED',
        seq,
        file: cut.file,
        byteOffset: cut.byteOffset,
        expected: `records up to seq ${places.length - 1}`,
      });
      expect(() => recoverTape(dir)).toThrow(describeFault(fault ?? expect.fail('no fault')));
    },
  );

  it('of a closed run torn in its last record can be set aside', () => {
    const dir = folders.copyOf(closed);
    const last = places.at(-1) ?? expect.fail('no records');
    truncateSync(join(dir, last.file), last.end - 2);
    expect(verifyTape(dir).fault?.problem).toMatch(/^torn: \d+ bytes after .*; recovery sets them aside$/);
    expect(recoverTape(dir).torn).not.toBeNull();
  });

  it('recommends no recovery where no record is whole', () => {
    const dir = folders.copyOf(open);
    for (const name of segmentsOf(dir).slice(1)) rmSync(join(dir, name));
    truncateSync(join(dir, '000001.jsonl'), 40);
    expect(verifyTape(dir).fault?.problem).toBe('torn: 40 bytes, and no complete record before them');
  });

  it('of an open run is said not to prove completeness', () => {
    expect(verifyTape(open)).toMatchObject({ fault: null, records: 6, isClosed: false });
  });

  it('of a stopped run must come with a stored head', () => {
    const dir = folders.copyOf(closed);
    rmSync(join(dir, 'head.json'));
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_HEAD_MISSING' });
  });

  it('of a run that goes on must not', () => {
    const dir = folders.copyOf(open);
    copyFileSync(join(closed, 'head.json'), join(dir, 'head.json'));
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_TRUNCATED' });
    writeFileSync(join(dir, 'head.json'), `{"count":6,"head":"${verifyTape(open).head}","seq":5}\n`);
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_HEAD_MISMATCH' });
    writeFileSync(join(dir, 'head.json'), 'x'.repeat(5000));
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_HEAD_MISMATCH', found: '(5000 bytes)' });
  });

  it('is torn when the last segment is empty, and there is no tape without records', () => {
    const dir = folders.copyOf(open);
    writeFileSync(join(dir, `00000${segmentsOf(dir).length + 1}.jsonl`), '');
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_TORN', seq: 6, line: 1, byteOffset: 0 });
    const nothing = folders.path();
    mkdirSync(nothing);
    expect(verifyTape(nothing).fault).toMatchObject({ code: 'TAPE_EMPTY' });
  });
});

describe('well hashed lines that our writer would not write', () => {
  const first = '{"payload":{},"seq":0,"t":5,"type":"RunStarted"}';

  it('this test chains as the product does', () => {
    expect(verifyTape(forgeTape(folders.path(), [first])).fault).toBeNull();
  });

  it.each<[string, string | Buffer, string]>([
    ['a gap', '{"payload":{},"seq":2,"t":5,"type":"CycleDue"}', 'TAPE_SEQ_BROKEN'],
    ['a repeat', '{"payload":{},"seq":0,"t":5,"type":"CycleDue"}', 'TAPE_SEQ_BROKEN'],
    ['time going back', '{"payload":{},"seq":1,"t":4,"type":"CycleDue"}', 'TAPE_TIME_REVERSED'],
    ['a fraction of a microsecond', '{"payload":{},"seq":1,"t":5.5,"type":"CycleDue"}', 'TAPE_TIME_REVERSED'],
    ['white space', '{"payload":{},"seq":1, "t":5,"type":"CycleDue"}', 'TAPE_NOT_CANONICAL'],
    ['keys out of order', '{"seq":1,"payload":{},"t":5,"type":"CycleDue"}', 'TAPE_NOT_CANONICAL'],
    [
      'keys of the payload out of order',
      '{"payload":{"b":1,"a":2},"seq":1,"t":5,"type":"CycleDue"}',
      'TAPE_NOT_CANONICAL',
    ],
    ['a key twice', '{"payload":{"a":1,"a":1},"seq":1,"t":5,"type":"CycleDue"}', 'TAPE_NOT_CANONICAL'],
    ['a key more', '{"payload":{},"seq":1,"t":5,"type":"CycleDue","zz":1}', 'TAPE_NOT_CANONICAL'],
    [
      'another way to write a number',
      '{"payload":{"a":1.0},"seq":1,"t":5,"type":"CycleDue"}',
      'TAPE_NOT_CANONICAL',
    ],
    ['minus zero', '{"payload":{"a":-0},"seq":1,"t":5,"type":"CycleDue"}', 'TAPE_NOT_CANONICAL'],
    [
      'a number no double holds',
      '{"payload":{"a":1e999},"seq":1,"t":5,"type":"CycleDue"}',
      'TAPE_NOT_CANONICAL',
    ],
    [
      'an escape that is not needed',
      '{"payload":{"a":"\\u0041"},"seq":1,"t":5,"type":"CycleDue"}',
      'TAPE_NOT_CANONICAL',
    ],
    ['a lone surrogate', '{"payload":{"a":"\\ud800"},"seq":1,"t":5,"type":"CycleDue"}', 'TAPE_NOT_CANONICAL'],
    ['a lone surrogate in the type', '{"payload":{},"seq":1,"t":5,"type":"\\ud800"}', 'TAPE_NOT_CANONICAL'],
    [
      'bytes that are not UTF-8',
      Buffer.from('{"payload":{"a":"\xff"},"seq":1,"t":5,"type":"CycleDue"}', 'latin1'),
      'TAPE_NOT_CANONICAL',
    ],
    [
      'nesting without end',
      `{"payload":{"a":${'['.repeat(9000)}${']'.repeat(9000)}},"seq":1,"t":5,"type":"CycleDue"}`,
      'TAPE_NOT_CANONICAL',
    ],
    ['a payload that is a list', '{"payload":[],"seq":1,"t":5,"type":"CycleDue"}', 'TAPE_RECORD_MALFORMED'],
    ['no payload', '{"seq":1,"t":5,"type":"CycleDue"}', 'TAPE_RECORD_MALFORMED'],
    ['a type that is no text', '{"payload":{},"seq":1,"t":5,"type":7}', 'TAPE_RECORD_MALFORMED'],
    ['a seq that is no number', '{"payload":{},"seq":"1","t":5,"type":"CycleDue"}', 'TAPE_RECORD_MALFORMED'],
    ['no JSON', '{"payload":{},"seq":1,"t":5,"type":"CycleDue"', 'TAPE_RECORD_MALFORMED'],
  ])('%s', (_name, second, code) => {
    const dir = forgeTape(folders.path(), [first, second]);
    expect(verifyTape(dir).fault).toMatchObject({ code, seq: 1, line: 2, file: '000001.jsonl' });
  });

  it('a record after RunStopped', () => {
    const stop = '{"payload":{},"seq":1,"t":5,"type":"RunStopped"}';
    const dir = forgeTape(folders.path(), [first, stop, '{"payload":{},"seq":2,"t":5,"type":"CycleDue"}']);
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_AFTER_STOP', seq: 2, line: 3 });
  });

  it('a replacement character is a character like any other', () => {
    const second = '{"payload":{"a":"\ufffd"},"seq":1,"t":5,"type":"CycleDue"}';
    expect(verifyTape(forgeTape(folders.path(), [first, second])).fault).toBeNull();
  });

  it('known types with unknown content pass: the chain is checked here, not the meaning', () => {
    const odd = ['OrderIntended', 'OrderFilled', 'CancelIntended', 'OrderRejected', 'CycleCompleted'].map(
      (type, i) => `{"payload":{"execution":[],"order":7},"seq":${i},"t":5,"type":"${type}"}`,
    );
    expect(verifyTape(forgeTape(folders.path(), odd))).toMatchObject({ fault: null, records: 5 });
  });
});

describe('a reader of hostile files', () => {
  it('gives up on a line without end before it fills the memory', () => {
    const dir = folders.path();
    mkdirSync(dir);
    const fd = openSync(join(dir, '000001.jsonl'), 'w');
    ftruncateSync(fd, 400 * 1024 * 1024);
    closeSync(fd);
    const before = process.memoryUsage().rss;
    expect(verifyTape(dir).fault).toMatchObject({ code: 'TAPE_RECORD_MALFORMED', line: 1, seq: 0 });
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  it('answers a folder that is not there in one line', () => {
    const missing = folders.path();
    expect(() => verifyTape(missing)).toThrow(InputError);
    expect(() => verifyTape(missing)).toThrow(/ENOENT.*expected the tape folder/);
  });

  it('prints nothing but plain characters from a damaged hash', () => {
    const dir = folders.copyOf(open);
    const bytes = readFileSync(join(dir, '000001.jsonl'));
    bytes[20] = 0x1b;
    writeFileSync(join(dir, '000001.jsonl'), bytes);
    expect(verifyTape(dir).fault?.found).toMatch(/^[0-9a-f?]{64}$/);
  });
});

describe('reading without checks', () => {
  it('returns what is written, for looking at a damaged tape', () => {
    const dir = folders.copyOf(closed);
    const path = join(dir, '000001.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"code":"abc"', '"code":"abd"'));
    expect(faultOf(() => [...readTape(dir)])).toMatchObject({ code: 'TAPE_CHAIN_BROKEN' });
    const lines = [...readTape(dir, { verify: false })];
    expect(lines).toHaveLength(7);
    expect(lines[0].record.payload).toMatchObject({ identity: { code: 'abd' } });
  });

  it('still wants records', () => {
    const dir = forgeTape(folders.path(), ['{"payload":{},"seq":0,"t":5,"type":"RunStarted"}']);
    writeFileSync(join(dir, '000001.jsonl'), 'hello\n');
    expect(faultOf(() => [...readTape(dir, { verify: false })])).toMatchObject({
      code: 'TAPE_RECORD_MALFORMED',
    });
    expect(record(0, 'x').seq).toBe(0);
  });
});
