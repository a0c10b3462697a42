import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launcher } from './sametape.ts';

/** A package with a program that says which of its forms runs, and no dependencies: from source it cannot start. */
let root: string;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sametape-launcher-'));
  for (const folder of ['src/cli', 'dist/cli']) mkdirSync(join(root, folder), { recursive: true });
  for (const name of ['sametape.mjs', 'build-stamp.mjs']) {
    copyFileSync(join(dirname(launcher), name), join(root, 'src/cli', name));
  }
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'tsconfig.json'), '{}');
  writeFileSync(join(root, 'src/cli/main.ts'), 'export const main = () => 0; // 1');
  writeFileSync(
    join(root, 'dist/cli/main.js'),
    'export const main = () => { console.log("built"); return 0; };',
  );
  const { sourcesSha256 } = await import(pathToFileURL(join(root, 'src/cli/build-stamp.mjs')).href);
  writeFileSync(join(root, 'dist/sources.sha256'), `${sourcesSha256()}\n`);
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function start(): { readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [join(root, 'src/cli/sametape.mjs')], { encoding: 'utf8' });
}

const BUILT = { stdout: 'built\n', stderr: '' };
const FROM_SOURCE = { stdout: '', stderr: expect.stringContaining('run "npm ci"') };

describe('the launcher', () => {
  it('starts the build of these sources', () => {
    expect(start()).toMatchObject(BUILT);
  });

  it('starts the source where a letter of it differs from what was built, whatever its time says', () => {
    const path = join(root, 'src/cli/main.ts');
    const { atime, mtime } = statSync(path);
    writeFileSync(path, 'export const main = () => 0; // 2');
    utimesSync(path, atime, mtime);
    expect(start()).toMatchObject(FROM_SOURCE);
  });

  it('starts the source where a file was added or taken away since the build', () => {
    writeFileSync(join(root, 'src/cli/other.ts'), '');
    expect(start()).toMatchObject(FROM_SOURCE);
    rmSync(join(root, 'src/cli/other.ts'));
    expect(start()).toMatchObject(BUILT);
  });

  it('starts the source where the build was not finished', () => {
    rmSync(join(root, 'dist/sources.sha256'));
    expect(start()).toMatchObject(FROM_SOURCE);
  });

  it('starts the build of a package that came without its sources', () => {
    rmSync(join(root, 'src/cli/main.ts'));
    expect(start()).toMatchObject(BUILT);
  });
});
