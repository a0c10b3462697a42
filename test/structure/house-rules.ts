import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { placeOf, type SourceText } from './sources.ts';

/** What the top level of the project holds besides dotfiles. */
const TOP_LEVEL: ReadonlySet<string> = new Set([
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'datasets',
  'golden',
  'package-lock.json',
  'package.json',
  'scenarios',
  'src',
  'test',
  'tsconfig.json',
]);

/** A re-export hides which room a thing lives in; only the public API does that. */
export function checkBarrels(file: SourceText): string[] {
  if (file.path === 'src/index.ts') return [];
  return file.tree.statements
    .filter((statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined)
    .map((statement) => `${placeOf(file, statement)}: re-export; import it from where it lives`);
}

/** Finds top-level entries the project does not have a place for. */
export function checkTopLevel(root: string): string[] {
  const ignored = ignoredNames(root);
  return readdirSync(root)
    .filter((name) => !name.startsWith('.') && !TOP_LEVEL.has(name) && !ignored.has(name))
    .map((name) => `${name}: not one of the top-level entries (${[...TOP_LEVEL].join(', ')})`);
}

function ignoredNames(root: string): ReadonlySet<string> {
  const path = join(root, '.gitignore');
  if (!existsSync(path)) return new Set();
  const lines = readFileSync(path, 'utf8').split('\n');
  return new Set(lines.map((line) => line.trim().replace(/\/$/, '')));
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly resolved?: string }>>;
}

/** Finds what would make `npm ci` refuse the lock file, or tie it to one registry. */
export async function checkLockFile(root: string): Promise<string[]> {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile;
  const { missingOptional } = (await import(
    new URL('../../.ci/complete-lock.mjs', import.meta.url).href
  )) as {
    missingOptional(lock: LockFile): { readonly name: string; readonly version: string }[];
  };
  const hosts = Object.entries(lock.packages).filter(
    ([, { resolved }]) => resolved?.startsWith('http') === true,
  );
  return [
    ...missingOptional(lock).map(
      ({ name, version }) =>
        `${name}@${version}: named and not held, npm ci would fail; run "node .ci/complete-lock.mjs"`,
    ),
    ...hosts.map(
      ([name]) => `${name}: names a registry; .npmrc has omit-lockfile-registry-resolved, lock again`,
    ),
  ];
}

const INSTALL_HOOKS = ['preinstall', 'install', 'postinstall', 'prepare', 'prepack', 'prepublishOnly'];

/** Finds scripts that npm would never run: `.npmrc` has `ignore-scripts`, because a dependency downloads at install. */
export function checkHooks(root: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const isHook = (name: string): boolean =>
    INSTALL_HOOKS.includes(name) ||
    (/^(pre|post)/.test(name) && Object.hasOwn(scripts, name.replace(/^(pre|post)/, '')));
  return Object.keys(scripts)
    .filter(isHook)
    .map((name) => `package.json: script ${name} is never run, .npmrc has ignore-scripts; name what runs it`);
}
