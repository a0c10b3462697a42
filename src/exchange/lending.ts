import type { BorrowSettings } from '../domain/settings.ts';

/** What the settings say of lending by universe index: fees in bps a year, and 1 where nobody lends. */
export interface Lending {
  readonly annualBps: Float64Array;
  readonly isUnavailable: Uint8Array;
}

export function createLending(symbols: readonly string[], settings: BorrowSettings): Lending {
  const { annualBps, annualBpsBySymbol, noBorrowSymbols } = settings;
  return {
    annualBps: Float64Array.from(symbols, (symbol) =>
      Object.hasOwn(annualBpsBySymbol, symbol) ? annualBpsBySymbol[symbol] : annualBps,
    ),
    isUnavailable: Uint8Array.from(symbols, (symbol) => (noBorrowSymbols.includes(symbol) ? 1 : 0)),
  };
}
