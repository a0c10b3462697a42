import { describe, expect, it } from 'vitest';
import type { Execution, OrderRequest, Side } from '../../src/domain/orders.ts';
import type { Decision, DerivedEvent } from '../../src/events/derived.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import {
  collectDerived,
  collectInput,
  createRunCollector,
  type RunCollector,
} from '../../src/report/collect.ts';
import { type RunStatistics, statisticsOf } from '../../src/report/statistics.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { MINUTE_US, OPEN_US, SESSION, slicesOf, tableOf } from '../exchange/bars.ts';

const CASH = 100_000_000_000;
const DAY_US = 86_400_000_000;

function newCollector(): RunCollector {
  return createRunCollector({ symbols: ['AAA', 'BBB'], initialCashMicros: CASH });
}

function quote(minute: number, bidOpenE4: number): InputEvent {
  const table = tableOf([{ symbol: 'AAA', minute, bidOpenE4, askOpenE4: bidOpenE4 + 1_000 }]);
  return {
    type: 'MarketSlice',
    tUs: OPEN_US + minute * MINUTE_US,
    origin: 'dataset',
    slice: slicesOf(table)[0],
  };
}

function intended(clientOrderId: string, side: Side, quantity: number): DerivedEvent {
  const order: OrderRequest = {
    clientOrderId,
    symbol: 'AAA',
    side,
    type: 'market',
    timeInForce: 'day',
    quantity,
    purpose: 'open',
  };
  return { type: 'OrderIntended', order, cycle: 1, reason: 'score_best' };
}

function filled(
  executionId: string,
  rest: Pick<Execution, 'clientOrderId' | 'side' | 'quantity' | 'priceE4'> & { minute: number },
): InputEvent {
  const { minute, ...fill } = rest;
  const tUs = OPEN_US + minute * MINUTE_US;
  const execution = { ...fill, executionId, symbol: 'AAA', feeMicros: 1_000_000, tradeTimeUs: tUs };
  return { type: 'OrderFilled', tUs, execution };
}

function cycle(equityMicros: number, decisions: readonly Decision[] = []): DerivedEvent {
  const digests = {
    features: '',
    prediction: '',
    blending: '',
    arbitration: '',
    gating: '',
    sizing: '',
    risk: '',
  };
  return { type: 'CycleCompleted', cycle: 1, decisions, digests, equityMicros };
}

/** A day with one winning round trip: 100 shares bought at 100.20 on a mid of 100.05, sold at 101.00. */
function tradedDay(): RunCollector {
  const collector = newCollector();
  collectInput(collector, { type: 'SessionOpened', tUs: OPEN_US, session: SESSION });
  collectInput(collector, quote(1, 1_000_000));
  const decision: Decision = { symbol: 'AAA', kind: 'TRADE', reason: 'score_best' };
  collectDerived(
    collector,
    cycle(CASH, [decision, { symbol: 'BBB', kind: 'HOLD', reason: 'below_threshold' }]),
    OPEN_US + MINUTE_US,
  );
  collectDerived(collector, intended('c1', 'buy', 100), OPEN_US + MINUTE_US);
  collectInput(collector, { type: 'OrderAccepted', tUs: OPEN_US + MINUTE_US, clientOrderId: 'c1' });
  const buy = filled('x1', {
    clientOrderId: 'c1',
    side: 'buy',
    quantity: 100,
    priceE4: 1_002_000,
    minute: 2,
  });
  collectInput(collector, buy);
  collectInput(collector, quote(2, 1_001_000));
  collectDerived(
    collector,
    cycle(CASH - 51_000_000, [{ ...decision, kind: 'EXIT', reason: 'exit_horizon_elapsed' }]),
    OPEN_US + 2 * MINUTE_US,
  );
  collectDerived(collector, intended('c2', 'sell', 100), OPEN_US + 2 * MINUTE_US);
  collectInput(
    collector,
    filled('x2', { clientOrderId: 'c2', side: 'sell', quantity: 100, priceE4: 1_010_000, minute: 7 }),
  );
  collectInput(collector, buy);
  collectDerived(collector, intended('c3', 'sell', 1), OPEN_US + 7 * MINUTE_US);
  collectInput(collector, {
    type: 'OrderRejected',
    tUs: OPEN_US + 7 * MINUTE_US,
    clientOrderId: 'c3',
    reason: 'short_not_allowed',
    detail: '',
  });
  collectInput(collector, { type: 'SessionClosed', tUs: SESSION.closeUs, date: SESSION.date });
  return collector;
}

