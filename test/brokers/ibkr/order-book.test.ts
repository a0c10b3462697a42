import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bookCommission, bookExecution, executionsSince } from '../../../src/brokers/ibkr/executions.ts';
import type { ExecutionFact, OrderFact } from '../../../src/brokers/ibkr/facts.ts';
import { brokerOrderOf, emptyBook, forgetOld, type OrderBook } from '../../../src/brokers/ibkr/order-book.ts';
import { bookOrder } from '../../../src/brokers/ibkr/order-progress.ts';

const order = (changes: Partial<OrderFact> = {}): OrderFact => ({
  clientOrderId: 'c1',
  orderId: 1,
  clientId: 7,
  permId: 700,
  symbol: 'AAA',
  side: 'buy',
  quantity: 100,
  limitPriceE4: 100_000,
  orderType: 'LMT',
  timeInForce: 'DAY',
  status: 'Submitted',
  completedStatus: undefined,
  ...changes,
});

const execution = (number: number, revision: number, shares: number): ExecutionFact => ({
  clientOrderId: 'c1',
  orderId: 1,
  clientId: 7,
  permId: 700,
  executionId: `e.${number}.0${revision}`,
  symbol: 'AAA',
  side: 'buy',
  shares,
  priceMicros: 10_000_000 + revision,
  tradeTimeUs: number,
});

function bookSinceNow(clock = { nowUs: () => 0 }): OrderBook {
  const book = emptyBook(clock);
  book.isHistory = false;
  return book;
}

it('takes an order of which it knew only executions for what it is', () => {
  const book = bookSinceNow();
  expect(bookExecution(book, execution(1, 1, 30), true)).toMatchObject([{ type: 'OrderFilled' }]);
  bookOrder(book, order());
  expect(brokerOrderOf(book.entries.get('c1')!)).toMatchObject({
    status: 'working',
    quantity: 100,
    filledQuantity: 30,
  });
  expect(bookExecution(book, execution(2, 1, 70), false)).toMatchObject([{ type: 'OrderFilled' }]);
});

it('forgets what ended days ago, and nothing that works or is of today', () => {
  let nowUs = 0;
  const book = bookSinceNow({ nowUs: () => nowUs });
  bookOrder(book, order());
  bookExecution(book, execution(1, 1, 100), false);
  bookCommission(book, { executionId: 'e.1.01', commissionMicros: 5 });
  bookOrder(book, order({ clientOrderId: 'c2', orderId: 2, permId: 701 }));
  nowUs = 3 * 86_400_000_000;
  forgetOld(book);
  expect([...book.entries.keys()]).toEqual(['c1', 'c2']);
  nowUs += 1;
  forgetOld(book);
  expect([...book.entries.keys()]).toEqual(['c2']);
  expect([book.byPermId.size, book.byOrderId.size]).toEqual([1, 1]);
  expect([book.executionOwners.size, book.commissions.size]).toEqual([0, 0]);
});

it('property: whatever comes twice or in another order, the newest revision of each execution counts, with its fee', () => {
  const report = fc.record({
    number: fc.integer({ min: 1, max: 3 }),
    revision: fc.integer({ min: 1, max: 3 }),
    isCommission: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(report, { maxLength: 30 }), (reports) => {
      const book = bookSinceNow();
      bookOrder(book, order());
      const newest = new Map<number, number>();
      const charged = new Map<number, number>();
      const told = new Map<string, { quantity: number; feeMicros: number }>();
      for (const { number, revision, isCommission } of reports) {
        const news = isCommission
          ? bookCommission(book, {
              executionId: `e.${number}.0${revision}`,
              commissionMicros: 1_000 * number + revision,
            })
          : bookExecution(book, execution(number, revision, 10 * revision), true);
        if (isCommission) charged.set(number, Math.max(charged.get(number) ?? 0, revision));
        else newest.set(number, Math.max(newest.get(number) ?? 0, revision));
        for (const item of news) {
          if (item.type === 'CommissionReported') {
            told.set(item.executionId, { ...told.get(item.executionId)!, feeMicros: item.feeMicros });
          }
          if (item.type === 'ExecutionCorrected') expect(told.delete(item.corrects)).toBe(true);
          if ('execution' in item) {
            const { executionId, quantity, feeMicros } = item.execution;
            expect(told.has(executionId)).toBe(false);
            told.set(executionId, { quantity, feeMicros });
          }
        }
      }
      const expected = [...newest].map(([number, revision]) => {
        const commission = charged.has(number) ? 1_000 * number + charged.get(number)! : 0;
        // a price of so many micro-dollars beyond the ten-thousandth, for each share
        return [`e.${number}.0${revision}`, 10 * revision, commission + revision * 10 * revision];
      });
      const heard = [...told].map(([id, { quantity, feeMicros }]) => [id, quantity, feeMicros]);
      expect(heard.sort()).toEqual(expected.sort());
      expect(book.entries.get('c1')?.filled ?? 0).toBe(
        expected.reduce((sum, [, quantity]) => sum + Number(quantity), 0),
      );
      expect(new Set(executionsSince(book, 0).map(({ executionId }) => executionId)).size).toBe(
        executionsSince(book, 0).length,
      );
    }),
  );
});
