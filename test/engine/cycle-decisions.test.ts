import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/domain/errors.ts';
import {
  type Desk,
  decisionsIn,
  longDesk,
  MINUTE_US,
  MONDAY,
  ofType,
  openDesk,
  ordersIn,
  PAR_E4,
  TUESDAY,
  warmDesk,
} from './desk.ts';

const NEVER_EXITS = { opposingAlphaCostFraction: 100 };

/** Fills every order of a cycle in full. */
function fillAll(desk: Desk, events: Parameters<typeof ordersIn>[0]): void {
  for (const order of ordersIn(events)) desk.fill(order);
}

function reasons(events: Parameters<typeof ordersIn>[0]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(decisionsIn(events)).map(([symbol, { kind, reason }]) => [symbol, `${kind} ${reason}`]),
  );
}

describe('a cycle', () => {
  it('starts, asks the models, and completes with one decision a symbol in code-unit order', () => {
    const desk = warmDesk({ symbols: ['AAA', 'B', 'b'] });
    desk.bar();
    const before = desk.log.length;
    const derived = desk.cycle({ AAA: 'long', b: 'short' });
    const types = desk.log.slice(before).map(({ type }) => type);
    expect(types.slice(0, 3)).toEqual(['CycleStarted', 'InferenceRequested', 'CycleCompleted']);
    const [completed] = ofType(derived, 'CycleCompleted');
    expect(completed!.decisions.map(({ symbol }) => symbol)).toEqual(['AAA', 'B', 'b']);
    expect(completed).toMatchObject({ cycle: 2, equityMicros: 1e12 });
    expect(ofType(desk.log, 'InferenceRequested').at(-1)!.featuresDigest).toBe(completed!.digests.features);
  });

  it('without models is decided at once: everything holds, for want of models', () => {
    const desk = openDesk({ hasModels: false });
    desk.open(MONDAY);
    desk.warmUp();
    const derived = desk.cycle({ AAA: 'long' });
    expect(derived.map(({ type }) => type)).toEqual(['CycleStarted', 'CycleCompleted']);
    expect(reasons(derived)).toEqual({ AAA: 'HOLD no_models', BBB: 'HOLD no_models' });
  });

  it('says of a symbol without a score which stage had nothing to say first', () => {
    const desk = openDesk({ symbols: ['AAA', 'BBB', 'CCC'], scenario: { prediction: { volMinReturns: 2 } } });
    desk.open(MONDAY);
    desk.bar({ BBB: 'none', CCC: 'none' });
    for (let k = 0; k < 8; k += 1) desk.bar({ BBB: 'none' });
    expect(reasons(desk.cycle({}))).toMatchObject({
      AAA: 'HOLD volatility_warming_up',
      BBB: 'HOLD volatility_warming_up',
    });
    for (let k = 0; k < 8; k += 1) desk.bar({ AAA: { midE4: PAR_E4 * (1 + k / 1e4) } });
    expect(reasons(desk.cycle({ BBB: 'silent', CCC: 'silent' }))).toMatchObject({
      AAA: 'HOLD below_threshold',
    });
    desk.bar({ AAA: 'one_sided' });
    expect(reasons(desk.cycle({ AAA: 'long' })).AAA).toBe('HOLD quote_missing');
    desk.bar();
    expect(reasons(desk.cycle({ AAA: 'silent' })).AAA).toBe('HOLD no_predictions');
  });

  it('holds a symbol of which nothing was ever seen', () => {
    const desk = openDesk();
    desk.open(MONDAY);
    desk.send({ type: 'CycleDue', cycle: 1 }, desk.nowUs + MINUTE_US);
    const predictions = { cycle: 1, values: new Float32Array(2), valid: Uint8Array.of(1, 1) };
    expect(reasons(desk.send({ type: 'PredictionsMade', predictions }))).toEqual({
      AAA: 'HOLD no_market_data',
      BBB: 'HOLD no_market_data',
    });
  });

  it('blocks an entry at the gate with the value and the limit behind it', () => {
    const desk = warmDesk({ scenario: { gating: { maxSpreadBps: 0.5 } } });
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toEqual({
      symbol: 'AAA',
      kind: 'BLOCKED',
      reason: 'spread_too_wide',
      value: 1,
      limit: 0.5,
    });
  });

  it('blocks a halted symbol and one whose quote is too old', () => {
    const desk = warmDesk();
    desk.bar({ AAA: 'halted' });
    expect(decisionsIn(desk.cycle({ AAA: 'long' })).AAA).toMatchObject({ kind: 'BLOCKED', reason: 'halted' });
    desk.bar({ AAA: 'none' });
    expect(decisionsIn(desk.cycle({ AAA: 'long' })).AAA).toMatchObject({
      kind: 'BLOCKED',
      reason: 'quote_stale',
      value: MINUTE_US,
    });
  });

  it('lets barrier models scale, block and close', () => {
    const desk = warmDesk({ barriers: true });
    desk.bar();
    const scaled = desk.cycle({ AAA: 'long' }, { peak: 0.2, valley: 1 });
    expect(decisionsIn(scaled).AAA).toMatchObject({ kind: 'TRADE' });
    expect(decisionsIn(scaled).AAA!.targetWeight).toBeCloseTo(0.05 * 0.8, 8);
    fillAll(desk, scaled);
    desk.bar();
    const blocked = desk.cycle({ BBB: 'long' }, { peak: 0.61, valley: 0.5 });
    expect(decisionsIn(blocked)).toMatchObject({
      AAA: { kind: 'HOLD' },
      BBB: { kind: 'BLOCKED', reason: 'barrier_peak' },
    });
    desk.bar();
    const closed = desk.cycle({ AAA: 'long' }, { peak: 0.7, valley: 0.5 });
    expect(decisionsIn(closed).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'exit_barrier_peak',
      side: 'sell',
    });
    expect(ordersIn(closed)).toMatchObject([{ side: 'sell', purpose: 'close' }]);
  });
});

