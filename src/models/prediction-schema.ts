import { DataType, Field, FixedSizeList, Float32, Int32, Schema, Utf8 } from 'apache-arrow';
import type { SignalLayout } from '../events/layout.ts';
import { UNSEALED } from './prediction-seal.ts';

/**
 * The file of recorded predictions: one row a cycle; `cycle`, then one list column a model, whose items are the
 * symbols in the order of the metadata. A missing prediction is a null item. Then `faults`, the models that failed as
 * JSON, and `features`, the digest of what was asked; both null where there is none. Files of format 1 lack these two.
 */
const FORMAT = 'sametape-predictions-2';
const FORMAT_1 = 'sametape-predictions-1';
/** Model ids hold a slash, so no model is called this. */
export const TEXT_COLUMNS = ['faults', 'features'] as const;

export interface PredictionFileHeader {
  readonly key: string;
  readonly ids: readonly string[];
  readonly symbols: readonly string[];
}

export function predictionSchema(layout: SignalLayout, key: string): Schema {
  const metadata = new Map([
    ['format', FORMAT],
    ['seal', UNSEALED],
    ['key', key],
    ['ids', JSON.stringify(layout.columns.map((column) => column.id))],
    ['symbols', JSON.stringify(layout.symbols)],
  ]);
  const item = new Field('item', new Float32(), true);
  const columns = layout.columns.map(
    (column) => new Field(column.id, new FixedSizeList(layout.symbols.length, item), false),
  );
  const texts = TEXT_COLUMNS.map((name) => new Field(name, new Utf8(), true));
  return new Schema([new Field('cycle', new Int32(), false), ...columns, ...texts], metadata);
}

/** @returns undefined when the schema is not one written by {@link predictionSchema} */
export function readPredictionSchema(schema: Schema): PredictionFileHeader | undefined {
  const key = schema.metadata.get('key');
  const ids = parseNames(schema.metadata.get('ids'));
  const symbols = parseNames(schema.metadata.get('symbols'));
  const format = schema.metadata.get('format');
  if (
    (format !== FORMAT && format !== FORMAT_1) ||
    key === undefined ||
    ids === undefined ||
    symbols === undefined
  ) {
    return undefined;
  }
  const textCount = format === FORMAT ? TEXT_COLUMNS.length : 0;
  const [cycle, ...rest] = schema.fields;
  const columns = rest.slice(0, rest.length - textCount);
  const isSound =
    rest
      .slice(columns.length)
      .every(({ name, type }, t) => name === TEXT_COLUMNS[t] && DataType.isUtf8(type)) &&
    cycle !== undefined &&
    DataType.isInt(cycle.type) &&
    cycle.type.bitWidth === 32 &&
    columns.length === ids.length &&
    columns.every((column, c) => column.name === ids[c] && isFloatList(column.type, symbols.length));
  return isSound ? { key, ids, symbols } : undefined;
}

function isFloatList(type: DataType, size: number): boolean {
  return DataType.isFixedSizeList(type) && type.listSize === size && DataType.isFloat(type.children[0]!.type);
}

function parseNames(text: string | undefined): readonly string[] | undefined {
  try {
    const names: unknown = JSON.parse(text ?? 'null');
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}
