import { describe, expect, it } from 'vitest';
import type { Decision, DerivedEvent } from '../../src/events/derived.ts';
import { createPrng } from '../../src/math/prng.ts';
import { entryTerms } from '../../src/pipeline/explore-entries.ts';
import { traceSymbol } from '../../src/research/trace.ts';
import {
  type Desk,
  type DeskOptions,
  decisionsIn,
  MINUTE_US,
  ofType,
  ordersIn,
  PAR_E4,
  TUESDAY,
  warmDesk,
} from './desk.ts';

/** Both horizons want the same and pass; 15m scores better, because its cost is the smaller part of its alpha. */
const HORIZONS = ['5m', '15m'];

function learningDesk(learning: object, options: DeskOptions = {}): Desk {
  const { scenario, ...rest } = options;
  return warmDesk({
    horizons: HORIZONS,
    ...rest,
    scenario: { ...scenario, learning: { algorithm: 'exp3ix', explore: 0, ...learning } },
  });
}

/** Enters AAA long, holds it for its minutes and leaves it at another price. */
function roundTrip(
  desk: Desk,
  { exitE4, want = 'long' }: { exitE4: number; want?: 'long' | 'short' },
): readonly DerivedEvent[] {
  const [entry] = ordersIn(desk.next({ AAA: want }));
  desk.accept(entry!);
  desk.fill(entry!);
  for (let k = 0; k < 40; k += 1) {
    desk.bar();
    const [exit] = ordersIn(desk.cycle({ AAA: 'flat' }));
    if (exit === undefined) continue;
    desk.accept(exit);
    return desk.fill(exit, { priceE4: exitE4, feeMicros: 5_000_000 });
  }
  throw new Error('the position never left');
}

const entryOf = (events: readonly DerivedEvent[]): Decision => decisionsIn(events).AAA!;

describe('a closed position, while learning', () => {
  it('gives its net return over 3 sigma as a reward, and then new weights', () => {
    const desk = learningDesk({});
    const events = roundTrip(desk, { exitE4: 1_001_000 });
    const [reward] = ofType(events, 'RewardObserved');
    const [updated] = ofType(events, 'LearningUpdated');
    expect(reward).toMatchObject({ symbol: 'AAA', horizon: '15m', propensity: 1 });
    // 5-minute returns of 20 bps, once each way: a sigma5 of 16.3 bps
    expect(reward!.sigma).toBeCloseTo(0.001_627_7 * Math.sqrt(3), 6);
    // 500 shares at $100: a gain of $50 less $5 of fees, over $50,000
    expect(reward!.netReturn).toBeCloseTo(45 / 50_000, 12);
    expect(reward!.reward).toBeCloseTo(reward!.netReturn / (3 * reward!.sigma), 12);
    expect(reward!.loss).toBeCloseTo((1 - reward!.reward) / 2, 12);
    const gamma = Math.sqrt(Math.log(2) / 2) / 2;
    expect(updated).toMatchObject({ algorithm: 'exp3ix', arms: HORIZONS, rounds: 1 });
    expect(updated!.lossSums[1]).toBeCloseTo((reward!.loss - 0.5) / (1 + gamma), 12);
    expect(events.map(({ type }) => type)).toEqual(['PositionClosed', 'RewardObserved', 'LearningUpdated']);
  });

  it('that was short earns what the fall was worth', () => {
    const [reward] = ofType(
      roundTrip(learningDesk({}), { exitE4: 999_000, want: 'short' }),
      'RewardObserved',
    );
    expect(reward!.netReturn).toBeCloseTo(45 / 50_000, 12);
  });

  it('moves omega: after losses on one horizon the other is taken, once the ramp is over', () => {
    const desk = learningDesk({ blend: 1, rampStartRewards: 3, rampRewards: 0 });
    const taken: (string | undefined)[] = [];
    for (let k = 0; k < 4; k += 1) {
      const before = desk.log.length;
      roundTrip(desk, { exitE4: 990_000 });
      taken.push(ordersHorizon(desk.log.slice(before)));
    }
    expect(taken).toEqual(['15m', '15m', '15m', '5m']);
    expect(desk.engine.pipeline.work.priorOmega[1]!).toBeLessThan(0.5);
  });

  it('that this run did not open says nothing', () => {
    const desk = learningDesk({});
    desk.fill({ ...order('buy'), clientOrderId: 'theirs' });
    const events = desk.fill({ ...order('sell'), clientOrderId: 'theirs-2' });
    expect(ofType(events, 'PositionClosed')).toHaveLength(1);
    expect(ofType(desk.log, 'RewardObserved')).toEqual([]);
  });

  it('is preferred as the static weights say where learning is off', () => {
    const off = { algorithm: 'off' } as const;
    const horizonOf = (staticWeights: Readonly<Record<string, number>>) =>
      entryOf(learningDesk({ ...off, staticWeights }).next({ AAA: 'long' })).horizon;
    expect([horizonOf({}), horizonOf({ '5m': 3, '15m': 1 })]).toEqual(['15m', '5m']);
  });

  it('and every decision are silent about learning when it is off', () => {
    const desk = warmDesk({ horizons: HORIZONS });
    const events = roundTrip(desk, { exitE4: PAR_E4 });
    expect(events.map(({ type }) => type)).toEqual(['PositionClosed']);
    expect(
      desk.log.some(
        (event) => event.type === 'CycleCompleted' && JSON.stringify(event).includes('propensity'),
      ),
    ).toBe(false);
  });
});

