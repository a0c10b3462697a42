import { describe, expect, it } from 'vitest';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import { checkBalance } from '../../src/domain/ledger.ts';
import { currentEquityMicros } from '../../src/engine/engine-state.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { createMarketState, markE4, rebaseQuotes } from '../../src/pipeline/market-state.ts';
import { expectClose } from './close.ts';
import { type Desk, longDesk, MONDAY, ofType, ordersIn, PAR_E4, TUESDAY, warmDesk } from './desk.ts';
import { type Run, splitWorlds } from './split-worlds.ts';

const SPLIT = { kind: 'split', symbol: 'AAA', exDate: TUESDAY, referencePriceE4: PAR_E4 } as const;
const DIVIDEND = { kind: 'dividend', symbol: 'AAA', exDate: TUESDAY, referencePriceE4: PAR_E4 } as const;

function apply(desk: Desk, action: CorporateAction) {
  return desk.send({ type: 'CorporateActionApplied', action });
}

/** The desk at the open of the next day. */
function overnight(desk: Desk): Desk {
  desk.close();
  desk.open(TUESDAY);
  return desk;
}

describe('a split at the open', () => {
  it('gives new shares at a new mark: equity stays, and the change is an event', () => {
    const desk = overnight(longDesk());
    const before = currentEquityMicros(desk.engine);
    const events = apply(desk, { ...SPLIT, oldShares: 1, newShares: 4 });
    expect(events).toEqual([
      {
        type: 'PositionAdjusted',
        symbol: 'AAA',
        cause: 'split',
        shares: 2000,
        cashMicros: 0,
        realizedMicros: 0,
      },
    ]);
    expect(desk.engine.pipeline.marksE4[0]).toBe(PAR_E4 / 4);
    expect(currentEquityMicros(desk.engine)).toBe(before);
    checkBalance(desk.engine.ledger);
  });

  it('of a symbol that is not held changes no position, so there is no event', () => {
    const desk = overnight(longDesk());
    expect(apply(desk, { ...SPLIT, symbol: 'BBB', oldShares: 1, newShares: 4 })).toEqual([]);
    expect([...desk.engine.pipeline.marksE4]).toEqual([PAR_E4, PAR_E4 / 4]);
  });

  it('pays out what is left of a share, and closes the position where nothing else is', () => {
    const desk = overnight(longDesk());
    const before = currentEquityMicros(desk.engine);
    const [adjusted] = apply(desk, { ...SPLIT, oldShares: 1000, newShares: 1 });
    expect(adjusted).toMatchObject({ shares: 0, cashMicros: 500 * PAR_E4 * 100, realizedMicros: 0 });
    expect(currentEquityMicros(desk.engine)).toBe(before);
  });

  it('is no loss to the kill switch: the first bar on the new terms trips nothing', () => {
    const desk = overnight(longDesk());
    apply(desk, { ...SPLIT, oldShares: 1, newShares: 7 });
    const events = desk.bar({ AAA: { midE4: Math.round(PAR_E4 / 7) } });
    expect(events).toEqual([]);
    // without the action the same bar would be a loss of six sevenths of the position
    const naive = overnight(longDesk());
    expect(ofType(naive.bar({ AAA: { midE4: Math.round(PAR_E4 / 7) } }), 'KillSwitchTripped')).not.toEqual(
      [],
    );
  });

  it('cancels an order of the symbol that still works, and no other', () => {
    const desk = warmDesk({ symbols: ['AAA', 'BBB'] });
    const orders = ordersIn(desk.next({ AAA: 'long', BBB: 'long' }));
    orders.map(desk.accept);
    const events = apply(desk, { ...SPLIT, exDate: MONDAY, oldShares: 1, newShares: 2 });
    const id = orders.find(({ symbol }) => symbol === 'AAA')!.clientOrderId;
    expect(events).toEqual([{ type: 'CancelIntended', clientOrderId: id, reason: 'corporate_action' }]);
  });

  it('leaves no quote of before to trade at, and the clock of every position as it was', () => {
    const desk = longDesk();
    const { timers, market } = desk.engine.pipeline;
    const clock = [...timers.startMinutes];
    apply(desk, { ...SPLIT, exDate: MONDAY, oldShares: 1, newShares: 2 });
    expect([market.bidE4[0], market.askE4[0], market.midE4[0]]).toEqual([0, 0, PAR_E4 / 2]);
    expect([...timers.startMinutes]).toEqual(clock);
  });
});

describe('a symbol that only ever traded, without a quote', () => {
  it('is marked at its last trade on the new terms', () => {
    const market = createMarketState(1);
    market.lastTradeE4[0] = 700;
    rebaseQuotes(market, 0, { ...SPLIT, oldShares: 1, newShares: 7 });
    expect(markE4(market, 0)).toBe(100);
  });
});

