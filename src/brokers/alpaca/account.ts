import { compareCodeUnits } from '../../domain/compare.ts';
import { ServiceError } from '../../domain/errors.ts';
import { holdingsOf } from '../../domain/odd-holdings.ts';
import type { Execution } from '../../domain/orders.ts';
import type { MoneyMicros, Shares, TimeUs } from '../../domain/units.ts';
import type { JsonService } from '../../net/json-service.ts';
import type { RequestLane } from '../../net/request-budget.ts';
import { isRecord, microsOf, type PartedShares, partedShares, timeText } from '../../net/wire-text.ts';
import {
  type AlpacaOrder,
  type FillActivity,
  inOrder,
  isOfPart,
  parseAnyOrder,
  parseFillActivity,
  parseOrder,
} from './mapper.ts';
import type { Reports } from './reports.ts';

const ORDERS_A_PAGE = 500;
const FILLS_A_PAGE = 100;
/** Pages of one question: beyond it something goes round in circles. */
const MAX_PAGES = 1000;

function unreadable(what: string): ServiceError {
  return new ServiceError('BROKER_UNREADABLE', `Alpaca: ${what}; look at the account by hand`, {
    retryable: false,
  });
}

/** @throws ServiceError BROKER_BLOCKED where the account may not trade */
export async function checkAccount(rest: JsonService): Promise<void> {
  const account = await readAccount(rest);
  const block = ['trading_blocked', 'account_blocked', 'trade_suspended_by_user'].find(
    (key) => account[key] === true,
  );
  if (block === undefined) return;
  throw new ServiceError(
    'BROKER_BLOCKED',
    `Alpaca: the account may not trade (${block}); ask Alpaca, or lift it there`,
    {
      retryable: false,
    },
  );
}

/** An amount of the account, dollars in text. */
export async function readAmount(rest: JsonService, key: 'cash' | 'equity'): Promise<MoneyMicros> {
  const micros = microsOf((await readAccount(rest))[key]);
  if (micros === undefined) throw unreadable(`the account's ${key} is no amount`);
  return micros;
}

export async function readAccountId(rest: JsonService): Promise<string> {
  const { account_number: id } = await readAccount(rest);
  if (typeof id !== 'string' || !/^[A-Za-z0-9-]{1,64}$/.test(id))
    throw unreadable('the account has no number');
  return id;
}

async function readAccount(rest: JsonService): Promise<Readonly<Record<string, unknown>>> {
  const account = await rest.get('/v2/account');
  if (isRecord(account)) return account;
  throw unreadable('no account came back');
}

/** Signed shares by symbol, in code-unit order; a part of a share, which reinvested dividends leave, by a name of its own. */
export async function readPositions(rest: JsonService): Promise<Record<string, Shares>> {
  const rows = await rest.get('/v2/positions');
  if (!Array.isArray(rows)) throw unreadable('no list of positions came back');
  const held = rows.flatMap((row) => {
    const found = isRecord(row) ? partedShares(row.qty) : undefined;
    if (!isRecord(row) || typeof row.symbol !== 'string' || found === undefined) {
      const symbol = isRecord(row) && typeof row.symbol === 'string' ? row.symbol : 'a symbol';
      throw unreadable(`the position in ${symbol} is no number of shares`);
    }
    return holdingsOf(row.symbol, row.side === 'short' ? asShort(found) : found);
  });
  return Object.fromEntries(held.sort(([a], [b]) => compareCodeUnits(a, b)));
}

/** However its quantity is signed. */
function asShort({ whole, part }: PartedShares): PartedShares {
  return { whole: -Math.abs(whole), part: part === 0 ? 0 : -1 };
}

/** Orders that have not ended, those of parts of a share and of amounts of money, which others placed, included. */
export async function readOpenOrders(rest: JsonService): Promise<AlpacaOrder[]> {
  const orders: AlpacaOrder[] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const after = orders.at(-1)?.id;
    const rows = await rest.get('/v2/orders', {
      status: 'open',
      limit: String(ORDERS_A_PAGE),
      direction: 'asc',
      ...(after === undefined ? {} : { after_order_id: after }),
    });
    if (!Array.isArray(rows)) throw unreadable('no list of orders came back');
    for (const row of rows) {
      const order = parseAnyOrder(row);
      if (order === undefined) throw unreadable('an open order cannot be read');
      orders.push(order);
    }
    if (rows.length < ORDERS_A_PAGE) return orders;
  }
  throw unreadable('the list of orders does not end');
}

/** An order by Alpaca's own id. */
export async function readOrder(
  rest: JsonService,
  brokerOrderId: string,
  lane: RequestLane = 'ordinary',
): Promise<AlpacaOrder | undefined> {
  const path = `/v2/orders/${encodeURIComponent(brokerOrderId)}`;
  const order = parseOrder(await rest.get(path, undefined, lane));
  return order?.id === brokerOrderId ? order : undefined;
}

/** Fills of whole shares since a time: those of parts of one are of orders that others placed. */
export async function readFills(rest: JsonService, sinceUs: TimeUs): Promise<FillActivity[]> {
  const fills: FillActivity[] = [];
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const rows = await rest.get('/v2/account/activities/FILL', {
      after: timeText(Math.max(0, sinceUs)),
      direction: 'asc',
      page_size: String(FILLS_A_PAGE),
      ...(token === undefined ? {} : { page_token: token }),
    });
    if (!Array.isArray(rows)) throw unreadable('no list of fills came back');
    for (const row of rows) {
      if (isOfPart(row)) continue;
      const fill = parseFillActivity(row);
      if (fill === undefined) throw unreadable('a fill cannot be read');
      fills.push(fill);
    }
    const last: unknown = rows.at(-1);
    if (rows.length < FILLS_A_PAGE || !isRecord(last) || typeof last.id !== 'string') return inOrder(fills);
    token = last.id;
  }
  throw unreadable('the list of fills does not end');
}

export interface ExecutionsSince {
  readonly rest: JsonService;
  readonly reports: Reports;
  readonly sinceUs: TimeUs;
  /** Client ids by Alpaca's own, kept between calls: the list of fills does not have them. */
  readonly clientIds: Map<string, string>;
}

/** Executions since a time, under the ids that news gives them. */
export async function readExecutions({
  rest,
  reports,
  sinceUs,
  clientIds,
}: ExecutionsSince): Promise<Execution[]> {
  const executions: Execution[] = [];
  // the list has times to the millisecond
  const fromUs = sinceUs - (sinceUs % 1000);
  for (const activity of await readFills(rest, fromUs - 1000)) {
    if (activity.fill.tradeTimeUs < fromUs) continue;
    const { brokerOrderId } = activity;
    const told = reports.told(activity);
    if (told === undefined && !clientIds.has(brokerOrderId)) {
      clientIds.set(brokerOrderId, (await readOrder(rest, brokerOrderId))?.clientOrderId ?? '');
    }
    const clientOrderId = told?.clientOrderId ?? clientIds.get(brokerOrderId) ?? '';
    executions.push({
      ...activity.fill,
      executionId: told?.executionId ?? activity.fill.executionId,
      clientOrderId,
    });
  }
  return executions;
}
