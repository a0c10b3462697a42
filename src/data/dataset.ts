import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import {
  HAS_ASK,
  HAS_BID,
  HAS_TRADE,
  IS_HALTED,
  MARKET_VALUE_COLUMNS,
  type MarketTable,
} from '../domain/market-table.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import {
  contentSha256,
  type DatasetManifest,
  MANIFEST_FILE,
  parseManifest,
  type SessionEntry,
} from './manifest.ts';
import { createMarketTable, VALUE_COLUMN_NAMES } from './market-columns.ts';
import { openParquetBytes, type ParquetFile } from './parquet-read.ts';
import type { NumberColumn } from './parquet-values.ts';
import { reasonOf } from './reason.ts';
import { orderByEndThenSymbol } from './row-order.ts';

const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
const INT32_MAX = 2 ** 31 - 1;
const ALL_FLAGS = HAS_BID | HAS_ASK | HAS_TRADE | IS_HALTED;

export interface OpenDatasetOptions {
  /** `refuse` (default) throws DATASET_MISMATCH; `collect` records it in `mismatches` and reads what is there. */
  readonly onMismatch?: 'refuse' | 'collect';
  /** Rows decoded at a time; smaller takes less memory, the result is the same. Default: a row group. */
  readonly readChunkRows?: number;
}

/** A file that is not what the manifest says. */
export interface DatasetMismatch {
  /** Relative to the dataset folder. */
  readonly file: string;
  readonly expectedSha256: string;
  readonly foundSha256: string;
}

export interface FileDataset extends MarketDataset {
  readonly dir: string;
  readonly manifest: DatasetManifest;
  /** Filled as sessions are loaded; only ever non-empty with `onMismatch: 'collect'`. */
  readonly mismatches: readonly DatasetMismatch[];
}

/**
 * Opens a dataset folder. Each session file is hashed before it is decoded.
 * @throws InputError DATASET_MISSING, DATASET_MANIFEST, DATASET_MISMATCH; loading also DATASET_DAMAGED
 */
export async function openDataset(dir: string, options: OpenDatasetOptions = {}): Promise<FileDataset> {
  const manifest = parseManifest(await readManifestText(dir), join(dir, MANIFEST_FILE));
  const mismatches: DatasetMismatch[] = [];
  const note = (mismatch: DatasetMismatch): void => {
    if (options.onMismatch !== 'collect') throw mismatchError(dir, mismatch);
    if (!mismatches.some((known) => known.file === mismatch.file)) mismatches.push(mismatch);
  };
  const foundSha256 = contentSha256(manifest);
  if (foundSha256 !== manifest.sha256) {
    note({ file: MANIFEST_FILE, expectedSha256: manifest.sha256, foundSha256 });
  }
  return {
    dir,
    manifest,
    mismatches,
    sha256: manifest.sha256,
    symbols: manifest.symbols,
    sessions: manifest.sessions.map(({ date, openUs, closeUs, isHalfDay }) => ({
      date,
      openUs,
      closeUs,
      isHalfDay,
    })),
    barSeconds: manifest.barSeconds,
    actions: manifest.actions ?? [],
    loadSession: async (date) => {
      const entry = manifest.sessions.find((session) => session.date === date);
      if (entry === undefined) {
        throw new InputError(
          'SESSION_MISSING',
          `dataset ${dir}: no session ${date}; it covers ${manifest.firstSession} to ${manifest.lastSession}`,
        );
      }
      const bytes = readSessionBytes(dir, entry);
      const found = createHash('sha256').update(bytes).digest('hex');
      const isChanged = found !== entry.sha256;
      if (isChanged) note({ file: entry.file, expectedSha256: entry.sha256, foundSha256: found });
      return decodeSession({ dir, manifest, entry, bytes, isChanged, chunkRows: options.readChunkRows });
    },
  };
}

function mismatchError(dir: string, { file, expectedSha256, foundSha256 }: DatasetMismatch): InputError {
  return new InputError(
    'DATASET_MISMATCH',
    `dataset ${dir}: ${file} changed since it was imported (sha256 ${foundSha256.slice(0, 12)}…, manifest ${expectedSha256.slice(0, 12)}…); restore it or import again`,
  );
}

