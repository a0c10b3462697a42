import { describe, expect, it } from 'vitest';
import { checkBalance } from '../../src/domain/ledger.ts';
import { changeSettings } from '../../src/exchange/change-settings.ts';
import { applySlice, submitOrder } from '../../src/exchange/exchange.ts';
import type { ExchangeState } from '../../src/exchange/state.ts';
import { indexOf, openExchange, order, slicesOf, sliceTimeUs, tableOf } from './bars.ts';

const PER_SHARE = { kind: 'per_share', perShareMicros: 5_000, minimumMicros: 1_000_000 } as const;

/** An order of 300 that filled 100 under a fee a share with a minimum; `then` comes before the rest fills. */
function feesAfter(then: (state: ExchangeState) => void): number[] {
  const state = openExchange({ fee: PER_SHARE });
  const volumes = [1_000_000, 1_000, 1_500, 500];
  const rows = volumes.map((volume, k) => ({ symbol: 'AAA', minute: k + 1, volume }));
  const [quoted, first, ...rest] = slicesOf(tableOf(rows));
  const fill = (slice: NonNullable<typeof first>): number[] =>
    applySlice(state, slice, indexOf(state, slice), sliceTimeUs(slice)).flatMap((report) =>
      'execution' in report ? [report.execution.feeMicros] : [],
    );
  fill(quoted!);
  submitOrder(state, order({ quantity: 300 }), sliceTimeUs(quoted!));
  const fees = fill(first!);
  then(state);
  for (const slice of rest) fees.push(...fill(slice));
  checkBalance(state.ledger);
  return fees;
}

describe('changed settings of the exchange', () => {
  it('that are the same change nothing', () => {
    expect(feesAfter((state) => changeSettings(state, {}))).toEqual(feesAfter(() => undefined));
    expect(feesAfter((state) => changeSettings(state, { 'risk.maxGrossFrac': 1 }))).toEqual([
      1_000_000, 250_000, 250_000,
    ]);
  });

  it.each([
    ['dearer', { ...PER_SHARE, perShareMicros: 50_000 }, [7_500_000, 2_500_000]],
    ['none', { kind: 'bps', bps: 0 }, [0, 0]],
    ['a larger minimum', { ...PER_SHARE, minimumMicros: 9_000_000 }, [0, 0]],
  ])(
    'charge what a working order still fills by new fees, as if all of it had been: %s',
    (_name, fee, rest) => {
      expect(feesAfter((state) => changeSettings(state, { 'exchange.fee': fee }))).toEqual([
        1_000_000,
        ...rest,
      ]);
    },
  );

  it('reach what was worked out from them: lending by symbol', () => {
    const state = openExchange();
    const borrow = { annualBps: 40, annualBpsBySymbol: {}, noBorrowSymbols: ['AAA'] };
    changeSettings(state, { 'exchange.borrow': borrow });
    expect([...state.lending.annualBps, ...state.lending.isUnavailable]).toEqual([40, 1]);
    expect(state.settings.borrow).toEqual(borrow);
  });
});
