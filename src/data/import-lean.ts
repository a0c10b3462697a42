import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import { type BarRow, createBarRow } from './bar-row.ts';
import { isDate, newYorkMidnightUs } from './calendar.ts';
import { clearRow, setTextCell } from './cell-text.ts';
import type { FactorFile, Importer, ImportOptions, LeanResolution, SourceFile } from './import-types.ts';
import { DAILY_BAR_SECONDS } from './market-columns.ts';
import { dailyEndUs, type RowIntake } from './row-intake.ts';
import { readZipLines } from './zip-lines.ts';

const BAR_SECONDS: Readonly<Record<LeanResolution, number>> = {
  minute: 60,
  second: 1,
  daily: DAILY_BAR_SECONDS,
};
const MS_PER_DAY = 86_400_000;
const FIRST_TRADE_CELL = 10;
/** Cells by column after the time. */
const TRADE_CELLS = [0, 1, 2, 3, 4].map((part) => FIRST_TRADE_CELL + part);
const QUOTE_CELLS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const INTRADAY_FILE = /^([0-9]{8})_(trade|quote)\.zip$/;
const DAILY_FILE = /^([A-Za-z0-9.\-_]+)\.zip$/;
const FACTOR_FILE = /^([A-Za-z0-9.\-_]+)\.csv$/;
const WHOLE = /^[0-9]{1,8}$/;

interface LeanFile extends SourceFile {
  /** Upper case. */
  readonly symbol: string;
  readonly kind: 'trade' | 'quote';
  /** `YYYY-MM-DD`; undefined for daily files, which hold many days. */
  readonly date: string | undefined;
}

/**
 * Reader of LEAN's folder format, `equity/usa/<resolution>`: zips of CSV without header, prices in 1e-4 dollars,
 * intraday times in ms since midnight New York at the start of the bar. A bar is known at its end, so it moves there.
 * Splits and dividends come from `factor_files` beside the data, where there are any.
 * @throws InputError LEAN_FOLDER, LEAN_EMPTY
 */
export async function createLeanImporter(options: ImportOptions): Promise<Importer> {
  const resolution = options.resolution ?? 'minute';
  if (options.sources.length !== 1) {
    throw new InputError('LEAN_FOLDER', `LEAN import takes one data folder, got ${options.sources.length}`);
  }
  const root = options.sources[0];
  const folder = await findResolutionFolder(root, resolution);
  const { files: all, unknown } = await (resolution === 'daily' ? dailyFiles : intradayFiles)(root, folder);
  const wanted =
    options.symbols === undefined ? undefined : new Set(options.symbols.map((s) => s.toUpperCase()));
  const files = all.filter(
    ({ symbol, date }) =>
      (wanted === undefined || wanted.has(symbol)) &&
      (date === undefined || ((options.from ?? date) <= date && date <= (options.to ?? date))),
  );
  // what lies in the folder of a symbol that was not asked for is not missed
  const filesLeftOut = unknown
    .filter(({ symbol }) => wanted === undefined || symbol === undefined || wanted.has(symbol))
    .map(({ name }) => name)
    .sort(compareCodeUnits);
  if (files.length === 0) {
    const others =
      filesLeftOut.length === 0 ? '' : `; not understood: ${filesLeftOut.slice(0, 5).join(', ')}`;
    throw new InputError(
      'LEAN_EMPTY',
      `LEAN folder ${root}: no ${resolution} files for these symbols and dates${others}`,
    );
  }
  files.sort((a, b) => compareCodeUnits(a.date ?? '', b.date ?? '') || compareCodeUnits(a.name, b.name));
  const barSeconds = BAR_SECONDS[resolution];
  return {
    files,
    factorFiles: await factorFiles(root, folder, new Set(files.map(({ symbol }) => symbol))),
    filesLeftOut,
    barSeconds,
    optionsUsed: { resolution },
    read: (file, intake) => readLeanFile({ file: file as LeanFile, intake, barSeconds }),
  };
}

async function findResolutionFolder(root: string, resolution: LeanResolution): Promise<string> {
  for (const parts of [['equity', 'usa'], ['usa'], []]) {
    const folder = join(root, ...parts, resolution);
    if ((await stat(folder).catch(() => undefined))?.isDirectory()) return folder;
  }
  throw new InputError(
    'LEAN_FOLDER',
    `LEAN folder ${root}: no equity/usa/${resolution} in it; name the folder that holds "equity", or another --resolution`,
  );
}

