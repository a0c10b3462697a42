import { basename } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { describeUnreadable, readBounded } from '../files/read-bounded.ts';
import type { SourcedAction } from './actions.ts';
import { parseActionsCsv } from './actions-csv.ts';
import { actionsOfFactorFile } from './factor-file.ts';
import type { FactorFile, Importer, ImportOptions, SourceFile } from './import-types.ts';

const MAX_FILE_BYTES = 64 * 1024 * 1024;

export interface ImportActions {
  /** What was read, for the manifest. */
  readonly files: readonly SourceFile[];
  readonly actions: readonly SourcedAction[];
}

/**
 * The corporate actions of an import: of the CSV file it names, else those the data brings: factor files beside it, or what
 * applied on a tape.
 * @throws InputError FILE_UNREADABLE, ACTIONS_FILE, FACTOR_FILE
 */
export async function readImportActions(
  { actions }: Pick<ImportOptions, 'actions'>,
  { factorFiles = [], actions: brought = [] }: Pick<Importer, 'factorFiles' | 'actions'>,
): Promise<ImportActions> {
  if (actions === 'none') return { files: [], actions: [] };
  if (actions !== undefined) {
    const file = { path: actions, name: basename(actions) };
    return { files: [file], actions: parseActionsCsv({ text: readText(file), label: actions }) };
  }
  const found = [...brought];
  for (const file of factorFiles) found.push(...readFactorFile(file));
  return { files: factorFiles, actions: found };
}

function readFactorFile(file: FactorFile): SourcedAction[] {
  const { name: label, symbol } = file;
  const found = actionsOfFactorFile({ text: readText(file), label, symbol });
  return found.map((sourced) => ({ ...sourced, isOfDataFile: true }));
}

function readText({ path, name }: SourceFile): string {
  const result = readBounded(path, { maxBytes: MAX_FILE_BYTES });
  if (result.kind === 'read') return result.bytes.toString('utf8');
  throw new InputError(
    'FILE_UNREADABLE',
    `${name}: corporate actions cannot be read (${describeUnreadable(result)}); name a file, or import with --actions none`,
    { cause: result },
  );
}
