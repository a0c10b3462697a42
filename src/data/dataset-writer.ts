import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import type { CorporateAction } from '../domain/corporate-actions.ts';
import { InputError, invariant } from '../domain/errors.ts';
import type { MarketTable } from '../domain/market-table.ts';
import { makeFolders } from '../files/make-folders.ts';
import { createActionPricer, type SourcedAction } from './actions.ts';
import { sessionOn } from './calendar.ts';
import {
  type BadRowCounts,
  contentSha256,
  DATASET_FORMAT,
  DATASET_FORMAT_VERSION,
  DATASET_SCHEMA,
  type DatasetManifest,
  formatManifest,
  IMPORTER_VERSION,
  MANIFEST_FILE,
  noBadRows,
  type Provenance,
  REJECTED_FILE,
  type RowPolicy,
  type SessionEntry,
} from './manifest.ts';
import { writeSessionParquet } from './parquet-write.ts';
import { reasonOf } from './reason.ts';

/** What a manifest says beside the data. */
export interface DatasetFacts {
  readonly provenance: Provenance;
  readonly policy?: RowPolicy;
  readonly badRows?: BadRowCounts;
  readonly pricesRounded?: number;
}

/** A dataset being written in a temporary folder beside its place; nothing is visible before `finish`. */
export interface DatasetWriter {
  /** For files that belong into the dataset (or only live as long as the import). */
  readonly tempDir: string;
  /** Tables come by ascending session. Empty ones leave no session. */
  add(table: MarketTable): Promise<void>;
  /** @throws InputError DATASET_EMPTY, ACTIONS_SYMBOL */
  finish(facts: DatasetFacts): Promise<DatasetManifest>;
  /** Removes what was written. */
  abort(): Promise<void>;
}

/**
 * Starts a dataset at `dir`. An earlier dataset there is replaced at `finish`; any other non-empty folder is refused.
 * @param actions splits and dividends of its symbols, announced; the sessions give the prices they are measured against
 * @throws InputError OUTPUT_EXISTS, OUTPUT_UNWRITABLE, ACTIONS_TWICE; adding a session also ACTIONS_DIVIDEND
 */
export async function createDatasetWriter(
  dir: string,
  { actions = [] }: { readonly actions?: readonly SourcedAction[] } = {},
): Promise<DatasetWriter> {
  const pricer = createActionPricer(actions);
  const target = resolve(dir);
  await checkReplaceable(target, dir);
  const tempDir = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    makeFolders(join(tempDir, 'data'));
  } catch (error) {
    throw new InputError('OUTPUT_UNWRITABLE', `output ${dir}: cannot be created (${reasonOf(error)})`, {
      cause: error,
    });
  }
  const sessions: SessionEntry[] = [];
  const symbols = new Set<string>();
  let barSeconds: number | undefined;
  return {
    tempDir,
    add: async (table) => {
      if (table.rowCount === 0) return;
      invariant(barSeconds === undefined || barSeconds === table.barSeconds, 'one bar length in a dataset');
      const last = sessions.at(-1)?.date;
      invariant(last === undefined || last < table.session, `session ${table.session} comes after ${last}`);
      barSeconds = table.barSeconds;
      for (const symbol of symbolsWithRows(table)) symbols.add(symbol);
      pricer.add(table);
      sessions.push(await writeSession(tempDir, table));
    },
    finish: async (facts) => {
      if (sessions.length === 0 || barSeconds === undefined) {
        throw new InputError(
          'DATASET_EMPTY',
          `output ${dir}: no row falls into a session; nothing was written`,
        );
      }
      const priced = pricer.finish([...symbols]);
      const manifest = buildManifest({
        sessions,
        symbols: [...symbols],
        barSeconds,
        facts,
        actions: priced,
      });
      await writeFile(join(tempDir, MANIFEST_FILE), formatManifest(manifest));
      await putInPlace(tempDir, target);
      return manifest;
    },
    abort: () => rm(tempDir, { recursive: true, force: true }),
  };
}

/**
 * Writes tables (ascending sessions) as a dataset.
 * @throws InputError as `createDatasetWriter`
 */
