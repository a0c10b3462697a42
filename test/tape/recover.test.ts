import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createFileTape, resumeFileTape } from '../../src/tape/file-tape.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { recoverTape } from '../../src/tape/recover.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { entryOf } from './entries.ts';
import { faultOf, placesOf, record, scratch, segmentsOf, shortRun, writeTape } from './tapes.ts';

const folders = scratch();
afterAll(folders.remove);

const run = shortRun();
const openRun = run.slice(0, -1);

/** Damages the tape by cutting the last record at `keep` bytes, checks what verify and recovery make of it. */
function cutAndRecover(dir: string, keep: number): void {
  const last = placesOf(dir).at(-1) ?? expect.fail('no records');
  const path = join(dir, last.file);
  truncateSync(path, last.byteOffset + keep);
  const cut = readFileSync(path).subarray(last.byteOffset);
  expect(verifyTape(dir).fault).toMatchObject({
    code: 'TAPE_TORN',
    file: last.file,
    line: last.line,
    seq: last.seq,
    byteOffset: last.byteOffset,
  });
  const { torn, records, isClosed } = recoverTape(dir);
  expect({ records, isClosed }).toEqual({ records: last.seq, isClosed: false });
  expect(torn).toMatchObject({ bytes: keep, savedAs: `torn-${last.seq}.bin` });
  expect(readFileSync(join(dir, `torn-${last.seq}.bin`))).toEqual(cut);
  expect(verifyTape(dir)).toMatchObject({ fault: null, records: last.seq });
}

describe('the last record cut anywhere inside it', () => {
  it.each([
    ['of a run in progress', openRun, 500],
    ['of a closed run', run, 500],
    ['alone in its segment', openRun, 10],
    ['the only record of all', openRun.slice(0, 1), 500],
  ])(
    '%s: recovery drops only it, keeps its bytes aside, and the run can go on',
    (_name, items, segmentBytes) => {
      const dir = folders.path();
      writeTape(dir, items, segmentBytes);
      const { head } = verifyTape(dir);
      const last = placesOf(dir).at(-1) ?? expect.fail('no records');
      for (let keep = 1; keep < last.end - last.byteOffset; keep += 1) {
        if (items.length > 1) cutAndRecover(dir, keep);
        else truncateSync(join(dir, last.file), keep);
        const { tape } = resumeFileTape({ dir, segmentBytes, durable: false });
        tape.append(entryOf(items[items.length - 1]));
        tape.close();
        expect(verifyTape(dir)).toMatchObject({ fault: null, head, records: items.length });
        // whole again: only what recovery saved is left over
        for (const name of readdirSync(dir)) if (/^(torn|head)-/.test(name)) rmSync(join(dir, name));
      }
    },
  );

  it('cut twice at the same place: both remains are kept', () => {
    const dir = folders.path();
    writeTape(dir, openRun);
    cutAndRecover(dir, 30);
    const { tape } = resumeFileTape({ dir, segmentBytes: 500, durable: false });
    tape.append(entryOf(openRun[5]));
    tape.close();
    const last = placesOf(dir).at(-1) ?? expect.fail('no records');
    truncateSync(join(dir, last.file), last.byteOffset + 20);
    expect(recoverTape(dir).torn?.savedAs).toBe('torn-5-2.bin');
    expect(readFileSync(join(dir, 'torn-5.bin'))).toHaveLength(30);
    expect(readFileSync(join(dir, 'torn-5-2.bin'))).toHaveLength(20);
  });

  it('keeps the head a closed run had, under another name', () => {
    const dir = folders.path();
    writeTape(dir, run);
    const head = readFileSync(join(dir, 'head.json'), 'utf8');
    cutAndRecover(dir, 40);
    expect(existsSync(join(dir, 'head.json'))).toBe(false);
    expect(readFileSync(join(dir, 'head-6.json'), 'utf8')).toBe(head);
  });
});

