import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CorporateAction, SplitAction } from '../../src/domain/corporate-actions.ts';
import { InvariantError } from '../../src/domain/errors.ts';
import { applyExecution, checkBalance, createLedger, type Ledger } from '../../src/domain/ledger.ts';
import { applyCorporateAction } from '../../src/domain/ledger-actions.ts';
import type { Execution, Side } from '../../src/domain/orders.ts';

const DAY_US = 86_400_000_000;

function splitOf(oldShares: number, newShares: number, referencePriceE4 = 1_000_000): SplitAction {
  return { kind: 'split', symbol: 'AAA', exDate: '2024-01-03', oldShares, newShares, referencePriceE4 };
}

function dividendOf(dollars: number, referencePriceE4 = 1_000_000): CorporateAction {
  const cashMicros = Math.round(dollars * 1e6);
  return { kind: 'dividend', symbol: 'AAA', exDate: '2024-01-03', cashMicros, referencePriceE4 };
}

let executions = 0;
function execution(side: Side, quantity: number, priceE4: number, feeMicros = 0): Execution {
  executions += 1;
  const ids = { executionId: `x${executions}`, clientOrderId: 'o' };
  return { ...ids, symbol: 'AAA', side, quantity, priceE4, feeMicros, tradeTimeUs: executions };
}

function holding(...trades: readonly Parameters<typeof execution>[]): Ledger {
  const ledger = createLedger({ cashMicros: 1e12, symbols: ['AAA', 'BBB'] });
  for (const trade of trades) applyExecution(ledger, execution(...trade));
  return ledger;
}

describe('a dividend', () => {
  it('is paid on every share of a long position, and belongs to its round trip', () => {
    const ledger = holding(['buy', 300, 500_000, 30]);
    const before = ledger.cashMicros;
    const adjusted = applyCorporateAction(ledger, dividendOf(0.485), DAY_US);
    expect(adjusted).toEqual({ symbolIx: 0, shares: 300, cashMicros: 145_500_000, realizedMicros: 0 });
    expect(ledger.cashMicros - before).toBe(145_500_000);
    checkBalance(ledger);
    const { roundTrip } = applyExecution(ledger, execution('sell', 300, 490_000, 20));
    expect(roundTrip).toMatchObject({
      grossMicros: -300_000_000,
      dividendsMicros: 145_500_000,
      feesMicros: 50,
      netMicros: -154_500_050,
    });
  });

  it('is taken from a short position', () => {
    const ledger = holding(['sell', 100, 500_000]);
    const before = ledger.cashMicros;
    expect(applyCorporateAction(ledger, dividendOf(1.25), DAY_US)?.cashMicros).toBe(-125_000_000);
    expect(ledger.cashMicros - before).toBe(-125_000_000);
    expect(ledger.dividendsMicros).toBe(-125_000_000);
    checkBalance(ledger);
  });

  it('of a symbol that is not held books nothing; of one outside the universe is a bug', () => {
    const ledger = holding();
    expect(applyCorporateAction(ledger, dividendOf(1), 1)).toBeUndefined();
    expect(ledger.cashMicros).toBe(1e12);
    expect(() => applyCorporateAction(ledger, { ...dividendOf(1), symbol: 'ZZZ' }, 1)).toThrow(
      InvariantError,
    );
  });
});

