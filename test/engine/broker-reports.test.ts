import { describe, expect, it } from 'vitest';
import type { Execution, OrderRequest } from '../../src/domain/orders.ts';
import { findOrder } from '../../src/engine/order-book.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
import { type Desk, longDesk, ofType, ordersIn, PAR_E4, TUESDAY, warmDesk } from './desk.ts';

const DAY_LIMIT = { orderType: 'limit', limitOffsetBps: 5, timeInForce: 'day', cancelRetrySeconds: 90 };

function intended(scenario = {}): { desk: Desk; order: OrderRequest } {
  const desk = warmDesk({ scenario });
  const [order] = ordersIn(desk.next({ AAA: 'long' }));
  return { desk, order: order! };
}

function codesIn(events: readonly DerivedEvent[]): string[] {
  return ofType(events, 'ErrorRaised').map(({ code }) => code);
}

function correction(
  order: OrderRequest,
  { corrects, ...how }: Partial<Execution> & { readonly corrects: string },
) {
  const { clientOrderId, symbol, side } = order;
  const facts = { clientOrderId, symbol, side, quantity: 500, priceE4: PAR_E4, feeMicros: 0, tradeTimeUs: 0 };
  const execution = { ...facts, executionId: `${corrects}.2`, ...how };
  return { type: 'ExecutionCorrected', corrects, execution } as const;
}

describe('what a broker says of an order on its way', () => {
  it('is kept with the order and moves nothing', () => {
    const { desk, order } = intended();
    const { clientOrderId } = order;
    const update = { type: 'OrderUpdated', clientOrderId, brokerOrderId: 'b-7' } as const;
    expect(desk.send({ ...update, status: 'pending_new' })).toEqual([]);
    desk.accept(order);
    expect(desk.send({ ...update, status: 'held' })).toEqual([]);
    const { engine } = desk;
    expect(engine.orders.working).toMatchObject([
      { status: 'accepted', brokerOrderId: 'b-7', progress: 'held' },
    ]);
    desk.send({ type: 'OrderCancelled', clientOrderId });
    expect(desk.send({ ...update, status: 'pending_cancel' })).toEqual([]);
    expect(findOrder(engine.orders, clientOrderId)).toMatchObject({ status: 'cancelled', progress: null });
    expect(codesIn(desk.log)).toEqual([]);
  });

  it('is raised where one intent has two orders at the broker, and not where one took the place of the other', () => {
    const { desk, order } = intended();
    const update = { type: 'OrderUpdated', clientOrderId: order.clientOrderId } as const;
    desk.send({ ...update, brokerOrderId: '1', status: 'pending_replace' });
    expect(desk.send({ ...update, brokerOrderId: '2', status: 'pending_new' })).toEqual([]);
    const derived = desk.send({ ...update, brokerOrderId: '3', status: 'pending_new' });
    expect(codesIn(derived)).toEqual(['ORDER_DUPLICATED']);
    expect(ofType(derived, 'KillSwitchTripped')).toMatchObject([{ cause: 'order_state' }]);
  });

  it.each([
    { type: 'OrderUpdated', brokerOrderId: 'b', status: 'held' },
    { type: 'CancelRejected', reason: 'unknown order' },
  ] as const)('is raised of an order that is not ours: $type', (report) => {
    const { desk } = intended();
    expect(codesIn(desk.send({ ...report, clientOrderId: 'stray' }))).toEqual(['ORDER_UNKNOWN']);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
  });
});

describe('a report of an end that comes again', () => {
  const rejected = { type: 'OrderRejected', reason: 'refused', detail: 'no' } as const;

  it.each([{ type: 'OrderCancelled' }, { type: 'OrderExpired' }, rejected] as const)(
    'is dropped where it is the same: $type',
    (report) => {
      const { desk, order } = intended();
      const { clientOrderId } = order;
      desk.accept(order);
      desk.send({ ...report, clientOrderId });
      expect(desk.send({ ...report, clientOrderId })).toEqual([]);
      // what it had said before is repeated with it
      expect(desk.accept(order)).toEqual([]);
      expect(desk.engine.kill.tripped.order_state).toBe(false);
    },
  );

  it.each([
    [{ type: 'OrderCancelled' }, { type: 'OrderExpired' }],
    [{ type: 'OrderExpired' }, { type: 'OrderCancelled' }],
    [rejected, { ...rejected, reason: 'no_borrow' }],
    [rejected, { type: 'OrderAccepted' }],
  ] as const)('is raised where it is another: %j, then %j', (first, second) => {
    const { desk, order } = intended();
    const { clientOrderId } = order;
    desk.send({ ...first, clientOrderId });
    expect(codesIn(desk.send({ ...second, clientOrderId }))).toEqual(['ORDER_ILLEGAL_MOVE']);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
  });
});

