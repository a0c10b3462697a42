import { beforeAll, describe, expect, it } from 'vitest';
import { viewEngine } from '../../src/engine/state-view.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { Json, JsonObject } from '../../src/events/record.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { longDesk, openDesk, ordersIn, PAR_E4, warmDesk } from './desk.ts';
import { syntheticRun } from './synthetic-run.ts';

describe('the view of an engine', () => {
  it('shows account, positions, working orders and risk as they stand', () => {
    const desk = longDesk({ scenario: { risk: { dailyLoss: 0.002 } } });
    const [order] = ordersIn(desk.next({ BBB: 'short' }));
    desk.accept(order!);
    desk.fill(order!, { leaves: 300, feeMicros: 12 });
    const { clientOrderId } = order!;
    desk.send({ type: 'OrderUpdated', clientOrderId, brokerOrderId: 'b-7', status: 'held' });
    const { cashMicros } = desk.engine.ledger;
    desk.send({ type: 'BrokerSnapshot', cashMicros, positions: { AAA: 500 } });
    desk.bar({ AAA: { midE4: PAR_E4 * 0.95 } });
    const view = viewEngine(desk.engine);
    const lossMicros = 500 * 0.05 * 1e8 + 12;
    expect(view).toMatchObject({
      session: '2024-01-08',
      isSessionOpen: true,
      timeUs: desk.nowUs,
      cashMicros: 1e12 - 500 * 1e8 + 200 * 1e8 - 12,
      equityMicros: 1e12 - lossMicros,
      realizedMicros: 0,
      feesMicros: 12,
      positions: [
        { symbol: 'AAA', shares: 500, markE4: PAR_E4 * 0.95, costMicros: 500 * 1e8 },
        { symbol: 'BBB', shares: -200, markE4: PAR_E4, costMicros: -200 * 1e8 },
      ],
      workingOrders: [
        {
          clientOrderId: order!.clientOrderId,
          symbol: 'BBB',
          side: 'sell',
          quantity: 500,
          filledQuantity: 200,
          status: 'partially_filled',
          brokerOrderId: 'b-7',
          progress: 'held',
        },
      ],
      differences: [{ item: 'position', symbol: 'BBB', ours: -200, theirs: 0, seen: 1 }],
      risk: {
        tripped: ['daily_loss'],
        dailyLossFrac: lossMicros / 1e12,
        drawdownFrac: lossMicros / 1e12,
        peakMicros: 1e12,
      },
    });
  });

  it('of a new engine is empty, and JSON in any state', () => {
    const fresh = viewEngine(openDesk().engine);
    expect(fresh).toMatchObject({ session: '', isSessionOpen: false, positions: [], workingOrders: [] });
    expect((fresh.risk as JsonObject).tripped).toEqual([]);
    expect(JSON.parse(canonicalJson(fresh))).toEqual(fresh);
    const limited = viewEngine(openDesk({ hasModels: false }).engine);
    expect(limited.models).toEqual([]);
  });

  it('names every model that forecasts returns, in the order of its columns, and no barrier model', () => {
    const desk = warmDesk({ horizons: ['5m', '15m'], barriers: true });
    const models = viewEngine(desk.engine).models as readonly JsonObject[];
    expect(models.map(({ id }) => id)).toEqual(['ret_15m/base/Ridge', 'ret_5m/base/Ridge']);
    expect(models).toMatchObject([
      { pairs: 0, ic: 0, icShrunk: 0, stability: 1, weight: 1 },
      { pairs: 0, ic: 0, icShrunk: 0, stability: 1, weight: 1 },
    ]);
  });
});

describe('what the models have earned, after a run', () => {
  let models: readonly JsonObject[];

  beforeAll(async () => {
    const run = syntheticRun({ synth: { symbols: 2, sessions: 1, from: '2024-07-03' } });
    const { engine } = await runSessions(run);
    models = viewEngine(engine).models as readonly JsonObject[];
  });

  it('is counted, shrunk toward nothing, and weighted to a sum of one a horizon', () => {
    const of = (horizon: string): readonly JsonObject[] =>
      models.filter(({ id }) => (id as string).startsWith(`ret_${horizon}/`));
    for (const horizon of ['5m', '15m']) {
      const weights = of(horizon).map(({ weight }) => weight as number);
      expect(weights).toHaveLength(2);
      expect(weights[0]! + weights[1]!).toBeCloseTo(1, 12);
      expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
    }
    for (const { pairs, ic, icShrunk, stability } of models as readonly Record<string, number & Json>[]) {
      expect(pairs).toBeGreaterThan(50);
      expect(icShrunk).toBeCloseTo((ic! * pairs!) / (pairs! + 200), 12);
      expect(stability).toBeGreaterThan(0);
      expect(stability).toBeLessThanOrEqual(1);
    }
    expect(models.some(({ ic }) => ic !== 0)).toBe(true);
  });
});
