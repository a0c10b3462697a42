import { describe, expect, it } from 'vitest';
import type { DerivedEvent } from '../../src/events/derived.ts';
import { type Desk, type DeskOptions, decisionsIn, ofType, ordersIn, warmDesk } from './desk.ts';

/** What can fail while a run goes on, each brought about in a run that has an order working in BBB. */
const FAILURES: Readonly<Record<string, { code: string; fail: (desk: Desk) => readonly DerivedEvent[] }>> = {
  'inference failure': {
    code: 'INFERENCE_FAILED',
    fail: (desk) => {
      desk.bar();
      return desk.failedCycle('out of memory');
    },
  },
  'gate failure': {
    code: 'GATE_FAILED',
    fail: (desk) =>
      answer(
        desk,
        desk.engine.layout.columns.findIndex(({ kind }) => kind === 'peak'),
      ),
  },
  'stale data': {
    code: 'DATA_STALE',
    fail: (desk) => {
      // thirty-one minutes in which only BBB has bars
      for (let k = 0; k < 31; k += 1) desk.bar({ AAA: 'none' });
      return desk.send({ type: 'DataGapDetected', symbol: 'AAA', sinceUs: desk.nowUs - 31 * 60_000_000 });
    },
  },
  'reconcile mismatch': {
    code: 'RECONCILIATION_MISMATCHED',
    // the first might be a report on its way
    fail: (desk) => {
      desk.send({ type: 'BrokerSnapshot', cashMicros: 1, positions: {} });
      return desk.send({ type: 'BrokerSnapshot', cashMicros: 1, positions: {} });
    },
  },
  'a clock that is set back': {
    code: 'CLOCK_SET_BACK',
    fail: (desk) => desk.send({ type: 'ConnectionLost', source: 'clock', reason: '3600 s behind' }),
  },
  'a report that cannot be right': {
    code: 'ORDER_UNKNOWN',
    fail: (desk) => desk.send({ type: 'OrderAccepted', clientOrderId: 'nobody-1' }),
  },
};

/** A cycle of which one column came too late, and the others want a long. */
function answer(desk: Desk, late: number): readonly DerivedEvent[] {
  const { symbols, columns } = desk.engine.layout;
  desk.bar();
  desk.send({ type: 'CycleDue', cycle: 3 });
  const values = new Float32Array(columns.length * symbols.length);
  const valid = new Uint8Array(values.length).fill(1);
  columns.forEach(({ kind }, c) => {
    values.fill(kind === 'return' ? 3 : 0.1, c * symbols.length, (c + 1) * symbols.length);
  });
  valid.fill(0, late * symbols.length, (late + 1) * symbols.length);
  const faults = [{ column: late, reason: 'late', detail: '90 ms' }] as const;
  return desk.send({ type: 'PredictionsMade', predictions: { cycle: 3, values, valid, faults } });
}

function failing(name: string, strict: boolean) {
  const options: DeskOptions = { barriers: true, scenario: { strict, execution: { timeInForce: 'day' } } };
  const desk = warmDesk(options);
  const [working] = ordersIn(desk.next({ BBB: 'long' }));
  desk.accept(working!);
  const { code, fail } = FAILURES[name]!;
  return { desk, code, working: working!, out: fail(desk) };
}

describe.each(Object.keys(FAILURES))('%s', (name) => {
  it('stops a strict run in a safe state: raised, switch tripped, working orders called back, nothing sent', () => {
    const { desk, code, working, out } = failing(name, true);
    expect(ofType(out, 'ErrorRaised')[0]).toMatchObject({ code });
    expect(ofType(out, 'KillSwitchTripped').map(({ cause }) => cause)).toContain('strict_error');
    expect(ofType(out, 'CancelIntended').map(({ clientOrderId }) => clientOrderId)).toEqual([
      working.clientOrderId,
    ]);
    expect(ordersIn(out)).toEqual([]);
    expect(desk.engine.kill.tripped.strict_error).toBe(true);
  });

  it('is an event outside strict mode, which enters nothing on it', () => {
    const { out } = failing(name, false);
    expect(ofType(out, 'KillSwitchTripped').map(({ cause }) => cause)).not.toContain('strict_error');
    // a late model is no error of the run: it is named, and its symbols are held
    const type = name === 'gate failure' ? 'ModelFaulted' : 'ErrorRaised';
    expect(ofType(out, type)).not.toEqual([]);
    expect(ordersIn(out)).toEqual([]);
  });
});

