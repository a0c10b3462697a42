import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError } from '../domain/errors.ts';
import type { SourcedAction } from './actions.ts';
import { parseActionsCsv } from './actions-csv.ts';
import { actionsOfFactorFile } from './factor-file.ts';
import type { FactorFile, Importer, ImportOptions, SourceFile } from './import-types.ts';
import { reasonOf } from './reason.ts';

const MAX_FILE_BYTES = 64 * 1024 * 1024;

export interface ImportActions {
  /** What was read, for the manifest. */
  readonly files: readonly SourceFile[];
  readonly actions: readonly SourcedAction[];
}

/**
 * The corporate actions of an import: of the CSV file it names, else of the factor files beside the data, else none.
 * @throws InputError FILE_UNREADABLE, ACTIONS_FILE, FACTOR_FILE
 */
export async function readImportActions(
  { actions }: Pick<ImportOptions, 'actions'>,
  { factorFiles = [] }: Pick<Importer, 'factorFiles'>,
): Promise<ImportActions> {
  if (actions === 'none') return { files: [], actions: [] };
  if (actions !== undefined) {
    const file = { path: actions, name: basename(actions) };
    return { files: [file], actions: parseActionsCsv({ text: await readText(file), label: actions }) };
  }
  const found: SourcedAction[] = [];
  for (const file of factorFiles) found.push(...(await readFactorFile(file)));
  return { files: factorFiles, actions: found };
}

async function readFactorFile(file: FactorFile): Promise<SourcedAction[]> {
  const { name: label, symbol } = file;
  const found = actionsOfFactorFile({ text: await readText(file), label, symbol });
  return found.map((sourced) => ({ ...sourced, isOfDataFile: true }));
}

async function readText({ path, name }: SourceFile): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes, limit ${MAX_FILE_BYTES}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new InputError(
      'FILE_UNREADABLE',
      `${name}: corporate actions cannot be read (${reasonOf(error).split(',')[0]}); name a file, or import with --actions none`,
      { cause: error },
    );
  }
}