describe('a failed inference', () => {
  it('is an error on the tape and holds the universe', () => {
    const desk = warmDesk({ barriers: true });
    desk.bar();
    const derived = desk.failedCycle('out of memory');
    expect(derived[0]).toEqual({ type: 'ErrorRaised', code: 'INFERENCE_FAILED', message: 'out of memory' });
    expect(reasons(derived)).toEqual({ AAA: 'HOLD inference_failed', BBB: 'HOLD inference_failed' });
  });

  it('forgets what barrier models said before: an old peak closes nothing', () => {
    const desk = warmDesk({ barriers: true });
    desk.bar();
    const [order] = ordersIn(desk.cycle({ AAA: 'long' }, { peak: 0.2, valley: 1 }));
    desk.bar();
    desk.cycle({ AAA: 'long' }, { peak: 0.9, valley: 1 });
    desk.fill(order!);
    desk.bar();
    expect(decisionsIn(desk.failedCycle('down')).AAA).toMatchObject({
      kind: 'HOLD',
      reason: 'inference_failed',
    });
  });

  it('does not stop an exit that needs no forecast, and triggers none that needs one', () => {
    const desk = longDesk();
    desk.bar();
    expect(decisionsIn(desk.failedCycle('down')).AAA).toMatchObject({
      kind: 'HOLD',
      reason: 'inference_failed',
    });
    for (let k = 0; k < 4; k += 1) desk.bar();
    const derived = desk.failedCycle('down');
    expect(decisionsIn(derived).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'exit_horizon_elapsed',
      value: 5,
      limit: 5,
    });
    expect(ordersIn(derived)).toMatchObject([{ side: 'sell', quantity: 500, purpose: 'close' }]);
  });

  it('leaves the next cycle as if nothing happened: scores do not learn from it', () => {
    const desk = warmDesk();
    desk.bar();
    desk.failedCycle('down');
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'TRADE', side: 'buy' });
  });
});

