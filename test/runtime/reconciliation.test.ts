import { describe, expect, it } from 'vitest';
import type { TapeRecord } from '../../src/events/record.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import type { MemoryTape } from '../../src/tape/memory-tape.ts';
import { type SyntheticRunOptions, syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, replay } from '../research/tapes.ts';
import { loopDesk, timelineOf } from './loop-desk.ts';

const DAY = '2024-07-03';

/** Half a day of orders that rest, fill in parts and are cancelled, so that there is always something open. */
function busy(reconciliation: object): SyntheticRunOptions {
  return {
    synth: { symbols: 3, sessions: 1, from: DAY, signal: 0.5, seed: 4, spreadBps: 0.8 },
    scenario: {
      strict: false,
      prediction: { standardizeMinSamples: 20, confidenceFloor: 0.1 },
      sizing: { maxWeight: 0.3, grossTarget: 0.9 },
      execution: { orderType: 'limit', timeInForce: 'day', limitOffsetBps: 2 },
      broker: { participationCap: 0.05 },
      reconciliation,
      incidents: [
        { session: DAY, minute: 40, kind: 'operator', command: 'reconcile' },
        { session: DAY, minute: 60, kind: 'connection_lost', source: 'broker' },
        { session: DAY, minute: 70, kind: 'connection_restored', source: 'broker' },
      ],
    },
  };
}

function recordsOf(records: readonly TapeRecord[], type: string): readonly TapeRecord[] {
  return records.filter((record) => record.type === type);
}

async function run(reconciliation: object) {
  const made = syntheticRun(busy(reconciliation));
  await runSessions(made);
  return { made, tape: made.tape as MemoryTape };
}

describe('a simulated broker that is asked for its account', () => {
  it('agrees with the books after every cycle, orders at work included, and its answers decide nothing', async () => {
    const [often, seldom] = [await run({ everyCycles: 1 }), await run({ everyCycles: 100 })];
    const { records } = often.tape;
    const ended = recordsOf(records, 'ReconciliationEnded').map(({ payload }) => payload.mismatches);
    expect(ended.length).toBeGreaterThan(150);
    expect(new Set(ended)).toEqual(new Set([0]));
    const withOrders = recordsOf(records, 'BrokerSnapshot').filter(
      ({ payload }) => (payload.openOrders as readonly unknown[]).length > 0,
    );
    expect(withOrders.length).toBeGreaterThan(20);
    expect(often.tape.decisionHead).toBe(seldom.tape.decisionHead);
    const reasons = recordsOf(seldom.tape.records, 'ReconciliationRequested').map(
      ({ payload }) => payload.reason,
    );
    expect(reasons).toEqual(['start', 'operator', 'reconnect', 'cycle']);
    const { divergence } = await replay(records, datasetOf(often.made));
    expect(divergence).toBeUndefined();
  }, 60_000);

  it('and errs for a while holds its symbol for as long, and no longer', async () => {
    const made = syntheticRun(busy({ everyCycles: 5, mode: 'warn' }));
    let asked = 0;
    const desk = loopDesk(made, {
      around: (venue) => ({
        ...venue,
        account: (tUs) => {
          asked += 1;
          const account = venue.account(tUs);
          const isWrong = asked > 8 && asked < 20;
          const { BBB = 0 } = account.positions;
          return isWrong ? { ...account, positions: { ...account.positions, BBB: BBB + 1 } } : account;
        },
      }),
    });
    await desk.drive(await timelineOf(made));
    const { records } = desk.tape;
    const blocked = recordsOf(records, 'CycleCompleted').filter(({ payload }) =>
      (payload.decisions as readonly { readonly reason: string; readonly symbol: string }[]).some(
        ({ reason, symbol }) => reason === 'unreconciled' && symbol === 'BBB',
      ),
    );
    expect(blocked.length).toBeGreaterThan(2);
    const [first, last] = [
      recordsOf(records, 'ReconciliationMismatched').at(0)!,
      recordsOf(records, 'ReconciliationMismatched').at(-1)!,
    ];
    const during = recordsOf(records, 'OrderIntended').filter(
      ({ seq, payload }) =>
        seq > first.seq && seq < last.seq && (payload.order as { readonly symbol: string }).symbol === 'BBB',
    );
    expect(during).toEqual([]);
    const after = recordsOf(records, 'OrderIntended').filter(
      ({ seq, payload }) => seq > last.seq && (payload.order as { readonly symbol: string }).symbol === 'BBB',
    );
    expect(after.length).toBeGreaterThan(0);
    expect(recordsOf(records, 'ErrorRaised').map(({ payload }) => payload.symbol)).toEqual(['BBB']);
  }, 60_000);
});
