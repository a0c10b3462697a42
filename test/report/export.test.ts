import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import type { OrderRequest, Side } from '../../src/domain/orders.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
import { encodeDerived, encodeInput } from '../../src/events/encode.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import { createPrng } from '../../src/math/prng.ts';
import { exportRun } from '../../src/report/export.ts';
import { createParquetTable } from '../../src/report/parquet-table.ts';
import { payloadOf } from '../tape/entries.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sametape-export-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const T0 = 1_709_562_600_000_000;

function tapeOf(events: readonly (InputEvent | { tUs: number; derived: DerivedEvent })[]): TapeRecord[] {
  return events.map((event, seq) => {
    const encoded = 'derived' in event ? encodeDerived(event.derived) : encodeInput(event);
    return { seq, t: event.tUs, type: encoded.type, payload: payloadOf(encoded) };
  });
}

function intended(
  id: string,
  rest: Partial<OrderRequest>,
  horizon?: string,
): { tUs: number; derived: DerivedEvent } {
  const order: OrderRequest = {
    clientOrderId: id,
    symbol: 'AAA',
    side: 'buy',
    type: 'market',
    timeInForce: 'day',
    quantity: 100,
    purpose: 'open',
    ...rest,
  };
  const event = { type: 'OrderIntended', order, cycle: 7, reason: 'score_best' } as const;
  return { tUs: T0, derived: horizon === undefined ? event : { ...event, horizon } };
}

function fill(
  id: string,
  side: Side,
  rest: { quantity: number; priceE4: number; minute: number; leaves?: number },
): InputEvent {
  const { quantity, priceE4, minute, leaves } = rest;
  const tUs = T0 + minute * 60_000_000;
  const execution = {
    executionId: `${id}-${minute}`,
    clientOrderId: id,
    symbol: 'AAA',
    side,
    quantity,
    priceE4,
    feeMicros: 1_000_001,
    tradeTimeUs: tUs - 60_000_000,
  };
  return leaves === undefined
    ? { type: 'OrderFilled', tUs, execution }
    : { type: 'OrderPartiallyFilled', tUs, execution, leavesQuantity: leaves };
}

async function rowsOf(name: string): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file: await asyncBufferFromFile(join(dir, name)),
    parsers: { timestampFromMicroseconds: (value: bigint) => Number(value) } as never,
  });
}

