import { afterEach, describe, expect, it } from 'vitest';
import type { OrderRequest } from '../../../src/domain/orders.ts';
import type { BrokerNews } from '../../../src/ports/broker.ts';
import { until } from '../../twins/clocks.ts';
import type { Fault } from '../../twins/tws/faults.ts';
import { buy, type Desk, openDesk, quoteAt, settingsFor } from './desk.ts';

const open: Desk[] = [];

afterEach(async () => {
  for (const desk of open.splice(0)) await desk.close();
});

async function given(
  faults: readonly Fault[] = [],
  changes: Parameters<typeof openDesk>[1] = {},
): Promise<Desk> {
  const desk = await openDesk({ faults }, changes);
  desk.twin.quote(quoteAt(10));
  open.push(desk);
  return desk;
}

const orderOf = (item: BrokerNews): string | undefined => {
  if ('execution' in item) return item.execution.clientOrderId;
  return 'clientOrderId' in item ? item.clientOrderId : undefined;
};

const typesOf = (news: readonly BrokerNews[], clientOrderId = 'c1'): string[] =>
  news
    .filter((item) => orderOf(item) === clientOrderId && item.type !== 'OrderUpdated')
    .map(({ type }) => type);

const resting = (id: string, changes: Partial<OrderRequest> = {}): OrderRequest =>
  buy(id, { limitPriceE4: 90_000, ...changes });

const heard = (desk: Desk, type: BrokerNews['type']): Promise<void> =>
  until(`news of ${type}`, () => desk.news.some((item) => item.type === type));

