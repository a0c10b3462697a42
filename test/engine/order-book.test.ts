import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderRequest } from '../../src/domain/orders.ts';
import {
  addOrder,
  ageOrders,
  createOrderBook,
  findOrder,
  moveOrder,
  type OrderBook,
} from '../../src/engine/order-book.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';

const requestOf = (clientOrderId: string): OrderRequest => ({
  clientOrderId,
  symbol: 'AAA',
  side: 'buy',
  type: 'market',
  timeInForce: 'day',
  quantity: 100,
  purpose: 'open',
});
const FACTS = { symbolIx: 0, horizonIx: 0, intendedUs: 1, terms: null };
const idsOf = (book: OrderBook) => book.working.map(({ request }) => request.clientOrderId);

/** Ends the k-th working order, adds one, opens the next session, or goes on from a snapshot. */
const moves = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<'add'>('add') },
    { weight: 3, arbitrary: fc.nat({ max: 30 }) },
    fc.constantFrom<'age' | 'snapshot'>('age', 'snapshot'),
  ),
  { maxLength: 80 },
);

describe('the order book', () => {
  it('finds by id what plain lists would, and keeps working orders in the order of intent', () => {
    fc.assert(
      fc.property(moves, (sequence) => {
        let book = createOrderBook();
        let working: string[] = [];
        let ended: string[] = [];
        let endedBefore: string[] = [];
        const all: string[] = [];
        for (const move of sequence) {
          if (move === 'add') {
            const id = `run-${all.length}-0`;
            addOrder(book, requestOf(id), FACTS);
            all.push(id);
            working.push(id);
          } else if (move === 'age') {
            ageOrders(book);
            endedBefore = ended;
            ended = [];
          } else if (move === 'snapshot') {
            book = decodeState(encodeState(book)) as OrderBook;
          } else if (working.length > 0) {
            const id = working[move % working.length]!;
            moveOrder(book, findOrder(book, id)!, 'rejected');
            working = working.filter((other) => other !== id);
            ended.push(id);
          }
          expect(idsOf(book)).toEqual(working);
          for (const id of all) {
            const isKnown = [...working, ...ended, ...endedBefore].includes(id);
            expect(findOrder(book, id)?.request.clientOrderId).toBe(isKnown ? id : undefined);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('refuses an id that is working already, and knows no order by the name of something every object has', () => {
    const book = createOrderBook();
    addOrder(book, requestOf('a'), FACTS);
    expect(() => addOrder(book, requestOf('a'), FACTS)).toThrow(/a was used twice/);
    for (const id of ['constructor', '__proto__', 'toString', '']) {
      expect(findOrder(book, id)).toBeUndefined();
    }
  });
});
