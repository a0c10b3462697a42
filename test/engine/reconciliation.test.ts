import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkBalance } from '../../src/domain/ledger.ts';
import type { OpenOrder, OrderRequest } from '../../src/domain/orders.ts';
import { findOrder } from '../../src/engine/order-book.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
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

const WAITING = { orderType: 'limit', limitOffsetBps: 5, timeInForce: 'day' };

interface Account {
  readonly cashMicros?: number;
  readonly positions?: Readonly<Record<string, number>>;
  readonly openOrders?: readonly OpenOrder[];
}

/** What a broker says that agrees with the books, but for what is given. */
function snapshot(desk: Desk, account: Account = {}): readonly DerivedEvent[] {
  const { ledger, layout } = desk.engine;
  const held = layout.symbols.flatMap((symbol, i) =>
    ledger.shares[i] === 0 ? [] : [[symbol, ledger.shares[i]!] as const],
  );
  const { cashMicros = ledger.cashMicros, positions, ...rest } = account;
  return desk.send({
    type: 'BrokerSnapshot',
    cashMicros,
    positions: { ...Object.fromEntries(held), ...positions },
    ...rest,
  });
}

function openOrder({ clientOrderId, symbol, side, quantity }: OrderRequest): OpenOrder {
  return { clientOrderId, symbol, side, leavesQuantity: quantity };
}

function requestsIn(events: readonly DerivedEvent[]): string[] {
  return ofType(events, 'ReconciliationRequested').map(({ reason }) => reason);
}

function mismatchesIn(events: readonly DerivedEvent[]): object[] {
  return ofType(events, 'ReconciliationMismatched').map(({ type: _type, ...rest }) => rest);
}

function isTripped({ engine }: Desk): boolean {
  return engine.kill.tripped.order_state;
}

function unreconciled({ engine }: Desk): number[] {
  return Array.from(engine.reconciliation.unreconciled);
}

describe('the broker is asked for its account', () => {
  it('at the first opening, after every so many cycles, after a reconnect and on command', () => {
    const desk = openDesk({ scenario: { reconciliation: { everyCycles: 3 } } });
    expect(requestsIn(desk.open(MONDAY))).toEqual(['start']);
    const asked = Array.from({ length: 7 }, () => requestsIn(desk.next({})).join());
    expect(asked).toEqual(['', '', 'cycle', '', '', 'cycle', '']);
    expect(desk.operator('reconcile')).toEqual([{ type: 'ReconciliationRequested', reason: 'operator' }]);
    expect(requestsIn(desk.next({}))).toEqual([]);
    desk.send({ type: 'ConnectionLost', source: 'broker', reason: 'closed' });
    for (let k = 0; k < 5; k += 1) expect(requestsIn(desk.next({}))).toEqual([]);
    const restored = { type: 'ConnectionRestored', source: 'market_data' } as const;
    expect(requestsIn(desk.send(restored))).toEqual([]);
    expect(requestsIn(desk.send({ ...restored, source: 'broker' }))).toEqual(['reconnect']);
    desk.close();
    expect(requestsIn(desk.open(TUESDAY))).toEqual([]);
  });
});

