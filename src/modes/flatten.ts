import { compareCodeUnits } from '../domain/compare.ts';
import { ServiceError } from '../domain/errors.ts';
import { isWholeStock } from '../domain/odd-holdings.ts';
import type { OrderRequest } from '../domain/orders.ts';
import { type DurationUs, type Shares, US_PER_SECOND } from '../domain/units.ts';
import type { Broker, BrokerNews, BrokerOrder } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import { type BrokerWatch, pollUntil, watchBroker } from './broker-watch.ts';

export interface FlattenOptions {
  /** Connected. */
  readonly broker: Broker;
  readonly clock: Clock;
  /** Start of the client ids of closing orders; unique for ever at the broker. */
  readonly idPrefix: string;
  /** How long cancels may take to end, and closing orders to fill. */
  readonly withinUs: DurationUs;
  readonly everyUs?: DurationUs;
}

/** What an account holds: what flattening it would end. */
export interface FlattenPlan {
  readonly orders: readonly BrokerOrder[];
  readonly positions: Readonly<Record<string, Shares>>;
}

export interface FlattenReport {
  readonly isFlat: boolean;
  /** Orders that were at work and are no more. */
  readonly cancelled: readonly BrokerOrder[];
  readonly closings: readonly ClosingOrder[];
  /** What is at work or held still. */
  readonly left: FlattenPlan;
  /** What went wrong on the way, a line each. */
  readonly troubles: readonly string[];
}

export interface ClosingOrder {
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: Shares;
}

const EVERY_US = US_PER_SECOND / 2;
const SUBMIT_ATTEMPTS = 3;
/** A fill that came while orders were cancelled makes another position to close. */
const ROUNDS = 3;

export async function planFlatten(broker: Broker): Promise<FlattenPlan> {
  const [orders, positions] = [await broker.getOpenOrders(), await broker.getPositions()];
  return { orders, positions: held(positions) };
}

/**
 * Cancels everything first, waits for the ends, and only then closes what is held, by market orders: an order that
 * still works could fill beside the closing one and turn the position over. A symbol whose orders do not end is
 * therefore left alone, and reported. Closing orders that do not fill in time are left to work: they only reduce.
 */
export async function flatten(options: FlattenOptions): Promise<FlattenReport> {
  const { broker, clock } = options;
  const troubles: string[] = [];
  const watch = watchBroker(broker, clock);
  try {
    const before = await planFlatten(broker);
    await cancelAll(options, before.orders, troubles);
    const closings: ClosingOrder[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { placed, hasFilled } = await closeRound(options, { round, watch, troubles });
      closings.push(...placed);
      if (!hasFilled) break;
    }
    const left = await planFlatten(broker);
    const isOpen = (order: BrokerOrder): boolean =>
      left.orders.some(({ brokerOrderId }) => brokerOrderId === order.brokerOrderId);
    return {
      isFlat: left.orders.length === 0 && Object.keys(left.positions).length === 0,
      cancelled: before.orders.filter((order) => !isOpen(order)),
      closings,
      left,
      troubles: [...new Set(troubles)],
    };
  } finally {
    watch.stop();
  }
}

async function cancelAll(
  options: FlattenOptions,
  orders: readonly BrokerOrder[],
  troubles: string[],
): Promise<void> {
  const { broker, clock, withinUs, everyUs = EVERY_US } = options;
  const ask = async (order: BrokerOrder): Promise<void> => {
    if (order.clientOrderId === '') return;
    try {
      await broker.cancelOrder(order.clientOrderId);
    } catch (error) {
      troubles.push(`cancel of ${nameOf(order)}: ${wordsOf(error)}`);
    }
  };
  for (const order of orders) {
    if (order.clientOrderId === '') troubles.push(`${nameOf(order)} was placed elsewhere; cancel it there`);
    await ask(order);
  }
  const isOurs = ({ clientOrderId }: BrokerOrder): boolean => clientOrderId !== '';
  // a list that cannot be had now is asked for again: this is no time to give up
  const haveEnded = (): Promise<boolean> =>
    broker.getOpenOrders().then(
      (open) => !open.some(isOurs),
      () => false,
    );
  if (!orders.some(isOurs)) return;
  if (await pollUntil(haveEnded, { clock, everyUs, withinUs: withinUs / 2 })) return;
  for (const order of await broker.getOpenOrders().catch(() => orders)) await ask(order);
  await pollUntil(haveEnded, { clock, everyUs, withinUs: withinUs / 2 });
}