function ordersHorizon(events: readonly DerivedEvent[]): string | undefined {
  return ofType(events, 'OrderIntended')[0]?.horizon;
}

function order(side: 'buy' | 'sell') {
  return {
    clientOrderId: '',
    symbol: 'AAA',
    side,
    type: 'market',
    timeInForce: 'day',
    quantity: 10,
    purpose: 'open',
  } as const;
}

describe('exploration', () => {
  it('takes the best score with the propensity 1 - explore + explore * p', () => {
    const desk = learningDesk({ explore: 1e-9 });
    const entry = entryOf(desk.next({ AAA: 'long' }));
    expect(entry).toMatchObject({ kind: 'TRADE', horizon: '15m' });
    expect(entry.propensity).toBeCloseTo(1 - 0.5e-9, 14);
  });

  it('draws by (seed, cycle, symbol): the same keys, the same horizon, whatever else happens', () => {
    const symbols = Array.from({ length: 12 }, (_, k) => `S${String(k).padStart(2, '0')}`);
    const desk = learningDesk({ explore: 1 }, { symbols, scenario: { seed: 77 } });
    const wants = Object.fromEntries(symbols.map((symbol) => [symbol, 'long' as const]));
    const decided = decisionsIn(desk.next(wants));
    const { cycle } = ofType(desk.log, 'CycleCompleted').at(-1)!;
    const drawn = symbols.map((symbol) => {
      const random = createPrng([77, cycle, symbol]);
      return random() < 0.5 ? '5m' : '15m';
    });
    expect(new Set(drawn).size).toBe(2);
    const traded = symbols.filter((symbol) => decided[symbol]!.kind === 'TRADE');
    expect(traded.length).toBeGreaterThan(8);
    expect(traded.map((symbol) => decided[symbol]!.horizon)).toEqual(
      traded.map((symbol) => drawn[symbols.indexOf(symbol)]),
    );
    expect(traded.every((symbol) => decided[symbol]!.propensity === 0.5)).toBe(true);
  });

  it('holds where the horizon drawn does not pass theta, and says so', () => {
    // 5m scores 14.5 bps and 15m 14.9: between them, only 15m may be entered
    const scenario = { seed: 3, arbitration: { entryThresholdBps: 14.7 } };
    const symbols = Array.from({ length: 8 }, (_, k) => `S${k}`);
    const desk = learningDesk({ explore: 1 }, { symbols, scenario });
    const wants = Object.fromEntries(symbols.map((symbol) => [symbol, 'long' as const]));
    const decided = Object.values(decisionsIn(desk.next(wants)));
    const held = decided.filter(({ reason }) => reason === 'explored_below_threshold');
    expect(held.length).toBeGreaterThan(0);
    expect(held.every(({ kind, propensity }) => kind === 'HOLD' && propensity === undefined)).toBe(true);
    expect(decided.filter(({ kind }) => kind === 'TRADE').every(({ horizon }) => horizon === '15m')).toBe(
      true,
    );
    // what did not pass is the horizon drawn, and it is its score that is below theta
    const { work } = desk.engine.pipeline;
    const i = symbols.indexOf(held[0]!.symbol);
    expect([work.drawn[i], work.arbitration.best[i]]).toEqual([0, 1]);
    expect(work.value[i]).toBe(work.arbitration.scoreBps[i]);
    expect(work.value[i]!).toBeLessThan(work.limit[i]!);
    const sections = traceSymbol(desk.engine, { symbolIx: i, tUs: 0, predictions: undefined, effects: [] });
    const { values } = sections.find(({ stage }) => stage === '3 learning')!;
    expect(values).toContainEqual({ name: 'horizon drawn', value: '5m', unit: '' });
    expect(values).toContainEqual({ name: 'its score', value: work.value[i], unit: 'bps' });
  });

  it('may take what was not the best, on its own terms: side, score, sigma and arm of the horizon drawn', () => {
    const symbols = Array.from({ length: 8 }, (_, k) => `S${k}`);
    const desk = learningDesk({ explore: 1 }, { symbols, scenario: { seed: 77 } });
    desk.next(Object.fromEntries(symbols.map((symbol) => [symbol, 'long' as const])));
    const { pipeline } = desk.engine;
    const { work } = pipeline;
    const taken = symbols.map((_, i) => i).filter((i) => work.propensity[i]! > 0 && work.drawn[i] === 0);
    expect(taken.length).toBeGreaterThan(0);
    for (const i of taken) {
      expect(work.arbitration.best[i]).toBe(0);
      expect(work.arbitration.bestScoreBps[i]).toBe(work.arbitration.scoreBps[i]);
      expect(entryTerms(pipeline, i)).toEqual({ arm: 0, propensity: 0.5, sigma: work.sigma[i] });
    }
    const best = symbols.findIndex((_, i) => work.propensity[i]! > 0 && work.drawn[i] === 1);
    expect(entryTerms(pipeline, best)!.sigma).toBe(work.sigma[symbols.length + best]);
    expect(work.sigma[0]).not.toBe(work.sigma[symbols.length]);
  });

  it('has no terms for what it did not enter', () => {
    const desk = learningDesk({ explore: 1 }, { symbols: ['AAA', 'BBB'] });
    desk.next({ AAA: 'flat', BBB: 'silent' });
    expect([0, 1].map((i) => entryTerms(desk.engine.pipeline, i))).toEqual([null, null]);
    expect([...desk.engine.pipeline.work.drawn]).toEqual([-1, -1]);
    expect(entryTerms(warmDesk().engine.pipeline, 0)).toBeNull();
  });

  it('draws nothing for a symbol whose order is still working', () => {
    const desk = learningDesk({ explore: 1 }, { symbols: ['AAA'] });
    let entry = ordersIn(desk.next({ AAA: 'long' }))[0];
    for (let k = 0; entry === undefined && k < 20; k += 1) entry = ordersIn(desk.next({ AAA: 'long' }))[0];
    desk.accept(entry!);
    desk.next({ AAA: 'long' });
    const { work } = desk.engine.pipeline;
    expect([work.arbitration.selected[0], work.drawn[0], work.propensity[0]]).toEqual([1, -1, 0]);
  });

  it('draws nothing while nothing may be entered', () => {
    const desk = learningDesk({ explore: 1 }, { symbols: ['AAA'] });
    desk.operator('pause');
    desk.next({ AAA: 'long' });
    const { work } = desk.engine.pipeline;
    expect(work.arbitration.selected[0]).toBe(1);
    expect([work.drawn[0], work.propensity[0]]).toEqual([-1, 0]);
  });

  it('is for new entries only: a position that is held keeps taking the best score', () => {
    const desk = learningDesk({ explore: 1 }, { symbols: ['AAA'] });
    let entry = ordersIn(desk.next({ AAA: 'long' }))[0];
    for (let k = 0; entry === undefined && k < 20; k += 1) entry = ordersIn(desk.next({ AAA: 'long' }))[0];
    desk.accept(entry!);
    desk.fill(entry!);
    for (let k = 0; k < 4; k += 1) {
      const decision = entryOf(desk.next({ AAA: 'long' }));
      expect(decision).not.toHaveProperty('propensity');
      expect(desk.engine.pipeline.work.arbitration.best[0]).toBe(1);
    }
  });

  it('draws nothing under hedge', () => {
    const desk = learningDesk({ algorithm: 'hedge', explore: 1 });
    expect(entryOf(desk.next({ AAA: 'long' }))).toMatchObject({ horizon: '15m', propensity: 1 });
  });
});

