import type { Progress } from '../ports/progress.ts';
import type { SourcedAction } from './actions.ts';
import type { BadRow } from './bad-rows.ts';
import type { PriceUnit } from './cell-text.ts';
import type { DatasetManifest } from './manifest.ts';
import type { RowIntake } from './row-intake.ts';
import type { TimeUnit, TimeZone } from './time-text.ts';

export type ImportFormat = 'lean' | 'csv' | 'parquet' | 'tape';
export type LeanResolution = 'minute' | 'second' | 'daily';

/** How the columns of CSV and Parquet files are read. */
export interface ColumnOptions {
  /** Field to column name, over what the header already says. Fields: see FIELD_NAMES in column-map.ts. */
  readonly columns?: Readonly<Record<string, string>>;
  /** For files of one symbol without a symbol column. */
  readonly symbol?: string;
  /** Default `auto`. */
  readonly timeUnit?: TimeUnit;
  /** Of times without an offset. Default `utc`. */
  readonly timeZone?: TimeZone;
  /** Of columns whose name does not end in `_e4`. Default `dollars`. */
  readonly priceUnit?: PriceUnit;
  /** Default 60; 86400 makes daily bars, which end at the session's close. */
  readonly barSeconds?: number;
  /** CSV only. Default `,`. */
  readonly delimiter?: string;
}

export interface ImportOptions extends ColumnOptions {
  readonly format: ImportFormat;
  /** LEAN: one data folder. CSV, Parquet: files, or folders whose files of that ending are taken. Tape: one run folder. */
  readonly sources: readonly string[];
  /** Dataset folder to write. */
  readonly out: string;
  readonly symbols?: readonly string[];
  /** `YYYY-MM-DD`, both included. */
  readonly from?: string;
  readonly to?: string;
  /** LEAN only. Default `minute`. */
  readonly resolution?: LeanResolution;
  /** CSV file of corporate actions, or `none`. Default: LEAN's factor files, where they lie beside the data. */
  readonly actions?: string;
  /** Default `refuse`. */
  readonly onBad?: 'refuse' | 'drop';
  /** Default `drop` for LEAN, whose files hold extended hours, else `refuse`. */
  readonly outsideSession?: 'refuse' | 'drop';
  /** Bad rows listed in the report, of each kind. Default 5. */
  readonly examplesPerKind?: number;
  /** Parquet only: rows decoded at a time; changes memory, never the result. */
  readonly readChunkRows?: number;
  readonly progress?: Progress;
}

export interface ImportReport {
  readonly dir: string;
  readonly manifest: DatasetManifest;
  readonly rowsRead: number;
  /** Rows not asked for (`symbols`, `from`, `to`). */
  readonly rowsFiltered: number;
  readonly rowsRejected: number;
  /** Prices finer than 1e-4 dollars: bids were rounded down, asks up, traded prices to the nearest. */
  readonly pricesRounded: number;
  /** Splits and dividends read that can matter to no session: of other symbols or days, or before the first price. */
  readonly actionsLeftOut: number;
  readonly rejected: readonly BadRow[];
  /** CSV, Parquet: columns that nothing was read from, each once, in the order they were met. */
  readonly columnsLeftOut: readonly string[];
  /** What lies among the data and was not read: names LEAN does not give, other endings, folders in a folder. */
  readonly filesLeftOut: readonly string[];
  /** Tape: sessions that had not ended. */
  readonly sessionsLeftOut: readonly string[];
}

/** A file of the import: where it is, and what it is called in reports and in the manifest. */
export interface SourceFile {
  readonly path: string;
  /** Relative to the import root, `/` between parts. */
  readonly name: string;
}

/** A LEAN factor file, and the symbol it is about, in upper case. */
export interface FactorFile extends SourceFile {
  readonly symbol: string;
}

/** One format's reader: which files, and how their rows get into the intake. */
export interface Importer {
  readonly files: readonly SourceFile[];
  /** LEAN: files that splits and dividends are read from. */
  readonly factorFiles?: readonly FactorFile[];
  /** Tape: splits and dividends that applied. */
  readonly actions?: readonly SourcedAction[];
  readonly barSeconds: number;
  /** What the manifest records beside the files. */
  readonly optionsUsed: DatasetManifest['provenance']['options'];
  /** CSV, Parquet: filled while files are read. */
  readonly columnsLeftOut?: ReadonlySet<string>;
  readonly filesLeftOut: readonly string[];
  readonly sessionsLeftOut?: readonly string[];
  read(file: SourceFile, intake: RowIntake): Promise<void>;
}
