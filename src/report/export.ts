import { join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { applyExecution, createLedger, type Ledger } from '../domain/ledger.ts';
import { applyCorporateAction } from '../domain/ledger-actions.ts';
import type { RoundTrip } from '../domain/lots.ts';
import { notionalMicros } from '../domain/money.ts';
import type { Execution } from '../domain/orders.ts';
import { type TimeUs, US_PER_SECOND } from '../domain/units.ts';
import { decodeInput } from '../events/decode.ts';
import type { InputEvent, OrderReport } from '../events/inputs.ts';
import type { TapeRecord } from '../events/record.ts';
import { makeFolders } from '../files/make-folders.ts';
import { addOrder, followOrder, ORDER_COLUMNS, type OrderLine, orderRow } from './order-lines.ts';
import { type ColumnTypes, createParquetTable, type ParquetTable, type Row } from './parquet-table.ts';

/** Money and prices are dollars; times are UTC. Dollars come from integers: `round(x * 1e6)` gives them back exactly. */
const FILL_COLUMNS = {
  execution_id: 'text',
  client_order_id: 'text',
  reported: 'time',
  traded: 'time',
  symbol: 'text',
  side: 'text',
  quantity: 'integer',
  price_usd: 'number',
  notional_usd: 'number',
  fee_usd: 'number',
} as const satisfies ColumnTypes;

const ROUND_TRIP_COLUMNS = {
  symbol: 'text',
  direction: 'text',
  quantity: 'integer',
  opened: 'time',
  closed: 'time',
  holding_seconds: 'number',
  entry_price_usd: 'number',
  exit_price_usd: 'number',
  entry_notional_usd: 'number',
  gross_usd: 'number',
  fees_usd: 'number',
  dividends_usd: 'number',
  net_usd: 'number',
} as const satisfies ColumnTypes;

export interface ExportResult {
  /** Rows by file, the files in `outDir`. */
  readonly files: readonly { readonly path: string; readonly rows: number }[];
}

/** The record types an export reads; everything else on the tape is passed over. */
const REPORT_TYPES: ReadonlySet<string> = new Set<OrderReport['type']>([
  'OrderAccepted',
  'OrderRejected',
  'OrderPartiallyFilled',
  'OrderFilled',
  'OrderCancelled',
  'OrderExpired',
]);

/**
 * Writes `orders.parquet`, `fills.parquet` and `round_trips.parquet` from the records of a tape.
 * @throws InputError EXPORT_OUT when the folder cannot be written
 * @throws RecordInvalidError for a record that does not hold what its type promises
 */
export async function exportRun(records: Iterable<TapeRecord>, outDir: string): Promise<ExportResult> {
  const tables = await openTables(outDir);
  try {
    const orders = new Map<string, OrderLine>();
    const ledgers = new Map<string, Ledger>();
    const known = new Set<string>();
    let trips = 0;
    for (const record of records) {
      if (record.type === 'OrderIntended') addOrder(orders, record);
      if (record.type === 'CorporateActionApplied') {
        const trip = tripEndedBy(ledgers, record);
        if (trip !== undefined) {
          trips += 1;
          await tables.trips.append(tripRow(trip));
        }
      }
      if (!REPORT_TYPES.has(record.type)) continue;
      const report = decodeReport(record);
      if ('execution' in report) {
        const { execution } = report;
        if (known.has(execution.executionId)) continue;
        known.add(execution.executionId);
        await tables.fills.append(fillRow(execution, report.tUs));
        const trip = roundTripOf(ledgers, execution);
        if (trip !== undefined) {
          trips += 1;
          await tables.trips.append(tripRow(trip));
        }
      }
      followOrder(orders, report);
    }
    for (const order of orders.values()) await tables.orders.append(orderRow(order));
    await tables.orders.close();
    await tables.fills.close();
    await tables.trips.close();
    return {
      files: [
        { path: pathsIn(outDir).orders, rows: orders.size },
        { path: pathsIn(outDir).fills, rows: known.size },
        { path: pathsIn(outDir).trips, rows: trips },
      ],
    };
  } catch (error) {
    for (const table of Object.values(tables)) await table.discard();
    throw error;
  }
}

function pathsIn(outDir: string): { orders: string; fills: string; trips: string } {
  return {
    orders: join(outDir, 'orders.parquet'),
    fills: join(outDir, 'fills.parquet'),
    trips: join(outDir, 'round_trips.parquet'),
  };
}

interface Tables {
  readonly orders: ParquetTable<typeof ORDER_COLUMNS>;
  readonly fills: ParquetTable<typeof FILL_COLUMNS>;
  readonly trips: ParquetTable<typeof ROUND_TRIP_COLUMNS>;
}

async function openTables(outDir: string): Promise<Tables> {
  const paths = pathsIn(outDir);
  const opened: { discard(): Promise<void> }[] = [];
  const open = async <C extends ColumnTypes>(path: string, columns: C): Promise<ParquetTable<C>> => {
    const table = await createParquetTable(path, columns);
    opened.push(table);
    return table;
  };
  try {
    makeFolders(outDir);
    return {
      orders: await open(paths.orders, ORDER_COLUMNS),
      fills: await open(paths.fills, FILL_COLUMNS),
      trips: await open(paths.trips, ROUND_TRIP_COLUMNS),
    };
  } catch (cause) {
    for (const table of opened) await table.discard();
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new InputError(
      'EXPORT_OUT',
      `${outDir}: cannot be written (${code}); choose a writable --out folder`,
      { cause },
    );
  }
}

function decodeReport(record: TapeRecord): OrderReport {
  return decodeRecord(record) as OrderReport;
}

function decodeRecord(record: TapeRecord): InputEvent {
  return decodeInput(record, () => {
    throw new InputError('EXPORT_RECORD', 'a report never refers to market data');
  });
}

function fillRow(execution: Execution, reportedUs: TimeUs): Row<typeof FILL_COLUMNS> {
  return {
    execution_id: execution.executionId,
    client_order_id: execution.clientOrderId,
    reported: reportedUs,
    traded: execution.tradeTimeUs,
    symbol: execution.symbol,
    side: execution.side,
    quantity: execution.quantity,
    price_usd: execution.priceE4 / 1e4,
    notional_usd: notionalMicros(execution.priceE4, execution.quantity) / 1e6,
    fee_usd: execution.feeMicros / 1e6,
  };
}

/** Round trips are a matter of one symbol, so each has a ledger of its own and the universe need not be known. */
function roundTripOf(ledgers: Map<string, Ledger>, execution: Execution): RoundTrip | undefined {
  const { symbol } = execution;
  const ledger = ledgers.get(symbol) ?? createLedger({ cashMicros: 0, symbols: [symbol] });
  ledgers.set(symbol, ledger);
  return applyExecution(ledger, execution).roundTrip;
}

/** A reverse split that leaves no whole share ends a round trip. */
function tripEndedBy(ledgers: Map<string, Ledger>, record: TapeRecord): RoundTrip | undefined {
  const event = decodeRecord(record);
  if (event.type !== 'CorporateActionApplied') return undefined;
  const ledger = ledgers.get(event.action.symbol);
  return ledger === undefined ? undefined : applyCorporateAction(ledger, event.action, event.tUs)?.roundTrip;
}

function tripRow(trip: RoundTrip): Row<typeof ROUND_TRIP_COLUMNS> {
  return {
    symbol: trip.symbol,
    direction: trip.direction,
    quantity: trip.quantity,
    opened: trip.openedUs,
    closed: trip.closedUs,
    holding_seconds: trip.holdingUs / US_PER_SECOND,
    entry_price_usd: trip.entryPriceE4 / 1e4,
    exit_price_usd: trip.exitPriceE4 / 1e4,
    entry_notional_usd: trip.entryNotionalMicros / 1e6,
    gross_usd: trip.grossMicros / 1e6,
    fees_usd: trip.feesMicros / 1e6,
    dividends_usd: trip.dividendsMicros / 1e6,
    net_usd: trip.netMicros / 1e6,
  };
}
