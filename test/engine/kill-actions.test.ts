import { describe, expect, it } from 'vitest';
import { type Desk, decisionsIn, longDesk, ofType, ordersIn, PAR_E4, TUESDAY, warmDesk } from './desk.ts';

const AT_1_PERCENT = { risk: { dailyLoss: 0.01, drawdown: 0.5 } };

/** Marks AAA `frac` lower, in its next bar. */
function drop(desk: Desk, frac: number) {
  return desk.bar({ AAA: { midE4: Math.round(PAR_E4 * (1 - frac)) } });
}

/** 40 % of a million in AAA, so that prices move equity; exits by forecast are off. */
function heavyDesk(scenario: Readonly<Record<string, object>> = {}): Desk {
  const { risk, ...rest } = scenario;
  return longDesk({
    scenario: {
      sizing: { maxWeight: 0.4, grossTarget: 0.8 },
      gating: { opposingAlphaCostFraction: 100 },
      risk: { maxPosition: 2, maxGross: 4, maxNet: 4, ...risk },
      ...rest,
    },
  });
}

function causes(events: Parameters<typeof ofType>[0]): string[] {
  return ofType(events, 'KillSwitchTripped').map(({ cause }) => cause);
}

describe('operator commands', () => {
  it('pause blocks entries and leaves working orders alone; resume lets them through again', () => {
    const desk = longDesk();
    const [working] = ordersIn(desk.next({ BBB: 'long' }));
    expect(desk.operator('pause')).toEqual([]);
    expect(desk.engine.orders.working.map(({ cancel }) => cancel)).toEqual([null]);
    desk.fill(working!);
    const paused = desk.next({ AAA: 'short', BBB: 'flat' });
    expect(decisionsIn(paused).AAA).toMatchObject({ kind: 'EXIT' });
    desk.fill(ordersIn(paused)[0]!);
    expect(decisionsIn(desk.next({ AAA: 'short' })).AAA).toEqual({
      symbol: 'AAA',
      kind: 'BLOCKED',
      reason: 'trading_paused',
      value: 1,
      limit: 0,
    });
    expect(desk.operator('resume')).toEqual([]);
    expect(decisionsIn(desk.next({ AAA: 'short' })).AAA).toMatchObject({ kind: 'TRADE', side: 'sell' });
  });

  it('kill cancels working orders once, keeps positions, and blocks entries until reset by name', () => {
    const desk = longDesk();
    const [working] = ordersIn(desk.next({ BBB: 'long' }));
    expect(desk.operator('kill')).toEqual([
      { type: 'KillSwitchTripped', cause: 'operator', value: 1, limit: 0 },
      { type: 'CancelIntended', clientOrderId: working!.clientOrderId, reason: 'kill_switch' },
    ]);
    expect(desk.operator('kill')).toEqual([]);
    desk.send({ type: 'OrderCancelled', clientOrderId: working!.clientOrderId });
    const killed = desk.next({ AAA: 'flat', BBB: 'long' });
    expect(decisionsIn(killed)).toMatchObject({
      AAA: { kind: 'HOLD', reason: 'below_threshold' },
      BBB: { kind: 'BLOCKED', reason: 'kill_switch' },
    });
    expect(desk.operator('reset')).toEqual([{ type: 'KillSwitchReset', cause: 'operator', by: 'ann' }]);
    expect(ordersIn(desk.next({ BBB: 'long' }))).toHaveLength(1);
  });

  it('kill cancels what works also where it was killed before: closing orders, which it let pass then', () => {
    const desk = longDesk();
    desk.operator('flatten');
    const [closing] = ordersIn(desk.next({ AAA: 'long' }));
    expect(closing).toMatchObject({ symbol: 'AAA', side: 'sell' });
    expect(desk.operator('kill')).toEqual([
      { type: 'CancelIntended', clientOrderId: closing!.clientOrderId, reason: 'kill_switch' },
    ]);
  });

  it('kill asks again for a cancel that the broker took and nothing came of, until something does', () => {
    const desk = longDesk();
    const [working] = ordersIn(desk.next({ BBB: 'long' }));
    desk.operator('kill');
    const asked = () => ofType(desk.next({}), 'CancelIntended').length;
    expect([asked(), asked(), asked(), asked(), asked(), asked()]).toEqual([0, 0, 1, 0, 0, 1]);
    desk.send({ type: 'OrderCancelled', clientOrderId: working!.clientOrderId });
    expect([asked(), asked(), asked(), asked()]).toEqual([0, 0, 0, 0]);
  });

  it('flatten closes every position in the next cycle, whatever its forecast, and enters nothing', () => {
    const desk = longDesk();
    desk.fill(ordersIn(desk.next({ BBB: 'short' }))[0]!);
    expect(causes(desk.operator('flatten'))).toEqual(['operator']);
    const derived = desk.next({ AAA: 'long', BBB: 'short' });
    expect(decisionsIn(derived)).toMatchObject({
      AAA: { kind: 'EXIT', reason: 'kill_switch', side: 'sell', targetShares: 0 },
      BBB: { kind: 'EXIT', reason: 'kill_switch', side: 'buy', targetShares: 0 },
    });
    for (const order of ordersIn(derived)) desk.fill(order);
    expect(Array.from(desk.engine.ledger.shares)).toEqual([0, 0]);
    expect(decisionsIn(desk.next({ AAA: 'long', BBB: 'short' }))).toMatchObject({
      AAA: { kind: 'BLOCKED', reason: 'kill_switch' },
      BBB: { kind: 'BLOCKED', reason: 'kill_switch' },
    });
    desk.operator('reset');
    expect(ordersIn(desk.next({ AAA: 'long' }))).toHaveLength(1);
  });

  it('flatten after kill still flattens, and reset ends it with positions left', () => {
    const desk = longDesk();
    desk.operator('kill');
    expect(desk.operator('flatten')).toEqual([]);
    const flattening = desk.next({ AAA: 'flat' });
    expect(decisionsIn(flattening).AAA).toMatchObject({ kind: 'EXIT', reason: 'kill_switch' });
    desk.send({ type: 'OrderCancelled', clientOrderId: ordersIn(flattening)[0]!.clientOrderId });
    desk.operator('reset');
    expect(decisionsIn(desk.next({ AAA: 'flat' })).AAA).toMatchObject({ kind: 'HOLD' });
  });
});

