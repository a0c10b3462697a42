import { describe, expect, it } from 'vitest';
import type { createEngine, Engine } from '../../src/engine/engine-state.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { step } from '../../src/engine/step.ts';
import { isKilled, KILL_CAUSES, killCause, trip } from '../../src/pipeline/6-risk/kill-switch.ts';
import { type Desk, decisionsIn, longDesk, ofType, ordersIn, PAR_E4, TUESDAY, warmDesk } from './desk.ts';

const FREE_EXITS = { opposingAlphaCostFraction: 100 };

describe('what gates and quotes say on the tape', () => {
  const blocked = (desk: Desk) =>
    ofType(desk.log, 'GateBlocked').map(({ cycle, symbol, reason }) => `${cycle} ${symbol} ${reason}`);

  it('GateBlocked comes when a gate begins to block, not in every cycle it does, and again after it let go', () => {
    const desk = warmDesk({ scenario: { gating: { maxQuoteAgeSeconds: 90 } } });
    desk.bar({ AAA: 'halted' });
    const first = desk.cycle({ AAA: 'long' });
    expect(ofType(first, 'GateBlocked')).toEqual([
      { type: 'GateBlocked', cycle: 2, symbol: 'AAA', reason: 'halted', value: 1, limit: 0 },
    ]);
    desk.bar({ AAA: 'halted' });
    expect(decisionsIn(desk.cycle({ AAA: 'short' })).AAA).toMatchObject({ kind: 'BLOCKED' });
    desk.next({ AAA: 'flat' });
    expect(blocked(desk)).toEqual(['2 AAA halted']);
    expect(ordersIn(desk.next({ AAA: 'long' }))).toHaveLength(1);
    desk.bar({ AAA: 'halted' });
    desk.cycle({ AAA: 'short', BBB: 'flat' });
    expect(blocked(desk)).toEqual(['2 AAA halted', '6 AAA halted']);
  });

  it('QuoteStale comes once while a quote is old, for any symbol, and again after a fresh one', () => {
    const desk = warmDesk();
    desk.bar({ AAA: 'none' });
    expect(ofType(desk.cycle({}), 'QuoteStale')).toEqual([
      { type: 'QuoteStale', cycle: 2, symbol: 'AAA', ageUs: 60_000_000, limitUs: 2_000_000 },
    ]);
    desk.bar({ AAA: 'none' });
    expect(ofType(desk.cycle({}), 'QuoteStale')).toEqual([]);
    expect(ofType(desk.next({}), 'QuoteStale')).toEqual([]);
    desk.bar({ AAA: 'none' });
    expect(ofType(desk.cycle({}), 'QuoteStale')).toHaveLength(1);
    desk.close();
    desk.open(TUESDAY);
    desk.bar({ AAA: 'none', BBB: 'none' });
    expect(ofType(desk.cycle({}), 'QuoteStale')).toEqual([]);
  });
});

describe('an exit that risk stops', () => {
  it('names the check and keeps the reason of the exit', () => {
    const desk = longDesk();
    for (let k = 0; k < 4; k += 1) desk.next({ AAA: 'flat' });
    desk.bar({ AAA: 'halted' });
    const derived = desk.cycle({ AAA: 'flat' });
    expect(decisionsIn(derived).AAA).toEqual({
      symbol: 'AAA',
      kind: 'BLOCKED',
      reason: 'halted_symbol',
      value: 1,
      limit: 0,
      exitReason: 'exit_horizon_elapsed',
    });
    expect(ordersIn(derived)).toEqual([]);
    expect(decisionsIn(desk.next({ AAA: 'flat' })).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'exit_horizon_elapsed',
    });
    expect(decisionsIn(desk.log).AAA!.exitReason).toBeUndefined();
  });

  it('of the kill switch says so, and one that is cut keeps both too', () => {
    const desk = longDesk({ scenario: { risk: { maxOrderShares: 500 } } });
    desk.operator('flatten');
    desk.bar({ AAA: 'halted' });
    expect(decisionsIn(desk.cycle({})).AAA).toMatchObject({
      reason: 'halted_symbol',
      exitReason: 'kill_switch',
    });
    const cut = longDesk({ scenario: { risk: { maxOrderValueDollars: 50_100 } } });
    for (let k = 0; k < 4; k += 1) cut.next({ AAA: 'flat' });
    cut.bar({ AAA: { midE4: PAR_E4 * 1.5 } });
    const derived = cut.cycle({ AAA: 'flat' });
    expect(decisionsIn(derived).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'max_order_value',
      exitReason: 'exit_horizon_elapsed',
    });
    expect(ordersIn(derived)).toMatchObject([{ side: 'sell', purpose: 'close' }]);
    expect(ordersIn(derived)[0]!.quantity).toBeLessThan(500);
  });
});

