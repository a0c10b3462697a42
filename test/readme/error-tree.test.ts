import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CheckFailedError, InputError, InvariantError } from '../../src/domain/errors.ts';
import { TapeWriteError } from '../../src/tape/faults.ts';
import { listSources, projectRoot } from '../structure/sources.ts';

const CLASS = /class (\w+) extends (SametapeError|\w*Error) \{/g;
const ROW = /^\| `(\w+)` \| `(\w+)` \| (\d) \| .+ \|$/gm;

/** Error classes of sametape with what they extend; errors of other libraries are not part of the tree. */
function classesInSources(): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of listSources(projectRoot, 'src')) {
    for (const [, name, parent] of readFileSync(join(projectRoot, path), 'utf8').matchAll(CLASS)) {
      if (parent !== 'Error') found.set(name!, parent!);
    }
  }
  return found;
}

it('the tree of errors in the README is the one in the sources, with the exit codes of its branches', () => {
  const rows = [...readFileSync(join(projectRoot, 'README.md'), 'utf8').matchAll(ROW)];
  const documented = new Map(rows.map(([, name, parent]) => [name!, parent!]));
  expect(documented).toEqual(classesInSources());
  const exitOf = new Map(rows.map(([, name, , exit]) => [name!, Number(exit)]));
  for (const error of [
    new InputError('X', ''),
    new CheckFailedError('X', ''),
    new InvariantError(''),
    new TapeWriteError(''),
  ]) {
    expect([error.name, error.exitCode, error.retryable]).toEqual([
      error.name,
      exitOf.get(error.name),
      false,
    ]);
  }
  for (const [name, parent] of documented) {
    if (parent !== 'SametapeError') expect(exitOf.get(name), name).toBe(exitOf.get(parent));
  }
});

it('an error keeps its cause and its name', () => {
  const cause = new Error('disk');
  const error = new InputError('X_UNREADABLE', 'x: cannot be read', { cause });
  expect(error).toMatchObject({ name: 'InputError', code: 'X_UNREADABLE', cause });
});
