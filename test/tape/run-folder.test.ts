import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import {
  createRunFolder,
  openRunFolder,
  pathInside,
  readJson,
  runFolderAt,
  writeJsonAtomic,
} from '../../src/tape/run-folder.ts';
import { scratch } from './tapes.ts';

const folders = scratch();
afterAll(folders.remove);

describe('a run folder', () => {
  it('is laid out as the design says, and found again', () => {
    const dir = folders.path();
    const folder = createRunFolder(dir, { existing: 'refuse' });
    expect(readdirSync(dir).sort()).toEqual(['state', 'tape']);
    expect(openRunFolder(dir)).toEqual(folder);
    expect(runFolderAt(dir)).toEqual(folder);
    expect(folder).toMatchObject({
      summaryFile: join(dir, 'summary.json'),
      hostFile: join(dir, 'host.json'),
      scenarioFile: join(dir, 'scenario.yaml'),
    });
  });

  it('may be made in an empty folder that is there', () => {
    const dir = folders.path();
    mkdirSync(dir);
    expect(createRunFolder(dir, { existing: 'refuse' }).dir).toBe(dir);
  });

  it('is refused over another run unless it is to be replaced; then only what belongs to a run goes', () => {
    const dir = folders.path();
    const folder = createRunFolder(dir, { existing: 'refuse' });
    writeJsonAtomic(folder.summaryFile, { a: 1 });
    writeFileSync(join(folder.tapeDir, '000001.jsonl'), 'old');
    writeFileSync(join(dir, 'notes.txt'), 'mine');
    expect(() => createRunFolder(dir, { existing: 'refuse' })).toThrow(/holds a run already/);
    createRunFolder(dir, { existing: 'replace' });
    expect(readdirSync(dir).sort()).toEqual(['notes.txt', 'state', 'tape']);
    expect(readdirSync(folder.tapeDir)).toEqual([]);
  });

  it('is not replaced while its tape is being written', () => {
    const dir = folders.path();
    const { tapeDir } = createRunFolder(dir, { existing: 'refuse' });
    const tape = createFileTape({ dir: tapeDir, durable: false });
    expect(() => createRunFolder(dir, { existing: 'replace' })).toThrow(/one writer at a time/);
    tape.close();
    createRunFolder(dir, { existing: 'replace' });
  });

  it('never replaces what is not a run', () => {
    const dir = folders.path();
    mkdirSync(dir);
    writeFileSync(join(dir, 'thesis.txt'), 'mine');
    expect(() => createRunFolder(dir, { existing: 'replace' })).toThrow(/not a run folder/);
    expect(readFileSync(join(dir, 'thesis.txt'), 'utf8')).toBe('mine');
    expect(() => createRunFolder(join(dir, 'thesis.txt'), { existing: 'replace' })).toThrow(InputError);
    expect(() => createRunFolder(join(dir, 'thesis.txt', 'run'), { existing: 'replace' })).toThrow(
      /cannot be created/,
    );
  });

  it('is told from other folders when opened', () => {
    expect(() => openRunFolder(folders.path())).toThrow(/not a run folder/);
  });

  it.each([
    ['a part of its name', 'quick-0123'],
    ['one letter wrong', 'quick-0124456789ab'],
    ['the name of a run that has not ended', 'paper-01'],
  ])('is named where it was likely meant: %s', (_, given) => {
    const parent = folders.path();
    for (const name of ['quick-0123456789ab', 'paper-0123456789ab.partial']) {
      createRunFolder(join(parent, name), { existing: 'refuse' });
    }
    const meant = given.startsWith('quick') ? 'quick-0123456789ab' : 'paper-0123456789ab.partial';
    expect(() => openRunFolder(join(parent, given))).toThrow(new RegExp(`; did you mean [^ ]*${meant}\\?$`));
    expect(() => openRunFolder(join(parent, 'else'))).toThrow(/what "sametape run" printed$/);
    expect(() => openRunFolder(parent)).toThrow(
      /; it holds runs: name one, such as .*paper-0123456789ab\.partial$/,
    );
  });
});

describe('paths inside a run folder', () => {
  const folder = createRunFolder(folders.path(), { existing: 'refuse' });
  writeFileSync(join(folder.dir, 'file'), '');
  symlinkSync(tmpdir(), join(folder.dir, 'out'));
  symlinkSync(join(folder.dir, 'nowhere'), join(folder.dir, 'dangling'));
  symlinkSync(folder.stateDir, join(folder.dir, 'in'));

  it.each(['state/trades.json', 'a/b/c', '..a', 'in/x', 'tape', 'file/below'])('%s is one', (name) => {
    expect(pathInside(folder, name)).toBe(join(folder.dir, name));
  });

  it.each(['../x', 'state/../../x', '/etc/passwd', '', '.', 'out/x', 'out', 'dangling', 'state/../..'])(
    '%j is none',
    (name) => {
      expect(() => pathInside(folder, name)).toThrow(/leads outside the run folder/);
    },
  );

  it('are judged by name alone before the folder exists', () => {
    const planned = runFolderAt(folders.path());
    expect(() => pathInside(planned, '../x')).toThrow(InputError);
  });
});

describe('JSON files', () => {
  it('are replaced whole and leave nothing beside them', () => {
    const folder = createRunFolder(folders.path(), { existing: 'refuse' });
    writeJsonAtomic(folder.summaryFile, { a: [1, 2] });
    writeJsonAtomic(folder.summaryFile, { b: 'é' });
    expect(readJson(folder.summaryFile)).toEqual({ b: 'é' });
    expect(readdirSync(folder.dir).sort()).toEqual(['state', 'summary.json', 'tape']);
  });

  it('that cannot be written leave the old one', () => {
    const folder = createRunFolder(folders.path(), { existing: 'refuse' });
    mkdirSync(folder.summaryFile);
    expect(() => writeJsonAtomic(folder.summaryFile, {})).toThrow();
    expect(readdirSync(folder.dir).sort()).toEqual(['state', 'summary.json', 'tape']);
    expect(existsSync(folder.summaryFile)).toBe(true);
  });

  it('that are missing or damaged are answered in one line', () => {
    const folder = createRunFolder(folders.path(), { existing: 'refuse' });
    expect(() => readJson(folder.summaryFile)).toThrow(/ENOENT; expected a JSON file/);
    writeFileSync(folder.summaryFile, '{');
    expect(() => readJson(folder.summaryFile)).toThrow(/not valid JSON; expected a JSON file/);
    expect(() => readJson(folder.summaryFile)).toThrow(InputError);
  });
});