/** Orders for everything held that nothing works on; done once they have ended, or time is up. */
async function closeRound(
  options: FlattenOptions,
  {
    round,
    watch,
    troubles,
  }: { readonly round: number; readonly watch: BrokerWatch; readonly troubles: string[] },
): Promise<{ readonly placed: readonly ClosingOrder[]; readonly hasFilled: boolean }> {
  const { broker, clock, withinUs, everyUs = EVERY_US } = options;
  const { orders, positions } = await planFlatten(broker);
  const made: ClosingOrder[] = [];
  for (const symbol of Object.keys(positions).sort(compareCodeUnits)) {
    const working = orders.filter((order) => order.symbol === symbol);
    if (working.length > 0) {
      const isClosing = working.every(({ clientOrderId }) => clientOrderId.startsWith(options.idPrefix));
      if (!isClosing)
        troubles.push(`${symbol}: an order works on it still, so that its position is left alone`);
      continue;
    }
    if (!isWholeStock(symbol)) {
      troubles.push(`${symbol}: no order of ours can be for it; close it at the broker`);
      continue;
    }
    const shares = positions[symbol];
    const order: OrderRequest = {
      clientOrderId: `${options.idPrefix}-${round}-${made.length}`,
      symbol,
      side: shares > 0 ? 'sell' : 'buy',
      type: 'market',
      timeInForce: broker.rules.timesInForce.includes('day') ? 'day' : 'ioc',
      quantity: Math.abs(shares),
      purpose: 'close',
    };
    if (await submit(broker, order, troubles)) {
      const { clientOrderId, side, quantity } = order;
      made.push({ clientOrderId, symbol, side, quantity });
    }
  }
  if (made.length === 0) return { placed: made, hasFilled: false };
  await pollUntil(async () => made.every((order) => hasEnded(order, watch, troubles)), {
    clock,
    everyUs,
    withinUs,
  });
  const hasFilled = made.some(({ clientOrderId }) => watch.heard.some(isFillOf(clientOrderId)));
  return { placed: made, hasFilled };
}

async function submit(broker: Broker, order: OrderRequest, troubles: string[]): Promise<boolean> {
  for (let attempt = 0; attempt < SUBMIT_ATTEMPTS; attempt += 1) {
    try {
      await broker.submitOrder(order, { mayBePlaced: attempt > 0 });
      return true;
    } catch (error) {
      troubles.push(`${order.side} of ${order.quantity} ${order.symbol}: ${wordsOf(error)}`);
      if (!(error instanceof ServiceError) || !error.retryable) return false;
    }
  }
  return false;
}

function hasEnded({ clientOrderId, symbol }: ClosingOrder, watch: BrokerWatch, troubles: string[]): boolean {
  const end = watch.heard.find((news) => isEndOf(news, clientOrderId));
  if (end === undefined) return false;
  const trouble = `close of ${symbol}: ${end.type === 'OrderRejected' ? `refused (${end.reason}: ${end.detail})` : end.type}`;
  if (end.type !== 'OrderFilled' && !troubles.includes(trouble)) troubles.push(trouble);
  return true;
}

function isEndOf(news: BrokerNews, id: string): boolean {
  switch (news.type) {
    case 'OrderFilled':
      return news.execution.clientOrderId === id;
    case 'OrderRejected':
    case 'OrderCancelled':
    case 'OrderExpired':
      return news.clientOrderId === id;
    default:
      return false;
  }
}

function isFillOf(id: string): (news: BrokerNews) => boolean {
  return (news) => 'execution' in news && news.execution.clientOrderId === id;
}

function held(positions: Readonly<Record<string, Shares>>): Record<string, Shares> {
  return Object.fromEntries(Object.entries(positions).filter(([, shares]) => shares !== 0));
}

function nameOf({ clientOrderId, brokerOrderId, side, symbol }: BrokerOrder): string {
  return `${side} order ${clientOrderId === '' ? brokerOrderId : clientOrderId} in ${symbol}`;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