describe('a snapshot that differs', () => {
  it('holds the symbol at once and asks again; that alone raises nothing', () => {
    const desk = longDesk();
    const derived = snapshot(desk, { positions: { AAA: 400 } });
    expect(derived).toEqual([
      { type: 'ReconciliationStarted' },
      { type: 'ReconciliationMismatched', item: 'position', symbol: 'AAA', ours: 500, theirs: 400 },
      { type: 'ReconciliationEnded', mismatches: 1 },
      { type: 'ReconciliationRequested', reason: 'mismatch' },
    ]);
    expect(unreconciled(desk)).toEqual([1, 0]);
    const decided = desk.next({ AAA: 'short', BBB: 'long' });
    // not even the exit: how much there is to leave is what is not known
    expect(decisionsIn(decided).AAA).toMatchObject({
      kind: 'BLOCKED',
      reason: 'unreconciled',
      exitReason: 'exit_alpha_opposes',
    });
    expect(ordersIn(decided)).toMatchObject([{ symbol: 'BBB' }]);
  });

  it('and then agrees, lets the symbol trade again', () => {
    const desk = longDesk();
    snapshot(desk, { positions: { AAA: 400 } });
    const derived = snapshot(desk);
    expect(derived).toEqual([
      { type: 'ReconciliationStarted' },
      { type: 'ReconciliationEnded', mismatches: 0 },
    ]);
    expect(unreconciled(desk)).toEqual([0, 0]);
    expect(ordersIn(desk.next({ AAA: 'short' }))).toMatchObject([{ symbol: 'AAA', purpose: 'close' }]);
    expect(isTripped(desk)).toBe(false);
  });

  it('while an order works is asked about with the next cycle, since a report may be on its way', () => {
    const desk = warmDesk({ scenario: { execution: WAITING } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    expect(requestsIn(snapshot(desk, { positions: { AAA: 500 } }))).toEqual([]);
    expect(requestsIn(desk.next({ AAA: 'long' }))).toEqual(['mismatch']);
    desk.fill(order!);
    expect(mismatchesIn(snapshot(desk, { positions: { AAA: 500 } }))).toEqual([]);
    expect(requestsIn(desk.next({}))).toEqual([]);
    expect(isTripped(desk)).toBe(false);
  });

  it('may be a fill that was not reported: leaves that are fewer than ours have the broker asked', () => {
    const desk = warmDesk({ scenario: { execution: WAITING } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.fill(order!, { quantity: 100, leaves: 400 });
    expect(requestsIn(desk.next({ AAA: 'long' }))).toEqual([]);
    desk.fill(order!, { quantity: 100, leaves: 200 });
    expect(requestsIn(desk.next({ AAA: 'long' }))).toEqual(['mismatch']);
    expect(isTripped(desk)).toBe(false);
  });

  it('by another amount each time is never confirmed, and is not asked about at once for ever', () => {
    const desk = longDesk();
    const asked = Array.from({ length: 6 }, (_, k) =>
      requestsIn(snapshot(desk, { positions: { AAA: 400 + k } })).join(),
    );
    expect(asked).toEqual(['mismatch', 'mismatch', '', '', '', '']);
    expect(requestsIn(desk.next({}))).toEqual(['mismatch']);
    expect(isTripped(desk)).toBe(false);
    expect(unreconciled(desk)).toEqual([1, 0]);
  });

  it('in cash stops entries everywhere and no exit', () => {
    const desk = longDesk();
    snapshot(desk, { cashMicros: 5 });
    const decided = decisionsIn(desk.next({ AAA: 'short', BBB: 'long' }));
    expect(decided.BBB).toMatchObject({ kind: 'BLOCKED', reason: 'cash_unreconciled' });
    expect(decided.AAA).toMatchObject({ kind: 'EXIT' });
  });

  it('in cash within the tolerance agrees; a simulated broker has none', () => {
    const off = (source: string, by: number) => {
      const desk = warmDesk({ scenario: { broker: { source } } });
      return mismatchesIn(snapshot(desk, { cashMicros: 1e12 + by })).length;
    };
    expect([off('alpaca', 10_000), off('alpaca', -10_001), off('simulated', 1)]).toEqual([0, 1, 1]);
  });

  it('names orphans and orders of one side only', () => {
    const desk = warmDesk({ symbols: ['AAA', 'BBB', 'CCC'], scenario: { execution: WAITING } });
    const [first, second] = ordersIn(desk.next({ AAA: 'long', BBB: 'long' }));
    desk.accept(first!);
    const byHand = { clientOrderId: '', symbol: 'CCC', side: 'sell', leavesQuantity: 7 } as const;
    const derived = snapshot(desk, { positions: { ZZZ: 4, BBB: -3, YYY: 0 }, openOrders: [byHand] });
    // the second order has not been reported on: it may be on its way
    expect(findOrder(desk.engine.orders, second!.clientOrderId)).toMatchObject({ status: 'intended' });
    expect(mismatchesIn(derived)).toEqual([
      { item: 'orphan_position', symbol: 'BBB', ours: 0, theirs: -3 },
      { item: 'orphan_position', symbol: 'ZZZ', ours: 0, theirs: 4 },
      { item: 'unknown_order', symbol: 'CCC', clientOrderId: '', ours: 0, theirs: 7 },
      { item: 'missing_order', symbol: 'AAA', clientOrderId: first!.clientOrderId, ours: 500, theirs: 0 },
    ]);
    expect(unreconciled(desk)).toEqual([1, 1, 1]);
    // a snapshot without orders says nothing of them
    snapshot(desk);
    expect(unreconciled(desk)).toEqual([1, 0, 1]);
    snapshot(desk, { openOrders: [openOrder(first!), openOrder(second!)] });
    expect(unreconciled(desk)).toEqual([0, 0, 0]);
  });

  it('in what an order of both sides is: its remaining shares, its side, its limit, its symbol', () => {
    const desk = warmDesk({ scenario: { execution: WAITING } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    desk.fill(order!, { quantity: 100, leaves: 400 });
    const { limitPriceE4, clientOrderId, symbol } = order!;
    const open = { ...openOrder(order!), leavesQuantity: 400 };
    const differencesOf = (over: Partial<OpenOrder>) => {
      const found = mismatchesIn(snapshot(desk, { openOrders: [{ ...open, ...over }] }));
      expect(unreconciled(desk)[0]).toBe(found.length > 0 ? 1 : 0);
      return found;
    };
    const item = { symbol, clientOrderId, ours: 400 };
    expect(differencesOf({ limitPriceE4: limitPriceE4! })).toEqual([]);
    expect(differencesOf({})).toEqual([]);
    expect(differencesOf({ leavesQuantity: 300 })).toEqual([{ ...item, item: 'order_shares', theirs: 300 }]);
    expect(differencesOf({ side: 'sell' })).toEqual([{ ...item, item: 'order_shares', theirs: -400 }]);
    expect(differencesOf({ limitPriceE4: limitPriceE4! - 100 })).toEqual([
      { ...item, item: 'order_price', ours: limitPriceE4, theirs: limitPriceE4! - 100 },
    ]);
    expect(differencesOf({ symbol: 'BBB' })).toEqual([
      { ...item, item: 'unknown_order', symbol: 'BBB', ours: 0, theirs: 400 },
      { ...item, item: 'missing_order', theirs: 0 },
    ]);
  });
});

describe('a difference that is confirmed', () => {
  it('in strict mode is raised once and trips the switch; a reset raises it again while it stays', () => {
    const desk = longDesk();
    const off = () => snapshot(desk, { positions: { AAA: 400 } });
    off();
    expect(off()).toMatchObject([
      { type: 'ReconciliationStarted' },
      { type: 'ReconciliationMismatched' },
      { type: 'ReconciliationEnded' },
      {
        type: 'ErrorRaised',
        code: 'RECONCILIATION_MISMATCHED',
        message: 'position: engine 500, broker 400 shares',
        symbol: 'AAA',
      },
      { type: 'KillSwitchTripped', cause: 'order_state', value: 1 },
    ]);
    expect(ofType(off(), 'ErrorRaised')).toEqual([]);
    desk.operator('reset');
    expect(isTripped(desk)).toBe(false);
    expect(unreconciled(desk)).toEqual([1, 0]);
    expect(ofType(off(), 'ErrorRaised')).toHaveLength(1);
    expect(isTripped(desk)).toBe(true);
  });

  it('in warn mode is raised, and the symbol stays held', () => {
    const desk = longDesk({ scenario: { reconciliation: { mode: 'warn' } } });
    snapshot(desk, { positions: { AAA: 400 } });
    expect(ofType(snapshot(desk, { positions: { AAA: 400 } }), 'ErrorRaised')).toHaveLength(1);
    expect(isTripped(desk)).toBe(false);
    expect(decisionsIn(desk.next({ AAA: 'short' })).AAA).toMatchObject({ reason: 'unreconciled' });
  });

  it('takes as many snapshots in a row as the scenario says', () => {
    const desk = longDesk({ scenario: { reconciliation: { confirmations: 3 } } });
    const raised = [400, 400, 401, 401, 401].map(
      (AAA) => ofType(snapshot(desk, { positions: { AAA } }), 'ErrorRaised').length,
    );
    expect(raised).toEqual([0, 0, 0, 0, 1]);
  });

  it('calls back an order of this run that the books have not, and leaves those of others alone', () => {
    const desk = warmDesk({ scenario: { reconciliation: { mode: 'warn' } } });
    const foreign = { clientOrderId: 'person-1', symbol: 'AAA', side: 'buy', leavesQuantity: 5 } as const;
    const openOrders = [foreign, { ...foreign, clientOrderId: 'desk-9999-0' }];
    snapshot(desk, { openOrders });
    const derived = snapshot(desk, { openOrders });
    expect(ofType(derived, 'CancelIntended')).toEqual([
      { type: 'CancelIntended', clientOrderId: 'desk-9999-0', reason: 'unknown_order' },
    ]);
    expect(ofType(derived, 'ErrorRaised')).toHaveLength(2);
    expect(ofType(snapshot(desk, { openOrders }), 'CancelIntended')).toEqual([]);
    // that it ends is no surprise; that it fills would be
    expect(desk.send({ type: 'OrderCancelled', clientOrderId: 'desk-9999-0' })).toEqual([]);
    expect(isTripped(desk)).toBe(false);
    desk.fill({ ...foreign, clientOrderId: 'desk-9999-0', quantity: 5 } as unknown as OrderRequest);
    expect(isTripped(desk)).toBe(true);
  });

  it.each(['warn', 'auto_sync'])(
    'in %s mode calls back an order that works as another than it was',
    (mode) => {
      const desk = warmDesk({ scenario: { execution: WAITING, reconciliation: { mode } } });
      const [order] = ordersIn(desk.next({ AAA: 'long' }));
      desk.accept(order!);
      const changed = { ...openOrder(order!), limitPriceE4: order!.limitPriceE4! + 200 };
      expect(ofType(snapshot(desk, { openOrders: [changed] }), 'CancelIntended')).toEqual([]);
      // a snapshot that was not asked for orders neither confirms nor heals it
      snapshot(desk);
      const derived = snapshot(desk, { openOrders: [changed] });
      expect(ofType(derived, 'CancelIntended')).toMatchObject([
        { clientOrderId: order!.clientOrderId, reason: 'order_price' },
      ]);
      expect(ofType(derived, 'ErrorRaised')).toMatchObject([
        { symbol: 'AAA', message: expect.stringMatching(/^order_price .* ten-thousandths of a dollar$/) },
      ]);
      expect(isTripped(desk)).toBe(false);
      expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'HOLD' });
      desk.send({ type: 'OrderCancelled', clientOrderId: order!.clientOrderId });
      expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ reason: 'unreconciled' });
      snapshot(desk, { openOrders: [] });
      expect(ordersIn(desk.next({ AAA: 'long' }))).toHaveLength(1);
    },
  );

  it('two orders at the broker under one id are one too many; the one that works is not called back', () => {
    const desk = warmDesk({ scenario: { execution: WAITING } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    const openOrders = [openOrder(order!), openOrder(order!)];
    snapshot(desk, { openOrders });
    const derived = snapshot(desk, { openOrders });
    expect(ofType(derived, 'ErrorRaised')[0]!.message).toMatch(/^unknown_order desk-/);
    // by the switch, and by that alone
    expect(ofType(derived, 'CancelIntended')).toMatchObject([{ reason: 'kill_switch' }]);
    expect(isTripped(desk)).toBe(true);
  });
});

describe('auto_sync', () => {
  const AUTO = { reconciliation: { mode: 'auto_sync' } };

  it("takes the broker's shares and cash into the books, each by itself, and trades on", () => {
    const desk = longDesk({ scenario: AUTO });
    const { cashMicros } = desk.engine.ledger;
    const theirs = { cashMicros: cashMicros + 100 * PAR_E4 * 100, positions: { AAA: 400 } };
    snapshot(desk, theirs);
    expect(snapshot(desk, theirs).slice(-2)).toEqual([
      { type: 'CashAdopted', cashMicros: 100 * PAR_E4 * 100 },
      {
        type: 'PositionAdopted',
        symbol: 'AAA',
        change: -100,
        shares: 400,
        priceE4: PAR_E4,
        realizedMicros: 0,
      },
    ]);
    expect(desk.engine.ledger).toMatchObject({ cashMicros: theirs.cashMicros, adoptedMicros: 0 });
    checkBalance(desk.engine.ledger);
    expect(mismatchesIn(snapshot(desk, theirs))).toEqual([]);
    expect(unreconciled(desk)).toEqual([0, 0]);
    expect(ordersIn(desk.next({ AAA: 'short' }))).toMatchObject([{ quantity: 400, purpose: 'close' }]);
    expect(ofType(desk.log, 'ErrorRaised')).toEqual([]);
  });

  it('lets go of an order the broker does not have', () => {
    const desk = warmDesk({ scenario: { ...AUTO, execution: WAITING } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    snapshot(desk, { openOrders: [] });
    const derived = snapshot(desk, { openOrders: [] });
    const { clientOrderId } = order!;
    expect(derived.at(-1)).toEqual({ type: 'OrderDropped', clientOrderId, leavesQuantity: 500 });
    expect(desk.engine.orders.working).toEqual([]);
    expect(desk.send({ type: 'OrderCancelled', clientOrderId })).toEqual([]);
    expect(isTripped(desk)).toBe(false);
  });

  it('waits with a symbol nobody has quoted, and raises what it has no place for', () => {
    const desk = openDesk({ scenario: AUTO });
    desk.open(MONDAY);
    const positions = { BBB: 10, ZZZ: 3 };
    snapshot(desk, { positions });
    expect(ofType(snapshot(desk, { positions }), 'ErrorRaised')).toMatchObject([
      { symbol: 'BBB' },
      { symbol: 'ZZZ' },
    ]);
    expect(unreconciled(desk)).toEqual([0, 1]);
    desk.bar();
    expect(ofType(snapshot(desk, { positions }), 'PositionAdopted')).toMatchObject([
      { symbol: 'BBB', shares: 10 },
    ]);
    expect(unreconciled(desk)).toEqual([0, 0]);
    expect(isTripped(desk)).toBe(false);
  });

  it('leaves books that balance and agree, whatever the broker has', () => {
    const shares = fc.integer({ min: -900, max: 900 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ AAA: shares, BBB: shares, cash: fc.integer({ min: -9e9, max: 9e9 }) }), {
          minLength: 1,
          maxLength: 4,
        }),
        (accounts) => {
          const desk = longDesk({ scenario: AUTO });
          for (const { AAA, BBB, cash } of accounts) {
            const theirs = { cashMicros: 1e12 + cash, positions: { AAA, BBB } };
            snapshot(desk, theirs);
            snapshot(desk, theirs);
            expect(Array.from(desk.engine.ledger.shares)).toEqual([AAA, BBB]);
            expect(desk.engine.ledger.cashMicros).toBe(theirs.cashMicros);
            checkBalance(desk.engine.ledger);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