describe('a position', () => {
  it('is left when its horizon has elapsed, and the clock restarts while its forecast stands', () => {
    const desk = longDesk();
    for (let k = 0; k < 4; k += 1) expect(ordersIn(desk.next({}))).toEqual([]);
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({
      kind: 'HOLD',
      reason: 'inside_band',
    });
    for (let k = 0; k < 4; k += 1) expect(ordersIn(desk.next({}))).toEqual([]);
    expect(decisionsIn(desk.next({})).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'exit_horizon_elapsed',
      horizon: '5m',
      side: 'sell',
    });
  });

  it('lives on its horizon from its fill, not from the decision before it', () => {
    const desk = warmDesk();
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    for (let k = 0; k < 3; k += 1) desk.bar();
    desk.fill(order!);
    for (let k = 0; k < 4; k += 1) expect(ordersIn(desk.next({}))).toEqual([]);
    expect(decisionsIn(desk.next({})).AAA).toMatchObject({ reason: 'exit_horizon_elapsed', value: 5 });
  });

  it('counts its horizon in session minutes: a night is not held', () => {
    const desk = longDesk();
    while (desk.nowUs < desk.engine.clock.closeUs - 2 * MINUTE_US) desk.bar();
    const kept = desk.next({ AAA: 'long' });
    expect(decisionsIn(kept).AAA).toMatchObject({ kind: 'HOLD', reason: 'inside_band' });
    desk.bar();
    desk.close();
    desk.open(TUESDAY);
    for (let k = 0; k < 3; k += 1) expect(ordersIn(desk.next({}))).toEqual([]);
    expect(decisionsIn(desk.next({})).AAA).toMatchObject({ reason: 'exit_horizon_elapsed', value: 5 });
  });

  it('changes sign in two legs: the opening one only after the closing one has filled', () => {
    const desk = longDesk({ scenario: { gating: NEVER_EXITS } });
    const closing = desk.next({ AAA: 'short' });
    expect(decisionsIn(closing).AAA).toMatchObject({
      kind: 'TRADE',
      reason: 'closing_before_reversal',
      side: 'sell',
      targetShares: 0,
    });
    expect(ordersIn(closing)).toMatchObject([{ side: 'sell', quantity: 500, purpose: 'close' }]);
    fillAll(desk, closing);
    const opening = desk.next({ AAA: 'short' });
    expect(ordersIn(opening)).toMatchObject([{ side: 'sell', quantity: 500, purpose: 'open' }]);
    fillAll(desk, opening);
    expect(desk.engine.ledger.shares[0]).toBe(-500);
    const covering = desk.next({ AAA: 'long' });
    expect(ordersIn(covering)).toMatchObject([{ side: 'buy', quantity: 500, purpose: 'close' }]);
  });

  it('is reduced past the gates and cut without asking for the rest', () => {
    const desk = longDesk({ scenario: { gating: NEVER_EXITS, sizing: { bandGrossFraction: 0.01 } } });
    desk.bar({ AAA: { midE4: PAR_E4 * 1.2 } });
    desk.bar({ AAA: 'none' });
    // a quote a minute old, which no entry may use
    const derived = desk.cycle({ AAA: 'long' });
    expect(decisionsIn(derived).AAA).toMatchObject({ kind: 'TRADE', reason: 'score_best' });
    expect(ordersIn(derived)).toMatchObject([{ side: 'sell', purpose: 'reduce' }]);
    fillAll(desk, derived);
    desk.bar({ AAA: { midE4: PAR_E4 } });
    expect(ordersIn(desk.cycle({ AAA: 'long' }))).toMatchObject([{ side: 'buy', purpose: 'increase' }]);
  });

  it('of a short is left by the mirror of a long', () => {
    const desk = warmDesk({ barriers: true });
    desk.bar();
    fillAll(desk, desk.cycle({ AAA: 'short' }, { peak: 1, valley: 0 }));
    expect(desk.engine.ledger.shares[0]).toBe(-500);
    desk.bar();
    expect(decisionsIn(desk.cycle({ AAA: 'short' }, { peak: 0.5, valley: 0.61 })).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'exit_barrier_valley',
      side: 'buy',
    });
  });

  it('nobody here opened has no horizon to elapse, and is left by what needs none', () => {
    const desk = warmDesk({ scenario: { gating: { endOfDayFlattenMinutes: 5 } } });
    const [order] = ordersIn(desk.next({ BBB: 'long' }));
    desk.fill({ ...order!, clientOrderId: 'stray', symbol: 'AAA' });
    for (let k = 0; k < 10; k += 1) expect(decisionsIn(desk.next({})).AAA).toMatchObject({ kind: 'HOLD' });
    while (desk.nowUs < desk.engine.clock.closeUs - 6 * MINUTE_US) desk.bar();
    const exit = decisionsIn(desk.next({})).AAA!;
    expect(exit).toMatchObject({ kind: 'EXIT', reason: 'exit_end_of_day', value: 5, limit: 5 });
    expect(Object.hasOwn(exit, 'horizon')).toBe(false);
  });
});