describe('the repeated-execution throttle', () => {
  /** Buys and sells AAA over and over, filled at once: one round trip in two minutes. */
  function churn(desk: Desk, rounds: number): void {
    for (let k = 0; k < rounds; k += 1) {
      for (const want of ['long', 'short'] as const) {
        for (const order of ordersIn(desk.next({ AAA: want }))) desk.fill(order);
      }
    }
  }
  const OVER_AN_HOUR = { risk: { maxRepeatedExecutions: 4, repeatedExecutionMinutes: 60, maxOpenOrders: 9 } };

  it('warns, trips at its limit whichever session it is, and only a person lets it trade again', () => {
    const desk = warmDesk({ scenario: OVER_AN_HOUR });
    churn(desk, 2);
    expect(ofType(desk.log, 'RiskLimitWarned').filter(({ limit }) => limit === 'repeated_execution')).toEqual(
      [],
    );
    churn(desk, 1);
    const [warned] = ofType(desk.log, 'RiskLimitWarned').filter(
      ({ limit }) => limit === 'repeated_execution',
    );
    expect(warned).toMatchObject({ value: 3, threshold: 2.8, symbol: 'AAA' });
    expect(isKilled(desk.engine.kill)).toBe(false);
    churn(desk, 2);
    expect(ofType(desk.log, 'KillSwitchTripped')).toMatchObject([
      { cause: 'repeated_execution', value: 4, limit: 4 },
    ]);
    desk.close();
    desk.open(TUESDAY);
    desk.bar();
    expect(decisionsIn(desk.next({ BBB: 'long' })).BBB).toMatchObject({ reason: 'kill_switch' });
    expect(desk.operator('reset')).toEqual([
      { type: 'KillSwitchReset', cause: 'repeated_execution', by: 'ann' },
    ]);
    expect(ordersIn(desk.next({ BBB: 'short' }))).toHaveLength(1);
  });

  it('does not count the slices of one exit that a size limit cuts', () => {
    const risk = { ...OVER_AN_HOUR.risk, maxOrderValueDollars: 50_100 };
    const desk = longDesk({ scenario: { risk } });
    for (let k = 0; k < 4; k += 1) desk.next({ AAA: 'flat' });
    desk.bar({ AAA: { midE4: PAR_E4 * 10 } });
    let slices = 0;
    for (let k = 0; k < 10; k += 1) {
      for (const order of ordersIn(desk.next({ AAA: 'flat' }))) {
        expect(order.side).toBe('sell');
        desk.fill(order);
        slices += 1;
      }
    }
    expect(slices).toBe(10);
    expect(desk.engine.ledger.shares[0]).toBe(0);
    expect(desk.engine.pipeline.riskMemory.executions).toMatchObject([{ side: 'buy' }]);
    expect(ofType(desk.log, 'KillSwitchTripped')).toEqual([]);
  });

  it('counts orders, not their fills, and a reset lets it count from nothing', () => {
    const desk = warmDesk({ scenario: OVER_AN_HOUR });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    for (const leaves of [400, 300, 200, 100]) desk.fill(order!, { quantity: 100, leaves });
    expect(desk.engine.pipeline.riskMemory.executions).toHaveLength(1);
    desk.engine.kill.tripped.repeated_execution = true;
    desk.operator('reset');
    expect(desk.engine.pipeline.riskMemory.executions).toEqual([]);
  });
});

describe('the loss velocity', () => {
  it('trips on a loss within its window, cancels what works, and stays until a person resets it', () => {
    const desk = longDesk({
      scenario: {
        sizing: { maxWeight: 0.4, grossTarget: 0.8 },
        gating: FREE_EXITS,
        risk: { maxPosition: 2, maxGross: 4, maxNet: 4, lossVelocity: 0.005, lossVelocityMinutes: 3 },
      },
    });
    const [working] = ordersIn(desk.next({ BBB: 'long' }));
    const drop = (frac: number) => desk.bar({ AAA: { midE4: PAR_E4 * (1 - frac / 0.4) } });
    expect(drop(0.003)).toEqual([]);
    expect(drop(0.0036)).toMatchObject([{ type: 'RiskLimitWarned', limit: 'loss_velocity' }]);
    expect(drop(0.0051)).toMatchObject([
      { type: 'KillSwitchTripped', cause: 'loss_velocity', limit: 0.005 },
      { type: 'CancelIntended', clientOrderId: working!.clientOrderId, reason: 'kill_switch' },
    ]);
    desk.close();
    desk.open(TUESDAY);
    expect(killCause(desk.engine.kill)).toBe('loss_velocity');
    expect(desk.operator('reset')).toMatchObject([{ type: 'KillSwitchReset', cause: 'loss_velocity' }]);
  });
});

describe('a restart', () => {
  const revive = (engine: Engine) =>
    decodeState(JSON.parse(JSON.stringify(encodeState(engine)))) as ReturnType<typeof createEngine>;

  it.each(KILL_CAUSES)('keeps a switch tripped for %s, and what it counts from', (cause) => {
    const desk = longDesk({ scenario: { risk: { lossVelocity: 0.01, killAction: 'flatten' } } });
    trip(desk.engine.kill, cause, { value: 1, limit: 0 });
    const revived = revive(desk.engine);
    expect(revived).toEqual(desk.engine);
    expect(killCause(revived.kill)).toBe(cause);
    const tUs = desk.nowUs + 1;
    const reset = { type: 'OperatorCommanded', tUs, command: 'reset', who: 'ann', why: 'seen' } as const;
    expect(step(revived, reset, 1).derived).toEqual([{ type: 'KillSwitchReset', cause, by: 'ann' }]);
    expect(isKilled(revived.kill)).toBe(false);
    expect(isKilled(desk.engine.kill)).toBe(true);
  });
});
