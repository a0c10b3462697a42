import type { Shares } from './units.ts';

/**
 * What an account holds beside whole shares of stock has a name with a colon, which no symbol of a universe has: books are
 * seen to differ from the account, and nothing else of it becomes unreadable.
 */
export function partOf(symbol: string): string {
  return `${symbol}:part of a share`;
}

/** Whether an order of ours can be for what goes by this name. */
export function isWholeStock(name: string): boolean {
  return !name.includes(':');
}

/** Holdings of one symbol: the whole shares, and 1 or -1 for a part of one beside them. */
export function holdingsOf(
  symbol: string,
  { whole, part }: { readonly whole: Shares; readonly part: -1 | 0 | 1 },
): (readonly [string, Shares])[] {
  const held: (readonly [string, Shares])[] = whole === 0 ? [] : [[symbol, whole]];
  return part === 0 ? held : [...held, [partOf(symbol), part]];
}