describe('the daily loss limit', () => {
  it('warns at 70 % of the limit, once, and trips beyond it', () => {
    const desk = heavyDesk(AT_1_PERCENT);
    const loss = (frac: number) => drop(desk, frac / 0.4);
    expect(loss(0.006)).toEqual([]);
    expect(loss(0.0071)).toMatchObject([{ type: 'RiskLimitWarned', limit: 'daily_loss' }]);
    expect(loss(0.0075)).toEqual([]);
    const [warned] = ofType(desk.log, 'RiskLimitWarned');
    expect(warned!.value).toBeCloseTo(0.0071, 9);
    expect(warned!.threshold).toBeCloseTo(0.007, 12);
    const [tripped] = ofType(loss(0.0101), 'KillSwitchTripped');
    expect(tripped).toMatchObject({ cause: 'daily_loss', limit: 0.01 });
    expect(tripped!.value).toBeCloseTo(0.0101, 9);
    expect(loss(0.02)).toEqual([]);
  });

  it('with reduce_only: cancels what works, refuses new exposure, lets reductions pass', () => {
    const desk = heavyDesk(AT_1_PERCENT);
    const [working] = ordersIn(desk.next({ BBB: 'short' }));
    const tripped = drop(desk, 0.03);
    expect(tripped).toMatchObject([
      { type: 'KillSwitchTripped', cause: 'daily_loss' },
      { type: 'CancelIntended', clientOrderId: working!.clientOrderId, reason: 'kill_switch' },
    ]);
    desk.send({ type: 'OrderCancelled', clientOrderId: working!.clientOrderId });
    const derived = desk.cycle({ AAA: 'short', BBB: 'short' });
    expect(decisionsIn(derived)).toMatchObject({
      AAA: { kind: 'TRADE', reason: 'closing_before_reversal', targetShares: 0 },
      BBB: { kind: 'BLOCKED', reason: 'kill_switch' },
    });
    expect(ordersIn(derived)).toMatchObject([{ symbol: 'AAA', side: 'sell', purpose: 'close' }]);
    desk.fill(ordersIn(derived)[0]!);
    expect(decisionsIn(desk.next({ AAA: 'short' })).AAA).toMatchObject({
      kind: 'BLOCKED',
      reason: 'kill_switch',
    });
  });

  it('clears at the next session, measured from the close before it', () => {
    const desk = heavyDesk(AT_1_PERCENT);
    expect(causes(drop(desk, 0.03))).toEqual(['daily_loss']);
    desk.close();
    expect(desk.open(TUESDAY)).toEqual([{ type: 'KillSwitchReset', cause: 'daily_loss', by: 'session' }]);
    expect(drop(desk, 0.032)).toEqual([]);
    expect(causes(drop(desk, 0.06))).toEqual(['daily_loss']);
  });

  it('counts the overnight move: a gap down through the limit trips on the first bar', () => {
    const desk = heavyDesk(AT_1_PERCENT);
    desk.close();
    desk.open(TUESDAY);
    expect(causes(drop(desk, 0.03))).toEqual(['daily_loss']);
  });

  it('with flatten: closes positions in the next cycle and enters again the session after', () => {
    const desk = heavyDesk({ risk: { ...AT_1_PERCENT.risk, killAction: 'flatten' } });
    drop(desk, 0.03);
    const derived = desk.cycle({ AAA: 'long', BBB: 'long' });
    expect(decisionsIn(derived)).toMatchObject({
      AAA: { kind: 'EXIT', reason: 'kill_switch' },
      BBB: { kind: 'BLOCKED', reason: 'kill_switch' },
    });
    desk.fill(ordersIn(derived)[0]!);
    expect(desk.engine.ledger.shares[0]).toBe(0);
    desk.close();
    desk.open(TUESDAY);
    expect(desk.engine.isFlattening).toBe(false);
    desk.bar({ AAA: { midE4: PAR_E4 }, BBB: { midE4: PAR_E4 } });
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'TRADE' });
  });
});