export async function writeDataset(input: {
  readonly dir: string;
  readonly tables: Iterable<MarketTable> | AsyncIterable<MarketTable>;
  readonly facts: DatasetFacts;
  readonly actions?: readonly SourcedAction[];
}): Promise<DatasetManifest> {
  const writer = await createDatasetWriter(input.dir, { actions: input.actions ?? [] });
  try {
    for await (const table of input.tables) await writer.add(table);
    return await writer.finish(input.facts);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** True for a folder whose content is ours to replace: a dataset, or what a refused import left. */
async function isReplaceable(target: string): Promise<boolean> {
  const entries = await readdir(target);
  if (entries.every((entry) => entry === REJECTED_FILE)) return true;
  if (!entries.includes(MANIFEST_FILE)) return false;
  const ours = new Set([MANIFEST_FILE, REJECTED_FILE, 'data']);
  return entries.includes('data') && entries.every((entry) => ours.has(entry));
}

async function checkReplaceable(target: string, dir: string): Promise<void> {
  if (!existsSync(target)) return;
  const isFolder = (await stat(target)).isDirectory();
  if (!isFolder || !(await isReplaceable(target))) {
    throw new InputError(
      'OUTPUT_EXISTS',
      `output ${dir}: exists and is not a dataset; name another folder, or remove it yourself`,
    );
  }
}

function symbolsWithRows({ symbols, symbolIx, rowCount }: MarketTable): string[] {
  const seen = new Uint8Array(symbols.length);
  for (let i = 0; i < rowCount; i++) seen[symbolIx[i]] = 1;
  return symbols.filter((_, s) => seen[s] === 1);
}

async function writeSession(tempDir: string, table: MarketTable): Promise<SessionEntry> {
  const session = sessionOn(table.session);
  invariant(session !== undefined, `${table.session} is a session`);
  const bytes = writeSessionParquet(table);
  const file = `data/${session.date}.parquet`;
  await writeFile(join(tempDir, file), bytes);
  return {
    date: session.date,
    openUs: session.openUs,
    closeUs: session.closeUs,
    isHalfDay: session.isHalfDay,
    rows: table.rowCount,
    file,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

interface ManifestInput {
  readonly sessions: SessionEntry[];
  readonly symbols: string[];
  readonly barSeconds: number;
  readonly facts: DatasetFacts;
  readonly actions: readonly CorporateAction[];
}

function buildManifest({ sessions, symbols, barSeconds, facts, actions }: ManifestInput): DatasetManifest {
  const content = {
    barSeconds,
    symbols: symbols.sort(compareCodeUnits),
    schema: [...DATASET_SCHEMA],
    sessions,
    ...(actions.length === 0 ? {} : { actions: [...actions] }),
  };
  return {
    format: DATASET_FORMAT,
    formatVersion: DATASET_FORMAT_VERSION,
    importerVersion: IMPORTER_VERSION,
    sha256: contentSha256(content),
    barSeconds,
    rows: sessions.reduce((sum, session) => sum + session.rows, 0),
    firstSession: sessions[0].date,
    lastSession: sessions[sessions.length - 1].date,
    symbols: content.symbols,
    schema: content.schema,
    sessions,
    ...(content.actions === undefined ? {} : { actions: content.actions }),
    provenance: facts.provenance,
    policy: facts.policy ?? { onBad: 'refuse', outsideSession: 'refuse' },
    badRows: facts.badRows ?? noBadRows(),
    ...((facts.pricesRounded ?? 0) === 0 ? {} : { pricesRounded: facts.pricesRounded }),
  };
}

/** Two renames at most; an earlier dataset is set aside first and removed last. */
async function putInPlace(tempDir: string, target: string): Promise<void> {
  const aside = `${tempDir}.old`;
  const hadOld = existsSync(target);
  if (hadOld) await rename(target, aside);
  try {
    await rename(tempDir, target);
  } catch (error) {
    if (hadOld) await rename(aside, target);
    throw error;
  }
  if (hadOld) await rm(aside, { recursive: true, force: true });
}