describe('a dividend at the open', () => {
  it('pays a long position what its mark falls by: equity stays', () => {
    const desk = overnight(longDesk());
    const before = currentEquityMicros(desk.engine);
    const events = apply(desk, { ...DIVIDEND, cashMicros: 485_000 });
    expect(events).toEqual([
      {
        type: 'PositionAdjusted',
        symbol: 'AAA',
        cause: 'dividend',
        shares: 500,
        cashMicros: 242_500_000,
        realizedMicros: 0,
      },
    ]);
    expect(desk.engine.pipeline.marksE4[0]).toBe(PAR_E4 - 4850);
    expect(currentEquityMicros(desk.engine)).toBe(before);
    checkBalance(desk.engine.ledger);
  });

  it('is taken from a short position, whose equity stays too', () => {
    const desk = warmDesk();
    const [order] = ordersIn(desk.next({ AAA: 'short' }));
    desk.fill(order!);
    overnight(desk);
    const before = currentEquityMicros(desk.engine);
    const [adjusted] = apply(desk, { ...DIVIDEND, cashMicros: 1_000_000 });
    expect(adjusted).toMatchObject({ shares: -500, cashMicros: -500_000_000 });
    expect(currentEquityMicros(desk.engine)).toBe(before);
  });

  it('makes the return over the ex-date a total return: the volatility of a night that only paid it is 0', () => {
    const desk = overnight(longDesk());
    apply(desk, { ...DIVIDEND, cashMicros: 1_000_000 });
    desk.bar({ AAA: { midE4: PAR_E4 - 10_000 } });
    const { overnightSquares, overnightWeight } = desk.engine.pipeline.volatility;
    expect(overnightWeight[0]).toBeGreaterThan(0);
    expect(overnightSquares[0]).toBeLessThan(1e-30);
  });
});

describe('an engine over corporate actions', () => {
  it('goes on from a snapshot taken between them as if nothing had happened', () => {
    const desk = overnight(longDesk());
    apply(desk, { ...DIVIDEND, cashMicros: 500_000 });
    const copy = decodeState(encodeState(desk.engine));
    expect(copy).toEqual(desk.engine);
    const state = JSON.stringify(encodeState(desk.engine));
    apply(desk, { ...SPLIT, oldShares: 2, newShares: 3 });
    expect(JSON.stringify(encodeState(desk.engine))).not.toBe(state);
  });
});

/** Nothing trades, so that the two worlds differ in their terms alone. */
const WATCHING = {
  synth: { sessions: 3, symbols: 3 },
  families: ['Fast'],
  horizons: ['5m', '1d'],
  scenario: { arbitration: { entryThresholdBps: 10_000 } },
};

/** Payloads of CycleCompleted, with the time they fell due. */
function cyclesOf({ tape }: Run) {
  return tape.records
    .filter(({ type }) => type === 'CycleCompleted')
    .map(({ t, payload }) => ({ t, ...payload, digests: payload.digests as Record<string, string> }));
}

describe('a run over raw prices with a split', () => {
  it('decides as one over prices adjusted beforehand, to the bit where the ratio is a power of two', async () => {
    for (const [oldShares, newShares] of [
      [1, 2],
      [4, 1],
    ] as const) {
      const { raw, adjusted } = await splitWorlds({ oldShares, newShares, symbol: 'BBB' }, WATCHING);
      await runSessions(raw);
      await runSessions(adjusted);
      const exUs = raw.sessions[1]!.openUs;
      const found = cyclesOf(raw);
      const expected = cyclesOf(adjusted);
      expect(found.length).toBe(3 * 389);
      for (const [k, cycle] of found.entries()) {
        // features in dollars (mom, macd, atr) are on the terms of their day, which before the ex-date differ
        const features = cycle.t > exUs ? cycle.digests.features : expected[k]!.digests.features;
        expect({ ...cycle, digests: { ...cycle.digests, features } }).toEqual(expected[k]);
      }
    }
  });

  it('and to 1e-9 at 7 for 1 and 3 for 2: features, volatility, marks, and what waits for its outcome', async () => {
    for (const [oldShares, newShares] of [
      [1, 7],
      [2, 3],
    ] as const) {
      const { raw, adjusted } = await splitWorlds({ oldShares, newShares, symbol: 'BBB' }, WATCHING);
      const found = (await runSessions({ ...raw, sessions: raw.sessions.slice(0, 2) })).engine.pipeline;
      const expected = (await runSessions({ ...adjusted, sessions: raw.sessions.slice(0, 2) })).engine
        .pipeline;
      expectClose(found.features.intervals, expected.features.intervals, 1e-9);
      expectClose(
        found.features.plans.map(({ batch }) => batch),
        expected.features.plans.map(({ batch }) => batch),
        1e-5,
      );
      expectClose(found.volatility, expected.volatility, 1e-9);
      expectClose(found.adv, expected.adv, 1e-9);
      expectClose(found.prediction.pairs, expected.prediction.pairs, 1e-9);
      expectClose([found.marksE4, found.market.midE4], [expected.marksE4, expected.market.midE4], 1e-9);
    }
  });

  it('would not without the action: the comparison sees a split', async () => {
    const { raw, adjusted } = await splitWorlds({ oldShares: 1, newShares: 7, symbol: 'BBB' }, WATCHING);
    const found = (await runSessions({ ...raw, actions: [] })).engine.pipeline;
    const expected = (await runSessions(adjusted)).engine.pipeline;
    expect(() => expectClose(found.features.intervals, expected.features.intervals, 1e-3)).toThrow();
    expect(() => expectClose(found.volatility, expected.volatility, 1e-3)).toThrow();
  });
});
