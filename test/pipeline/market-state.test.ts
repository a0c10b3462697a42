import { describe, expect, it } from 'vitest';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED } from '../../src/domain/market-table.ts';
import { addTraded, closeAdvSession } from '../../src/pipeline/1-prediction/adv.ts';
import { queuePredictions } from '../../src/pipeline/1-prediction/matured-pairs.ts';
import type { DecisionView } from '../../src/pipeline/decision-view.ts';
import {
  applyMarketRow,
  createMarketState,
  forgetQuotes,
  type MarketState,
  markE4,
  rebaseQuotes,
  validMidE4,
} from '../../src/pipeline/market-state.ts';
import { measureMarket } from '../../src/pipeline/measure-market.ts';
import { applySlice } from '../../src/pipeline/pipeline.ts';
import { decisionsIn, MINUTE_US, openDesk, TUESDAY, warmDesk } from '../engine/desk.ts';
import { type BarRow, OPEN_US, tableOf } from '../exchange/bars.ts';

const HAS_BOTH = HAS_BID | HAS_ASK;

function stateAfter(...rows: readonly Omit<BarRow, 'symbol' | 'minute'>[]): MarketState {
  const state = createMarketState(1);
  const table = tableOf(rows.map((row, k) => ({ symbol: 'A', minute: k + 1, ...row })));
  rows.forEach((_, row) => {
    applyMarketRow(state, { table, from: row, to: row + 1 }, row, 0, table.endUs[row]!);
  });
  return state;
}

const quote = (bidCloseE4: number, askCloseE4: number, flags = HAS_BOTH) => ({
  flags,
  bidCloseE4,
  askCloseE4,
});

describe('a mid', () => {
  it('is that of two sides that do not cross; a locked quote has one', () => {
    expect(validMidE4(100, 103)).toBe(101.5);
    expect(validMidE4(100, 100)).toBe(100);
    for (const [bid, ask] of [
      [101, 100],
      [0, 100],
      [100, 0],
      [0, 0],
    ] as const) {
      expect(validMidE4(bid, ask)).toBe(0);
    }
  });
});

describe('the newest of the market', () => {
  it('keeps the mid and its time when a quote loses a side or crosses, and the touch as it came', () => {
    const cases = [
      [quote(120, 0, HAS_BID), 120, 0],
      [quote(0, 90, HAS_ASK), 0, 90],
      [quote(130, 110), 130, 110],
    ] as const;
    for (const [row, bid, ask] of cases) {
      const state = stateAfter(quote(100, 110), row);
      expect([state.bidE4[0], state.askE4[0], state.midE4[0]]).toEqual([bid, ask, 105]);
      expect([state.midUs[0], state.quoteUs[0]]).toEqual([OPEN_US + MINUTE_US, OPEN_US + 2 * MINUTE_US]);
    }
  });

  it('takes a missing side for missing, whatever number stands there', () => {
    const state = stateAfter(quote(100, 999, HAS_BID));
    expect([state.bidE4[0], state.askE4[0], state.midE4[0]]).toEqual([100, 0, 0]);
    expect(stateAfter(quote(999, 100, HAS_ASK)).bidE4[0]).toBe(0);
  });

  it('marks at the mid, else at the last trade, else at nothing', () => {
    const traded = { flags: HAS_TRADE, closeE4: 77 };
    expect(markE4(stateAfter(traded), 0)).toBe(77);
    expect(markE4(stateAfter(quote(100, 110), traded), 0)).toBe(105);
    expect(markE4(stateAfter(quote(100, 110)), 0)).toBe(105);
    expect(stateAfter({ ...quote(100, 110), closeE4: 77 }).lastTradeE4[0]).toBe(0);
    expect(markE4(createMarketState(1), 0)).toBe(0);
  });

  it('is late until the next bar, which a row without quote and trade is not', () => {
    const state = createMarketState(1);
    const table = tableOf([
      { symbol: 'A', minute: 1, flags: 0 },
      { symbol: 'A', minute: 2, flags: HAS_TRADE },
    ]);
    state.isOverdue.fill(1);
    applyMarketRow(state, { table, from: 0, to: 1 }, 0, 0, OPEN_US);
    expect(state.isOverdue[0]).toBe(1);
    applyMarketRow(state, { table, from: 1, to: 2 }, 1, 0, OPEN_US);
    expect(state.isOverdue[0]).toBe(0);
  });

  it('forgets touch and halt overnight, and the touch over a corporate action, but no mark', () => {
    const state = stateAfter({ ...quote(200, 220, HAS_BOTH | HAS_TRADE | IS_HALTED), closeE4: 212 });
    const terms = { exDate: '2024-03-05', oldShares: 1, newShares: 2, referencePriceE4: 210 };
    const action = { kind: 'split', symbol: 'A', ...terms } as const;
    expect(state.isHalted[0]).toBe(1);
    rebaseQuotes(state, 0, action);
    expect([state.bidE4[0], state.askE4[0], state.midE4[0], state.lastTradeE4[0]]).toEqual([0, 0, 105, 106]);
    const night = stateAfter(quote(200, 220, HAS_BOTH | IS_HALTED));
    forgetQuotes(night);
    expect([night.bidE4[0], night.askE4[0], night.isHalted[0], night.midE4[0]]).toEqual([0, 0, 0, 210]);
  });
});