describe('collecting a run', () => {
  it('adds up money, orders, round trips, decisions and drawdown; a repeated report counts once', () => {
    const s = statisticsOf(tradedDay());
    expect(s).toMatchObject({
      cycles: 2,
      finalEquityMicros: CASH + 80_000_000 - 2_000_000,
      netPnlMicros: 78_000_000,
      grossPnlMicros: 80_000_000,
      feesMicros: 2_000_000,
      totalReturn: 0.00078,
      tradedMicros: 20_120_000_000,
      orders: {
        intended: 3,
        accepted: 1,
        filled: 2,
        rejected: 1,
        fills: 2,
        rejectedBy: { short_not_allowed: 1 },
      },
      roundTrips: { count: 1, long: 1, wins: 1, hitRate: 1, profitFactor: null, meanNetMicros: 78_000_000 },
      decisions: {
        TRADE: { score_best: 1 },
        HOLD: { below_threshold: 1 },
        EXIT: { exit_horizon_elapsed: 1 },
      },
      sharpe: null,
      sortino: null,
    });
    expect(s.roundTrips.meanHoldingUs).toBe(5 * MINUTE_US);
    expect(s.sessions).toEqual([
      { date: '2024-03-04', tUs: SESSION.closeUs, equityMicros: CASH + 78_000_000 },
    ]);
    expect(s.maxDrawdown.micros).toBe(51_000_000);
    expect(s.maxDrawdown.durationUs).toBe(SESSION.closeUs - OPEN_US - MINUTE_US);
    expect(s.turnover).toBeCloseTo(20_120_000_000 / (CASH - 25_500_000), 12);
  });

  it('counts what borrowed shares cost apart from the fees of trades, and shows it where there is any', () => {
    const collector = tradedDay();
    collectInput(collector, {
      ...{ type: 'BorrowFeeCharged', tUs: SESSION.closeUs, symbol: 'AAA', shares: 5, nights: 1 },
      feeMicros: 3_000_000,
    });
    collectInput(collector, { type: 'SessionClosed', tUs: SESSION.closeUs, date: SESSION.date });
    const s = statisticsOf(collector);
    expect(s).toMatchObject({
      netPnlMicros: 75_000_000,
      grossPnlMicros: 80_000_000,
      feesMicros: 2_000_000,
      borrowFeesMicros: 3_000_000,
    });
    expect(renderSummary(s)).toMatch(/borrow fees +\$3\.00 +fees in all +\$5\.00/);
    expect(renderSummary(statisticsOf(tradedDay()))).not.toContain('borrow fees');
  });

  it('takes corrections and late fees into money and round trips as if they had been known at first', () => {
    const collector = tradedDay();
    const execution = {
      ...{ executionId: 'x1.2', clientOrderId: 'c1', symbol: 'AAA', side: 'buy' as const },
      ...{ quantity: 100, priceE4: 1_006_000, feeMicros: 0, tradeTimeUs: OPEN_US + 2 * MINUTE_US },
    };
    const corrected = {
      type: 'ExecutionCorrected',
      tUs: SESSION.closeUs,
      execution,
      corrects: 'x1',
    } as const;
    const fee = {
      type: 'CommissionReported',
      tUs: SESSION.closeUs,
      executionId: 'x1.2',
      feeMicros: 7_000_000,
    } as const;
    for (const event of [corrected, corrected, fee, fee]) collectInput(collector, event);
    expect(statisticsOf(collector)).toMatchObject({
      grossPnlMicros: 40_000_000,
      feesMicros: 8_000_000,
      roundTrips: { count: 1, wins: 1, bestMicros: 32_000_000, worstMicros: 32_000_000 },
    });
    expect(collector.trades).toMatchObject([{ entryPriceE4: 1_006_000, netMicros: 32_000_000 }]);
    // taken back, it leaves a short sale that is still open
    const busted = {
      ...corrected,
      corrects: 'x1.2',
      execution: { ...execution, executionId: 'x1.3', quantity: 0 },
    };
    collectInput(collector, busted);
    expect(collector.trades).toEqual([]);
    expect(collector.ledger.shares[0]).toBe(-100);
    expect(statisticsOf(collector).roundTrips).toMatchObject({ count: 0, wins: 0, bestMicros: null });
  });

  it('takes over what the engine took over from the broker', () => {
    const collector = tradedDay();
    const cash = collector.ledger.cashMicros;
    const tUs = SESSION.closeUs;
    const adopted = {
      type: 'PositionAdopted',
      symbol: 'AAA',
      priceE4: 1_000_000,
      realizedMicros: 0,
    } as const;
    collectDerived(collector, { ...adopted, change: 30, shares: 30 }, tUs);
    collectDerived(collector, { ...adopted, change: -30, shares: 0, priceE4: 1_100_000 }, tUs);
    collectDerived(collector, { type: 'CashAdopted', cashMicros: -5 }, tUs);
    collectDerived(collector, { type: 'OrderDropped', clientOrderId: 'c9', leavesQuantity: 5 }, tUs);
    expect(statisticsOf(collector).orders.cancelled).toBe(1);
    expect(collector.ledger.cashMicros).toBe(cash - 5);
    expect(collector.trades.at(-1)).toMatchObject({ quantity: 30, grossMicros: 300_000_000, horizon: null });
    expect(statisticsOf(collector).roundTrips.count).toBe(2);
  });

  it('slippage is measured from the mid when the order was decided', () => {
    const s = statisticsOf(tradedDay());
    // bought at 100.20 on a mid of 100.05, sold at 101.00 on a mid of 100.15: costs 15.00, gains 85.00
    expect(s.slippage.costMicros).toBe(15_000_000 - 85_000_000);
    expect(s.slippage.costBps).toBeCloseTo((-70_000_000 / 20_120_000_000) * 1e4, 9);
  });

  it('exposure is the mean over cycles at the marks of each', () => {
    const { exposure } = statisticsOf(tradedDay());
    const held = (100 * 1_001_500 * 100) / (CASH - 51_000_000);
    expect(exposure.meanGrossFrac).toBeCloseTo(held / 2, 12);
    expect(exposure.meanNetFrac).toBeCloseTo(held / 2, 12);
    expect(exposure.timeInMarketFrac).toBe(0.5);
  });

  it('daily ratios stand on closing equities, the first return from the initial capital', () => {
    const collector = newCollector();
    for (const [k, equityMicros] of [101, 100, 103].entries()) {
      const tUs = SESSION.closeUs + k * DAY_US;
      collector.ledger.cashMicros = equityMicros * 1_000_000_000;
      collectInput(collector, { type: 'SessionClosed', tUs, date: `2024-03-0${4 + k}` });
    }
    const returns = [0.01, 100 / 101 - 1, 0.03];
    const mean = (returns[0] + returns[1] + returns[2]) / 3;
    const variance = returns.reduce((sum, r) => sum + (r - mean) ** 2, 0) / 2;
    expect(statisticsOf(collector).sharpe).toBeCloseTo((mean / Math.sqrt(variance)) * Math.sqrt(252), 9);
  });

  it('a run without cycles or sessions has no statistics to make up', () => {
    const s = statisticsOf(newCollector());
    expect(s).toMatchObject({
      sharpe: null,
      sortino: null,
      calmar: null,
      annualizedReturn: null,
      turnover: null,
    });
    expect(s.exposure).toEqual({ meanGrossFrac: null, meanNetFrac: null, timeInMarketFrac: null });
    expect(s.roundTrips).toMatchObject({ hitRate: null, bestMicros: null, meanHoldingUs: null });
    expect(JSON.stringify(s)).not.toMatch(/NaN/);
  });
});

