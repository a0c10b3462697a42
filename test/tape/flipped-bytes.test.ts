import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyTape } from '../../src/tape/verify.ts';
import { placesOf, scratch, segmentsOf, shortRun, writeTape } from './tapes.ts';

const folders = scratch();
afterAll(folders.remove);

/** Ways to damage a byte: number, letter case, non-ASCII, line structure. */
const DAMAGES: readonly (readonly [string, (byte: number) => number])[] = [
  ['lowest bit', (byte) => byte ^ 0x01],
  ['case of a letter', (byte) => byte ^ 0x20],
  ['highest bit', (byte) => byte ^ 0x80],
  ['made a newline', () => 0x0a],
];

describe('a closed tape with any one byte changed', () => {
  const dir = folders.path();
  writeTape(dir, shortRun());
  const places = placesOf(dir);

  it('is sound before, and spreads over segments', () => {
    expect(verifyTape(dir)).toMatchObject({ fault: null, records: 7, isClosed: true });
    expect(segmentsOf(dir).length).toBeGreaterThan(2);
  });

  it.each(DAMAGES)('fails at the record that holds the byte: %s', (_name, damage) => {
    const wrong: string[] = [];
    let tried = 0;
    for (const file of segmentsOf(dir)) {
      const path = join(dir, file);
      const sound = readFileSync(path);
      for (let at = 0; at < sound.length; at += 1) {
        const damaged = Buffer.from(sound);
        damaged[at] = damage(sound[at]);
        if (damaged[at] === sound[at]) continue;
        writeFileSync(path, damaged);
        const { fault, records } = verifyTape(dir);
        const place = places.find((line) => line.file === file && at >= line.byteOffset && at < line.end);
        const isRight =
          fault?.file === file &&
          fault.line === place?.line &&
          fault.seq === place.seq &&
          fault.byteOffset === place.byteOffset &&
          records === place.seq;
        if (!isRight) wrong.push(`${file} byte ${at}: ${JSON.stringify({ fault, records, place })}`);
        tried += 1;
      }
      writeFileSync(path, sound);
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(1000);
  });

  it.each(DAMAGES)('fails when the byte is in the stored head: %s', (_name, damage) => {
    const path = join(dir, 'head.json');
    const sound = readFileSync(path);
    for (let at = 0; at < sound.length; at += 1) {
      const damaged = Buffer.from(sound);
      damaged[at] = damage(sound[at]);
      if (damaged[at] === sound[at]) continue;
      writeFileSync(path, damaged);
      expect(verifyTape(dir).fault, `head.json byte ${at}`).toMatchObject({ file: 'head.json' });
    }
    writeFileSync(path, sound);
  });

  it('is sound again with every byte back', () => {
    expect(verifyTape(dir).fault).toBeNull();
  });

  it('names expected and found hash', () => {
    const copy = folders.copyOf(dir);
    const path = join(copy, '000001.jsonl');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"code":"abc"', '"code":"abd"'));
    const { fault } = verifyTape(copy);
    expect(fault?.code).toBe('TAPE_CHAIN_BROKEN');
    expect(fault?.expected).toMatch(/^[0-9a-f]{64}$/);
    expect(fault?.found).toBe(text.slice(10, 74));
    expect(fault?.expected).not.toBe(fault?.found);
  });
});
