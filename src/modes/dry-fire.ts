import { CheckFailedError } from '../domain/errors.ts';
import type { DurationUs, PriceE4, Shares } from '../domain/units.ts';
import type { Broker, BrokerNews } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import { type BrokerWatch, pollUntil, watchBroker } from './broker-watch.ts';

export interface DryFireOptions {
  /** In paper mode, not connected yet. */
  readonly broker: Broker;
  readonly clock: Clock;
  readonly symbol: string;
  /** A recent price of it; the order bids half of that. */
  readonly priceE4: PriceE4;
  /** Unique for ever at the broker. */
  readonly clientOrderId: string;
  /** How long each answer may take. */
  readonly withinUs: DurationUs;
}

export interface DryFireReport {
  readonly broker: string;
  readonly symbol: string;
  readonly limitPriceE4: PriceE4;
  readonly acceptedAfterUs: DurationUs;
  readonly cancelledAfterUs: DurationUs;
}

const POLL_US = 250_000;

type NewsOf<T extends BrokerNews['type']> = Extract<BrokerNews, { readonly type: T }>;

/**
 * Places one order that cannot fill, sees it work, cancels it, sees it end, and sees that no position moved: the whole
 * way to the broker and back, without a trade. Whatever goes wrong, the order is called back.
 * @throws CheckFailedError DRY_FIRE_FAILED saying which step; ServiceError of the broker
 */
export async function dryFire(options: DryFireOptions): Promise<DryFireReport> {
  const { broker, clock } = options;
  const watch = watchBroker(broker, clock);
  try {
    await broker.connect();
    return await fire(options, watch);
  } finally {
    watch.stop();
    await broker.close();
  }
}

async function fire(options: DryFireOptions, watch: BrokerWatch): Promise<DryFireReport> {
  const { broker, clock, symbol, clientOrderId } = options;
  const before = await broker.getPositions();
  await broker.getCash();
  const limitPriceE4 = farBelow(options);
  const sentUs = clock.nowUs();
  let isWorking = true;
  try {
    await broker.submitOrder({
      clientOrderId,
      symbol,
      side: 'buy',
      type: 'limit',
      timeInForce: 'day',
      quantity: 1,
      limitPriceE4,
      purpose: 'open',
    });
    const accepted = await next(options, watch, ['OrderAccepted'], 'the order working');
    const acceptedUs = clock.nowUs();
    if (accepted.type !== 'OrderAccepted') throw failed(options, accepted);
    await expectListed(options, watch, true);
    await broker.cancelOrder(clientOrderId);
    const ended = await next(options, watch, ['OrderCancelled'], 'the order cancelled');
    const cancelledUs = clock.nowUs();
    isWorking = false;
    if (ended.type !== 'OrderCancelled') throw failed(options, ended);
    await expectListed(options, watch, false);
    expectSame(options, before, await broker.getPositions());
    return {
      broker: broker.name,
      symbol,
      limitPriceE4,
      acceptedAfterUs: acceptedUs - sentUs,
      cancelledAfterUs: cancelledUs - acceptedUs,
    };
  } finally {
    if (isWorking) await broker.cancelOrder(clientOrderId).catch(() => undefined);
  }
}

/** Half the price, on the grid, and a step above nothing. */
function farBelow({ broker, priceE4 }: DryFireOptions): PriceE4 {
  const { tickE4, subDollarTickE4 } = broker.rules;
  const half = priceE4 / 2;
  const tick = half >= 10_000 ? tickE4 : subDollarTickE4;
  return Math.max(tick, Math.floor(half / tick) * tick);
}

type Ending = NewsOf<'OrderAccepted' | 'OrderCancelled' | 'OrderRejected' | 'OrderExpired'> | Filled;
type Filled = NewsOf<'OrderFilled' | 'OrderPartiallyFilled'>;

/** The next report that is wanted, or one that makes it pointless to wait. */
function next(
  { clientOrderId, withinUs }: DryFireOptions,
  watch: BrokerWatch,
  wanted: readonly ('OrderAccepted' | 'OrderCancelled')[],
  what: string,
): Promise<Ending> {
  const ends = [...wanted, 'OrderRejected', 'OrderExpired', 'OrderFilled', 'OrderPartiallyFilled'];
  const matches = (news: BrokerNews): news is Ending => {
    if (!ends.includes(news.type)) return false;
    const { clientOrderId: id } = 'execution' in news ? news.execution : (news as NewsOf<'OrderAccepted'>);
    return id === clientOrderId;
  };
  return watch.first({ matches, withinUs, what });
}

function isFillOf(clientOrderId: string): (news: BrokerNews) => news is Filled {
  return (news): news is Filled =>
    (news.type === 'OrderFilled' || news.type === 'OrderPartiallyFilled') &&
    news.execution.clientOrderId === clientOrderId;
}

function failed({ broker, symbol }: DryFireOptions, news: Ending): CheckFailedError {
  const what =
    news.type === 'OrderRejected'
      ? `refused the order (${news.reason}: ${news.detail})`
      : 'execution' in news
        ? `filled an order that bids half the price of ${symbol}; close the position by hand`
        : `ended the order by itself (${news.type})`;
  return new CheckFailedError('DRY_FIRE_FAILED', `dry fire: ${broker.name} ${what}`);
}

/** Lists may lag behind reports. */
async function expectListed(options: DryFireOptions, watch: BrokerWatch, isExpected: boolean): Promise<void> {
  const { broker, clock, clientOrderId, withinUs } = options;
  const isSo = await pollUntil(
    async () =>
      (await broker.getOpenOrders()).some((order) => order.clientOrderId === clientOrderId) === isExpected,
    { clock, everyUs: POLL_US, withinUs },
  );
  const filled = watch.heard.find(isFillOf(clientOrderId));
  if (filled !== undefined) throw failed(options, filled);
  if (isSo) return;
  const what = isExpected ? 'does not list the order it accepted' : 'still lists the order it cancelled';
  throw new CheckFailedError('DRY_FIRE_FAILED', `dry fire: ${broker.name} ${what}`);
}

function expectSame(
  { broker }: DryFireOptions,
  before: Readonly<Record<string, Shares>>,
  after: Readonly<Record<string, Shares>>,
): void {
  const symbols = [...Object.keys(before), ...Object.keys(after)];
  const moved = symbols.find((symbol) => (before[symbol] ?? 0) !== (after[symbol] ?? 0));
  if (moved === undefined) return;
  const shares = `${before[moved] ?? 0} to ${after[moved] ?? 0}`;
  throw new CheckFailedError(
    'DRY_FIRE_FAILED',
    `dry fire: the position in ${moved} at ${broker.name} went from ${shares} shares meanwhile; does something else trade this account?`,
  );
}
