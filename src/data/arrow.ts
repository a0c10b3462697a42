import {
  Dictionary,
  Float64,
  Int32,
  makeData,
  Table,
  Uint8,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { InputError } from '../domain/errors.ts';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../domain/market-table.ts';
import { createMarketTable, VALUE_COLUMN_NAMES } from './market-columns.ts';

/**
 * A session as an Arrow table without copying: each vector's buffer is the column of the market table. `symbol` is a
 * dictionary over `table.symbols`, `end_us` and the value columns are float64 holding integers.
 */
export function toArrowTable(table: MarketTable): Table {
  const columns: Record<string, Vector> = {
    end_us: float64Vector(table.endUs),
    symbol: symbolVector(table),
    flags: new Vector([makeData({ type: new Uint8(), length: table.rowCount, data: table.flags })]),
  };
  for (const column of MARKET_VALUE_COLUMNS)
    columns[VALUE_COLUMN_NAMES[column]] = float64Vector(table[column]);
  return new Table(columns);
}

function float64Vector(data: Float64Array): Vector {
  return new Vector([makeData({ type: new Float64(), length: data.length, data })]);
}

function symbolVector({ symbols, symbolIx, rowCount }: MarketTable): Vector {
  const dictionary = vectorFromArray(symbols, new Utf8());
  const type = new Dictionary(new Utf8(), new Int32(), 0);
  return new Vector([makeData({ type, length: rowCount, data: symbolIx, dictionary })]);
}

export interface ArrowSession {
  readonly session: string;
  readonly barSeconds: number;
}

/**
 * The market table over the buffers of an Arrow table made by `toArrowTable`; zero-copy for tables of one batch.
 * @throws InputError ARROW_SCHEMA when a column is missing or has another type
 */
export function fromArrowTable(arrow: Table, { session, barSeconds }: ArrowSession): MarketTable {
  const symbol = arrow.getChild('symbol');
  const dictionary = symbol?.data[0]?.dictionary;
  if (symbol === null || dictionary === undefined || symbol.data.length !== 1) {
    throw new InputError(
      'ARROW_SCHEMA',
      'Arrow table: column "symbol" must be a dictionary of text in one batch',
    );
  }
  const table: Record<string, unknown> = {
    ...createMarketTable({ session, barSeconds, symbols: dictionary.toArray() as string[], rowCount: 0 }),
    rowCount: arrow.numRows,
    endUs: columnOf({ arrow, name: 'end_us', type: Float64Array }),
    symbolIx: symbol.data[0].values.subarray(0, arrow.numRows),
    flags: columnOf({ arrow, name: 'flags', type: Uint8Array }),
  };
  for (const column of MARKET_VALUE_COLUMNS) {
    table[column] = columnOf({ arrow, name: VALUE_COLUMN_NAMES[column], type: Float64Array });
  }
  return table as unknown as MarketTable;
}

interface ColumnRequest<T> {
  readonly arrow: Table;
  readonly name: string;
  readonly type: new (...args: never[]) => T;
}

function columnOf<T>({ arrow, name, type }: ColumnRequest<T>): T {
  const values: unknown = arrow.getChild(name)?.toArray();
  if (values instanceof type) return values;
  throw new InputError(
    'ARROW_SCHEMA',
    `Arrow table: column "${name}" must be ${type.name.replace('Array', '')}`,
  );
}