describe('hedge', () => {
  it('scores each horizon when its forecast matures, by its direction, and not before', () => {
    const desk = learningDesk({ algorithm: 'hedge' }, { symbols: ['AAA'], horizons: ['5m', '10m'] });
    // the forecast of the warm-up cycle had no direction; this one is long
    const [entry] = ordersIn(desk.next({ AAA: 'long' }));
    expect(entry).toBeDefined();
    const sigma = Array.from(desk.engine.pipeline.work.sigma);
    const madeUs = desk.nowUs;
    const updates: { minutes: number; event: Extract<DerivedEvent, { type: 'LearningUpdated' }> }[] = [];
    for (let k = 1; k <= 10; k += 1) {
      const events = desk.bar({ AAA: { midE4: PAR_E4 * 1.001 } });
      for (const event of ofType(events, 'LearningUpdated')) {
        updates.push({ minutes: (desk.nowUs - madeUs) / MINUTE_US, event });
      }
    }
    expect(updates.map(({ minutes, event }) => [minutes, event.rounds])).toEqual([
      [5, 1],
      [10, 1],
    ]);
    expect(updates[0]!.event.lossSums[0]).toBeCloseTo(-0.001 / (3 * sigma[0]!) / 2, 6);
    expect(updates[0]!.event.lossSums[1]).toBe(0);
    expect(updates[1]!.event.lossSums[1]).toBeCloseTo(-0.001 / (3 * sigma[1]!) / 2, 6);
  });

  it('drops forecasts that would cross the close', () => {
    const desk = learningDesk({ algorithm: 'hedge' }, { symbols: ['AAA'], horizons: ['60m'] });
    while (desk.engine.clock.closeUs - desk.nowUs > 30 * MINUTE_US) desk.bar();
    desk.next({ AAA: 'long' });
    while (desk.nowUs < desk.engine.clock.closeUs) desk.bar();
    desk.close();
    expect(ofType(desk.log, 'LearningUpdated')).toEqual([]);
  });
});