describe('an order', () => {
  it('is accepted, trades, and costs what the commission report says', async () => {
    const desk = await given();
    await desk.broker.submitOrder(buy('c1'));
    await heard(desk, 'CommissionReported');
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderFilled']);
    expect(desk.news.at(-1)).toMatchObject({ feeMicros: 350_001 });
    expect(await desk.broker.getPositions()).toEqual({ AAA: 100 });
    expect(await desk.broker.getCash()).toBe(desk.twin.books.cashMicros());
    expect(await desk.broker.getPortfolioValue()).toBe(desk.twin.books.netLiquidationMicros());
    expect(await desk.broker.getAccountId?.()).toBe('DU1000001');
  });

  it('of a share class goes by the name the gateway has for it', async () => {
    const desk = await given();
    desk.twin.quote(quoteAt(10, { symbol: 'BRK B' }));
    await desk.broker.submitOrder(buy('c1', { symbol: 'BRK.B' }));
    expect(desk.twin.books.orders[0]?.symbol).toBe('BRK B');
    expect(await desk.broker.getPositions()).toEqual({ 'BRK.B': 100 });
  });

  it('is worked out from executions alone where no status comes', async () => {
    const desk = await given([{ kind: 'no_status', nth: 1 }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(typesOf(desk.news)).toEqual(['OrderFilled']);
  });

  it('is told once, however often its reports come', async () => {
    const desk = await given([
      { kind: 'duplicate', of: 'orderStatus', nth: 1, times: 3 },
      { kind: 'duplicate', of: 'execDetails', nth: 1, times: 3 },
      { kind: 'duplicate', of: 'openOrder', nth: 1, times: 3 },
      { kind: 'duplicate', of: 'commissionReport', nth: 1, times: 3 },
    ]);
    await desk.broker.submitOrder(buy('c1'));
    await desk.broker.getOpenOrders();
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderFilled']);
    expect(desk.news.filter(({ type }) => type === 'CommissionReported')).toHaveLength(1);
  });

  it('that is not marketable works until it is cancelled', async () => {
    const desk = await given();
    await desk.broker.submitOrder(resting('c1'));
    expect(await desk.broker.getOpenOrders()).toMatchObject([{ clientOrderId: 'c1', status: 'working' }]);
    await desk.broker.cancelOrder('c1');
    await heard(desk, 'OrderCancelled');
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderCancelled']);
    expect(await desk.broker.findOrder('c1')).toMatchObject({ status: 'cancelled' });
  });

  it('is told as it is listed, where a person has changed it since it was sent', async () => {
    const desk = await given();
    await desk.broker.submitOrder(resting('c1'));
    const [order] = desk.twin.books.orders;
    const limitPriceMicros = order!.limitPriceMicros! - 1_000_000;
    desk.twin.books.change(order!, { quantity: 40, limitPriceMicros });
    expect(await desk.broker.getOpenOrders()).toMatchObject([
      { clientOrderId: 'c1', quantity: 40, limitPriceE4: limitPriceMicros / 100 },
    ]);
  });

  it('fills in parts, and what is left is cancelled', async () => {
    const desk = await given([{ kind: 'partial', nth: 1, shares: 30 }]);
    await desk.broker.submitOrder(buy('c1'));
    await desk.broker.cancelOrder('c1');
    await heard(desk, 'OrderCancelled');
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderPartiallyFilled', 'OrderCancelled']);
    expect(desk.news).toContainEqual(expect.objectContaining({ leavesQuantity: 70 }));
  });

  it('is changed in place; a change that is refused leaves it as it was', async () => {
    const desk = await given();
    await desk.broker.submitOrder(resting('c1'));
    await desk.broker.replaceOrder({ clientOrderId: 'c1', quantity: 150, limitPriceE4: 91_000 });
    expect(desk.twin.books.orders).toMatchObject([{ quantity: 150, limitPriceMicros: 9_100_000 }]);
    const states = desk.news.flatMap((item) => (item.type === 'OrderUpdated' ? [item.status] : []));
    expect(states).toEqual(['pending_replace', 'replaced']);
    expect(await desk.broker.findOrder('c1')).toMatchObject({ quantity: 150, limitPriceE4: 91_000 });
  });

  it('whose change is refused works on as it was, and may be changed again', async () => {
    const desk = await given();
    await desk.broker.submitOrder(resting('c1'));
    await desk.broker.replaceOrder({ clientOrderId: 'c1', limitPriceE4: 90_001 });
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'CancelRejected']);
    expect(desk.news).toContainEqual(
      expect.objectContaining({ reason: expect.stringContaining('the change was refused: 110') }),
    );
    expect(await desk.broker.findOrder('c1')).toMatchObject({ status: 'working', limitPriceE4: 90_000 });
    await desk.broker.replaceOrder({ clientOrderId: 'c1', limitPriceE4: 90_100 });
    expect(await desk.broker.findOrder('c1')).toMatchObject({ status: 'working', limitPriceE4: 90_100 });
  });

  it.each([
    ['no shares', { quantity: 0 }, 'invalid_quantity'],
    ['half a share', { quantity: 0.5 }, 'invalid_quantity'],
    ['no price', { limitPriceE4: 0 }, 'invalid_price'],
    ['an id that does not travel', { clientOrderId: 'x'.repeat(65) }, 'not_placed'],
  ])('with %s is refused here', async (_what, changes, reason) => {
    const desk = await given();
    await desk.broker.submitOrder(buy('c1', changes));
    expect(desk.news).toMatchObject([{ type: 'OrderRejected', reason }]);
    expect(desk.twin.books.orders).toEqual([]);
  });

  it('beyond what the gateway takes a side is refused here', async () => {
    const desk = await given([], { maxOrdersPerSymbolSide: 2 });
    for (const id of ['c1', 'c2', 'c3']) await desk.broker.submitOrder(resting(id));
    expect(typesOf(desk.news, 'c3')).toEqual(['OrderRejected']);
    await desk.broker.submitOrder(buy('c4', { side: 'sell', limitPriceE4: 200_000 }));
    expect(typesOf(desk.news, 'c4')).toEqual(['OrderAccepted']);
  });
});

