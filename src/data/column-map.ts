import { closest } from 'fastest-levenshtein';
import { InputError } from '../domain/errors.ts';
import { MARKET_VALUE_COLUMNS } from '../domain/market-table.ts';
import type { PriceUnit } from './cell-text.ts';
import type { ColumnOptions } from './import-types.ts';
import { VALUE_COLUMN_NAMES } from './market-columns.ts';

/** Value fields in cell order: `bid_open` … `volume`, without the unit. */
const VALUE_FIELDS = MARKET_VALUE_COLUMNS.map((column) => VALUE_COLUMN_NAMES[column].replace(/_e4$/, ''));
/** Other names of value fields, for files with one price a side. */
const ALIASES: Readonly<Record<string, string>> = { bid: 'bid_close', ask: 'ask_close', price: 'close' };
const OTHER_FIELDS = ['end', 'start', 'symbol', 'halted', 'flags'];

/** What `--columns` may name. */
export const FIELD_NAMES: readonly string[] = [...OTHER_FIELDS, ...VALUE_FIELDS, ...Object.keys(ALIASES)];

/** Which column of a file holds what. */
export interface ColumnPlan {
  readonly time: { readonly column: string; readonly isStart: boolean };
  /** Undefined when every row has `constantSymbol`. */
  readonly symbol: string | undefined;
  readonly constantSymbol: string | undefined;
  /** Non-zero or true: halted. */
  readonly halted: string | undefined;
  /** Our own flags: only the halted bit is read, the others follow from the values. */
  readonly flags: string | undefined;
  readonly cells: readonly CellColumn[];
}

export interface CellColumn {
  /** Index into MARKET_VALUE_COLUMNS. */
  readonly cell: number;
  readonly column: string;
  readonly unit: PriceUnit;
}

export interface ColumnPlanInput {
  readonly label: string;
  readonly header: readonly string[];
  readonly options: ColumnOptions;
}

/**
 * Matches fields to columns: what `options.columns` says, then columns that carry a field's name (with `_e4` for
 * prices in 1e-4 dollars, `_us` for times in µs).
 * @throws InputError COLUMN_FIELD for an unknown field or a symbol given twice, COLUMN_MISSING for a column that is not there
 */
export function planColumns({ label, header, options }: ColumnPlanInput): ColumnPlan {
  const names = new Set(header);
  const explicit = explicitColumns(options.columns ?? {}, { label, names });
  const find = (field: string, suffix: string): string | undefined =>
    explicit.get(field) ?? [field, field + suffix].find((name) => names.has(name));
  const aliasOf = new Map(Object.entries(ALIASES).map(([alias, field]) => [field, alias]));

  const cells: CellColumn[] = [];
  for (const [cell, field] of VALUE_FIELDS.entries()) {
    const column = find(field, '_e4') ?? find(aliasOf.get(field) ?? field, '_e4');
    if (column === undefined) continue;
    cells.push({ cell, column, unit: column.endsWith('_e4') ? 'e4' : (options.priceUnit ?? 'dollars') });
  }
  const hasPrices = ['bid_close', 'ask_close', 'close'].some((field) =>
    cells.some(({ cell }) => VALUE_FIELDS[cell] === field),
  );
  if (!hasPrices)
    missing({ label, header, need: 'a price column (close, or bid and ask)', example: 'close=px' });
  const symbol = find('symbol', '');
  if (symbol === undefined && options.symbol === undefined) {
    missing({
      label,
      header,
      need: 'a symbol column (or --symbol for files of one symbol)',
      example: 'symbol=ticker',
    });
  }
  if (symbol !== undefined && options.symbol !== undefined) {
    throw new InputError(
      'COLUMN_FIELD',
      `${label}: has a symbol column, "${symbol}", and --symbol ${options.symbol} is for files without one; leave it out, or take only some symbols with --symbols`,
    );
  }
  return {
    time: planTime({ label, header, options }, { explicit, find }),
    symbol,
    constantSymbol: options.symbol,
    halted: find('halted', ''),
    // Other tools have flags of their own; ours come with our name for the time.
    flags: explicit.get('flags') ?? (names.has('end_us') && names.has('flags') ? 'flags' : undefined),
    cells,
  };
}

/** Columns of a file that nothing is read from, in its order. */
export function columnsUnread(
  header: readonly string[],
  { time, symbol, halted, flags, cells }: ColumnPlan,
): string[] {
  const read = new Set([time.column, symbol, halted, flags, ...cells.map(({ column }) => column)]);
  return header.filter((name) => !read.has(name));
}

interface Finder {
  readonly explicit: ReadonlyMap<string, string>;
  readonly find: (field: string, suffix: string) => string | undefined;
}

function planTime({ label, header }: ColumnPlanInput, { explicit, find }: Finder): ColumnPlan['time'] {
  if (explicit.has('end') && explicit.has('start')) {
    throw new InputError(
      'COLUMN_FIELD',
      `columns: give end or start, not both; rows are placed by the end of the bar`,
    );
  }
  const end = explicit.has('start') ? undefined : find('end', '_us');
  if (end !== undefined) return { column: end, isStart: false };
  const start = find('start', '_us');
  if (start !== undefined) return { column: start, isStart: true };
  return missing({ label, header, need: 'a time column (end or start of the bar)', example: 'end=time' });
}

function missing(input: { label: string; header: readonly string[]; need: string; example: string }): never {
  const columns = input.header.slice(0, 30).join(', ');
  const delimiter = input.header.length === 1 ? /[;|\t]/.exec(columns)?.[0] : undefined;
  if (delimiter !== undefined) {
    const shown = delimiter === '\t' ? "$'\\t'" : `"${delimiter}"`;
    throw new InputError(
      'COLUMN_MISSING',
      `${input.label}: has one column, "${columns}"; is it divided otherwise? --delimiter ${shown}`,
    );
  }
  throw new InputError(
    'COLUMN_MISSING',
    `${input.label}: needs ${input.need}; it has ${columns}; name it with --columns ${input.example}`,
  );
}

function explicitColumns(
  columns: Readonly<Record<string, string>>,
  { label, names }: { label: string; names: ReadonlySet<string> },
): Map<string, string> {
  const explicit = new Map<string, string>();
  for (const [given, column] of Object.entries(columns)) {
    if (!FIELD_NAMES.includes(given)) {
      throw new InputError(
        'COLUMN_FIELD',
        `columns: unknown field "${given}", did you mean "${closest(given, FIELD_NAMES)}"? Fields: ${FIELD_NAMES.join(', ')}`,
      );
    }
    const field = Object.hasOwn(ALIASES, given) ? ALIASES[given] : given;
    if (explicit.has(field)) throw new InputError('COLUMN_FIELD', `columns: field "${field}" is given twice`);
    if (!names.has(column)) {
      const known = [...names];
      const hint = known.length === 0 ? '' : `, did you mean "${closest(column, known)}"?`;
      throw new InputError('COLUMN_MISSING', `${label}: no column "${column}" for ${given}${hint}`);
    }
    explicit.set(field, column);
  }
  return explicit;
}

/**
 * Reads `field=column,field=column`.
 * @throws InputError COLUMN_FIELD
 */
export function parseColumnOption(text: string): Record<string, string> {
  const columns: [string, string][] = [];
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at <= 0 || at === part.length - 1) {
      throw new InputError(
        'COLUMN_FIELD',
        `columns: "${part}" is not field=column, such as end=time,symbol=sym,close=px`,
      );
    }
    columns.push([part.slice(0, at).trim(), part.slice(at + 1).trim()]);
  }
  return Object.fromEntries(columns);
}
