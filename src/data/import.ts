import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, readdir, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError, InvariantError } from '../domain/errors.ts';
import { makeFolders } from '../files/make-folders.ts';
import { silentProgress } from '../ports/progress.ts';
import type { SourcedAction } from './actions.ts';
import { type BadRowLog, createBadRowLog, refusalError, refusedRows, totalBadRows } from './bad-rows.ts';
import { sessionOn } from './calendar.ts';
import { createDatasetWriter, type DatasetWriter } from './dataset-writer.ts';
import { type ImportActions, readImportActions } from './import-actions.ts';
import { createCsvImporter } from './import-csv.ts';
import { createLeanImporter } from './import-lean.ts';
import { checkImportOptions } from './import-options.ts';
import { createParquetImporter } from './import-parquet.ts';
import type { Importer, ImportOptions, ImportReport, SourceFile } from './import-types.ts';
import { type Provenance, REJECTED_FILE, type RowPolicy } from './manifest.ts';
import { reasonOf } from './reason.ts';
import { createRowIntake, type RowFilter, type RowIntake } from './row-intake.ts';
import { createSessionRows, type SessionRows } from './session-rows.ts';

const EXAMPLES_PER_KIND = 5;
const SPILL_FOLDER = 'spill';

/**
 * Imports market data into a dataset folder. All or nothing: with a row the policy refuses, no dataset appears, only
 * `rejected.csv` in an output folder that holds nothing else.
 * @param openSource the reader; default: of the format's files
 * @throws InputError IMPORT_REFUSED, IMPORT_OPTION, SYMBOL_MISSING and those of the readers and of `createDatasetWriter`
 */
