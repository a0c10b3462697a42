import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { AlpacaBroker } from '../../src/brokers/alpaca/broker.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import type { BrokerNews } from '../../src/ports/broker.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import type { TwinFault } from '../twins/alpaca/faults.ts';
import { type AlpacaTwin, startAlpacaTwin, type TwinOptions } from '../twins/alpaca/twin.ts';
import { until } from '../twins/clocks.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const QUOTE = { bidE4: 1_000_000, askE4: 1_000_500, bidSize: 1000, askSize: 1000 };

interface Desk {
  readonly twin: AlpacaTwin;
  readonly broker: AlpacaBroker;
  readonly news: BrokerNews[];
  types(): string[];
}

/** A twin with a market, and the adapter connected to it. */
async function desk(options: TwinOptions = {}, settings: Parameters<typeof brokerOf>[1] = {}): Promise<Desk> {
  const twin = await startAlpacaTwin(options);
  closers.push(twin.close);
  twin.book.setQuote('SPY', QUOTE);
  const broker = brokerOf(twin, settings);
  closers.push(broker.close);
  const news: BrokerNews[] = [];
  broker.news$.subscribe((one) => news.push(one));
  await broker.connect();
  return { twin, broker, news, types: () => news.map(({ type }) => type) };
}

let count = 0;
function order(over: Partial<OrderRequest> = {}): OrderRequest {
  return {
    clientOrderId: `run-${++count}`,
    symbol: 'SPY',
    side: 'buy',
    type: 'marketable_limit',
    timeInForce: 'day',
    quantity: 100,
    limitPriceE4: 1_001_000,
    purpose: 'open',
    ...over,
  };
}

/** A buy that no quote of these tests fills. */
const resting = (over: Partial<OrderRequest> = {}) =>
  order({ type: 'limit', limitPriceE4: 900_000, ...over });
const filled = (news: readonly BrokerNews[]) =>
  news.flatMap((one) => ('execution' in one ? [one.execution] : []));