describe('what the gateway refuses', () => {
  it('is told in its own words', async () => {
    const desk = await given([{ kind: 'reject', nth: 1, code: 201, hasBadDetails: false }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(desk.news).toMatchObject([
      { type: 'OrderRejected', reason: 'refused', detail: '201: Order rejected - reason: not today' },
    ]);
  });

  it('by a code nobody has explained is looked up, not guessed', async () => {
    const desk = await given([{ kind: 'reject', nth: 1, code: 9_999, hasBadDetails: false }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(desk.twin.requests.some(({ kind }) => kind === 'completed_orders')).toBe(true);
    expect(typesOf(desk.news)).toEqual(['OrderRejected']);
  });

  it('by a code that the settings explain is taken by them', async () => {
    const desk = await given([{ kind: 'reject', nth: 1, code: 9_999, hasBadDetails: false }], {
      codes: { 9999: 'rejected' },
    });
    await desk.broker.submitOrder(buy('c1'));
    expect(desk.news).toMatchObject([{ type: 'OrderRejected', detail: expect.stringMatching(/^9999: /) }]);
  });

  it('with details that are no JSON does not end the process: the line is dropped, the order is looked up', async () => {
    const desk = await given([{ kind: 'reject', nth: 1, code: 201, hasBadDetails: true }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(desk.news.map(({ type }) => type)).toContain('ConnectionLost');
    expect(typesOf(desk.news)).toEqual(['OrderRejected']);
  });

  it.each([true, false])('as a duplicate id is looked up: placed %s', async (isPlaced) => {
    const desk = await given([{ kind: 'duplicate_id', nth: 1, isPlaced }]);
    await desk.broker.submitOrder(buy('c1'));
    await until('an end', () =>
      desk.news.some(({ type }) => type === 'OrderFilled' || type === 'OrderRejected'),
    );
    expect(typesOf(desk.news).at(-1)).toBe(isPlaced ? 'OrderFilled' : 'OrderRejected');
    await desk.broker.submitOrder(buy('c2'));
    expect(typesOf(desk.news, 'c2')).toEqual(['OrderAccepted', 'OrderFilled']);
  });

  it('of a cancel leaves the order to its own end', async () => {
    const desk = await given();
    await desk.broker.submitOrder(buy('c1'));
    await desk.broker.cancelOrder('c1');
    await desk.broker.cancelOrder('unknown');
    expect(desk.news.filter(({ type }) => type === 'CancelRejected')).toHaveLength(2);
    expect(await desk.broker.findOrder('c1')).toMatchObject({ status: 'filled' });
  });

  it('for being too fast is sent no faster, and is found out about', async () => {
    const desk = await given([{ kind: 'rate', nth: 5 }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(typesOf(desk.news)).toEqual(['OrderRejected']);
    expect(desk.twin.books.orders).toEqual([]);
    await desk.broker.submitOrder(buy('c2'));
    expect(desk.twin.books.orders).toHaveLength(1);
  });
});

describe('an execution', () => {
  it('that is corrected takes the place of the one before, with its fee', async () => {
    const desk = await given([{ kind: 'correct', nth: 1, sharesDown: 10, priceUpMicros: 50 }]);
    await desk.broker.submitOrder(buy('c1'));
    await heard(desk, 'ExecutionCorrected');
    const corrected = desk.news.find(({ type }) => type === 'ExecutionCorrected');
    expect(corrected).toMatchObject({
      corrects: '0000e0d5.00000001.01.01',
      // 10.00005 is booked at 10.0000; the fee carries 90 times 0.00005 dollars
      execution: { executionId: '0000e0d5.00000001.01.02', quantity: 90, priceE4: 100_000 },
    });
    await until('the fee', () => desk.news.filter(({ type }) => type === 'CommissionReported').length === 2);
    expect(desk.news.at(-1)).toMatchObject({ feeMicros: 350_002 + 90 * 50 });
    expect(await desk.broker.getPositions()).toEqual({ AAA: 90 });
  });

  it('that comes as its own correction first is looked up, and told from its beginning', async () => {
    const desk = await given([
      { kind: 'drop', of: 'execDetails', nth: 1 },
      { kind: 'correct', nth: 1, sharesDown: 10, priceUpMicros: 0 },
    ]);
    await desk.broker.submitOrder(buy('c1'));
    await heard(desk, 'ExecutionCorrected');
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderFilled', 'ExecutionCorrected']);
    expect(desk.news).toContainEqual(
      expect.objectContaining({ execution: expect.objectContaining({ quantity: 100 }) }),
    );
  });

  it('that was busted does not make an order filled when it is told again', async () => {
    const desk = await given();
    await desk.broker.submitOrder(resting('c1'));
    const { books } = desk.twin;
    books.correct(books.fill(books.orders[0]!, 60, 9_000_000), { shares: 0, priceMicros: 9_000_000 });
    books.fill(books.orders[0]!, 40, 9_000_000);
    await until('both', () => typesOf(desk.news).length === 4);
    desk.news.length = 0;
    await desk.broker.submitOrder(resting('c1'), { mayBePlaced: true });
    expect(typesOf(desk.news)).toEqual([
      'OrderPartiallyFilled',
      'OrderPartiallyFilled',
      'ExecutionCorrected',
    ]);
  });

  it('that was corrected is not charged what it cost before', async () => {
    const desk = await given([
      { kind: 'late_commission', nth: 1, milliseconds: 20 },
      { kind: 'correct', nth: 1, sharesDown: 10, priceUpMicros: 0 },
    ]);
    await desk.broker.submitOrder(buy('c1'));
    await heard(desk, 'CommissionReported');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(desk.news.filter(({ type }) => type === 'CommissionReported')).toMatchObject([
      { executionId: '0000e0d5.00000001.01.02', feeMicros: 350_002 },
    ]);
  });

  it('that a cancelled order had is told before its end, though it did not come', async () => {
    const desk = await given([
      { kind: 'partial', nth: 1, shares: 30 },
      { kind: 'drop', of: 'execDetails', nth: 1 },
    ]);
    await desk.broker.submitOrder(buy('c1', { timeInForce: 'ioc' }));
    await heard(desk, 'OrderCancelled');
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderPartiallyFilled', 'OrderCancelled']);
  });

  it('that is busted is worth nothing', async () => {
    const desk = await given([{ kind: 'bust', nth: 1 }]);
    await desk.broker.submitOrder(buy('c1'));
    await heard(desk, 'ExecutionCorrected');
    expect(desk.news).toContainEqual(
      expect.objectContaining({ execution: expect.objectContaining({ quantity: 0, priceE4: 100_000 }) }),
    );
  });

  it('whose commission comes first carries it', async () => {
    const desk = await given([{ kind: 'early_commission', nth: 1 }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(desk.news.at(-1)).toMatchObject({ type: 'OrderFilled', execution: { feeMicros: 350_001 } });
  });

  it('whose commission comes late is told of when it comes', async () => {
    const desk = await given([{ kind: 'late_commission', nth: 1, milliseconds: 20 }]);
    await desk.broker.submitOrder(buy('c1'));
    expect(desk.news.at(-1)).toMatchObject({ type: 'OrderFilled', execution: { feeMicros: 0 } });
    await heard(desk, 'CommissionReported');
  });

  it('after a cancel is news all the same', async () => {
    const desk = await given([{ kind: 'late_fill', nth: 1, shares: 7 }]);
    await desk.broker.submitOrder(resting('c1'));
    await desk.broker.cancelOrder('c1');
    await heard(desk, 'OrderPartiallyFilled');
    expect(typesOf(desk.news)).toEqual(['OrderAccepted', 'OrderCancelled', 'OrderPartiallyFilled']);
  });

  it('that never came is found while its order is at work', async () => {
    const desk = await given([
      { kind: 'partial', nth: 1, shares: 30 },
      { kind: 'drop', of: 'execDetails', nth: 1 },
      { kind: 'drop', of: 'orderStatus', nth: 1 },
    ]);
    await desk.broker.submitOrder(buy('c1'));
    await heard(desk, 'OrderPartiallyFilled');
    await desk.broker.cancelOrder('c1');
  });

  it('of somebody else in the account is told under a name of its own', async () => {
    const desk = await given();
    const [other] = [desk.twin.books.place({ ...foreign(), orderRef: '' })];
    await desk.broker.getExecutions(0);
    expect(desk.news).toContainEqual(
      expect.objectContaining({
        type: 'OrderFilled',
        execution: expect.objectContaining({ clientOrderId: `ibkr:${other.permId}`, quantity: 5 }),
      }),
    );
    expect(desk.news.every((item) => 'execution' in item || item.type === 'CommissionReported')).toBe(true);
  });
});

describe('after a crash', () => {
  const faults: readonly [string, Fault][] = [
    ['before it is taken', { kind: 'hang_up', on: 'place', nth: 1, isTaken: false }],
    ['after it is taken', { kind: 'hang_up', on: 'place', nth: 1, isTaken: true }],
    ['with silence after it is taken', { kind: 'silence', on: 'place', nth: 1 }],
    ['in the middle of its report', { kind: 'disconnect', afterBytes: 300 }],
  ];

  it.each(faults)(
    'of the line %s, an order is placed at most once, and its fate is told',
    async (_when, fault) => {
      const desk = await given([fault]);
      await desk.broker.submitOrder(buy('c1'));
      await until('an end', () => ['OrderFilled', 'OrderRejected'].includes(typesOf(desk.news).at(-1) ?? ''));
      expect(desk.twin.books.orders.length).toBeLessThanOrEqual(1);
      const isThere = desk.twin.books.orders.length === 1;
      expect(typesOf(desk.news).at(-1)).toBe(isThere ? 'OrderFilled' : 'OrderRejected');
    },
  );

  it('of the process, what it sent is found by its reference, told again, and not placed again', async () => {
    const first = await given([{ kind: 'partial', nth: 2, shares: 30 }]);
    for (const id of ['c1', 'c2']) await first.broker.submitOrder(buy(id));
    await first.broker.submitOrder(resting('c3'));
    await first.broker.close();
    const second = await anotherClientOf(first);
    expect(second.news).toEqual([]);
    for (const id of ['c1', 'c2', 'c3', 'c4']) {
      await second.broker.submitOrder(id === 'c3' ? resting(id) : buy(id), { mayBePlaced: true });
    }
    expect(first.twin.books.orders.map(({ orderRef }) => orderRef)).toEqual(['c1', 'c2', 'c3', 'c4']);
    expect(typesOf(second.news, 'c1')).toEqual(['OrderFilled']);
    expect(typesOf(second.news, 'c2')).toEqual(['OrderPartiallyFilled']);
    expect(typesOf(second.news, 'c3')).toEqual(['OrderAccepted']);
    expect(typesOf(second.news, 'c4')).toEqual(['OrderAccepted', 'OrderFilled']);
    await second.broker.cancelOrder('c3');
    expect(first.twin.books.orders[2]?.status).toBe('Cancelled');
  });

  it('of the process, executions come as they were told at first, and what corrects them after them', async () => {
    const first = await given([{ kind: 'correct', nth: 1, sharesDown: 10, priceUpMicros: 0 }]);
    await first.broker.submitOrder(buy('c1'));
    await heard(first, 'ExecutionCorrected');
    await first.broker.close();
    const second = await anotherClientOf(first);
    const [original, correction] = await second.broker.getExecutions(0);
    expect(original).toMatchObject({ executionId: '0000e0d5.00000001.01.01', quantity: 100 });
    expect(original).not.toHaveProperty('corrects');
    expect(correction).toMatchObject({ corrects: original?.executionId, quantity: 90, feeMicros: 350_002 });
    expect(await second.broker.getExecutions(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(second.news).toEqual([]);
  });

  async function anotherClientOf({ port, twin }: Desk): Promise<Desk> {
    const { createIbkrBroker } = await import('../../../src/brokers/ibkr/broker.ts');
    const { fastClock } = await import('../../twins/clocks.ts');
    const news: BrokerNews[] = [];
    const broker = createIbkrBroker({
      settings: settingsFor(port),
      clock: fastClock(100),
      random: () => 0.5,
    });
    broker.news$.subscribe((item) => news.push(item));
    await until('the old line to be gone', () => twin.connectionOf(7) === undefined);
    await broker.connect();
    const desk = { twin, broker, port, news, close: () => broker.close() };
    open.unshift(desk);
    return desk;
  }
});

const foreign = () => ({
  orderId: 900,
  clientId: 0,
  orderRef: 'by hand',
  account: 'DU1000001',
  symbol: 'AAA',
  side: 'buy' as const,
  quantity: 5,
  orderType: 'MKT',
  limitPriceMicros: undefined,
  timeInForce: 'DAY',
});
