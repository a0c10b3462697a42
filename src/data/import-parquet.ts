import { InputError } from '../domain/errors.ts';
import { IS_HALTED } from '../domain/market-table.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import { type BarRow, CELL_MISSING, createBarRow } from './bar-row.ts';
import { clearRow, type PriceUnit, SINGLE_ERROR, setNumberCell } from './cell-text.ts';
import { type ColumnPlan, columnsUnread, planColumns } from './column-map.ts';
import { textEnd } from './import-csv.ts';
import type { ColumnOptions, Importer, ImportOptions, SourceFile } from './import-types.ts';
import { DAILY_BAR_SECONDS } from './market-columns.ts';
import { openParquetFile, type ParquetFile, type RowRange } from './parquet-read.ts';
import type { NumberColumn } from './parquet-values.ts';
import { dailyEndUs, type RowIntake } from './row-intake.ts';
import { columnOptionsUsed, listSourceFiles } from './source-files.ts';
import { dateOfWallUs, epochToUs, fromZone } from './time-text.ts';

/** Bounds the memory of nullable columns, which decode to boxed values. */
const DEFAULT_CHUNK_ROWS = 131_072;

/**
 * Reader of Parquet files of other tools.
 * @throws InputError IMPORT_EMPTY; reading also PARQUET_UNREADABLE, COLUMN_FIELD, COLUMN_MISSING, COLUMN_TYPE
 */
export async function createParquetImporter(options: ImportOptions): Promise<Importer> {
  const leftOut = new Set<string>();
  return {
    columnsLeftOut: leftOut,
    ...(await listSourceFiles({ sources: options.sources, endings: ['.parquet', '.pq'] })),
    barSeconds: options.barSeconds ?? 60,
    optionsUsed: columnOptionsUsed(options),
    read: async (file, intake) => {
      const parquet = await openParquetFile(file.path, file.name);
      try {
        await readRows({ file, parquet, intake, options, leftOut });
      } finally {
        parquet.close();
      }
    },
  };
}

interface ParquetReadInput {
  readonly file: SourceFile;
  readonly parquet: ParquetFile;
  readonly intake: RowIntake;
  readonly options: ImportOptions;
  /** Takes the names of columns that are not read. */
  readonly leftOut: Set<string>;
}

async function readRows({ file, parquet, intake, options, leftOut }: ParquetReadInput): Promise<void> {
  const label = file.name;
  const header = [...parquet.columns.keys()];
  const plan = planColumns({ label, header, options });
  for (const name of columnsUnread(header, plan)) leftOut.add(name);
  checkTypes({ parquet, plan, label });
  const row = createBarRow();
  for (const range of parquet.ranges(options.readChunkRows ?? DEFAULT_CHUNK_ROWS)) {
    const ends = await readEnds({ parquet, plan, range, options });
    const symbols = plan.symbol === undefined ? undefined : await parquet.readStrings(plan.symbol, range);
    const halted = await readOptional(parquet, plan.halted, range);
    const flags = await readOptional(parquet, plan.flags, range);
    const cells: ReadCell[] = [];
    for (const { cell, column, unit } of plan.cells) {
      const kind = parquet.columns.get(column);
      const relativeError = kind?.kind === 'number' && kind.isSingle ? SINGLE_ERROR : undefined;
      cells.push({ cell, unit, relativeError, data: await parquet.readNumbers(column, range) });
    }
    for (let i = 0; i < ends.length; i++) {
      clearRow(row);
      row.endUs = ends[i];
      row.symbol = symbols === undefined ? (plan.constantSymbol ?? '') : (symbols[i] ?? '');
      for (const cell of cells) setCell(row, cell, i);
      row.isHalted = (halted?.values[i] ?? 0) !== 0 || ((flags?.values[i] ?? 0) & IS_HALTED) !== 0;
      intake.offer(row, range.rowStart + i + 1);
    }
  }
}

/** The values of one cell in a range of rows. */
interface ReadCell {
  readonly cell: number;
  readonly unit: PriceUnit;
  readonly relativeError: number | undefined;
  readonly data: NumberColumn;
}

function setCell(row: BarRow, { cell, unit, relativeError, data }: ReadCell, i: number): void {
  if (data.valid?.[i] === 0) row.states[cell] = CELL_MISSING;
  else setNumberCell(row, cell, data.values[i], unit, relativeError);
}

async function readOptional(
  parquet: ParquetFile,
  column: string | undefined,
  range: RowRange,
): Promise<NumberColumn | undefined> {
  return column === undefined ? undefined : parquet.readNumbers(column, range);
}

function checkTypes({
  parquet,
  plan,
  label,
}: {
  parquet: ParquetFile;
  plan: ColumnPlan;
  label: string;
}): void {
  const need = (column: string | undefined, kinds: readonly string[]): void => {
    const found = column === undefined ? undefined : parquet.columns.get(column);
    if (found === undefined || kinds.includes(found.kind)) return;
    const name = found.kind === 'other' ? found.type : found.kind;
    throw new InputError(
      'COLUMN_TYPE',
      `${label}: column "${column}" holds ${name}, expected ${kinds.join(' or ')}`,
    );
  };
  need(plan.time.column, ['timestamp', 'date', 'number', 'string']);
  need(plan.symbol, ['string']);
  need(plan.halted, ['number']);
  need(plan.flags, ['number']);
  for (const { column } of plan.cells) need(column, ['number']);
}

interface EndsInput {
  readonly parquet: ParquetFile;
  readonly plan: ColumnPlan;
  readonly range: RowRange;
  readonly options: ColumnOptions;
}

/** Ends of the bars in µs; NaN where the time is null or cannot be read. */
async function readEnds({ parquet, plan, range, options }: EndsInput): Promise<Float64Array> {
  const { column, isStart } = plan.time;
  const kind = parquet.columns.get(column);
  if (kind?.kind === 'string') {
    const endOf = textEnd(plan, options);
    return Float64Array.from(await parquet.readStrings(column, range), (text) =>
      text === null ? Number.NaN : endOf(text),
    );
  }
  const barSeconds = options.barSeconds ?? 60;
  const unit =
    kind?.kind === 'number' ? (column.endsWith('_us') ? 'us' : (options.timeUnit ?? 'auto')) : 'us';
  const zone = kind?.kind === 'timestamp' && kind.isUtc ? 'utc' : (options.timeZone ?? 'utc');
  const shiftUs = isStart ? barSeconds * US_PER_SECOND : 0;
  const { values, valid } = await parquet.readNumbers(column, range);
  return new Float64Array(values).map((value, i) => {
    if (valid?.[i] === 0) return Number.NaN;
    const us = epochToUs(value, unit);
    if (!Number.isSafeInteger(us)) return Number.NaN;
    return barSeconds === DAILY_BAR_SECONDS ? dailyEndUs(dateOfWallUs(us)) : fromZone(us, zone) + shiftUs;
  });
}