/** What lies in the folder of a resolution. */
interface LeanListing {
  readonly files: LeanFile[];
  /** What is named otherwise than LEAN names its data, and the symbol whose folder it is in, if it is in one. */
  readonly unknown: { readonly name: string; readonly symbol: string | undefined }[];
}

async function dailyFiles(root: string, folder: string): Promise<LeanListing> {
  const { files, unknown }: LeanListing = { files: [], unknown: [] };
  for (const name of (await readdir(folder)).sort(compareCodeUnits)) {
    const match = DAILY_FILE.exec(name);
    const place = located({ root, folder, parts: [name] });
    if (match === null) unknown.push({ name: place.name, symbol: undefined });
    else files.push({ ...place, symbol: match[1].toUpperCase(), kind: 'trade', date: undefined });
  }
  return { files, unknown };
}

async function intradayFiles(root: string, folder: string): Promise<LeanListing> {
  const { files, unknown }: LeanListing = { files: [], unknown: [] };
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) {
      unknown.push({ name: located({ root, folder, parts: [entry.name] }).name, symbol: undefined });
      continue;
    }
    const symbol = entry.name.toUpperCase();
    for (const name of await readdir(join(folder, entry.name))) {
      const place = located({ root, folder, parts: [entry.name, name] });
      const match = INTRADAY_FILE.exec(name);
      if (match === null) {
        unknown.push({ name: place.name, symbol });
        continue;
      }
      const [, day, kind] = match;
      const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
      files.push({ ...place, symbol, kind: kind as 'trade' | 'quote', date });
    }
  }
  return { files, unknown };
}

/** Of the symbols that have data, those that lie beside it. */
async function factorFiles(
  root: string,
  folder: string,
  symbols: ReadonlySet<string>,
): Promise<FactorFile[]> {
  const beside = join(dirname(folder), 'factor_files');
  const names = await readdir(beside).catch(() => []);
  return names.sort(compareCodeUnits).flatMap((name) => {
    const symbol = FACTOR_FILE.exec(name)?.[1].toUpperCase();
    if (symbol === undefined || !symbols.has(symbol)) return [];
    return [{ ...located({ root, folder: beside, parts: [name] }), symbol }];
  });
}

function located(input: { root: string; folder: string; parts: readonly string[] }): SourceFile {
  const path = join(input.folder, ...input.parts);
  return { path, name: relative(input.root, path).replaceAll(sep, '/') };
}

interface LeanReadInput {
  readonly file: LeanFile;
  readonly intake: RowIntake;
  readonly barSeconds: number;
}

async function readLeanFile({ file, intake, barSeconds }: LeanReadInput): Promise<void> {
  const cells = file.kind === 'trade' ? TRADE_CELLS : QUOTE_CELLS;
  const endOf = file.date === undefined ? dailyEnd : intradayEnd(file.date, barSeconds);
  const row = createBarRow();
  row.symbol = file.symbol;
  await readZipLines({
    path: file.path,
    label: file.name,
    onLine: (line, lineNumber) => {
      const parts = line.split(',');
      if (parts.length !== cells.length + 1) {
        intake.reject('malformed', lineNumber, `${parts.length} columns, expected ${cells.length + 1}`);
        return;
      }
      fillRow(row, parts, cells);
      row.endUs = endOf(parts[0]);
      intake.offer(row, lineNumber);
    },
  });
}

function fillRow(row: BarRow, parts: readonly string[], cells: readonly number[]): void {
  clearRow(row);
  for (let k = 0; k < cells.length; k++) setTextCell(row, cells[k], parts[k + 1], 'whole_e4');
}

/** Midnight is found once a file: clocks change on Sundays, so a session day has one offset. */
function intradayEnd(date: string, barSeconds: number): (ms: string) => number {
  const midnightUs = isDate(date) ? newYorkMidnightUs(date) : Number.NaN;
  return (text) => {
    const ms = WHOLE.test(text) ? Number(text) : Number.NaN;
    return ms < MS_PER_DAY ? midnightUs + ms * 1000 + barSeconds * US_PER_SECOND : Number.NaN;
  };
}

function dailyEnd(text: string): number {
  if (!/^[0-9]{8}(?: [0-9]{2}:[0-9]{2})?$/.test(text)) return Number.NaN;
  const date = `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`;
  return isDate(date) ? dailyEndUs(date) : Number.NaN;
}
