import { createHash } from 'node:crypto';
import { z } from 'zod';
import { compareCodeUnits } from '../domain/compare.ts';
import { compareActions } from '../domain/corporate-actions.ts';
import { InputError } from '../domain/errors.ts';
import { MARKET_VALUE_COLUMNS } from '../domain/market-table.ts';
import { canonicalJson } from '../events/canonical.ts';
import { VALUE_COLUMN_NAMES } from './market-columns.ts';

export const DATASET_FORMAT = 'sametape-dataset';
export const DATASET_FORMAT_VERSION = 1;
/** Changes when the same source would give other rows. */
export const IMPORTER_VERSION = '2';
export const MANIFEST_FILE = 'manifest.json';
export const REJECTED_FILE = 'rejected.csv';

/** Kinds of rows that do not enter a dataset, in the order they are checked. */
export const BAD_ROW_KINDS = [
  'malformed',
  'outside_session',
  'nan',
  'negative',
  'high_below_low',
  'crossed',
  'out_of_order',
  'duplicate',
] as const;
export type BadRowKind = (typeof BAD_ROW_KINDS)[number];
export type BadRowCounts = Readonly<Record<BadRowKind, number>>;

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const date = z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/);
const badRowCounts = z.strictObject(
  Object.fromEntries(BAD_ROW_KINDS.map((kind) => [kind, count])) as Record<BadRowKind, typeof count>,
);

const sessionEntry = z.strictObject({
  date,
  openUs: count,
  closeUs: count,
  isHalfDay: z.boolean(),
  rows: count,
  file: z.string().regex(/^data\/[0-9]{4}-[0-9]{2}-[0-9]{2}\.parquet$/),
  bytes: count,
  sha256: sha256Hex,
});

const shares = z.number().int().min(1).max(10_000);
const actionFacts = {
  symbol: z.string().min(1).max(64),
  exDate: date,
  referencePriceE4: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
};
const actionEntry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('split'), ...actionFacts, oldShares: shares, newShares: shares }),
  z.strictObject({ kind: z.literal('dividend'), ...actionFacts, cashMicros: count.min(1) }),
]);

const manifestSchema = z.strictObject({
  format: z.literal(DATASET_FORMAT),
  formatVersion: z.literal(DATASET_FORMAT_VERSION),
  importerVersion: z.string(),
  sha256: sha256Hex,
  barSeconds: z.number().int().min(1).max(86_400),
  rows: count,
  firstSession: date,
  lastSession: date,
  symbols: z.array(z.string().min(1).max(64)).min(1),
  schema: z.array(z.strictObject({ name: z.string(), type: z.string(), unit: z.string() })),
  sessions: z.array(sessionEntry).min(1),
  /** Absent where there are none, so that a dataset without any has the identity it always had. */
  actions: z.array(actionEntry).min(1).optional(),
  provenance: z.strictObject({
    source: z.enum(['lean', 'csv', 'parquet', 'synthetic', 'tables', 'tape']),
    files: z.array(z.strictObject({ file: z.string(), bytes: count, sha256: sha256Hex })),
    options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
  }),
  policy: z.strictObject({ onBad: z.enum(['refuse', 'drop']), outsideSession: z.enum(['refuse', 'drop']) }),
  badRows: badRowCounts,
  /** Prices finer than 1e-4 dollars; absent where there were none. */
  pricesRounded: count.min(1).optional(),
});

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** `manifest.json` of a dataset: what is in it, where it came from, what was left out. Holds no machine paths. */
export type DatasetManifest = DeepReadonly<z.infer<typeof manifestSchema>>;
export type SessionEntry = DatasetManifest['sessions'][number];
export type Provenance = DatasetManifest['provenance'];
export type RowPolicy = DatasetManifest['policy'];
export type ColumnSchema = DatasetManifest['schema'][number];

/** Columns of a session file, in order. */
export const DATASET_SCHEMA: readonly ColumnSchema[] = [
  { name: 'end_us', type: 'int64', unit: 'microseconds since 1970-01-01 UTC, end of the bar' },
  { name: 'symbol', type: 'utf8', unit: 'ticker' },
  { name: 'flags', type: 'int32', unit: 'bits: 1 has bid, 2 has ask, 4 has trade, 8 halted' },
  ...MARKET_VALUE_COLUMNS.map((column) => ({
    name: VALUE_COLUMN_NAMES[column],
    type: 'int',
    unit: column.endsWith('E4') ? '1e-4 dollars, 0 where missing' : 'shares, 0 where missing',
  })),
];

export function noBadRows(): Record<BadRowKind, number> {
  return Object.fromEntries(BAD_ROW_KINDS.map((kind) => [kind, 0])) as Record<BadRowKind, number>;
}

/**
 * The identity of a dataset: SHA-256 over bar length, symbols, schema, corporate actions and sessions with the hashes of
 * their files.
 * Where the data came from is not part of it: equal data has an equal hash.
 */
export function contentSha256(
  content: Pick<DatasetManifest, 'barSeconds' | 'symbols' | 'schema' | 'sessions' | 'actions'>,
): string {
  const { barSeconds, symbols, schema, sessions, actions } = content;
  const facts = { formatVersion: DATASET_FORMAT_VERSION, barSeconds, symbols, schema, sessions };
  return createHash('sha256')
    .update(canonicalJson(actions === undefined ? facts : { ...facts, actions }))
    .digest('hex');
}

/**
 * Parses and checks `manifest.json`.
 * @param label how to name the file in messages
 * @throws InputError DATASET_MANIFEST
 */
export function parseManifest(text: string, label: string): DatasetManifest {
  const fail = (reason: string): never => {
    throw new InputError('DATASET_MANIFEST', `${label}: ${reason}; import the data again`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return fail('is not JSON');
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return fail(`${issue.path.join('.') || 'top level'}: ${issue.message}`);
  }
  const manifest = parsed.data;
  checkOrder(manifest.symbols, (what) => fail(`symbols: ${what}`));
  checkOrder(
    manifest.sessions.map((s) => s.date),
    (what) => fail(`sessions: ${what}`),
  );
  for (const session of manifest.sessions) {
    if (session.openUs >= session.closeUs) fail(`sessions: ${session.date} closes before it opens`);
    if (session.file !== `data/${session.date}.parquet`)
      fail(`sessions: ${session.date} names ${session.file}`);
  }
  checkActions(manifest, (what) => fail(`actions: ${what}`));
  return manifest;
}

function checkActions(
  { actions = [], symbols, lastSession }: DatasetManifest,
  fail: (what: string) => never,
): void {
  for (const [k, action] of actions.entries()) {
    const { kind, symbol, exDate } = action;
    const name = `${kind} of ${symbol} on ${exDate}`;
    const before = actions[k - 1];
    if (before !== undefined && compareActions(before, action) >= 0)
      fail(`${name} is out of order or listed twice`);
    if (!symbols.includes(symbol)) fail(`${name}: the dataset has no such symbol`);
    if (exDate > lastSession) fail(`${name} is after the last session`);
    const isPayable = kind === 'split' || action.cashMicros < action.referencePriceE4 * 100;
    if (!isPayable) fail(`${name} is not below the price before it`);
  }
}

function checkOrder(names: readonly string[], fail: (what: string) => never): void {
  for (let i = 1; i < names.length; i++) {
    if (compareCodeUnits(names[i - 1], names[i]) >= 0) fail(`${names[i]} is out of order or listed twice`);
  }
}

export function formatManifest(manifest: DatasetManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
