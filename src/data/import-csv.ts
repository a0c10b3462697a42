import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { InputError } from '../domain/errors.ts';
import { IS_HALTED } from '../domain/market-table.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import { createBarRow } from './bar-row.ts';
import { clearRow, setTextCell } from './cell-text.ts';
import { type ColumnPlan, columnsUnread, planColumns } from './column-map.ts';
import type { ColumnOptions, Importer, ImportOptions, SourceFile } from './import-types.ts';
import { DAILY_BAR_SECONDS } from './market-columns.ts';
import { reasonOf } from './reason.ts';
import { dailyEndUs, type RowIntake } from './row-intake.ts';
import { columnOptionsUsed, listSourceFiles } from './source-files.ts';
import { parseDailyDate, parseTimeUs, type TimeReading } from './time-text.ts';

const MAX_RECORD_BYTES = 64 * 1024;
const MAX_COLUMNS = 1_000;

/**
 * Reader of CSV files with a header line.
 * @throws InputError IMPORT_EMPTY; reading also CSV_UNREADABLE, COLUMN_FIELD, COLUMN_MISSING
 */
export async function createCsvImporter(options: ImportOptions): Promise<Importer> {
  const leftOut = new Set<string>();
  return {
    columnsLeftOut: leftOut,
    ...(await listSourceFiles({ sources: options.sources, endings: ['.csv', '.txt', '.tsv'] })),
    barSeconds: options.barSeconds ?? 60,
    optionsUsed: columnOptionsUsed(options),
    read: (file, intake) => readCsvFile({ file, intake, options, leftOut }),
  };
}

interface CsvReadInput {
  readonly file: SourceFile;
  readonly intake: RowIntake;
  readonly options: ColumnOptions;
  /** Takes the names of columns that are not read. */
  readonly leftOut: Set<string>;
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

async function readCsvFile({ file, intake, options, leftOut }: CsvReadInput): Promise<void> {
  const source = createReadStream(file.path);
  const parser = source.pipe(
    parse({
      bom: true,
      info: true,
      delimiter: options.delimiter ?? ',',
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: MAX_RECORD_BYTES,
    }),
  );
  // pipe() does not pass errors on; without this a missing file would leave the parser waiting.
  source.on('error', (error) => parser.destroy(error));
  let offer: ((record: readonly string[], line: number) => void) | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      if (offer === undefined)
        offer = recordReader({ header: record, label: file.name, intake, options, leftOut });
      else offer(record, info.lines);
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw unreadable(file.name, error);
  } finally {
    source.destroy();
  }
  if (offer === undefined)
    throw new InputError('CSV_UNREADABLE', `${file.name}: empty, expected a header line`);
}

function unreadable(label: string, error: unknown): InputError {
  const isCsv = error instanceof CsvError;
  return new InputError(
    isCsv ? 'CSV_UNREADABLE' : 'FILE_UNREADABLE',
    `${label}: cannot be read${isCsv ? ' as CSV' : ''}: ${reasonOf(error)}`,
    { cause: error },
  );
}

interface RecordReaderInput {
  readonly header: readonly string[];
  readonly label: string;
  readonly intake: RowIntake;
  readonly options: ColumnOptions;
  readonly leftOut: Set<string>;
}

function recordReader(input: RecordReaderInput): (record: readonly string[], line: number) => void {
  const { label, intake, options } = input;
  const header = input.header.map((name) => name.trim());
  if (header.length > MAX_COLUMNS) {
    throw new InputError('CSV_UNREADABLE', `${label}: ${header.length} columns, limit ${MAX_COLUMNS}`);
  }
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new InputError(
      'CSV_UNREADABLE',
      `${label}: two columns are named "${twice}"; the first line must be a header`,
    );
  }
  const plan = planColumns({ label, header, options });
  for (const name of columnsUnread(header, plan)) input.leftOut.add(name);
  const columnAt = (name: string | undefined): number => (name === undefined ? -1 : header.indexOf(name));
  const at = {
    time: columnAt(plan.time.column),
    symbol: columnAt(plan.symbol),
    halted: columnAt(plan.halted),
    flags: columnAt(plan.flags),
  };
  const cells = plan.cells.map(({ cell, column, unit }) => ({ cell, unit, at: columnAt(column) }));
  const endOf = textEnd(plan, options);
  const row = createBarRow();
  return (record, line) => {
    if (record.length !== header.length) {
      intake.reject('malformed', line, `${record.length} columns, the header has ${header.length}`);
      return;
    }
    clearRow(row);
    row.symbol = at.symbol < 0 ? (plan.constantSymbol ?? '') : record[at.symbol].trim();
    row.endUs = endOf(record[at.time]);
    for (const each of cells) setTextCell(row, each.cell, record[each.at], each.unit);
    const halted = readHalted(at.halted < 0 ? '' : record[at.halted]);
    if (halted === undefined) {
      intake.reject(
        'malformed',
        line,
        `halted ${JSON.stringify(record[at.halted].slice(0, 40))} is not yes or no`,
      );
      return;
    }
    row.isHalted = halted || (at.flags >= 0 && (Number(record[at.flags]) & IS_HALTED) !== 0);
    intake.offer(row, line);
  };
}

function readHalted(text: string): boolean | undefined {
  if (/^\s*(?:|0|false|f|no|n)\s*$/i.test(text)) return false;
  return /^\s*(?:1|true|t|yes|y)\s*$/i.test(text) ? true : undefined;
}

/** End of a bar, µs, from the text of its time column. */
export function textEnd(plan: ColumnPlan, options: ColumnOptions): (text: string) => number {
  const barSeconds = options.barSeconds ?? 60;
  const reading: TimeReading = {
    unit: plan.time.column.endsWith('_us') ? 'us' : (options.timeUnit ?? 'auto'),
    zone: options.timeZone ?? 'utc',
  };
  if (barSeconds === DAILY_BAR_SECONDS) {
    return (text) => {
      const date = parseDailyDate(text, reading);
      return date === undefined ? Number.NaN : dailyEndUs(date);
    };
  }
  const shiftUs = plan.time.isStart ? barSeconds * US_PER_SECOND : 0;
  return (text) => parseTimeUs(text, reading) + shiftUs;
}