export async function importDataset(
  options: ImportOptions,
  openSource: (options: ImportOptions) => Promise<Importer> = openFiles,
): Promise<ImportReport> {
  checkImportOptions(options);
  for (const date of [options.from, options.to]) {
    if (date !== undefined) sessionOn(date);
  }
  const importer = await openSource(options);
  const policy: RowPolicy = {
    onBad: options.onBad ?? 'refuse',
    outsideSession: options.outsideSession ?? (options.format === 'lean' ? 'drop' : 'refuse'),
  };
  const found = await readImportActions(options, importer);
  const writer = await createDatasetWriter(options.out, { actions: actionsWanted(found, options) });
  try {
    return await runImport({ options, importer, policy, writer, found });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function openFiles(options: ImportOptions): Promise<Importer> {
  switch (options.format) {
    case 'lean':
      return createLeanImporter(options);
    case 'csv':
      return createCsvImporter(options);
    case 'parquet':
      return createParquetImporter(options);
    case 'tape':
      throw new InvariantError('a tape is no file of market data; whoever reads tapes gives the reader');
  }
}

interface ImportRun {
  readonly options: ImportOptions;
  readonly importer: Importer;
  readonly policy: RowPolicy;
  readonly writer: DatasetWriter;
  readonly found: ImportActions;
}

async function runImport(run: ImportRun): Promise<ImportReport> {
  const { options, importer, policy, writer } = run;
  const progress = options.progress ?? silentProgress;
  const { barSeconds } = importer;
  // a folder of bars may hold the file of actions too
  const files = importer.files.filter(
    ({ path }) => !run.found.files.some((file) => resolve(file.path) === path),
  );
  const log = createBadRowLog({
    path: join(writer.tempDir, REJECTED_FILE),
    examplesPerKind: options.examplesPerKind ?? EXAMPLES_PER_KIND,
  });
  const rows = createSessionRows({ barSeconds, spillDir: join(writer.tempDir, SPILL_FOLDER) });
  const intake = createRowIntake({ barSeconds, filter: rowFilter(options), log, rows });
  const provenanceFiles: Provenance['files'][number][] = [];
  try {
    for (const [i, file] of files.entries()) {
      progress.update(i, files.length, file.name);
      provenanceFiles.push(await fingerprint(file));
      intake.startFile(file.name);
      await importer.read(file, intake);
    }
    for (const file of run.found.files) provenanceFiles.push(await fingerprint(file));
    progress.update(files.length, files.length, 'writing');
    await writeSessions({ rows, intake, log, policy, writer });
  } finally {
    log.close();
    progress.stop();
  }
  if (refusedRows(log.counts, policy) > 0) throw await refused({ run, log });
  checkTaken(run, { intake, log });
  await rm(join(writer.tempDir, SPILL_FOLDER), { recursive: true, force: true });
  const manifest = await writer.finish({
    provenance: { source: options.format, files: provenanceFiles, options: optionsUsed(run) },
    policy,
    badRows: log.counts,
    pricesRounded: intake.pricesRounded,
  });
  return {
    dir: options.out,
    manifest,
    rowsRead: intake.rowsRead,
    rowsFiltered: intake.rowsFiltered,
    rowsRejected: totalBadRows(log.counts),
    pricesRounded: intake.pricesRounded,
    actionsLeftOut: run.found.actions.length - (manifest.actions ?? []).length,
    rejected: log.examples,
    columnsLeftOut: [...(importer.columnsLeftOut ?? [])],
    filesLeftOut: importer.filesLeftOut,
    sessionsLeftOut: importer.sessionsLeftOut ?? [],
  };
}

interface WriteSessionsInput {
  readonly rows: SessionRows;
  readonly intake: { readonly files: readonly string[] };
  readonly log: BadRowLog;
  readonly policy: RowPolicy;
  readonly writer: DatasetWriter;
}

/** Builds every session, so that every duplicate is found, but writes none once a row is refused. */
async function writeSessions({ rows, intake, log, policy, writer }: WriteSessionsInput): Promise<void> {
  for (const session of rows.sessions()) {
    const table = rows.take(session, ({ file, line }, symbol) =>
      log.add({
        kind: 'duplicate',
        file: intake.files[file],
        line,
        detail: `${symbol}: a second row for this bar`,
      }),
    );
    if (refusedRows(log.counts, policy) === 0) await writer.add(table);
  }
}

/**
 * What was asked for is there: some row, and some of every symbol that was named.
 * @throws InputError DATASET_EMPTY, SYMBOL_MISSING
 */
function checkTaken(
  { options }: ImportRun,
  { intake, log }: { readonly intake: RowIntake; readonly log: BadRowLog },
): void {
  const { taken, rowsRead, rowsFiltered } = intake;
  if (taken.size === 0) {
    throw new InputError(
      'DATASET_EMPTY',
      `output ${options.out}: no row is left, and nothing was written: ${rowsRead} read, ${rowsFiltered} of other symbols or days than --symbols, --from and --to ask for, ${totalBadRows(log.counts)} rejected`,
    );
  }
  const missing = [...(rowFilter(options).symbols ?? [])].filter((symbol) => !taken.has(symbol));
  if (missing.length > 0) {
    throw new InputError(
      'SYMBOL_MISSING',
      `--symbols: no row of ${missing.join(', ')} in this source and range, rows of ${[...taken].sort(compareCodeUnits).join(', ')} only; nothing was written`,
    );
  }
}

function rowFilter({ format, symbols, from, to }: ImportOptions): RowFilter {
  const wanted = format === 'lean' ? symbols?.map((symbol) => symbol.toUpperCase()) : symbols;
  return {
    ...(wanted === undefined ? {} : { symbols: new Set(wanted) }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

/** Actions of symbols that were not asked for are not wanted, nor are those of days outside the range. */
function actionsWanted({ actions }: ImportActions, options: ImportOptions): readonly SourcedAction[] {
  const { symbols, from, to } = rowFilter(options);
  return actions.filter(
    ({ action: { symbol, exDate } }) =>
      (symbols?.has(symbol) ?? true) &&
      (from === undefined || exDate >= from) &&
      (to === undefined || exDate <= to),
  );
}

function optionsUsed({ options, importer }: ImportRun): Provenance['options'] {
  return {
    ...importer.optionsUsed,
    ...(options.symbols === undefined ? {} : { symbols: [...options.symbols].sort() }),
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.actions === undefined ? {} : { actions: basename(options.actions) }),
  };
}

async function fingerprint(file: SourceFile): Promise<Provenance['files'][number]> {
  const hash = createHash('sha256');
  try {
    const { size } = await stat(file.path);
    for await (const chunk of createReadStream(file.path)) hash.update(chunk as Buffer);
    return { file: file.name, bytes: size, sha256: hash.digest('hex') };
  } catch (error) {
    throw new InputError(
      'FILE_UNREADABLE',
      `${file.name}: cannot be read (${reasonOf(error).split(',')[0]})`,
      {
        cause: error,
      },
    );
  }
}

/** Leaves the list of bad rows where the dataset would have been, unless something is there already. */
async function refused({ run, log }: { run: ImportRun; log: BadRowLog }): Promise<InputError> {
  const { options, policy, writer } = run;
  const isFree =
    !existsSync(options.out) || (await readdir(options.out)).every((name) => name === REJECTED_FILE);
  const isZoneAssumed = options.format !== 'lean' && options.timeZone === undefined;
  if (!isFree) return refusalError({ log, policy, listedIn: undefined, isZoneAssumed });
  const listedIn = join(options.out, REJECTED_FILE);
  makeFolders(options.out);
  await copyFile(join(writer.tempDir, REJECTED_FILE), listedIn);
  return refusalError({ log, policy, listedIn, isZoneAssumed });
}
