import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';

const MAX_ENTRIES = 10_000;

/** A folder tree that is read with bounded sizes and never left, whatever links it holds. */
export interface ArtifactTree {
  /** As the user gave it, for messages. */
  readonly dir: string;
  readonly realDir: string;
}

/** @throws InputError RUN_ROOT_MISSING when `dir` is not a folder */
export async function openArtifactTree(dir: string): Promise<ArtifactTree> {
  const info = await stat(dir).catch(() => undefined);
  if (info === undefined || !info.isDirectory()) {
    throw new InputError(
      'RUN_ROOT_MISSING',
      `run root ${dir}: expected a folder with manifest.json and targets/`,
    );
  }
  return { dir, realDir: await realpath(dir) };
}

/** Names of the folders in `path` (relative, `/` between parts), code-unit order. */
export async function listFolders(tree: ArtifactTree, path: string): Promise<string[]> {
  const entries = await readEntries(tree, path);
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) names.push(entry.name);
    if (entry.isSymbolicLink()) {
      const real = await resolveInside(tree, `${path}/${entry.name}`);
      if ((await stat(real)).isDirectory()) names.push(entry.name);
    }
  }
  return names.sort(compareCodeUnits);
}

async function readEntries(tree: ArtifactTree, path: string): Promise<Dirent[]> {
  const real = await resolveInside(tree, path);
  const entries = await readdir(real, { withFileTypes: true }).catch((error: unknown) => {
    throw new InputError('RUN_ROOT_INVALID', `${join(tree.dir, path)}: expected a folder`, { cause: error });
  });
  if (entries.length > MAX_ENTRIES) {
    throw new InputError('RUN_ROOT_INVALID', `${join(tree.dir, path)}: more than ${MAX_ENTRIES} entries`);
  }
  return entries;
}

/** @returns the file's bytes, or undefined when there is no such file. @throws InputError when it is too large, not a plain file, or outside the tree */
export async function readOptionalFile(
  tree: ArtifactTree,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const exists = await stat(join(tree.realDir, path)).then(
    () => true,
    () => false,
  );
  return exists ? await readArtifact(tree, path, maxBytes) : undefined;
}

/** @throws InputError when the file is missing, too large, not a plain file, or outside the tree */
export async function readArtifact(tree: ArtifactTree, path: string, maxBytes: number): Promise<Uint8Array> {
  const real = await resolveInside(tree, path);
  const info = await stat(real);
  const where = join(tree.dir, path);
  if (!info.isFile()) throw new InputError('RUN_ROOT_INVALID', `${where}: expected a file`);
  if (info.size > maxBytes) {
    throw new InputError('RUN_ROOT_INVALID', `${where}: ${info.size} bytes, expected at most ${maxBytes}`);
  }
  return await readFile(real);
}

async function resolveInside(tree: ArtifactTree, path: string): Promise<string> {
  const where = join(tree.dir, path);
  const real = await realpath(join(tree.realDir, path)).catch((error: unknown) => {
    const what = path === 'targets' ? '; expected a run root, as "sametape models train" writes it' : '';
    throw new InputError('RUN_ROOT_INVALID', `${where}: missing${what}`, { cause: error });
  });
  if (real !== tree.realDir && !real.startsWith(tree.realDir + sep)) {
    throw new InputError('RUN_ROOT_ESCAPE', `${where}: leads outside the run root, expected files inside it`);
  }
  return real;
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