describe('an execution that contradicts', () => {
  it('what it said before is raised and not booked again', () => {
    const { desk, order } = intended();
    desk.fill(order, { leaves: 300, executionId: 'x' });
    const derived = desk.fill(order, { leaves: 200, executionId: 'x' });
    expect(ofType(derived, 'ErrorRaised')).toMatchObject([
      {
        code: 'EXECUTION_CONFLICTING',
        message: `execution x came again as buy 300 AAA at 100 for order ${order.clientOrderId}, not buy 200 AAA at 100 for order ${order.clientOrderId}`,
      },
    ]);
    expect(desk.engine.ledger.shares[0]).toBe(200);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
  });

  it('its order is booked where it belongs, raised, and fills nothing of the order', () => {
    const { desk, order } = intended();
    const derived = desk.fill(order, { symbol: 'BBB', quantity: 40, leaves: 1 });
    expect(codesIn(derived)).toEqual(['EXECUTION_CONFLICTING']);
    expect(Array.from(desk.engine.ledger.shares)).toEqual([0, 40]);
    expect(findOrder(desk.engine.orders, order.clientOrderId)).toMatchObject({ filledQuantity: 0 });
  });

  it.each([
    ['the universe', { symbol: 'ZZZ' }],
    ['what a trade is', { quantity: 0 }],
    ['what a price is', { priceE4: 0 }],
  ] as const)('%s is raised and not booked', (_name, how) => {
    const { desk, order } = intended();
    expect(codesIn(desk.fill(order, how))).toEqual(['EXECUTION_NOT_BOOKED']);
    expect(Array.from(desk.engine.ledger.shares)).toEqual([0, 0]);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
  });
});

describe('a correction', () => {
  it('changes position, cash and gains by what was wrong, also for an order that ended the day before', () => {
    const { desk, order } = intended();
    desk.fill(order, { executionId: 'x' });
    desk.close();
    desk.open(TUESDAY);
    desk.bar();
    const derived = desk.send(correction(order, { corrects: 'x', quantity: 450 }));
    expect(derived).toEqual([
      {
        type: 'PositionAdjusted',
        symbol: 'AAA',
        cause: 'correction',
        shares: 450,
        cashMicros: 50 * PAR_E4 * 100,
        realizedMicros: 0,
      },
    ]);
    expect(desk.engine.ledger.cashMicros).toBe(1e12 - 450 * PAR_E4 * 100);
    expect(findOrder(desk.engine.orders, order.clientOrderId)).toMatchObject({
      status: 'filled',
      filledQuantity: 450,
    });
    expect(desk.send(correction(order, { corrects: 'x', quantity: 450 }))).toEqual([]);
    expect(desk.engine.kill.tripped.order_state).toBe(false);
  });

  it('beyond the order is an overfill', () => {
    const { desk, order } = intended();
    desk.fill(order, { executionId: 'x' });
    expect(codesIn(desk.send(correction(order, { corrects: 'x', quantity: 501 })))).toEqual([
      'ORDER_OVERFILLED',
    ]);
    expect(desk.engine.ledger.shares[0]).toBe(501);
  });

  it('that takes an entry back leaves no reward to wait for', () => {
    const { desk, order } = intended({ learning: { algorithm: 'exp3ix' } });
    desk.fill(order, { executionId: 'x' });
    const { entries } = desk.engine.pipeline.learning!.tracker;
    expect(entries[0]).not.toBeNull();
    desk.send(correction(order, { corrects: 'x', quantity: 0 }));
    expect(entries[0]).toBeNull();
    expect(desk.engine.ledger.shares[0]).toBe(0);
  });

  it('of an execution that never came stops new exposure; the shares are booked, and not twice', () => {
    const { desk, order } = intended();
    expect(codesIn(desk.send(correction(order, { corrects: 'x', quantity: 450 })))).toEqual([
      'EXECUTION_UNKNOWN',
    ]);
    expect(desk.fill(order, { executionId: 'x' })).toEqual([]);
    expect(desk.engine.ledger.shares[0]).toBe(450);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
  });

  it.each([
    ['one that another took the place of', { corrects: 'x', executionId: 'x.3' }],
    ['one of another side', { corrects: 'x.2', executionId: 'x.3', side: 'sell' }],
    ['one of another order', { corrects: 'x.2', executionId: 'x.3', clientOrderId: 'desk-1-0' }],
    ['one of another symbol', { corrects: 'x.2', executionId: 'x.3', symbol: 'BBB' }],
  ] as const)('of %s is raised and not booked', (_name, how) => {
    const { desk, order } = intended();
    desk.fill(order, { executionId: 'x' });
    desk.send(correction(order, { corrects: 'x', quantity: 450 }));
    expect(codesIn(desk.send(correction(order, { ...how, quantity: 100 })))).toEqual([
      'EXECUTION_CONFLICTING',
    ]);
    expect(desk.engine.ledger.shares[0]).toBe(450);
  });
});