describe('summary', () => {
  const expectFits = (text: string): void => {
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  };

  it('reads on 80 columns, aligned, the same on every machine', () => {
    const text = renderSummary(statisticsOf(tradedDay()));
    expectFits(text);
    expect(text).toMatchInlineSnapshot(`
      "Performance                                                1 session, 2 cycles
        final equity             $100,078.00    total return                 +0.08 %
        net P&L                      +$78.00    return a year                    n/a
        P&L before fees              +$80.00    Sharpe                           n/a
        fees                           $2.00    Sortino                          n/a
        slippage                     -$70.00    Calmar                           n/a
        max drawdown                  0.05 %    in money                      $51.00
        longest drawdown          6 h 29 min    slippage in bps               -34.79
        Yearly figures: from 20 sessions on; see summary.json.

      Trading                                                      3 orders, 2 fills
        filled                             2    turnover                      0.20 x
        cancelled, expired                 0    mean gross                    5.01 %
        rejected                           1    mean net                     +5.01 %
          short_not_allowed                    1
        round trips                        1    time in market                50.0 %
        long / short                   1 / 0    mean a trip                  +$78.00
        hit rate                     100.0 %    best trip                    +$78.00
        profit factor                    n/a    worst trip                   +$78.00
        mean holding time         5 min 00 s    traded                    $20,120.00

      Decisions                                                                    3
        TRADE                                        1    33.3 %
          score_best                                 1    33.3 %
        EXIT                                         1    33.3 %
          exit_horizon_elapsed                       1    33.3 %
        HOLD                                         1    33.3 %
          below_threshold                            1    33.3 %
      "
    `);
  });

  it('stands in one column where the screen has fewer, with every figure', () => {
    const full = renderSummary(statisticsOf(tradedDay()));
    const narrow = renderSummary(statisticsOf(tradedDay()), undefined, 60);
    for (const line of narrow.split('\n')) expect(line.length, line).toBeLessThanOrEqual(60);
    const figures = (text: string): string[] => text.split(/\n| {4}(?=[a-zA-Z])/).map((part) => part.trim());
    expect(
      figures(narrow)
        .map((part) => part.replace(/ +/g, ' '))
        .sort(),
    ).toEqual(
      figures(full)
        .map((part) => part.replace(/ +/g, ' '))
        .sort(),
    );
    expect(narrow).toContain('\n  total return                 +0.08 %\n');
  });

  it('names what is still open at the end, which no round trip has', () => {
    const collector = tradedDay();
    expect(statisticsOf(collector).openAtEnd).toEqual({ count: 0, unrealisedMicros: 0 });
    collectDerived(collector, intended('c4', 'sell', 50), OPEN_US + 8 * MINUTE_US);
    const sale = { clientOrderId: 'c4', side: 'sell', quantity: 50, priceE4: 1_010_000, minute: 9 } as const;
    collectInput(collector, filled('x4', sale));
    collectInput(collector, quote(9, 1_000_000));
    const s = statisticsOf(collector);
    expect(s.openAtEnd).toEqual({ count: 1, unrealisedMicros: 47_500_000 });
    const text = renderSummary(s);
    expectFits(text);
    expect(text).toContain(
      '  open at the end                    1    unrealised                   +$47.50\n',
    );
  });

  it('large numbers and an empty run fit too', () => {
    const large = statisticsOf(tradedDay());
    expectFits(
      renderSummary({
        ...large,
        finalEquityMicros: 8_999_999_999_999_999,
        netPnlMicros: -8_999_999_999_999_999,
        tradedMicros: 8_999_999_999_999_999,
        sharpe: -123_456.789,
        decisions: { BLOCKED: { opposite_side_working: 123_456_789_012 } },
      }),
    );
    expectFits(renderSummary(statisticsOf(newCollector())));
  });

  it('paints gains green and losses red, and only when given a painter', () => {
    const painter = {
      bold: (text: string) => text,
      dim: (text: string) => text,
      red: (text: string) => `<red>${text}`,
      green: (text: string) => `<green>${text}`,
    };
    const gain: RunStatistics = statisticsOf(tradedDay());
    expect(renderSummary(gain, painter)).toMatch(/net P&L.*<green> +\+\$78\.00/);
    expect(renderSummary({ ...gain, netPnlMicros: -1_000_000 }, painter)).toMatch(/<red> +-\$1\.00/);
    expect(renderSummary(gain)).not.toContain('<green>');
    expect(renderSummary(gain)).not.toContain(String.fromCharCode(27));
  });
});