describe('the end of the day', () => {
  it('flattens what is held, and opens nothing in its last minutes', () => {
    const desk = longDesk({ scenario: { gating: { endOfDayFlattenMinutes: 3 } } });
    while (desk.nowUs < desk.engine.clock.closeUs - 5 * MINUTE_US) desk.bar();
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'HOLD' });
    const derived = desk.next({ AAA: 'long', BBB: 'long' });
    expect(decisionsIn(derived)).toMatchObject({
      AAA: { kind: 'EXIT', reason: 'exit_end_of_day', value: 3, limit: 3 },
      BBB: { kind: 'BLOCKED', reason: 'exit_end_of_day', value: 3, limit: 3 },
    });
    fillAll(desk, derived);
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'BLOCKED' });
  });
});

describe('a working order', () => {
  const DAY_LIMIT = { orderType: 'limit', timeInForce: 'day', limitOffsetBps: 5 };

  it('keeps its symbol waiting while it agrees with what is wanted', () => {
    const desk = warmDesk({ scenario: { execution: DAY_LIMIT } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    expect(order).toMatchObject({ type: 'limit', timeInForce: 'day', limitPriceE4: 999_500 });
    desk.accept(order!);
    desk.fill(order!, { leaves: 400 });
    expect(desk.engine.orders.working).toMatchObject([{ filledQuantity: 100, status: 'partially_filled' }]);
    const derived = desk.next({ AAA: 'long' });
    expect(decisionsIn(derived).AAA).toMatchObject({ kind: 'HOLD' });
    expect(ordersIn(derived)).toEqual([]);
    expect(ofType(derived, 'CancelIntended')).toEqual([]);
  });

  it('makes an addition wait: order_working', () => {
    const desk = warmDesk({ scenario: { execution: DAY_LIMIT, sizing: { bandGrossFraction: 0.01 } } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    desk.bar({ AAA: { midE4: PAR_E4 * 0.9 } });
    const derived = desk.cycle({ AAA: 'long' });
    expect(decisionsIn(derived).AAA).toMatchObject({ kind: 'HOLD', reason: 'order_working' });
    expect(derived.map(({ type }) => type)).toEqual(['CycleCompleted']);
  });

  it('is cancelled, once, when it stands against what is wanted now', () => {
    const desk = warmDesk({ scenario: { execution: DAY_LIMIT } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    const opposed = desk.next({ AAA: 'short' });
    expect(decisionsIn(opposed).AAA).toMatchObject({ kind: 'HOLD', reason: 'order_working' });
    expect(ofType(opposed, 'CancelIntended')).toEqual([
      { type: 'CancelIntended', clientOrderId: order!.clientOrderId, reason: 'replaced_by_decision' },
    ]);
    expect(ofType(desk.next({ AAA: 'short' }), 'CancelIntended')).toEqual([]);
    desk.send({ type: 'OrderCancelled', clientOrderId: order!.clientOrderId });
    expect(ordersIn(desk.next({ AAA: 'short' }))).toMatchObject([{ side: 'sell', purpose: 'open' }]);
  });

  it('that adds to a position is cancelled when no signal asks for it any more, or nothing may add', () => {
    const desk = warmDesk({ scenario: { execution: DAY_LIMIT } });
    const [first, second] = ordersIn(desk.next({ AAA: 'long', BBB: 'short' }));
    const gone = ofType(desk.next({ AAA: 'flat', BBB: 'short' }), 'CancelIntended');
    expect(gone.map(({ clientOrderId }) => clientOrderId)).toEqual([first!.clientOrderId]);
    desk.operator('pause');
    const paused = ofType(desk.next({ BBB: 'short' }), 'CancelIntended');
    expect(paused.map(({ clientOrderId }) => clientOrderId)).toEqual([second!.clientOrderId]);
  });

  it('that reduces at a price gives way to an exit, which takes the market and waits for its bar', () => {
    const desk = warmDesk({
      scenario: { execution: DAY_LIMIT, gating: NEVER_EXITS, sizing: { bandGrossFraction: 0.01 } },
    });
    fillAll(desk, desk.next({ AAA: 'long' }));
    desk.bar({ AAA: { midE4: PAR_E4 * 1.2 } });
    const [reduction] = ordersIn(desk.cycle({ AAA: 'long' }));
    expect(reduction).toMatchObject({ type: 'limit', side: 'sell', purpose: 'reduce' });
    expect(ofType(desk.next({}), 'CancelIntended')).toEqual([]);
    desk.operator('flatten');
    const clientOrderId = reduction!.clientOrderId;
    expect(desk.engine.orders.working).toMatchObject([{ cancel: { isAsked: true } }]);
    desk.send({ type: 'OrderCancelled', clientOrderId });
    const exit = desk.next({});
    expect(ordersIn(exit)).toMatchObject([
      { type: 'market', timeInForce: 'ioc', side: 'sell', quantity: 500, purpose: 'close' },
    ]);
    // no bar came: the exit is still on its way, and must not be called back
    expect(ofType(desk.next({}), 'CancelIntended')).toEqual([]);
  });

  it('that reduces at a price is cancelled when its horizon has elapsed', () => {
    const desk = warmDesk({
      scenario: { execution: DAY_LIMIT, gating: NEVER_EXITS, sizing: { bandGrossFraction: 0.01 } },
    });
    fillAll(desk, desk.next({ AAA: 'long' }));
    desk.bar({ AAA: { midE4: PAR_E4 * 1.2 } });
    const [reduction] = ordersIn(desk.cycle({ AAA: 'long' }));
    for (let k = 0; k < 4; k += 1) expect(ofType(desk.next({}), 'CancelIntended')).toEqual([]);
    const elapsed = desk.next({});
    expect(decisionsIn(elapsed).AAA).toMatchObject({ kind: 'EXIT', reason: 'exit_horizon_elapsed' });
    expect(ofType(elapsed, 'CancelIntended')).toMatchObject([{ clientOrderId: reduction!.clientOrderId }]);
  });

  it.each([
    ['long', 'sell', 0.99],
    ['short', 'buy', 1.01],
  ] as const)(
    'that leaves a %s is priced anew once the market has left its limit behind',
    (want, side, move) => {
      const execution = { orderType: 'marketable_limit', timeInForce: 'day', limitOffsetBps: 5 };
      const desk = warmDesk({ scenario: { execution, gating: NEVER_EXITS } });
      fillAll(desk, desk.next({ AAA: want }));
      desk.operator('flatten');
      const [exit] = ordersIn(desk.next({}));
      expect(exit).toMatchObject({ type: 'marketable_limit', timeInForce: 'day', side });
      desk.accept(exit!);
      expect(ofType(desk.next({}), 'CancelIntended')).toEqual([]);
      desk.bar({ AAA: 'none' });
      expect(ofType(desk.cycle({}), 'CancelIntended')).toEqual([]);
      desk.bar({ AAA: { midE4: PAR_E4 * move } });
      const { clientOrderId } = exit!;
      expect(ofType(desk.cycle({}), 'CancelIntended')).toMatchObject([{ clientOrderId }]);
      desk.send({ type: 'OrderCancelled', clientOrderId });
      const [again] = ordersIn(desk.next({}));
      expect(again).toMatchObject({ side, quantity: 500, purpose: 'close' });
      expect(
        side === 'sell' ? again!.limitPriceE4! < PAR_E4 * move : again!.limitPriceE4! > PAR_E4 * move,
      ).toBe(true);
    },
  );

  it('of another symbol is left alone', () => {
    const desk = warmDesk({ scenario: { execution: DAY_LIMIT } });
    desk.next({ AAA: 'long', BBB: 'long' });
    const cancelled = ofType(desk.next({ AAA: 'short', BBB: 'long' }), 'CancelIntended');
    expect(cancelled.map(({ clientOrderId }) => clientOrderId)).toEqual([
      ordersIn(desk.log)[0]!.clientOrderId,
    ]);
  });
});

describe('risk', () => {
  it('scales an order to the room a limit leaves, and the decision says which, with value and limit', () => {
    const desk = warmDesk({ scenario: { risk: { maxPosition: 0.03 } } });
    const derived = desk.next({ AAA: 'long' });
    const { value, ...decision } = decisionsIn(derived).AAA!;
    expect(decision).toMatchObject({
      kind: 'TRADE',
      reason: 'position_limit',
      limit: 0.03,
      targetShares: 300,
      side: 'buy',
    });
    expect(value).toBeCloseTo(0.05, 9);
    expect(ordersIn(derived)).toMatchObject([{ quantity: 300 }]);
  });

  it('scales an exit that is too large for one order, and the rest follows', () => {
    const desk = longDesk({ scenario: { risk: { maxOrderShares: 500 } } });
    fillAll(desk, desk.next({}));
    const [order] = ordersIn(desk.next({ BBB: 'long' }));
    desk.fill({ ...order!, symbol: 'AAA' }, { quantity: 200 });
    desk.operator('flatten');
    const derived = desk.next({});
    expect(decisionsIn(derived).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'max_order_shares',
      value: 700,
      limit: 500,
    });
    expect(ordersIn(derived)).toMatchObject([{ side: 'sell', quantity: 500 }]);
  });

  it('places reductions before increases, whatever the order of symbols', () => {
    const desk = warmDesk({ symbols: ['AAA', 'ZZZ'], scenario: { gating: NEVER_EXITS } });
    fillAll(desk, desk.next({ ZZZ: 'long' }));
    const orders = ordersIn(desk.next({ AAA: 'long', ZZZ: 'short' }));
    expect(orders.map(({ symbol, purpose }) => [symbol, purpose])).toEqual([
      ['ZZZ', 'close'],
      ['AAA', 'open'],
    ]);
  });

  it('blocks what it refuses with check, value and limit, and wants nothing for it', () => {
    const desk = warmDesk({ scenario: { risk: { restrictedSymbols: ['AAA'] } } });
    const derived = desk.next({ AAA: 'long', BBB: 'long' });
    expect(decisionsIn(derived).AAA).toEqual({
      symbol: 'AAA',
      kind: 'BLOCKED',
      reason: 'restricted_symbol',
      value: 1,
      limit: 0,
    });
    expect(ordersIn(derived).map(({ symbol }) => symbol)).toEqual(['BBB']);
  });

  it('sends a market order where asked to, or where the side it would price from is missing', () => {
    const market = warmDesk({ scenario: { execution: { orderType: 'market' } } });
    const [plain] = ordersIn(market.next({ AAA: 'long' }));
    expect(plain).toMatchObject({ type: 'market' });
    expect(Object.hasOwn(plain!, 'limitPriceE4')).toBe(false);
    const desk = warmDesk({ scenario: { gating: NEVER_EXITS } });
    fillAll(desk, desk.next({ AAA: 'short' }));
    for (let k = 0; k < 5; k += 1) desk.bar({ AAA: 'one_sided' });
    const covering = desk.cycle({});
    expect(decisionsIn(covering).AAA).toMatchObject({ kind: 'EXIT', reason: 'exit_horizon_elapsed' });
    expect(ordersIn(covering)).toMatchObject([{ type: 'market', side: 'buy', purpose: 'close' }]);
  });

  it('prices a marketable limit through the touch, away from it to the tick', () => {
    const desk = warmDesk({ scenario: { execution: { limitOffsetBps: 3 }, risk: { tickDollars: 0.05 } } });
    const [buy, sell] = ordersIn(desk.next({ AAA: 'long', BBB: 'short' }));
    expect(buy!.limitPriceE4).toBe(1_000_500);
    expect(sell!.limitPriceE4).toBe(999_500);
  });
});

describe('what must never happen', () => {
  it.each([
    [
      'time going back',
      (desk: Desk) => desk.send({ type: 'CycleDue', cycle: 9 }, desk.nowUs - 1),
      'came after',
    ],
    [
      'predictions nobody asked for',
      (desk: Desk) => desk.send({ type: 'InferenceFailed', cycle: 3, reason: '' }),
      'predictions for cycle 3 came while 0 was open',
    ],
    ['a session inside a session', (desk: Desk) => desk.open(MONDAY.replace('08', '09')), 'opened while'],
    [
      'the close of a closed session',
      (desk: Desk) => {
        desk.close();
        desk.close();
      },
      'a session closed that was not open',
    ],
    ['an event nobody knows', (desk: Desk) => desk.send({ type: 'Nonsense' } as never), 'unhandled variant'],
    ['a command nobody knows', (desk: Desk) => desk.operator('dance' as never), 'unhandled variant'],
  ])('%s stops the run', (_name, act, message) => {
    const desk = warmDesk();
    expect(() => act(desk)).toThrow(InvariantError);
    const again = warmDesk();
    expect(() => act(again)).toThrow(message);
  });

  it('a client order id used twice stops the run', () => {
    const desk = warmDesk();
    desk.next({ AAA: 'long' });
    const [order] = desk.engine.orders.working;
    // a bar, the due cycle and its two derived records come before the answer that will cause the next order
    const twin = { ...order!.request, clientOrderId: `desk-${desk.nextSeq + 4}-0` };
    desk.engine.orders.working[0] = { ...order!, request: twin };
    desk.engine.orders.workingOrdinals.set(twin.clientOrderId, order!.ordinal);
    expect(() => desk.next({ BBB: 'long' })).toThrow(/used twice/);
  });

  it.each([
    ['prediction', ({ engine }: Desk) => engine.pipeline.prediction.confidence.icShrunk.fill(Number.NaN)],
    ['arbitration', ({ engine }: Desk) => engine.pipeline.work.priorOmega.fill(Number.NaN)],
  ])('a number that is not one, out of stage %s, stops the run there', (stage, corrupt) => {
    const desk = warmDesk();
    corrupt(desk);
    expect(() => desk.next({ AAA: 'long' })).toThrow(InvariantError);
    const again = warmDesk();
    corrupt(again);
    expect(() => again.next({ AAA: 'long' })).toThrow(`stage ${stage}: output`);
  });

  it('a mark at infinity stops the run before anything is sized by it', () => {
    const desk = longDesk();
    desk.engine.pipeline.marksE4[0] = Number.POSITIVE_INFINITY;
    expect(() => desk.cycle({})).toThrow(InvariantError);
  });
});

describe('inputs that change nothing', () => {
  it('the start and the stop of a run, and a market slice of symbols outside the universe', () => {
    const desk = warmDesk();
    expect(desk.send({ type: 'RunStarted', identity: {} })).toEqual([]);
    expect(desk.send({ type: 'RunStopped', reason: 'test' })).toEqual([]);
    const { market } = desk.engine.pipeline;
    const before = structuredClone(market);
    const table = { ...otherTable(), session: MONDAY };
    desk.send({ type: 'MarketSlice', origin: 'dataset', slice: { table, from: 0, to: 1 } });
    expect(market).toEqual(before);
  });

  function otherTable() {
    const one = new Float64Array([1]);
    return {
      ...{ barSeconds: 60, symbols: ['ABC'], rowCount: 1, endUs: one, symbolIx: new Int32Array(1) },
      ...{ flags: Uint8Array.of(7), bidOpenE4: one, bidHighE4: one, bidLowE4: one, bidCloseE4: one },
      ...{ bidSize: one, askOpenE4: one, askHighE4: one, askLowE4: one, askCloseE4: one, askSize: one },
      ...{ openE4: one, highE4: one, lowE4: one, closeE4: one, volume: one },
    };
  }
});
