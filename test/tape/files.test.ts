import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolders } from '../../src/files/make-folders.ts';
import { describeUnreadable, problemOfFile, readBounded } from '../../src/files/read-bounded.ts';
import { temporaryFolder } from '../models/fixtures.ts';

const base = await temporaryFolder();

describe('makeFolders', () => {
  it('makes what is missing, and takes what is there', () => {
    const dir = join(base, 'a/b/c');
    makeFolders(dir);
    makeFolders(dir);
    expect(statSync(dir).isDirectory()).toBe(true);
    writeFileSync(join(dir, 'file'), '');
    expect(() => makeFolders(join(dir, 'file'))).toThrow(/EEXIST/);
    expect(() => makeFolders(join(dir, 'file/inner'))).toThrow(/EEXIST|ENOTDIR/);
  });

  it.runIf(existsSync('/proc/self'))('returns where the file system makes no folders', () => {
    expect(() => makeFolders('/proc/foo/bar')).toThrow(/ENOENT|EACCES|EPERM/);
  });
});

describe('readBounded', () => {
  const problemAt = (path: string): string => {
    const result = readBounded(path, { maxBytes: 4 });
    expect(problemOfFile(path, { maxBytes: 4 })).toMatchObject(
      'cause' in result ? { kind: result.kind } : result,
    );
    return result.kind === 'read' ? 'read' : describeUnreadable(result);
  };

  it('reads a file up to the limit, and no other', () => {
    const path = join(base, 'four');
    writeFileSync(path, '1234');
    expect(readBounded(path, { maxBytes: 4 })).toEqual({ kind: 'read', bytes: Buffer.from('1234') });
    expect(problemOfFile(path)).toBeUndefined();
    writeFileSync(path, '12345');
    expect(problemAt(path)).toBe('5 bytes, expected at most 4');
  });

  it('says what else it found, and reads no device without end', () => {
    const at = (name: string): string => join(base, name);
    mkdirSync(at('folder'));
    writeFileSync(at('file'), '');
    expect(problemAt(at('folder'))).toBe('is a folder, expected a file');
    expect(problemAt('/dev/zero')).toBe('is a pipe or device, expected a file');
    expect(problemAt(at('nowhere'))).toBe('no such file');
    expect(problemAt(at('file/inner'))).toBe('no such file');
    expect(problemAt(`${base}/${'x'.repeat(300)}`)).toBe('cannot be read (ENAMETOOLONG)');
  });
});
