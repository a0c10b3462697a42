import { afterEach, describe, expect, it } from 'vitest';
import { partOf } from '../../src/domain/odd-holdings.ts';
import { flatten } from '../../src/modes/flatten.ts';
import type { Broker, BrokerNews } from '../../src/ports/broker.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import { startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { fastClock, until, wallClock } from '../twins/clocks.ts';
import { buy, openDesk, quoteAt, SPEED } from './ibkr/desk.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const PART = 'no order of ours can be for it; close it at the broker';

describe('an account at Alpaca with parts of shares, as reinvested dividends and people leave them', () => {
  async function given() {
    const twin = await startAlpacaTwin();
    closers.push(twin.close);
    twin.book.setQuote('SPY', { bidE4: 1_000_000, askE4: 1_000_500, bidSize: 1000, askSize: 1000 });
    const broker = brokerOf(twin);
    closers.push(broker.close);
    await broker.connect();
    const byHand = { symbol: 'SPY', side: 'buy', time_in_force: 'day' };
    twin.book.place({ ...byHand, type: 'market', qty: '10.25', client_order_id: 'by-hand-1' });
    twin.book.place({ ...byHand, type: 'limit', limit_price: '1', qty: '0.5', client_order_id: 'by-hand-2' });
    return { twin, broker };
  }

  it('is read whole: parts are named so that no universe has them', async () => {
    const { broker } = await given();
    expect(await broker.getPositions()).toEqual({ SPY: 10, [partOf('SPY')]: 1 });
    expect(await broker.getOpenOrders()).toEqual([
      expect.objectContaining({ clientOrderId: 'by-hand-2', quantity: 1, filledQuantity: 0 }),
    ]);
    expect(await broker.getExecutions(0)).toEqual([]);
  });

  it('does not keep fills of whole shares from being read', async () => {
    const { broker } = await given();
    const news: BrokerNews[] = [];
    broker.news$.subscribe((one) => news.push(one));
    await broker.submitOrder(buy('ours', { symbol: 'SPY', quantity: 3, limitPriceE4: 1_001_000 }));
    await until('the fill', () => news.some(({ type }) => type === 'OrderFilled'));
    await broker.reconcileNow();
    const fills = await broker.getExecutions(0);
    expect(fills.map(({ clientOrderId, quantity }) => [clientOrderId, quantity])).toEqual([['ours', 3]]);
    expect(broker.counters.failedReconciles).toBe(0);
  });

  it('is flattened but for the parts, which are named', async () => {
    const { twin, broker } = await given();
    const report = await flattened(broker);
    expect(report.left).toEqual({ orders: [], positions: { [partOf('SPY')]: 1 } });
    expect(report).toMatchObject({ isFlat: false, troubles: [`${partOf('SPY')}: ${PART}`] });
    expect(twin.book.positions()).toEqual({ SPY: 0.25 });
    expect(twin.book.byClientId('by-hand-2')?.status).toBe('canceled');
  });
});

describe('an account at a gateway with parts of shares', () => {
  async function given() {
    const desk = await openDesk();
    closers.push(desk.close);
    desk.twin.quote(quoteAt(10));
    const byHand = {
      ...{ clientId: 0, orderId: 901, orderRef: '', account: 'DU1000001', symbol: 'AAA' },
      side: 'buy',
      ...{ quantity: 10.25, orderType: 'MKT', limitPriceMicros: undefined, timeInForce: 'DAY' },
    } as const;
    desk.twin.books.place(byHand);
    return desk;
  }

  it('stays connected, however often the trade of a part is listed, and takes orders and cancels', async () => {
    const { broker, news } = await given();
    await broker.getExecutions(0);
    await broker.submitOrder(buy('c1', { limitPriceE4: 90_000 }));
    await broker.cancelOrder('c1');
    await broker.getExecutions(0);
    expect(await broker.getPositions()).toEqual({ AAA: 10, [partOf('AAA')]: 1 });
    expect(news.map(({ type }) => type)).not.toContain('ConnectionLost');
    expect(news.map(({ type }) => type)).toContain('OrderCancelled');
  });

  it('is flattened but for the parts, which are named', async () => {
    const { broker, twin } = await given();
    const report = await flattened(broker, SPEED);
    expect(report).toMatchObject({ isFlat: false, troubles: [`${partOf('AAA')}: ${PART}`] });
    expect(twin.books.positions()).toEqual({ AAA: 0.25 });
  });
});

function flattened(broker: Broker, speed = 1): ReturnType<typeof flatten> {
  const clock = speed === 1 ? wallClock : fastClock(speed);
  return flatten({ broker, clock, idPrefix: 'f', withinUs: 3_000_000 * speed, everyUs: 5_000 * speed });
}
