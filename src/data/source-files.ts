import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { ColumnOptions, SourceFile } from './import-types.ts';
import type { Provenance } from './manifest.ts';
import { reasonOf } from './reason.ts';

export interface SourceListing {
  /** Sorted by name; names are relative to the deepest folder that holds all of them. */
  readonly files: SourceFile[];
  /** Names of what else lies in the folders, each with the folder as it was given, sorted. */
  readonly filesLeftOut: string[];
}

/**
 * Files of an import: named ones as they are, of folders those with one of the endings (not of folders below).
 * @throws InputError FILE_UNREADABLE, IMPORT_EMPTY
 */
export async function listSourceFiles(input: {
  readonly sources: readonly string[];
  readonly endings: readonly string[];
}): Promise<SourceListing> {
  const paths = new Set<string>();
  const leftOut = new Set<string>();
  for (const source of input.sources) {
    const path = resolve(source);
    const found = await stat(path).catch((error: unknown) => {
      throw new InputError(
        'FILE_UNREADABLE',
        `${source}: cannot be read (${reasonOf(error).split(',')[0]})`,
        {
          cause: error,
        },
      );
    });
    if (!found.isDirectory()) {
      paths.add(path);
      continue;
    }
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const isWanted = input.endings.some((ending) => entry.name.toLowerCase().endsWith(ending));
      if (entry.isFile() && isWanted) paths.add(join(path, entry.name));
      else leftOut.add(join(source, entry.name));
    }
  }
  const filesLeftOut = [...leftOut].sort(compareCodeUnits);
  if (paths.size === 0) {
    const others = filesLeftOut.length === 0 ? '' : `, only ${filesLeftOut.slice(0, 5).join(', ')}`;
    throw new InputError(
      'IMPORT_EMPTY',
      `${input.sources.join(', ')}: no ${input.endings.join(' or ')} files${others}`,
    );
  }
  const root = commonFolder([...paths]);
  const files = [...paths]
    .map((path) => ({ path, name: relative(root, path).replaceAll(sep, '/') || basename(path) }))
    .sort((a, b) => compareCodeUnits(a.name, b.name));
  return { files, filesLeftOut };
}

function commonFolder(paths: readonly string[]): string {
  let root = dirname(paths[0]);
  while (!paths.every((path) => path.startsWith(root.endsWith(sep) ? root : root + sep)))
    root = dirname(root);
  return root;
}

/** Column options as the manifest records them. */
export function columnOptionsUsed(options: ColumnOptions): Provenance['options'] {
  const { columns, symbol, timeUnit, timeZone, priceUnit, delimiter } = options;
  return {
    ...(columns === undefined
      ? {}
      : {
          columns: Object.entries(columns)
            .map(([field, column]) => `${field}=${column}`)
            .sort(compareCodeUnits),
        }),
    ...(symbol === undefined ? {} : { symbol }),
    ...(timeUnit === undefined ? {} : { timeUnit }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(priceUnit === undefined ? {} : { priceUnit }),
    ...(delimiter === undefined ? {} : { delimiter }),
  };
}