describe('a split', () => {
  it('keeps the cost of a lot exactly where the price does not divide: two lots a ten-thousandth apart', () => {
    const ledger = holding(['buy', 10, 6_455_700, 33]);
    const before = ledger.cashMicros;
    const adjusted = applyCorporateAction(ledger, splitOf(1, 7, 6_455_700), DAY_US);
    expect(adjusted).toEqual({ symbolIx: 0, shares: 70, cashMicros: 0, realizedMicros: 0 });
    expect(ledger.lots[0]).toEqual([
      { shares: 10, priceE4: 922_242, feeMicros: 4, openedUs: expect.any(Number) },
      { shares: 60, priceE4: 922_243, feeMicros: 29, openedUs: expect.any(Number) },
    ]);
    expect(ledger.cashMicros).toBe(before);
    expect(ledger.costMicros[0]).toBe(10 * 645_570_000);
    checkBalance(ledger);
  });

  it('pays a fraction of a share out at the reference price, rounded against the account', () => {
    const ledger = holding(['buy', 105, 100_000]);
    const before = ledger.cashMicros;
    const adjusted = applyCorporateAction(ledger, splitOf(20, 1, 110_001), DAY_US);
    // 5.25 new shares: a quarter of one is worth 5 old ones at 11.0001 dollars, and cost 50
    expect(adjusted).toEqual({ symbolIx: 0, shares: 5, cashMicros: 55_000_500, realizedMicros: 5_000_500 });
    expect(ledger.cashMicros - before).toBe(55_000_500);
    expect(ledger.shares[0]).toBe(5);
    checkBalance(ledger);
  });

  it('rounds a short position towards zero, and the fraction is bought in', () => {
    const ledger = holding(['sell', 50, 100_000]);
    const before = ledger.cashMicros;
    const adjusted = applyCorporateAction(ledger, splitOf(7, 1, 100_001), DAY_US);
    // 7 new shares and one old share of a fraction, 1/7 new ones, at 10.0001 dollars
    expect(adjusted).toEqual({ symbolIx: 0, shares: -7, cashMicros: -10_000_100, realizedMicros: -100 });
    expect(ledger.cashMicros - before).toBe(-10_000_100);
    checkBalance(ledger);
  });

  it('joins parts of a share left of one lot to the next, first in, first out', () => {
    const ledger = holding(['buy', 5, 100_000, 5], ['buy', 5, 200_000, 5], ['buy', 10, 300_000, 10]);
    applyCorporateAction(ledger, splitOf(10, 1, 300_000), DAY_US);
    expect(ledger.lots[0].map(({ shares, priceE4 }) => [shares, priceE4])).toEqual([
      [1, 1_500_000],
      [1, 3_000_000],
    ]);
    checkBalance(ledger);
  });

  it('that leaves no whole share ends the position and its round trip', () => {
    const ledger = holding(['buy', 3, 100_000, 9]);
    const adjusted = applyCorporateAction(ledger, splitOf(20, 1, 120_000), DAY_US);
    expect(adjusted).toMatchObject({ shares: 0, cashMicros: 36_000_000, realizedMicros: 6_000_000 });
    expect(adjusted?.roundTrip).toMatchObject({
      direction: 'long',
      quantity: 1,
      grossMicros: 6_000_000,
      netMicros: 5_999_991,
      closedUs: DAY_US,
    });
    expect([ledger.shares[0], ledger.costMicros[0], ledger.lots[0], ledger.trips[0]]).toEqual([
      0,
      0,
      [],
      null,
    ]);
    checkBalance(ledger);
  });

  it('counts a round trip in the shares of its last day', () => {
    const ledger = holding(['buy', 100, 700_000], ['sell', 40, 770_000]);
    applyCorporateAction(ledger, splitOf(1, 7, 770_000), DAY_US);
    const { roundTrip } = applyExecution(ledger, execution('sell', 420, 110_000));
    expect(roundTrip).toMatchObject({
      quantity: 700,
      entryPriceE4: 100_000,
      exitPriceE4: 110_000,
      grossMicros: 700_000_000,
    });
  });
});

const event = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('trade' as const),
      side: fc.constantFrom<Side>('buy', 'sell'),
      quantity: fc.integer({ min: 1, max: 5_000 }),
      priceE4: fc.integer({ min: 100, max: 9_000_000 }),
      feeMicros: fc.integer({ min: 0, max: 3_000_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('split' as const),
      oldShares: fc.constantFrom(1, 2, 3, 5, 7, 10, 20, 1000),
      newShares: fc.constantFrom(1, 2, 3, 4, 7, 20),
      referencePriceE4: fc.integer({ min: 1, max: 9_000_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('dividend' as const),
      cashMicros: fc.integer({ min: 1, max: 9_999_999 }),
    }),
  },
);

describe('the books over any trades, splits and dividends', () => {
  it('balance to the micro-dollar after each, and every action leaves the value of the account where it was', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const ledger = createLedger({ cashMicros: 1e12, symbols: ['AAA'] });
        let netMicros = 0;
        for (const [k, each] of events.entries()) {
          const sharesBefore = ledger.shares[0];
          const cashBefore = ledger.cashMicros;
          if (each.type === 'trade') {
            const { side, quantity, priceE4, feeMicros } = each;
            const { roundTrip } = applyExecution(ledger, execution(side, quantity, priceE4, feeMicros));
            netMicros += roundTrip?.netMicros ?? 0;
          } else if (each.type === 'split') {
            const action = splitOf(each.oldShares, each.newShares, each.referencePriceE4);
            const adjusted = applyCorporateAction(ledger, action, k);
            netMicros += adjusted?.roundTrip?.netMicros ?? 0;
            const exact = Math.abs(sharesBefore) * each.newShares;
            expect(Math.abs(ledger.shares[0])).toBe(Math.floor(exact / each.oldShares));
            // shares and cash are worth what they were, but for a micro-dollar of rounding against the account
            const gain =
              BigInt(ledger.cashMicros - cashBefore) * BigInt(each.newShares) +
              (BigInt(ledger.shares[0]) * BigInt(each.oldShares) -
                BigInt(sharesBefore) * BigInt(each.newShares)) *
                BigInt(each.referencePriceE4 * 100);
            expect(gain <= 0n && gain > BigInt(-each.newShares)).toBe(true);
          } else {
            applyCorporateAction(ledger, dividendOf(each.cashMicros / 1e6), k);
            expect(ledger.cashMicros - cashBefore).toBe(sharesBefore * each.cashMicros);
          }
          checkBalance(ledger);
          if (ledger.shares[0] === 0) expect(netMicros).toBe(ledger.cashMicros - 1e12);
        }
      }),
      { numRuns: 300 },
    );
  });
});
