import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketTable } from '../../../src/domain/market-table.ts';
import type { AlpacaTwin } from './twin.ts';

const MINUTE_US = 60_000_000;

/**
 * Plays one row of a market table at the twin: trades and quotes, spread over its minute, that make exactly this bar
 * again, and the quote that orders fill at. A bar's volume is split over its four prices; the last carries the rest.
 * @returns how many messages that were
 */
export function feedRow(twin: Pick<AlpacaTwin, 'market' | 'book'>, table: MarketTable, row: number): number {
  const symbol = table.symbols[table.symbolIx[row]];
  const flags = table.flags[row];
  const startUs = table.endUs[row] - MINUTE_US;
  let count = 0;
  const times = [1, 2, 3, 4].map((n) => startUs + n * 10_000_000);
  if ((flags & HAS_TRADE) !== 0) {
    const prices = [table.openE4[row], table.highE4[row], table.lowE4[row], table.closeE4[row]];
    const volume = table.volume[row];
    const part = Math.floor(volume / 4);
    for (const [n, priceE4] of prices.entries()) {
      twin.market.trade({ symbol, priceE4, size: n < 3 ? part : volume - 3 * part, tUs: times[n] });
      count += 1;
    }
  }
  if ((flags & (HAS_BID | HAS_ASK)) !== 0) {
    for (const [n, name] of (['Open', 'High', 'Low', 'Close'] as const).entries()) {
      const bidE4 = table[`bid${name}E4`][row];
      const askE4 = table[`ask${name}E4`][row];
      const quote = { bidE4, askE4, bidSize: table.bidSize[row], askSize: table.askSize[row] };
      twin.market.quote({ symbol, ...quote, tUs: times[n] });
      count += 1;
      if (name === 'Close') twin.book.setQuote(symbol, quote);
    }
  }
  return count;
}
