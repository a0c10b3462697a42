import type { RiskSettings } from '../../domain/settings.ts';
import { indexOfSymbol } from '../../domain/symbol-index.ts';

/** What the settings say of single symbols, as columns by universe index. Fixed over a run. */
export interface SymbolRules {
  /** N, 1 where the symbol may be reduced but not entered. */
  readonly restricted: Uint8Array;
  /** N, 1 where no shares can be borrowed, so that it cannot be sold short. */
  readonly noBorrow: Uint8Array;
  /** N indices into `sectors`, -1 where the symbol is in none. */
  readonly sectorIx: Int32Array;
  /** Names in code-unit order. */
  readonly sectors: readonly string[];
}

/** @param symbols the universe, code-unit order; symbols of the settings outside it say nothing */
export function symbolRules(
  symbols: readonly string[],
  settings: Pick<RiskSettings, 'restrictedSymbols' | 'noBorrowSymbols' | 'sectors'>,
): SymbolRules {
  const sectorIx = new Int32Array(symbols.length).fill(-1);
  settings.sectors.forEach((sector, s) => {
    for (const symbol of sector.symbols) {
      const i = indexOfSymbol(symbols, symbol);
      if (i >= 0) sectorIx[i] = s;
    }
  });
  return {
    restricted: maskOf(symbols, settings.restrictedSymbols),
    noBorrow: maskOf(symbols, settings.noBorrowSymbols),
    sectorIx,
    sectors: settings.sectors.map(({ name }) => name),
  };
}

function maskOf(symbols: readonly string[], listed: readonly string[]): Uint8Array {
  const mask = new Uint8Array(symbols.length);
  for (const symbol of listed) {
    const i = indexOfSymbol(symbols, symbol);
    if (i >= 0) mask[i] = 1;
  }
  return mask;
}