describe('a corporate action, while learning', () => {
  const SPLIT = { kind: 'split', symbol: 'AAA', exDate: TUESDAY, referencePriceE4: PAR_E4 } as const;

  function overnightLong(learning: object): Desk {
    const desk = learningDesk(learning);
    const [entry] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(entry!);
    desk.fill(entry!);
    desk.close();
    desk.open(TUESDAY);
    return desk;
  }

  it('that leaves no share of a position closes it, and so gives its reward', () => {
    const desk = overnightLong({});
    const action = { ...SPLIT, oldShares: 1000, newShares: 1 };
    const events = desk.send({ type: 'CorporateActionApplied', action });
    expect(events.map(({ type }) => type)).toEqual(['PositionAdjusted', 'RewardObserved', 'LearningUpdated']);
    expect(ofType(events, 'RewardObserved')[0]).toMatchObject({ netReturn: 0, reward: 0, loss: 0.5 });
  });

  it('moves the mid that forecasts started from to the new terms: a split is no return', () => {
    const desk = learningDesk({ algorithm: 'hedge' }, { symbols: ['AAA'], horizons: ['1d'] });
    desk.next({ AAA: 'long' });
    const startedUs = desk.nowUs - desk.engine.clock.openUs;
    desk.close();
    desk.open(TUESDAY);
    desk.send({ type: 'CorporateActionApplied', action: { ...SPLIT, oldShares: 1, newShares: 4 } });
    while (desk.nowUs - desk.engine.clock.openUs < startedUs) desk.bar({ AAA: { midE4: PAR_E4 / 4 } });
    expect(ofType(desk.log, 'LearningUpdated').at(-1)!.lossSums).toEqual([0]);
  });
});
