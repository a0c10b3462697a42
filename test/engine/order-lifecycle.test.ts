import { describe, expect, it } from 'vitest';
import type { OrderRequest, OrderStatus } from '../../src/domain/orders.ts';
import { currentEquityMicros } from '../../src/engine/engine-state.ts';
import { findOrder } from '../../src/engine/order-book.ts';
import {
  type Desk,
  decisionsIn,
  longDesk,
  MONDAY,
  ofType,
  openDesk,
  ordersIn,
  PAR_E4,
  TUESDAY,
  warmDesk,
} from './desk.ts';

/** A desk with one order of 500 AAA intended, nothing reported yet. */
function intended(): { desk: Desk; order: OrderRequest } {
  const desk = warmDesk();
  const [order] = ordersIn(desk.next({ AAA: 'long' }));
  return { desk, order: order! };
}

function statusOf(desk: Desk, { clientOrderId }: OrderRequest): OrderStatus | undefined {
  return findOrder(desk.engine.orders, clientOrderId)?.status;
}

function isTripped({ engine }: Desk): boolean {
  return engine.kill.tripped.order_state;
}

describe('an order and its reports', () => {
  it('is intended with an id made of the run, the input that caused it and its place among its siblings', () => {
    const desk = warmDesk();
    const before = desk.log.length;
    const derived = desk.next({ AAA: 'long', BBB: 'short' });
    const [first, second] = ordersIn(derived);
    expect(first).toMatchObject({ symbol: 'AAA', side: 'buy', quantity: 500, purpose: 'open' });
    expect(second).toMatchObject({ symbol: 'BBB', side: 'sell', quantity: 500, purpose: 'open' });
    expect(first!.clientOrderId).toMatch(/^desk-\d+-0$/);
    expect(second!.clientOrderId).toBe(first!.clientOrderId.replace(/0$/, '1'));
    expect(desk.log.length).toBeGreaterThan(before);
  });

  it('goes from intended to accepted to filled, and moves position and cash by exactly what was executed', () => {
    const { desk, order } = intended();
    expect(desk.accept(order)).toEqual([]);
    expect(statusOf(desk, order)).toBe('accepted');
    const filled = desk.fill(order, { priceE4: 1_000_100, feeMicros: 7 });
    expect(filled).toEqual([{ type: 'PositionOpened', symbol: 'AAA', shares: 500, priceE4: 1_000_100 }]);
    expect(statusOf(desk, order)).toBe('filled');
    expect(desk.engine.orders.working).toEqual([]);
    expect(Array.from(desk.engine.ledger.shares)).toEqual([500, 0]);
    expect(desk.engine.ledger.cashMicros).toBe(1e12 - 500 * 1_000_100 * 100 - 7);
  });

  it('stays working through partial fills until the last share', () => {
    const { desk, order } = intended();
    desk.accept(order);
    expect(desk.fill(order, { leaves: 300 })).toMatchObject([{ type: 'PositionOpened', shares: 200 }]);
    expect(statusOf(desk, order)).toBe('partially_filled');
    expect(desk.fill(order, { quantity: 100, leaves: 200 })).toMatchObject([
      { type: 'PositionChanged', shares: 300 },
    ]);
    expect(desk.fill(order, { quantity: 200 })).toMatchObject([{ type: 'PositionChanged', shares: 500 }]);
    expect(statusOf(desk, order)).toBe('filled');
    expect(isTripped(desk)).toBe(false);
  });

  it('that is rejected, cancelled or expired ends without a trace in the books', () => {
    const rejected = intended();
    rejected.desk.send({
      type: 'OrderRejected',
      clientOrderId: rejected.order.clientOrderId,
      reason: 'no_quote',
      detail: '',
    });
    const cancelled = intended();
    cancelled.desk.send({ type: 'OrderCancelled', clientOrderId: cancelled.order.clientOrderId });
    const expired = intended();
    expired.desk.send({ type: 'OrderExpired', clientOrderId: expired.order.clientOrderId });
    for (const [{ desk, order }, status] of [
      [rejected, 'rejected'],
      [cancelled, 'cancelled'],
      [expired, 'expired'],
    ] as const) {
      expect(statusOf(desk, order)).toBe(status);
      expect(desk.engine.orders.working).toEqual([]);
      expect(desk.engine.ledger.cashMicros).toBe(1e12);
      expect(isTripped(desk)).toBe(false);
    }
  });

  it('drops a repeated execution, whole or partial, without a word', () => {
    const { desk, order } = intended();
    desk.fill(order, { leaves: 300, executionId: 'one' });
    expect(desk.fill(order, { leaves: 300, executionId: 'one' })).toEqual([]);
    desk.fill(order, { quantity: 300, executionId: 'two' });
    expect(desk.fill(order, { quantity: 300, executionId: 'two' })).toEqual([]);
    expect(desk.engine.ledger.shares[0]).toBe(500);
    expect(isTripped(desk)).toBe(false);
  });
});

