import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  orderBody,
  parseFillActivity,
  parseOrder,
  parseTradeUpdate,
  replacementId,
} from '../../src/brokers/alpaca/mapper.ts';
import { decimalText } from '../../src/net/wire-text.ts';

const ORDER = {
  id: '904837e3-3b76-47ec-b432-046db621571b',
  client_order_id: 'run-1',
  symbol: 'SPY',
  side: 'buy',
  qty: '100',
  filled_qty: '40',
  status: 'partially_filled',
  limit_price: '412.05',
  submitted_at: '2026-11-26T14:30:00.123456789Z',
};
const update = (over: object = {}, order: object = {}) => ({
  event: 'partial_fill',
  timestamp: '2026-11-26T14:30:01.5Z',
  execution_id: 'exec-1',
  price: '412.04',
  qty: '40',
  position_qty: '40',
  order: { ...ORDER, ...order },
  ...over,
});

describe('an order', () => {
  it('is read exactly, with the time it came to Alpaca', () => {
    expect(parseOrder(ORDER)).toEqual({
      id: ORDER.id,
      clientOrderId: 'run-1',
      symbol: 'SPY',
      side: 'buy',
      quantity: 100,
      filledQuantity: 40,
      status: 'partially_filled',
      limitPriceE4: 4_120_500,
      submittedUs: 1_795_703_400_123_456,
    });
  });

  it.each([{ id: '' }, { qty: '1.5' }, { qty: null }, { side: 'both' }, { filled_qty: 'x' }, { symbol: 7 }])(
    'is not read where it holds %j',
    (over) => {
      expect(parseOrder({ ...ORDER, ...over })).toBeUndefined();
    },
  );

  it('that replaced another is told under the client id of the first', () => {
    const client_order_id = replacementId('run-1', 1_795_703_400_123_456);
    expect(client_order_id.length).toBeLessThan(30);
    expect(parseOrder({ ...ORDER, client_order_id })?.clientOrderId).toBe('run-1');
  });

  it('is sent in decimals without floats', () => {
    const order = {
      clientOrderId: 'run-1',
      symbol: 'SPY',
      side: 'sell',
      type: 'marketable_limit',
      timeInForce: 'ioc',
      quantity: 7,
      limitPriceE4: 9_999,
      purpose: 'close',
    } as const;
    expect(orderBody(order)).toEqual({
      symbol: 'SPY',
      qty: '7',
      side: 'sell',
      type: 'limit',
      time_in_force: 'ioc',
      client_order_id: 'run-1',
      limit_price: '0.9999',
    });
  });
});

describe('an execution', () => {
  it.each([
    { execution_id: undefined },
    { price: '0' },
    { price: 412.04 },
    { qty: '0.5' },
    { timestamp: 'yesterday' },
  ])('is not read where it holds %j: half a report is none', (over) => {
    expect(parseTradeUpdate(update(over))).toBeUndefined();
  });

  it('costs what it cost, to the micro-dollar, however fine its price', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000_000_000 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom('buy', 'sell'),
        (micros, quantity, side) => {
          const price = decimalText(micros, 6);
          const fill = parseTradeUpdate(update({ price, qty: String(quantity) }, { side }))?.fill;
          if (fill === undefined) throw new Error('not read');
          const sign = side === 'buy' ? 1 : -1;
          expect(sign * fill.priceE4 * 100 * quantity + fill.feeMicros).toBe(sign * micros * quantity);
          expect(fill.feeMicros).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it('has one id and one price, told by the stream or listed by the account', () => {
    const listed = parseFillActivity({
      id: '20261126143001500::exec-1',
      order_id: ORDER.id,
      symbol: 'SPY',
      side: 'buy',
      qty: '40',
      cum_qty: '40',
      price: '412.0412345',
      transaction_time: '2026-11-26T14:30:01.500Z',
    });
    const told = parseTradeUpdate(update({ price: '412.0412345' }))?.fill;
    expect(listed).toMatchObject({ brokerOrderId: ORDER.id, cumulativeQuantity: 40, fill: told as object });
  });
});
