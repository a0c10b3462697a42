import { join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { applyExecution, createLedger, type Ledger } from '../domain/ledger.ts';
import { applyCorporateAction } from '../domain/ledger-actions.ts';
import { adoptPosition } from '../domain/ledger-corrections.ts';
import type { RoundTrip } from '../domain/lots.ts';
import { notionalMicros } from '../domain/money.ts';
import type { Execution } from '../domain/orders.ts';
import { type TimeUs, US_PER_SECOND } from '../domain/units.ts';
import { decodeInput } from '../events/decode.ts';
import { integerField, payloadReader, stringField } from '../events/decode-fields.ts';
import type { InputEvent, OrderReport } from '../events/inputs.ts';
import type { TapeRecord } from '../events/record.ts';
import { makeFolders } from '../files/make-folders.ts';
import {
  createFinalExecutions,
  type FinalExecutions,
  finalExecution,
  type LateReport,
  noteLateReport,
} from './final-executions.ts';
import { addOrder, dropOrder, followOrder, ORDER_COLUMNS, type OrderLine, orderRow } from './order-lines.ts';
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
 * Writes `orders.parquet`, `fills.parquet` and `round_trips.parquet` from the records of a tape. A corrected execution is
 * one fill, as it stands at the end; one that was taken back is none.
 * @param records is gone through twice
 * @throws InputError EXPORT_OUT when the folder cannot be written
 * @throws RecordInvalidError for a record that does not hold what its type promises
 */
export async function exportRun(records: Iterable<TapeRecord>, outDir: string): Promise<ExportResult> {
  const tables = await openTables(outDir);
  try {
    const rows = {
      orders: new Map<string, OrderLine>(),
      ledgers: new Map<string, Ledger>(),
      fills: 0,
      trips: 0,
    };
    const finals = finalsOf(records);
    const known = new Set<string>();
    const addTrip = async (trip: RoundTrip | undefined): Promise<void> => {
      if (trip === undefined) return;
      rows.trips += 1;
      await tables.trips.append(tripRow(trip));
    };
    const addFill = async (execution: Execution, tUs: TimeUs): Promise<void> => {
      if (execution.quantity <= 0 || execution.priceE4 <= 0) return;
      rows.fills += 1;
      await tables.fills.append(fillRow(execution, tUs));
      await addTrip(applyExecution(ledgerOf(rows.ledgers, execution.symbol), execution).roundTrip);
    };
    for (const record of records) {
      if (record.type === 'OrderIntended') addOrder(rows.orders, record);
      else if (record.type === 'OrderDropped') dropOrder(rows.orders, record);
      else if (record.type === 'CorporateActionApplied') await addTrip(tripEndedBy(rows.ledgers, record));
      else if (record.type === 'PositionAdopted') await addTrip(adopted(rows.ledgers, record));
      else if (record.type === 'ExecutionCorrected') {
        const { corrects, execution, tUs } = decodeRecord(record) as Corrected;
        // of one that was never reported itself
        if (known.has(corrects) || known.has(execution.executionId)) continue;
        known.add(corrects).add(execution.executionId);
        await addFill(finalExecution(finals, execution), tUs);
      } else if (REPORT_TYPES.has(record.type)) {
        const report = decodeRecord(record) as OrderReport;
        if (!('execution' in report)) {
          followOrder(rows.orders, report);
          continue;
        }
        if (known.has(report.execution.executionId)) continue;
        known.add(report.execution.executionId);
        const execution = finalExecution(finals, report.execution);
        await addFill(execution, report.tUs);
        followOrder(rows.orders, { ...report, execution });
      }
    }
    for (const order of rows.orders.values()) await tables.orders.append(orderRow(order));
    await tables.orders.close();
    await tables.fills.close();
    await tables.trips.close();
    const paths = pathsIn(outDir);
    return {
      files: [
        { path: paths.orders, rows: rows.orders.size },
        { path: paths.fills, rows: rows.fills },
        { path: paths.trips, rows: rows.trips },
      ],
    };
  } catch (error) {
    for (const table of Object.values(tables)) await table.discard();
    throw error;
  }
}

type Corrected = Extract<InputEvent, { readonly type: 'ExecutionCorrected' }>;

function finalsOf(records: Iterable<TapeRecord>): FinalExecutions {
  const finals = createFinalExecutions();
  for (const record of records) {
    if (record.type !== 'ExecutionCorrected' && record.type !== 'CommissionReported') continue;
    noteLateReport(finals, decodeRecord(record) as LateReport);
  }
  return finals;
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
function ledgerOf(ledgers: Map<string, Ledger>, symbol: string): Ledger {
  const ledger = ledgers.get(symbol) ?? createLedger({ cashMicros: 0, symbols: [symbol] });
  ledgers.set(symbol, ledger);
  return ledger;
}

/** Shares that the engine took over from the broker. */
function adopted(ledgers: Map<string, Ledger>, record: TapeRecord): RoundTrip | undefined {
  const event = payloadReader(record);
  const shares = integerField(event, 'change');
  const priceE4 = integerField(event, 'priceE4', 1);
  const ledger = ledgerOf(ledgers, stringField(event, 'symbol'));
  return adoptPosition(ledger, { symbolIx: 0, shares, priceE4, tUs: record.t }).roundTrip;
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