describe('a report that cannot be right', () => {
  it('of an unknown order is raised and stops new exposure; its fill is booked all the same', () => {
    const { desk, order } = intended();
    const stray = { ...order, clientOrderId: 'stray' };
    expect(desk.accept(stray)).toEqual([
      { type: 'ErrorRaised', code: 'ORDER_UNKNOWN', message: 'OrderAccepted for unknown order stray' },
      { type: 'KillSwitchTripped', cause: 'order_state', value: 1, limit: 0 },
      { type: 'CancelIntended', clientOrderId: order.clientOrderId, reason: 'kill_switch' },
    ]);
    const filled = desk.fill({ ...stray, symbol: 'BBB', side: 'sell' }, { quantity: 40 });
    expect(filled).toMatchObject([
      { type: 'ErrorRaised', code: 'ORDER_UNKNOWN' },
      { type: 'PositionOpened', symbol: 'BBB', shares: -40 },
    ]);
    expect(desk.engine.ledger.shares[1]).toBe(-40);
  });

  it('of a symbol nobody has quoted yet is marked at its own price, so that equity is never a guess', () => {
    const desk = openDesk();
    desk.open(MONDAY);
    const order = { clientOrderId: 'stray', symbol: 'BBB', side: 'buy', quantity: 10 } as OrderRequest;
    desk.fill(order, { priceE4: 300_000 });
    expect(currentEquityMicros(desk.engine)).toBe(1e12);
    desk.bar({ AAA: 'none', BBB: { midE4: 310_000 } });
    expect(currentEquityMicros(desk.engine)).toBe(1e12 + 10 * 10_000 * 100);
  });

  it('of more shares than were asked for is booked, raised, and ends the order', () => {
    const { desk, order } = intended();
    desk.accept(order);
    const derived = desk.fill(order, { quantity: 600 });
    expect(derived).toMatchObject([
      { type: 'PositionOpened', shares: 600 },
      { type: 'ErrorRaised', code: 'ORDER_OVERFILLED' },
      { type: 'KillSwitchTripped', cause: 'order_state' },
    ]);
    expect(ofType(derived, 'ErrorRaised')[0]!.message).toContain('600 of 500 shares');
    expect(desk.engine.ledger.shares[0]).toBe(600);
    expect(desk.engine.orders.working).toEqual([]);
  });

  it('of an overfill leaves a position that can be closed to the last share', () => {
    const { desk, order } = intended();
    desk.accept(order);
    desk.fill(order, { quantity: 600 });
    const derived = desk.next({ AAA: 'short' });
    expect(decisionsIn(derived).AAA).toMatchObject({ kind: 'EXIT', reason: 'exit_alpha_opposes' });
    expect(ordersIn(derived)).toMatchObject([{ side: 'sell', quantity: 600, purpose: 'close' }]);
  });

  it.each(['OrderCancelled', 'OrderExpired'] as const)(
    'fills late, after %s: the shares are ours, and the switch trips',
    (ending) => {
      const { desk, order } = intended();
      desk.accept(order);
      desk.send({ type: ending, clientOrderId: order.clientOrderId });
      const derived = desk.fill(order, { leaves: 400 });
      expect(derived).toMatchObject([
        { type: 'PositionOpened', shares: 100 },
        { type: 'ErrorRaised', code: 'ORDER_FILLED_LATE' },
        { type: 'KillSwitchTripped', cause: 'order_state' },
      ]);
      expect(desk.engine.ledger.shares[0]).toBe(100);
    },
  );

  it('still finds its order in the session after, and no longer in the one after that', () => {
    const { desk, order } = intended();
    desk.fill(order);
    desk.close();
    desk.open(TUESDAY);
    desk.bar();
    expect(ofType(desk.fill(order, { leaves: 499 }), 'ErrorRaised')[0]!.code).toBe('ORDER_OVERFILLED');
    desk.close();
    desk.open('2024-01-10');
    desk.bar();
    expect(ofType(desk.fill(order, { leaves: 499 }), 'ErrorRaised')[0]!.code).toBe('ORDER_UNKNOWN');
  });

  it('closes and reverses positions with the events of each', () => {
    const desk = longDesk();
    const [close] = ordersIn(desk.next({ AAA: 'short' }));
    const { realizedMicros } = desk.engine.ledger;
    expect(desk.fill(close!, { quantity: 700, priceE4: PAR_E4 + 100 })).toMatchObject([
      { type: 'PositionClosed', symbol: 'AAA', priceE4: PAR_E4 + 100, realizedMicros: 500 * 100 * 100 },
      { type: 'PositionOpened', symbol: 'AAA', shares: -200 },
      { type: 'ErrorRaised', code: 'ORDER_OVERFILLED' },
      { type: 'KillSwitchTripped' },
    ]);
    expect(desk.engine.ledger.realizedMicros - realizedMicros).toBe(500 * 100 * 100);
  });
});

const AGREED = [{ type: 'ReconciliationStarted' }, { type: 'ReconciliationEnded', mismatches: 0 }];

describe('a broker snapshot', () => {
  it('that agrees with the books raises nothing, whether a flat symbol is named or not', () => {
    const desk = longDesk();
    const cashMicros = desk.engine.ledger.cashMicros;
    expect(desk.send({ type: 'BrokerSnapshot', cashMicros, positions: { AAA: 500 } })).toEqual(AGREED);
    expect(desk.send({ type: 'BrokerSnapshot', cashMicros, positions: { AAA: 500, BBB: 0 } })).toEqual(
      AGREED,
    );
  });

  it('does not mistake a symbol for a property every object has', () => {
    const desk = warmDesk({ symbols: ['AAA', 'constructor'] });
    expect(desk.send({ type: 'BrokerSnapshot', cashMicros: 1e12, positions: {} })).toEqual(AGREED);
  });
});