describe('orders', () => {
  it('tells acceptance and fills in exact prices, and nothing of its keys', async () => {
    const { broker, news, twin } = await desk();
    const bought = order();
    await broker.submitOrder(bought);
    await until('a fill', () => news.some(({ type }) => type === 'OrderFilled'));
    expect(news.map(({ type }) => type)).toEqual(['OrderUpdated', 'OrderAccepted', 'OrderFilled']);
    expect(filled(news)[0]).toMatchObject({
      clientOrderId: bought.clientOrderId,
      symbol: 'SPY',
      side: 'buy',
      quantity: 100,
      priceE4: 1_000_500,
    });
    expect(await broker.getPositions()).toEqual({ SPY: 100 });
    expect(await broker.getCash()).toBe(twin.book.cashMicros);
    expect(await broker.getAccountId?.()).toBe('PA3TWIN00001');
    expect(await broker.getPortfolioValue()).toBe(twin.book.cashMicros + 100 * 100_000_000);
    const text = inspect([news, broker], { depth: null, showHidden: true });
    expect(text).not.toContain(twin.keys.keyId);
    expect(text).not.toContain(twin.keys.secretKey);
  });

  it('sends nothing before reports are heard, and says that it did not', async () => {
    const { broker, twin, news } = await desk({}, { readyUs: 30_000 });
    expect(twin.seen.filter(({ method }) => method === 'POST')).toEqual([]);
    await twin.close();
    await until('the loss', () => news.some(({ type }) => type === 'ConnectionLost'));
    await broker.submitOrder(order());
    expect(news.at(-1)).toMatchObject({ type: 'OrderRejected', reason: 'not_placed' });
  });

  it.each([
    [{ limitPriceE4: 1_000_050 }, 'invalid_price'],
    [{ quantity: 1.5 }, 'invalid_quantity'],
    [{ clientOrderId: 'x'.repeat(129) }, 'invalid_quantity'],
  ])('refuses %j before anything is sent', async (over, reason) => {
    const { broker, twin, news } = await desk();
    await broker.submitOrder(order(over));
    expect(news).toMatchObject([{ type: 'OrderRejected', reason }]);
    expect(twin.seen.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it("passes a refusal on in the broker's own words", async () => {
    const { broker, news } = await desk({ cashMicros: 1_000_000 });
    await broker.submitOrder(order());
    expect(news).toMatchObject([
      { type: 'OrderRejected', reason: 'refused', detail: 'HTTP 403/40310000 insufficient buying power' },
    ]);
    await broker.submitOrder(order({ symbol: 'NOPE' }));
    expect(news[1]).toMatchObject({ detail: 'HTTP 422/42210000 asset "NOPE" not found' });
  });

  it('cancels, and says that a cancel came too late', async () => {
    const { broker, news, types } = await desk();
    const waiting = resting();
    await broker.submitOrder(waiting);
    await broker.cancelOrder(waiting.clientOrderId);
    await until('the end', () => types().includes('OrderCancelled'));
    await broker.cancelOrder(waiting.clientOrderId);
    expect(types().filter((type) => type === 'CancelRejected' || type === 'OrderCancelled')).toHaveLength(1);
    await broker.cancelOrder('never-sent');
    expect(news.at(-1)).toEqual({
      type: 'CancelRejected',
      clientOrderId: 'never-sent',
      reason: 'Alpaca has no such order',
    });
  });

  it('replaces an order by a new one under the same client id', async () => {
    const { broker, news, twin, types } = await desk();
    const waiting = resting();
    await broker.submitOrder(waiting);
    await broker.replaceOrder({
      clientOrderId: waiting.clientOrderId,
      limitPriceE4: 1_000_500,
      quantity: 50,
    });
    await until('a fill', () => types().includes('OrderFilled'));
    expect(twin.book.orders.map(({ status }) => status)).toEqual(['replaced', 'filled']);
    expect(filled(news)).toMatchObject([{ clientOrderId: waiting.clientOrderId, quantity: 50 }]);
    expect(types().filter((type) => type === 'OrderAccepted')).toHaveLength(1);
    expect(news).toContainEqual({
      type: 'OrderUpdated',
      clientOrderId: waiting.clientOrderId,
      brokerOrderId: twin.book.orders[1].id,
      status: 'replaced',
    });
    expect(await broker.findOrder(waiting.clientOrderId)).toMatchObject({ status: 'filled', quantity: 50 });
  });

  it('keeps every state in between', async () => {
    const { broker, news, twin } = await desk();
    await broker.submitOrder(resting());
    const { id } = twin.book.orders[0];
    const states = [
      'pending_cancel',
      'pending_replace',
      'stopped',
      'suspended',
      'calculated',
      'done_for_day',
      'held',
    ];
    for (const state of states) twin.book.say(id, state);
    twin.book.say(id, 'order_cancel_rejected');
    twin.book.say(id, 'order_replace_rejected');
    await until('all of them', () => news.filter(({ type }) => type === 'CancelRejected').length === 2);
    const told = news.flatMap((one) => (one.type === 'OrderUpdated' ? [one.status] : []));
    expect(told).toEqual(['pending_new', ...states]);
  });
});

describe('what was sent and not answered', () => {
  const fates: readonly TwinFault['do']['kind'][] = [
    ...(['error_before', 'error_after', 'silence_before', 'silence_after'] as const),
    ...(['cut_before', 'cut_after', 'too_many'] as const),
  ];
  it.each(fates)('is one order after %s, also where Alpaca would take the id twice', async (kind) => {
    const fault = { on: 'order', nth: 0, do: { kind, atByte: 60 } } as unknown as TwinFault;
    const { broker, twin, types } = await desk({ faults: [fault], acceptsUsedIds: true });
    const bought = order();
    await broker.submitOrder(bought);
    await until('a fill', () => types().includes('OrderFilled'));
    expect(twin.book.orders.map(({ clientOrderId }) => clientOrderId)).toEqual([bought.clientOrderId]);
    expect(twin.dealer.dealt).toHaveLength(1);
  });

  it('is looked up first when an earlier process may have sent it', async () => {
    const { broker, twin } = await desk({ acceptsUsedIds: true });
    const bought = order();
    await broker.submitOrder(bought);
    const later = brokerOf(twin);
    closers.push(later.close);
    const news: BrokerNews[] = [];
    later.news$.subscribe((one) => news.push(one));
    await later.connect();
    await later.submitOrder(bought, { mayBePlaced: true });
    await until('the fill is told', () => news.some(({ type }) => type === 'OrderFilled'));
    expect(twin.book.orders).toHaveLength(1);
    expect(filled(news)[0].executionId).toBe(twin.book.executions[0].executionId);
  });

  it('is one order when it is asked for twice at a time', async () => {
    const { broker, twin } = await desk({ acceptsUsedIds: true });
    const bought = order();
    await Promise.all([broker.submitOrder(bought), broker.submitOrder(bought)]);
    expect(twin.book.orders).toHaveLength(1);
  });
});

describe('a lost connection', () => {
  it('tells fills that were missed before it counts as restored', async () => {
    const { broker, twin, news, types } = await desk();
    const waiting = resting();
    await broker.submitOrder(waiting);
    twin.stream.dropAll();
    twin.book.setQuote('SPY', { ...QUOTE, askE4: 899_900 });
    await until('restored', () => types().includes('ConnectionRestored'));
    expect(types().slice(-3)).toEqual(['ConnectionLost', 'OrderFilled', 'ConnectionRestored']);
    expect(filled(news)).toMatchObject([
      {
        clientOrderId: waiting.clientOrderId,
        executionId: twin.book.executions[0].executionId,
        priceE4: 899_900,
      },
    ]);
    expect(await broker.getExecutions(0)).toMatchObject(
      filled(news).map(({ executionId }) => ({ executionId })),
    );
  });

  it('finds by its own clock what the stream never said', async () => {
    const drops = [2, 3].map((nth): TwinFault => ({ on: 'update', nth, do: { kind: 'drop' } }));
    const { broker, twin, types } = await desk({ faults: drops });
    await broker.submitOrder(resting());
    twin.book.setQuote('SPY', { ...QUOTE, askE4: 899_900, askSize: 40 });
    twin.book.setQuote('SPY', { ...QUOTE, askE4: 899_900, askSize: 60 });
    await until('the fill', () => types().includes('OrderFilled'));
    expect(types().filter((type) => type.endsWith('Filled'))).toEqual([
      'OrderPartiallyFilled',
      'OrderFilled',
    ]);
  });
});

it.each([[{ keyId: 'PLANTED-WRONG', secretKey: 'PLANTED-WRONG-2' }, 'BROKER_AUTH']])(
  'refuses to start with keys that are refused, without showing them',
  async (keys, code) => {
    const twin = await startAlpacaTwin();
    closers.push(twin.close);
    const broker = brokerOf({ ...twin, keys });
    closers.push(broker.close);
    const error = await broker.connect().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, retryable: false });
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('PLANTED');
  },
);

it('keeps within its requests a minute, and cancels although orders have used their share', async () => {
  const { broker, twin, types } = await desk(
    {},
    { requestsPerMinute: 12, reservedForCancels: 4, reconcileUs: 1e12 },
  );
  const waiting = resting();
  await broker.submitOrder(waiting);
  const flood = Array.from({ length: 20 }, () => broker.submitOrder(resting()).catch(() => undefined));
  await until('their share is used', () => twin.seen.length === 8);
  await broker.cancelOrder(waiting.clientOrderId);
  await until('the end', () => types().includes('OrderCancelled'));
  expect(twin.seen.length).toBe(9);
  await broker.close();
  await Promise.all(flood);
});

it('cancels within moments while Alpaca wants a minute of silence, though cancels are turned away too', async () => {
  const { broker, twin, types } = await desk({}, { reconcileUs: 1e12 });
  const working = Array.from({ length: 12 }, () => resting());
  for (const one of working) await broker.submitOrder(one);
  const tooMany = { kind: 'too_many', forSeconds: 60 } as const;
  twin.dealer.deal([
    { on: 'question', nth: 0, do: tooMany },
    ...Array.from({ length: 14 }, (_, nth) => ({ on: 'cancel', nth, do: tooMany }) as const),
  ]);
  const cash = broker.getCash().catch(() => 'closed');
  await until('a question is turned away', () => twin.dealer.dealt.length === 1);
  await Promise.all(working.map(({ clientOrderId }) => broker.cancelOrder(clientOrderId)));
  await until('the ends', () => types().filter((type) => type === 'OrderCancelled').length === 12, 2_000);
  // all twelve were turned away once, and then one tried for all
  expect(twin.seen.filter(({ method }) => method === 'DELETE').length).toBe(26);
  expect(twin.seen.filter(({ path }) => path === '/v2/account').length).toBe(2);
  await broker.close();
  expect(await cash).toBe('closed');
});

it('does not send an order that was called back while Alpaca wanted silence', async () => {
  const { broker, twin, news } = await desk({}, { reconcileUs: 1e12 });
  twin.dealer.deal([{ on: 'order', nth: 0, do: { kind: 'too_many', forSeconds: 60 } }]);
  const wanted = resting();
  const sending = broker.submitOrder(wanted);
  await until('it is turned away', () => twin.dealer.dealt.length === 1);
  await broker.cancelOrder(wanted.clientOrderId);
  await sending;
  expect(news).toMatchObject([
    { type: 'OrderRejected', clientOrderId: wanted.clientOrderId, reason: 'not_placed' },
  ]);
  expect(twin.book.orders).toHaveLength(0);
});

it('shows no key that Alpaca, or something before it, echoes', async () => {
  const { broker, news, twin } = await desk({ faults: [{ on: 'place', nth: 0, do: { kind: 'reject' } }] });
  await broker.submitOrder(order());
  expect(news[0]).toMatchObject({
    type: 'OrderRejected',
    detail: expect.stringContaining('wash trade') as string,
  });
  expect(JSON.stringify(news)).toContain('***');
  for (const key of Object.values(twin.keys)) expect(JSON.stringify(news)).not.toContain(key);
});

describe('an answer that is no answer', () => {
  it.each(['empty_after', 'other_after'] as const)(
    'to an order (%s) has it looked for, and told as ours',
    async (kind) => {
      const { broker, news, twin } = await desk({ faults: [{ on: 'order', nth: 0, do: { kind } }] });
      const placed = order();
      await broker.submitOrder(placed);
      await until('a fill', () => news.some(({ type }) => type === 'OrderFilled'));
      const ids = news.flatMap((one) => ('clientOrderId' in one ? [one.clientOrderId] : []));
      expect(new Set(ids)).toEqual(new Set([placed.clientOrderId]));
      expect(twin.book.orders).toHaveLength(1);
    },
  );

  it('to the question for an order, but another order, is not taken for it', async () => {
    const { broker, twin } = await desk();
    await broker.submitOrder(order());
    twin.dealer.deal([{ on: 'lookup', nth: 0, do: { kind: 'other_after' } }]);
    await expect(broker.findOrder(twin.book.orders[0]!.clientOrderId)).rejects.toMatchObject({
      code: 'BROKER_UNREADABLE',
    });
  });
});