async function readManifestText(dir: string): Promise<string> {
  const path = join(dir, MANIFEST_FILE);
  try {
    const { size } = await stat(path);
    if (size > MAX_MANIFEST_BYTES) {
      throw new InputError(
        'DATASET_MANIFEST',
        `${path}: ${size} bytes, limit ${MAX_MANIFEST_BYTES}; import again`,
      );
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    throw new InputError(
      'DATASET_MISSING',
      `dataset ${dir}: ${isAbsent ? `no ${MANIFEST_FILE} there` : `${MANIFEST_FILE} cannot be read (${reasonOf(error)})`}; name a folder made by "sametape data import" or "data synth"`,
      { cause: error },
    );
  }
}

/** At once: hashing and decoding take longer, and neither lets anything else happen meanwhile. */
function readSessionBytes(dir: string, entry: SessionEntry): Uint8Array<ArrayBuffer> {
  try {
    const path = join(dir, entry.file);
    const found = statSync(path);
    if (!found.isFile() && !found.isDirectory()) throw new Error('is a pipe or device, expected a file');
    if (found.size > MAX_FILE_BYTES) throw new Error(`${found.size} bytes, limit ${MAX_FILE_BYTES}`);
    return readFileSync(path);
  } catch (error) {
    throw new InputError(
      'DATASET_DAMAGED',
      `dataset ${dir}: ${entry.file} cannot be read (${reasonOf(error)}); restore it or import again`,
      { cause: error },
    );
  }
}

interface DecodeInput {
  readonly dir: string;
  readonly manifest: DatasetManifest;
  readonly entry: SessionEntry;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isChanged: boolean;
  readonly chunkRows: number | undefined;
}

/** Decodes a session column by column; rows come out by (end, symbol) whatever their order in the file. */
async function decodeSession(input: DecodeInput): Promise<MarketTable> {
  const { dir, manifest, entry, bytes, isChanged, chunkRows } = input;
  const label = `dataset ${dir}: ${entry.file}`;
  const damaged = (reason: string): never => {
    throw new InputError('DATASET_DAMAGED', `${label}: ${reason}; restore it or import again`);
  };
  const file = await openParquetBytes(bytes, label);
  if (file.rowCount !== entry.rows && !isChanged) damaged(`${file.rowCount} rows, manifest ${entry.rows}`);
  const table = createMarketTable({
    session: entry.date,
    barSeconds: manifest.barSeconds,
    symbols: manifest.symbols,
    rowCount: file.rowCount,
  });
  await readKeys({ file, table, chunkRows, damaged });
  const places = sortKeys(table);
  checkKeys({ table, entry, damaged });
  const flags = { name: 'flags', limit: ALL_FLAGS, out: new Float64Array(table.rowCount) };
  const values = MARKET_VALUE_COLUMNS.map((column) => ({
    name: VALUE_COLUMN_NAMES[column],
    limit: Number.MAX_SAFE_INTEGER,
    out: table[column],
  }));
  for (const { name, limit, out } of [flags, ...values]) {
    for (const range of file.ranges(chunkRows)) {
      const { rowStart } = range;
      const wrong = putInPlace({ column: await file.readNumbers(name, range), limit, rowStart, places, out });
      if (wrong !== undefined) {
        damaged(`${name} at row ${rowStart + wrong} is not a whole number from 0 to ${limit}`);
      }
    }
  }
  table.flags.set(flags.out);
  return table;
}

interface Placing {
  readonly column: NumberColumn;
  /** Most that a value may be. */
  readonly limit: number;
  /** Row of the file that the first value belongs to. */
  readonly rowStart: number;
  readonly places: Int32Array;
  readonly out: Float64Array;
}

/** @returns the first value that is not a whole number from 0 to the limit */
function putInPlace({ column, limit, rowStart, places, out }: Placing): number | undefined {
  const { values, valid } = column;
  if (values instanceof Int32Array) return putIntegersInPlace({ values, limit, rowStart, places, out });
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (valid?.[i] === 0 || !(value >= 0 && value <= limit) || Math.floor(value) !== value) return i;
    out[places[rowStart + i]] = value + 0;
  }
  return undefined;
}

/** The loop that nearly every value of a session goes through. */
function putIntegersInPlace({
  values,
  limit,
  rowStart,
  places,
  out,
}: Omit<Placing, 'column'> & { readonly values: Int32Array }): number | undefined {
  const most = Math.min(limit, INT32_MAX);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < 0 || value > most) return i;
    out[places[rowStart + i]] = value;
  }
  return undefined;
}

interface KeyReadInput {
  readonly file: ParquetFile;
  readonly table: MarketTable;
  readonly chunkRows: number | undefined;
  readonly damaged: (reason: string) => never;
}

async function readKeys({ file, table, chunkRows, damaged }: KeyReadInput): Promise<void> {
  const ranks = new Map<string | null, number>(table.symbols.map((symbol, rank) => [symbol, rank]));
  let symbol: string | null = null;
  let rank: number | undefined;
  for (const range of file.ranges(chunkRows)) {
    const ends = await file.readNumbers('end_us', range);
    const symbols = await file.readStrings('symbol', range);
    for (let i = 0; i < symbols.length; i++) {
      // rows are stored symbol by symbol
      if (rank === undefined || symbols[i] !== symbol) {
        symbol = symbols[i];
        rank = ranks.get(symbol) ?? damaged(`symbol ${JSON.stringify(symbol)} is not in the manifest`);
      }
      table.symbolIx[range.rowStart + i] = rank;
    }
    table.endUs.set(ends.values, range.rowStart);
  }
}

/** Puts the keys of a table in order. @returns where each row of the file goes */
function sortKeys(table: MarketTable): Int32Array {
  const places = new Int32Array(table.rowCount);
  const order = orderByEndThenSymbol({ ...table, symbolCount: table.symbols.length });
  if (order === undefined) {
    for (let k = 0; k < places.length; k++) places[k] = k;
    return places;
  }
  const endUs = table.endUs.slice();
  const symbolIx = table.symbolIx.slice();
  for (let k = 0; k < order.length; k++) {
    table.endUs[k] = endUs[order[k]];
    table.symbolIx[k] = symbolIx[order[k]];
    places[order[k]] = k;
  }
  return places;
}

interface KeyCheckInput {
  readonly table: MarketTable;
  readonly entry: SessionEntry;
  readonly damaged: (reason: string) => never;
}

function checkKeys({ table, entry, damaged }: KeyCheckInput): void {
  const { endUs, symbolIx, rowCount } = table;
  for (let i = 0; i < rowCount; i++) {
    if (!(endUs[i] > entry.openUs && endUs[i] <= entry.closeUs))
      damaged(`end_us ${endUs[i]} is outside the session`);
    if (i > 0 && endUs[i] === endUs[i - 1] && symbolIx[i] === symbolIx[i - 1]) {
      damaged(`two rows for ${table.symbols[symbolIx[i]]} at ${endUs[i]}`);
    }
  }
}
