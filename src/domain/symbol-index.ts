import { compareCodeUnits } from './compare.ts';

/** Where `key` is, or belongs, in a list that is in code-unit order. */
export function insertionPoint(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareCodeUnits(sorted[middle], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of `symbol` in a list that is in code-unit order, or -1. */
export function indexOfSymbol(symbols: readonly string[], symbol: string): number {
  const at = insertionPoint(symbols, symbol);
  return symbols[at] === symbol ? at : -1;
}