describe('a slice', () => {
  it('counts the dollars of bars with trades, and leaves symbols outside the universe alone', () => {
    const desk = openDesk();
    desk.open(TUESDAY);
    const { pipeline } = desk.engine;
    const table = tableOf([
      { symbol: 'AAA', minute: 1, closeE4: 500_000, volume: 30 },
      { symbol: 'BBB', minute: 1, flags: HAS_BOTH, closeE4: 500_000, volume: 30 },
      { symbol: 'ZZZ', minute: 1, flags: HAS_TRADE, closeE4: 500_000, volume: 30 },
    ]);
    applySlice(pipeline, { table, from: 0, to: 3 }, Int32Array.of(0, 1, -1));
    expect([...pipeline.adv.today]).toEqual([1500, 0]);
    expect([...pipeline.marksE4]).toEqual([1_000_500, 1_000_500]);
  });

  it('that comes after a forecast was due finds it matured, with the mid that was known then', () => {
    const desk = openDesk({ symbols: ['AAA'] });
    desk.open('2024-03-04');
    const { pipeline } = desk.engine;
    const rows = [1, 5, 7].map((minute) => ({ symbol: 'AAA', minute }));
    const doubled = { ...rows[2]!, bidOpenE4: 2_000_000, askOpenE4: 2_002_000 };
    const table = tableOf([rows[0]!, rows[1]!, doubled]);
    const universe = Int32Array.of(0);
    applySlice(pipeline, { table, from: 0, to: 1 }, universe);
    const { pairs, confidence } = pipeline.prediction;
    const forecast = { cycle: 1, values: Float32Array.of(0.5), valid: Uint8Array.of(1) };
    queuePredictions(pairs, OPEN_US + MINUTE_US, forecast);
    applySlice(pipeline, { table, from: 1, to: 2 }, universe);
    expect(confidence.tracks[0]!.pairs.count).toBe(0);
    applySlice(pipeline, { table, from: 2, to: 3 }, universe);
    const matured = confidence.tracks[0]!.pairs;
    expect([matured.count, matured.x[0], matured.y[0]]).toEqual([1, 0.5, 0]);
  });

  it('without a price leaves the mark that was there', () => {
    const desk = warmDesk();
    const before = [...desk.engine.pipeline.marksE4];
    desk.bar({ AAA: 'none', BBB: 'one_sided' });
    expect([...desk.engine.pipeline.marksE4]).toEqual(before);
  });
});

describe('what the stages read of the market', () => {
  it('is its age in seconds, and how much of a full position the market can carry', () => {
    const desk = warmDesk({ scenario: { prediction: { capacityKappa: 0.1 }, sizing: { maxWeight: 0.05 } } });
    const { pipeline } = desk.engine;
    addTraded(pipeline.adv, 0, 100_000);
    closeAdvSession(pipeline.adv);
    const view = { tUs: desk.nowUs + 90_000_000, equityMicros: 1e12 } as DecisionView;
    measureMarket(pipeline, view);
    const { work } = pipeline;
    expect([...work.ageSeconds]).toEqual([90, 90]);
    expect([...work.advDollars]).toEqual([100_000, 0]);
    // a tenth of 100,000 dollars a day, for a position of 50,000; where no volume is known nothing limits
    expect([...work.capacity]).toEqual([0.2, 1]);
    measureMarket(pipeline, { ...view, equityMicros: -1e12 });
    expect([...work.capacity]).toEqual([1, 1]);
  });

  it('and whether a model answered tells one that is not warm from one that is silent', () => {
    const desk = openDesk({ symbols: ['AAA', 'BBB', 'CCC'], horizons: ['5m', '15m'] });
    desk.open(TUESDAY);
    for (let k = 0; k < 12; k += 1) {
      desk.bar(
        Object.fromEntries(['AAA', 'BBB', 'CCC'].map((s) => [s, { midE4: 1_000_000 + (k % 7) * 900 }])),
      );
    }
    const decisions = decisionsIn(desk.cycle({ BBB: 'silent' }));
    expect(Object.values(decisions).map(({ reason }) => reason)).toEqual([
      'model_warming_up',
      'no_predictions',
      'model_warming_up',
    ]);
  });

  it('and a universe too small for its ranking models is told from one that they are silent about', () => {
    const symbols = ['AAA', 'BBB', 'CCC'];
    const desk = openDesk({ symbols, isRanking: true });
    desk.open(TUESDAY);
    for (let k = 0; k < 12; k += 1) {
      desk.bar(Object.fromEntries(symbols.map((s) => [s, { midE4: 1_000_000 + (k % 7) * 900 }])));
    }
    const decisions = decisionsIn(desk.cycle({ BBB: 'silent' }));
    expect(Object.values(decisions).map(({ reason }) => reason)).toEqual([
      'too_few_to_rank',
      'no_predictions',
      'too_few_to_rank',
    ]);
  });
});