describe('export', () => {
  it('writes orders, fills and round trips that another reader gives back exactly', async () => {
    const partial = fill('a', 'buy', { quantity: 40, priceE4: 1_000_001, minute: 1, leaves: 60 });
    const records = tapeOf([
      { type: 'CycleDue', tUs: T0, cycle: 7 },
      intended('a', {}, '5m'),
      intended('b', { side: 'sell', type: 'limit', limitPriceE4: 1_010_001, purpose: 'close' }),
      intended('c', { quantity: 5 }),
      { type: 'OrderAccepted', tUs: T0, clientOrderId: 'a' },
      { type: 'OrderAccepted', tUs: T0, clientOrderId: 'b' },
      { type: 'OrderRejected', tUs: T0, clientOrderId: 'c', reason: 'no_quote', detail: 'AAA has no quote' },
      partial,
      partial,
      fill('a', 'buy', { quantity: 60, priceE4: 1_000_003, minute: 2 }),
      fill('b', 'sell', { quantity: 100, priceE4: 1_010_001, minute: 4 }),
    ]);

    const { files } = await exportRun(records, join(dir, '.'));

    expect(files.map((file) => file.rows)).toEqual([3, 3, 1]);
    expect(readdirSync(dir).sort()).toEqual(['fills.parquet', 'orders.parquet', 'round_trips.parquet']);
    const [a, b, c] = await rowsOf('orders.parquet');
    expect(a).toMatchObject({
      client_order_id: 'a',
      decided: T0,
      cycle: 7n,
      quantity: 100n,
      horizon: '5m',
      status: 'filled',
      ended: T0 + 120_000_000,
      filled_quantity: 100n,
      fees_usd: 2.000002,
    });
    expect(a.mean_price_usd).toBeCloseTo(100.00022, 10);
    expect(a.limit_price_usd ?? null).toBeNull();
    expect(b).toMatchObject({ limit_price_usd: 101.0001, purpose: 'close', status: 'filled' });
    expect(c).toMatchObject({ status: 'rejected', reject_reason: 'no_quote', filled_quantity: 0n });
    expect(c.mean_price_usd ?? null).toBeNull();
    const fills = await rowsOf('fills.parquet');
    expect(fills.map((row) => [row.execution_id, Math.round((row.price_usd as number) * 1e4)])).toEqual([
      ['a-1', 1_000_001],
      ['a-2', 1_000_003],
      ['b-4', 1_010_001],
    ]);
    expect(fills[0]).toMatchObject({ reported: T0 + 60_000_000, traded: T0, quantity: 40n });
    const [trip] = await rowsOf('round_trips.parquet');
    const grossMicros = (40 * 10_000 + 60 * 9_998) * 100;
    expect(Math.round((trip.gross_usd as number) * 1e6)).toBe(grossMicros);
    expect(Math.round((trip.net_usd as number) * 1e6)).toBe(grossMicros - 3_000_003);
    expect(trip).toMatchObject({
      direction: 'long',
      quantity: 100n,
      holding_seconds: 144,
    });
  });

  it('writes executions as they stand at the end, once, and what was taken over from the broker', async () => {
    const bought = fill('a', 'buy', { quantity: 40, priceE4: 1_000_001, minute: 1, leaves: 60 });
    const { execution } = bought as Extract<InputEvent, { readonly type: 'OrderPartiallyFilled' }>;
    const corrected = (id: string, corrects: string, change: object): InputEvent => ({
      type: 'ExecutionCorrected',
      tUs: T0 + 600_000_000,
      execution: { ...execution, executionId: id, ...change },
      corrects,
    });
    const fee = (executionId: string, feeMicros: number): InputEvent => ({
      ...{ type: 'CommissionReported', tUs: T0 + 600_000_000, executionId, feeMicros },
    });
    const records = tapeOf([
      intended('a', {}),
      { type: 'OrderAccepted', tUs: T0, clientOrderId: 'a' },
      bought,
      { type: 'OrderAccepted', tUs: T0, clientOrderId: 'a' },
      fill('a', 'buy', { quantity: 60, priceE4: 1_000_003, minute: 2, leaves: 0 }),
      fee('a-2', 5),
      corrected('a-1.2', 'a-1', { quantity: 30, priceE4: 999_999 }),
      corrected('a-1.2', 'a-1', { quantity: 30, priceE4: 999_999 }),
      fee('a-1.2', 3),
      corrected('a-2.2', 'a-2', { quantity: 0 }),
      corrected('z.2', 'z', { quantity: 5, clientOrderId: 'b', symbol: 'BBB' }),
      {
        tUs: T0 + 700_000_000,
        derived: {
          ...{ type: 'PositionAdopted', symbol: 'AAA', change: -30, shares: 0 },
          ...{ priceE4: 1_000_000, realizedMicros: 0 },
        } as DerivedEvent,
      },
      { tUs: T0 + 1, derived: { type: 'OrderDropped', clientOrderId: 'a', leavesQuantity: 70 } },
    ]);
    const { files } = await exportRun(records, dir);
    expect(files.map((file) => file.rows)).toEqual([1, 2, 1]);
    const fills = await rowsOf('fills.parquet');
    expect(fills).toMatchObject([
      { execution_id: 'a-1.2', quantity: 30n, price_usd: 99.9999, fee_usd: 0.000003 },
      { execution_id: 'z.2', quantity: 5n, symbol: 'BBB' },
    ]);
    expect((await rowsOf('orders.parquet'))[0]).toMatchObject({
      status: 'cancelled',
      filled_quantity: 30n,
      fees_usd: 0.000003,
    });
    const [trip] = await rowsOf('round_trips.parquet');
    expect(trip).toMatchObject({ quantity: 30n, gross_usd: 0.003, fees_usd: 0.000003 });
  });

  it('round trips go on over splits, take dividends in, and end where a reverse split leaves no share', async () => {
    const on = { symbol: 'AAA', exDate: '2024-03-05', referencePriceE4: 1_000_000 } as const;
    const applied = (minute: number, action: CorporateAction): InputEvent => ({
      type: 'CorporateActionApplied',
      tUs: T0 + minute * 60_000_000,
      action,
    });
    const records = tapeOf([
      applied(0, { kind: 'split', ...on, symbol: 'ZZZ', oldShares: 1, newShares: 2 }),
      fill('a', 'buy', { quantity: 100, priceE4: 700_000, minute: 1 }),
      applied(2, { kind: 'dividend', ...on, cashMicros: 250_000 }),
      applied(3, { kind: 'split', ...on, oldShares: 1, newShares: 7 }),
      fill('b', 'sell', { quantity: 700, priceE4: 110_000, minute: 4 }),
      fill('c', 'buy', { quantity: 3, priceE4: 1_000_000, minute: 5 }),
      applied(6, { kind: 'split', ...on, oldShares: 20, newShares: 1 }),
    ]);
    const { files } = await exportRun(records, dir);
    expect(files.map((file) => file.rows)).toEqual([0, 3, 2]);
    const [first, second] = await rowsOf('round_trips.parquet');
    expect(first).toMatchObject({
      quantity: 700n,
      entry_price_usd: 10,
      exit_price_usd: 11,
      dividends_usd: 25,
    });
    expect(Math.round((first.net_usd as number) * 1e6)).toBe(700_000_000 + 25_000_000 - 2_000_002);
    expect(second).toMatchObject({ quantity: 1n, gross_usd: 0, dividends_usd: 0, closed: T0 + 360_000_000 });
  });

  it('a run without orders gives three readable files without rows', async () => {
    await exportRun([], dir);
    for (const name of ['orders.parquet', 'fills.parquet', 'round_trips.parquet']) {
      expect(await rowsOf(name)).toEqual([]);
    }
  });

  it('many rows, over several row groups, come back in order', async () => {
    const ROWS = 4_200;
    const random = createPrng([7]);
    const events: InputEvent[] = [];
    for (let k = 1; k <= ROWS; k += 1) {
      const quantity = 1 + Math.floor(random() * 500);
      events.push(fill(`o${k}`, k % 3 === 0 ? 'sell' : 'buy', { quantity, priceE4: 900_000 + k, minute: k }));
    }
    await exportRun(tapeOf(events), dir);
    const rows = await rowsOf('fills.parquet');
    const found = rows.map((row) => [row.execution_id, Number(row.quantity), row.traded]);
    const expected = events.map((event) =>
      'execution' in event
        ? [event.execution.executionId, event.execution.quantity, event.execution.tradeTimeUs]
        : [],
    );
    expect(found).toEqual(expected);
  });

  it('a damaged record or an unusable folder is a one-line error, and nothing half-written stays', async () => {
    const bad: TapeRecord = { seq: 3, t: T0, type: 'OrderFilled', payload: { execution: { symbol: 'AAA' } } };
    await expect(exportRun([bad], dir)).rejects.toThrow(/seq 3 .*execution/);
    expect(readdirSync(dir)).toEqual([]);
    const occupied = join(dir, 'file');
    writeFileSync(occupied, '');
    await expect(exportRun([], occupied)).rejects.toMatchObject({ code: 'EXPORT_OUT', exitCode: 2 });
  });

  it('numbers the format cannot hold never reach the writer; -0 is stored as 0', async () => {
    const path = join(dir, 't.parquet');
    const table = await createParquetTable(path, { n: 'number', i: 'integer', t: 'text?' });
    for (const row of [
      { n: Number.NaN, i: 1, t: undefined },
      { n: Number.POSITIVE_INFINITY, i: 1, t: undefined },
      { n: 1, i: 2 ** 53, t: undefined },
      { n: 1, i: 0.5, t: undefined },
    ]) {
      expect(() => table.append(row)).toThrow(/cannot be stored/);
    }
    await table.append({ n: -0, i: -0, t: 'x' });
    await table.close();
    const [row] = await rowsOf('t.parquet');
    expect(row).toEqual({ n: 0, i: 0n, t: 'x' });
    expect(Object.is(row.n, 0)).toBe(true);
  });
});
