import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareCodeUnits } from '../domain/compare.ts';

/**
 * Folders whose code can change what a tape holds: two runs with equal code here, equal inputs and equal settings make
 * equal tapes.
 */
export const DECIDING_FOLDERS = [
  'brokers',
  'data',
  'domain',
  'engine',
  'events',
  'exchange',
  'learning',
  'math',
  'models',
  'modes',
  'net',
  'pipeline',
  'runtime',
  'sources',
  'tape',
] as const;

/**
 * Folders that cannot: what `config` decides is in the identity as values, `files` only opens files, `observability` is never on the tape, `ports` are types, and the others only start
 * runs or read what they left.
 */
export const OTHER_FOLDERS = [
  'cli',
  'config',
  'files',
  'observability',
  'ports',
  'report',
  'research',
] as const;

/**
 * SHA-256 over the deciding sources, path and content, in code-unit order of path. The sources ship with the package
 * beside the build, so that a build and a checkout of the same version have the same identity. A package without its
 * sources falls back to its build, which then is another identity.
 * @param folders below the sources; default: those that decide
 * @param root folder of the sources
 */
export function codeSha256(
  folders: readonly string[] = DECIDING_FOLDERS,
  root: string = sourceRoot(),
): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const dir = join(root, folder);
    if (!existsSync(dir)) continue;
    const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') || name.endsWith('.js'))
      .map((name) => join(dir, name))
      .sort(compareCodeUnits);
    for (const file of files) {
      hash.update(`${relative(root, file).split(sep).join('/')}\n`);
      hash.update(readFileSync(file, 'utf8').replaceAll('\r\n', '\n'));
    }
  }
  return hash.digest('hex');
}

function sourceRoot(): string {
  const here = fileURLToPath(new URL('..', import.meta.url));
  const sources = join(here, '..', 'src');
  return existsSync(sources) ? sources : here;
}