describe('a commission that comes late', () => {
  it('moves cash by what it differs from the fee booked', () => {
    const { desk, order } = intended();
    desk.fill(order, { executionId: 'x', feeMicros: 100 });
    const fee = { type: 'CommissionReported', executionId: 'x', feeMicros: 350 } as const;
    expect(desk.send(fee)).toMatchObject([
      { type: 'PositionAdjusted', cause: 'commission', shares: 500, cashMicros: -250, realizedMicros: 0 },
    ]);
    expect(desk.send(fee)).toEqual([]);
    expect(desk.engine.ledger.feesMicros).toBe(350);
  });

  it('of an execution nobody has reported stops new exposure, and is charged when it comes', () => {
    const { desk, order } = intended();
    const fee = { type: 'CommissionReported', executionId: 'x', feeMicros: 350 } as const;
    expect(codesIn(desk.send(fee))).toEqual(['EXECUTION_UNKNOWN']);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
    desk.fill(order, { executionId: 'x', feeMicros: 100 });
    expect(desk.engine.ledger.feesMicros).toBe(350);
  });
});

describe('a cancellation that is refused', () => {
  const cancelsIn = (events: readonly DerivedEvent[]) => ofType(events, 'CancelIntended').length;

  it('is asked for again, after a wait that doubles with each refusal', () => {
    const { desk, order } = intended({ execution: DAY_LIMIT });
    const { clientOrderId } = order;
    desk.accept(order);
    expect(cancelsIn(desk.next({ AAA: 'short' }))).toBe(1);
    const asked: number[] = [];
    desk.send({ type: 'CancelRejected', clientOrderId, reason: 'try later' });
    for (let minute = 1; minute <= 20; minute += 1) {
      if (cancelsIn(desk.next({})) === 0) continue;
      asked.push(minute);
      desk.send({ type: 'CancelRejected', clientOrderId, reason: 'try later' });
    }
    // 90 s, then 3 and 6 minutes; twelve more are not over yet
    expect(asked).toEqual([2, 5, 11]);
    expect(desk.engine.orders.working).toMatchObject([{ status: 'accepted', cancel: { refusals: 4 } }]);
    expect(codesIn(desk.log)).toEqual([]);
  });

  it('is asked for once while the broker has not answered, and again after the connection was lost', () => {
    const { desk, order } = intended({ execution: DAY_LIMIT });
    desk.accept(order);
    expect(cancelsIn(desk.next({ AAA: 'short' }))).toBe(1);
    expect(cancelsIn(desk.next({ AAA: 'short' }))).toBe(0);
    desk.send({ type: 'ConnectionRestored', source: 'market_data' });
    expect(cancelsIn(desk.next({}))).toBe(0);
    desk.send({ type: 'ConnectionRestored', source: 'broker' });
    expect(cancelsIn(desk.next({}))).toBe(1);
    expect(cancelsIn(desk.next({}))).toBe(0);
  });

  it('says nothing of a position, and an order nobody wants cancelled stays as it is', () => {
    const desk = longDesk({ scenario: { execution: DAY_LIMIT } });
    const [order] = ordersIn(desk.next({ BBB: 'long' }));
    const { clientOrderId } = order!;
    expect(desk.send({ type: 'CancelRejected', clientOrderId, reason: 'filled' })).toEqual([]);
    expect(desk.engine.orders.working).toMatchObject([{ cancel: null }]);
    expect(desk.engine.ledger.shares[0]).toBe(500);
  });
});
