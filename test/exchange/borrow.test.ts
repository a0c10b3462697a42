import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionOn } from '../../src/data/calendar.ts';
import { checkBalance } from '../../src/domain/ledger.ts';
import type { MarketSlice } from '../../src/domain/market-table.ts';
import { borrowFeeMicros } from '../../src/exchange/borrow.ts';
import {
  accountSnapshot,
  applySlice,
  closeSession,
  openSession,
  submitOrder,
} from '../../src/exchange/exchange.ts';
import { createExchange, type ExchangeState } from '../../src/exchange/state.ts';
import { type BarRow, indexOf, order, SETTINGS, slicesOf, sliceTimeUs, tableOf } from './bars.ts';

/** The Friday before daylight saving time began, and the Monday after: 71 hours apart. */
const FRIDAY = sessionOn('2024-03-08')!;
const MONDAY = sessionOn('2024-03-11')!;

function apply(state: ExchangeState, slice: MarketSlice): void {
  applySlice(state, slice, indexOf(state, slice), sliceTimeUs(slice));
}

/** An exchange that has sold 100 of a symbol at $100 short, marked at $100.10 at the end of Friday. */
function shortExchange(borrow: Partial<(typeof SETTINGS)['borrow']>): ExchangeState {
  const state = createExchange(
    { ...SETTINGS, borrow: { ...SETTINGS.borrow, ...borrow } },
    { symbols: ['AAA', 'BBB'], initialCashMicros: 1e12 },
  );
  openSession(state, FRIDAY);
  const rows: BarRow[] = ['AAA', 'BBB'].flatMap((symbol) => [
    { symbol, minute: 1 },
    { symbol, minute: 2, bidCloseE4: 1_000_950, askCloseE4: 1_001_050 },
  ]);
  const [first, second] = slicesOf(tableOf(rows));
  apply(state, first!);
  submitOrder(state, order({ symbol: 'AAA', side: 'sell' }), sliceTimeUs(first!));
  submitOrder(state, order({ symbol: 'BBB', side: 'buy' }), sliceTimeUs(first!));
  apply(state, second!);
  closeSession(state, FRIDAY.closeUs);
  return state;
}

describe('the borrow fee', () => {
  it('is charged at the next opening for every night of a short, at the marks of the close, and for no long', () => {
    const state = shortExchange({ annualBps: 360 });
    expect(accountSnapshot(state).positions).toEqual({ AAA: -100, BBB: 100 });
    const before = state.ledger.cashMicros;
    // $10,010 * 3.6 % * 3 nights / 360 days
    const feeMicros = 3_003_000;
    expect(openSession(state, MONDAY)).toEqual([
      { type: 'BorrowFeeCharged', tUs: MONDAY.openUs, symbol: 'AAA', shares: 100, nights: 3, feeMicros },
    ]);
    expect(state.ledger.cashMicros).toBe(before - feeMicros);
    expect(state.ledger.borrowFeesMicros).toBe(feeMicros);
    checkBalance(state.ledger);
  });

  it('is the symbol’s own where one is set, and nothing is said where it is nothing', () => {
    expect(
      openSession(shortExchange({ annualBps: 360, annualBpsBySymbol: { AAA: 720 } }), MONDAY),
    ).toMatchObject([{ feeMicros: 6_006_000 }]);
    expect(openSession(shortExchange({ annualBps: 360, annualBpsBySymbol: { AAA: 0 } }), MONDAY)).toEqual([]);
    expect(openSession(shortExchange({}), MONDAY)).toEqual([]);
  });

  it('is a whole number of micro-dollars, rounded up and by less than one', () => {
    const loan = fc.record({
      valueMicros: fc.integer({ min: 0, max: 1e12 }),
      annualBps: fc.integer({ min: 0, max: 5000 }),
      nights: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(loan, ({ valueMicros, annualBps, nights }) => {
        const fee = borrowFeeMicros({ valueMicros, annualBps, nights });
        const due = BigInt(valueMicros) * BigInt(annualBps * nights);
        expect(BigInt(fee)).toBe((due + 3_599_999n) / 3_600_000n);
      }),
      {
        examples: [
          [{ valueMicros: 1, annualBps: 1, nights: 1 }],
          [{ valueMicros: 899_999_999_999, annualBps: 5000, nights: 2 }],
          [{ valueMicros: 1_200_001, annualBps: 3, nights: 1 }],
        ],
      },
    );
  });
});

describe('a symbol nobody lends', () => {
  it('may be sold as far as it is held, working sells counted, and no share further', () => {
    const state = shortExchange({ noBorrowSymbols: ['BBB'] });
    openSession(state, MONDAY);
    const [slice] = slicesOf(tableOf(['AAA', 'BBB'].map((symbol) => ({ symbol, minute: 1 }))));
    apply(state, slice!);
    const sell = (symbol: string, quantity: number) =>
      submitOrder(state, order({ symbol, side: 'sell', quantity }), sliceTimeUs(slice!))[0];
    expect(sell('BBB', 101)).toMatchObject({ type: 'OrderRejected', reason: 'no_borrow' });
    expect(sell('BBB', 60)).toMatchObject({ type: 'OrderAccepted' });
    expect(sell('BBB', 41)).toMatchObject({ reason: 'no_borrow' });
    expect(sell('BBB', 40)).toMatchObject({ type: 'OrderAccepted' });
    expect(sell('AAA', 1)).toMatchObject({ type: 'OrderAccepted' });
  });
});