describe('outside strict mode', () => {
  it('a symbol whose data went stale is held until its next bar, and the others go on', () => {
    const desk = warmDesk({ scenario: { strict: false } });
    FAILURES['stale data']!.fail(desk);
    expect(decisionsIn(desk.cycle({ AAA: 'long', BBB: 'long' }))).toMatchObject({
      AAA: { kind: 'BLOCKED', reason: 'quote_stale' },
      BBB: { kind: 'TRADE' },
    });
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'TRADE' });
  });

  it('is held however old quotes and data may be otherwise, until its next bar', () => {
    const hour = { maxDataAgeSeconds: 3600, maxQuoteAgeSeconds: 3600 };
    const gating = { maxQuoteAgeSeconds: 3600 };
    const desk = warmDesk({ scenario: { strict: false, risk: hour, gating } });
    FAILURES['stale data']!.fail(desk);
    const held = desk.cycle({ AAA: 'long', BBB: 'long' });
    expect(decisionsIn(held)).toMatchObject({
      AAA: { kind: 'BLOCKED', reason: 'stale_data' },
      BBB: { kind: 'TRADE' },
    });
    desk.bar({ AAA: 'none' });
    expect(decisionsIn(desk.cycle({ AAA: 'long' })).AAA).toMatchObject({ reason: 'stale_data' });
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'TRADE' });
  });

  it('books that differ stop new exposure until an operator resets them and they agree', () => {
    const desk = warmDesk({ scenario: { strict: false } });
    FAILURES['reconcile mismatch']!.fail(desk);
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({
      kind: 'BLOCKED',
      reason: 'kill_switch',
    });
    desk.operator('reset');
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({
      kind: 'BLOCKED',
      reason: 'cash_unreconciled',
    });
    desk.send({ type: 'BrokerSnapshot', cashMicros: 1e12, positions: {} });
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({ kind: 'TRADE' });
  });
});

describe('a connection that is lost', () => {
  it.each(['market_data', 'broker'] as const)(
    '(%s) blocks entries until it is back, exits pass',
    (source) => {
      const desk = warmDesk();
      const [opened] = ordersIn(desk.next({ AAA: 'long' }));
      desk.fill(opened!);
      expect(desk.send({ type: 'ConnectionLost', source, reason: 'closed by peer' })).toEqual([]);
      const out = desk.next({ AAA: 'short', BBB: 'long' });
      expect(decisionsIn(out)).toMatchObject({
        AAA: { kind: 'EXIT' },
        BBB: { kind: 'BLOCKED', reason: 'connection_lost' },
      });
      expect(ordersIn(out).map(({ purpose }) => purpose)).toEqual(['close']);
      const other = source === 'broker' ? 'market_data' : 'broker';
      desk.send({ type: 'ConnectionRestored', source: other });
      expect(decisionsIn(desk.next({ BBB: 'long' })).BBB).toMatchObject({ kind: 'BLOCKED' });
      desk.send({ type: 'ConnectionRestored', source });
      expect(decisionsIn(desk.next({ BBB: 'long' })).BBB).toMatchObject({ kind: 'TRADE' });
    },
  );
});

describe('a cycle that falls due while another is open', () => {
  it('is skipped by name, and the open one is answered as if it had not been', () => {
    const desk = warmDesk();
    desk.bar();
    desk.send({ type: 'CycleDue', cycle: 7 });
    expect(desk.send({ type: 'CycleDue', cycle: 8 })).toEqual([
      { type: 'CycleSkipped', cycle: 8, reason: 'cycle 7 is open' },
    ]);
    expect(desk.engine.openCycle).toBe(7);
    const failed = desk.send({ type: 'InferenceFailed', cycle: 7, reason: 'late' });
    expect(ofType(failed, 'CycleCompleted').map(({ cycle }) => cycle)).toEqual([7]);
  });
});