describe('recovery', () => {
  it('of a sound tape changes nothing', () => {
    const dir = folders.path();
    writeTape(dir, openRun);
    const before = verifyTape(dir);
    expect(recoverTape(dir)).toEqual({ torn: null, records: 6, isClosed: false });
    expect(verifyTape(dir)).toEqual(before);
  });

  it('stores the head of a run that crashed between its last record and closing', () => {
    const dir = folders.path();
    writeTape(dir, run);
    const head = readFileSync(join(dir, 'head.json'), 'utf8');
    rmSync(join(dir, 'head.json'));
    expect(recoverTape(dir)).toEqual({ torn: null, records: 7, isClosed: true });
    expect(readFileSync(join(dir, 'head.json'), 'utf8')).toBe(head);
  });

  it('removes a segment that was created but never written', () => {
    const dir = folders.path();
    writeTape(dir, openRun);
    const empty = `00000${segmentsOf(dir).length + 1}.jsonl`;
    writeFileSync(join(dir, empty), '');
    expect(recoverTape(dir).torn).toMatchObject({ segment: empty, bytes: 0, savedAs: null });
    expect(verifyTape(dir)).toMatchObject({ fault: null, records: 6 });
  });

  it('says where it stood when a run resumes, and the tape goes on as if never interrupted', () => {
    const whole = folders.path();
    writeTape(whole, run);
    const dir = folders.path();
    writeTape(dir, run.slice(0, 4));
    const { tape, recovery } = resumeFileTape({ dir, segmentBytes: 500, durable: true });
    expect(recovery).toEqual({ torn: null, records: 4, isClosed: false });
    expect([tape.nextSeq, tape.lastTUs]).toEqual([4, run[3].t]);
    for (const item of run.slice(4)) tape.append(entryOf(item));
    tape.close();
    expect(verifyTape(dir)).toMatchObject({ head: verifyTape(whole).head, isClosed: true });
    expect(verifyTape(dir).decisionHead).toBe(verifyTape(whole).decisionHead);
  });

  it.each<[string, (dir: string) => void, string]>([
    [
      'a flipped byte',
      (dir) => {
        const bytes = readFileSync(join(dir, '000001.jsonl'));
        bytes[100] ^= 1;
        writeFileSync(join(dir, '000001.jsonl'), bytes);
      },
      'TAPE_CHAIN_BROKEN',
    ],
    [
      'a bad last record that ends in a newline',
      (dir) => {
        const last = placesOf(dir).at(-1) ?? expect.fail('no records');
        const bytes = readFileSync(join(dir, last.file));
        bytes[last.end - 2] = 0x20;
        writeFileSync(join(dir, last.file), bytes);
      },
      'TAPE_CHAIN_BROKEN',
    ],
    [
      'a segment torn in the middle',
      (dir) => truncateSync(join(dir, '000001.jsonl'), 100),
      'TAPE_SEGMENT_UNENDED',
    ],
    [
      'whole records missing at the end',
      (dir) => {
        const last = placesOf(dir).at(-1) ?? expect.fail('no records');
        truncateSync(join(dir, last.file), last.byteOffset);
      },
      'TAPE_TRUNCATED',
    ],
    [
      'a last segment missing whole',
      (dir) => rmSync(join(dir, segmentsOf(dir).at(-1) ?? '')),
      'TAPE_TRUNCATED',
    ],
    [
      'a stored head that is not its own',
      (dir) => {
        const path = join(dir, 'head.json');
        writeFileSync(path, readFileSync(path, 'utf8').replace('"seq":6', '"seq":5'));
      },
      'TAPE_HEAD_MISMATCH',
    ],
    [
      'a torn record with more missing after it',
      (dir) => {
        const cut = placesOf(dir).at(-2) ?? expect.fail('no records');
        truncateSync(join(dir, cut.file), cut.byteOffset + 10);
        for (const name of segmentsOf(dir)) if (name > cut.file) rmSync(join(dir, name));
      },
      'TAPE_TRUNCATED',
    ],
    [
      'a torn record and a head nobody can read',
      (dir) => {
        const last = placesOf(dir).at(-1) ?? expect.fail('no records');
        truncateSync(join(dir, last.file), last.byteOffset + 10);
        writeFileSync(join(dir, 'head.json'), '?');
      },
      'TAPE_TRUNCATED',
    ],
    [
      'bytes after RunStopped',
      (dir) => writeFileSync(join(dir, segmentsOf(dir).at(-1) ?? ''), 'x', { flag: 'a' }),
      'TAPE_AFTER_STOP',
    ],
  ])('refuses %s and changes nothing', (_name, damage, code) => {
    const dir = folders.path();
    writeTape(dir, run);
    damage(dir);
    const files = (): Buffer[] =>
      [...segmentsOf(dir), 'head.json'].map((name) => readFileSync(join(dir, name)));
    const before = files();
    expect(faultOf(() => recoverTape(dir))).toMatchObject({ code });
    expect(faultOf(() => resumeFileTape({ dir, durable: false }))).toMatchObject({ code });
    expect(files()).toEqual(before);
    // the refusal leaves no lock behind
    expect(faultOf(() => recoverTape(dir))).toMatchObject({ code });
  });

  it('resumes in the last segment while it has room, in the next when it is full', () => {
    const dir = folders.path();
    writeTape(dir, openRun.slice(0, 2), 10_000);
    const more = resumeFileTape({ dir, segmentBytes: 10_000, durable: false }).tape;
    more.append(entryOf(openRun[2]));
    more.close();
    expect(segmentsOf(dir)).toEqual(['000001.jsonl']);
    const next = resumeFileTape({ dir, segmentBytes: 100, durable: false }).tape;
    next.append(entryOf(openRun[3]));
    next.close();
    expect(segmentsOf(dir)).toEqual(['000001.jsonl', '000002.jsonl']);
    expect([...readTape(dir)].map((line) => line.record)).toEqual(openRun.slice(0, 4));
  });

  it('of a tape whose first record never reached the disk starts it anew', () => {
    const dir = folders.path();
    createFileTape({ dir, durable: false }).close();
    const { tape, recovery } = resumeFileTape({ dir, durable: false });
    expect(recovery.records).toBe(0);
    tape.append(entryOf(record(0, 'RunStarted')));
    tape.close();
    expect(verifyTape(dir)).toMatchObject({ fault: null, records: 1 });
  });
});
