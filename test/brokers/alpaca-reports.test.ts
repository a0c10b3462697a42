import { expect, it } from 'vitest';
import type { AlpacaOrder } from '../../src/brokers/alpaca/mapper.ts';
import { createReports, type Reports } from '../../src/brokers/alpaca/reports.ts';
import type { BrokerNews } from '../../src/ports/broker.ts';

const order = (n: number, over: Partial<AlpacaOrder> = {}): AlpacaOrder => ({
  id: `order-${n}`,
  clientOrderId: `run-${n}`,
  symbol: 'SPY',
  side: 'buy',
  quantity: 10,
  filledQuantity: 0,
  status: 'new',
  ...over,
});

function listen(over: { readonly keptOrders?: number } = {}): {
  readonly reports: Reports;
  readonly news: BrokerNews[];
} {
  const news: BrokerNews[] = [];
  const tell = (one: BrokerNews) => news.push(one);
  const reports = createReports({ tell, onMissing: () => undefined, onPuzzle: () => undefined, ...over });
  return { reports, news };
}

it('forgets the oldest orders that ended, and none that works', () => {
  const { reports, news } = listen({ keptOrders: 3 });
  reports.takeUpdate({ event: 'new', order: order(0) });
  for (let n = 1; n <= 5; n++) {
    reports.takeUpdate({ event: 'new', order: order(n) });
    reports.takeUpdate({ event: 'canceled', order: order(n, { status: 'canceled' }) });
  }
  expect([0, 1, 2, 3, 4, 5].map((n) => reports.newest(`run-${n}`)?.id)).toEqual([
    'order-0',
    undefined,
    undefined,
    undefined,
    'order-4',
    'order-5',
  ]);
  expect(reports.open().map(({ id }) => id)).toEqual(['order-0']);
  expect(news).toHaveLength(11);
});

it('tells one execution under one id, whatever ids the stream and the list give it', () => {
  const { reports, news } = listen();
  const terms = { quantity: 4, priceE4: 1_000_000, feeMicros: 0, tradeTimeUs: 1 };
  reports.takeUpdate({ event: 'new', order: order(1) });
  const listed = { ...terms, executionId: 'of-the-list', symbol: 'SPY', side: 'buy' } as const;
  const activity = { brokerOrderId: 'order-1', cumulativeQuantity: 4, fill: listed };
  reports.takeFills([activity]);
  reports.takeUpdate({
    event: 'partial_fill',
    order: order(1, { filledQuantity: 4 }),
    fill: { ...terms, executionId: 'of-the-stream' },
  });
  reports.takeFills([activity]);
  const told = news.flatMap((one) => ('execution' in one ? [one.execution.executionId] : []));
  expect(told).toEqual(['of-the-list', 'of-the-list']);
  expect(reports.told(activity)).toEqual({ clientOrderId: 'run-1', executionId: 'of-the-list' });
  expect(reports.hasMissing()).toBe(false);
});

it('tells an order that was replaced as filled when no execution of any part of it is missing', () => {
  const { reports, news } = listen();
  const terms = { priceE4: 1_000_000, feeMicros: 0, tradeTimeUs: 1 };
  const replacement = order(2, { clientOrderId: 'run-1', quantity: 6, replaces: 'order-1' });
  reports.takeUpdate({ event: 'new', order: order(1) });
  // its execution of 4 is lost on the stream
  reports.takeUpdate({
    event: 'replaced',
    order: order(1, { filledQuantity: 4, status: 'replaced', replacedBy: 'order-2' }),
  });
  reports.takeUpdate({ event: 'new', order: replacement });
  const fill = { ...terms, executionId: 'second', quantity: 6 };
  reports.takeUpdate({ event: 'fill', order: { ...replacement, filledQuantity: 6 }, fill });
  const listed = { ...terms, executionId: 'first', quantity: 4, symbol: 'SPY', side: 'buy' } as const;
  reports.takeFills([{ brokerOrderId: 'order-1', cumulativeQuantity: 4, fill: listed }]);
  expect(news.filter((one) => 'execution' in one)).toMatchObject([
    { type: 'OrderPartiallyFilled', execution: { executionId: 'second' }, leavesQuantity: 4 },
    { type: 'OrderFilled', execution: { executionId: 'first' } },
  ]);
});