describe('the drawdown limit', () => {
  const AT_2_PERCENT = { risk: { dailyLoss: 0.9, drawdown: 0.02 } };

  it('warns at 70 %, trips beyond it, and stays tripped over sessions until an operator resets it', () => {
    const desk = heavyDesk(AT_2_PERCENT);
    expect(drop(desk, 0.015 / 0.4)).toMatchObject([{ type: 'RiskLimitWarned', limit: 'drawdown' }]);
    expect(causes(drop(desk, 0.021 / 0.4))).toEqual(['drawdown']);
    desk.close();
    expect(desk.open(TUESDAY)).toEqual([]);
    drop(desk, 0.021 / 0.4);
    expect(decisionsIn(desk.next({ BBB: 'long' })).BBB).toMatchObject({ reason: 'kill_switch' });
    expect(desk.operator('reset')).toEqual([{ type: 'KillSwitchReset', cause: 'drawdown', by: 'ann' }]);
    expect(drop(desk, 0.022 / 0.4)).toEqual([]);
    expect(decisionsIn(desk.next({ BBB: 'long' })).BBB).toMatchObject({ kind: 'TRADE' });
  });

  it('is measured from the peak, gains included', () => {
    const desk = heavyDesk(AT_2_PERCENT);
    desk.bar({ AAA: { midE4: PAR_E4 * 1.1 } });
    expect(causes(desk.bar({ AAA: { midE4: PAR_E4 * 1.04 } }))).toEqual(['drawdown']);
  });

  it('stays in force for flattening: no new session ends it', () => {
    const desk = heavyDesk({ risk: { ...AT_2_PERCENT.risk, killAction: 'flatten' } });
    drop(desk, 0.06);
    desk.close();
    desk.open(TUESDAY);
    expect(desk.engine.isFlattening).toBe(true);
    drop(desk, 0.06);
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({
      kind: 'EXIT',
      reason: 'kill_switch',
    });
  });
});

describe('exposure warnings', () => {
  it('come after the cycle that sees them: once for the symbol at 70 % of its limit, once for the gross', () => {
    const desk = longDesk({
      scenario: { sizing: { maxWeight: 0.2 }, risk: { maxPosition: 0.25, maxGross: 0.4 } },
    });
    const held = desk.next({ BBB: 'long' });
    expect(ofType(held, 'RiskLimitWarned')).toMatchObject([
      { limit: 'position', symbol: 'AAA', value: 0.2, threshold: 0.175 },
    ]);
    expect(held.findIndex(({ type }) => type === 'RiskLimitWarned')).toBeGreaterThan(
      held.findIndex(({ type }) => type === 'CycleCompleted'),
    );
    desk.fill(ordersIn(held)[0]!);
    const both = ofType(desk.next({}), 'RiskLimitWarned');
    expect(both.map(({ limit, symbol }) => [limit, symbol])).toEqual([
      ['position', 'BBB'],
      ['exposure', undefined],
    ]);
    expect(ofType(desk.next({}), 'RiskLimitWarned')).toEqual([]);
  });
});

it('a session that starts and ends flat leaves the switch alone', () => {
  const desk = warmDesk();
  desk.close();
  expect(desk.open(TUESDAY)).toEqual([]);
  expect(desk.engine.closingEquityMicros).toBe(1e12);
});

describe('a clock that is set back', () => {
  it('calls back what may open a position, once, and leaves what closes one; a connection lost calls back nothing', () => {
    const desk = longDesk({
      scenario: { strict: false, execution: { orderType: 'limit', limitOffsetBps: 5, timeInForce: 'day' } },
    });
    const [closing, opening] = ordersIn(desk.next({ AAA: 'short', BBB: 'long' }));
    expect([closing!.purpose, opening!.purpose]).toEqual(['close', 'open']);
    const lost = { type: 'ConnectionLost', source: 'clock', reason: '3600 s behind' } as const;
    expect(desk.send({ ...lost, source: 'market_data' })).toEqual([]);
    expect(desk.send(lost)).toEqual([
      { type: 'ErrorRaised', code: 'CLOCK_SET_BACK', message: '3600 s behind' },
      { type: 'CancelIntended', clientOrderId: opening!.clientOrderId, reason: 'clock_set_back' },
    ]);
    expect(desk.send(lost)).toEqual([]);
    desk.send({ type: 'ConnectionRestored', source: 'market_data' });
    desk.send({ type: 'OrderCancelled', clientOrderId: opening!.clientOrderId });
    expect(decisionsIn(desk.next({ BBB: 'long' })).BBB).toMatchObject({ reason: 'connection_lost' });
    expect(desk.send({ type: 'ConnectionRestored', source: 'clock' })).toEqual([]);
    expect(ordersIn(desk.next({ BBB: 'long' }))).toHaveLength(1);
  });
});
