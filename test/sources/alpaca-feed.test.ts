import { expect, it } from 'vitest';
import { createMarketTable } from '../../src/data/market-columns.ts';
import {
  HAS_ASK,
  HAS_BID,
  HAS_TRADE,
  MARKET_VALUE_COLUMNS,
  type MarketTable,
} from '../../src/domain/market-table.ts';
import { createPrng } from '../../src/math/prng.ts';
import { createAlpacaSource } from '../../src/sources/alpaca/source.ts';
import { FAST_DATA } from '../twins/alpaca/fast-settings.ts';
import { feedRow } from '../twins/alpaca/feed.ts';
import { startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { manualClock, until } from '../twins/clocks.ts';

const MINUTE = 60_000_000;
const SYMBOLS = ['AAPL', 'BRK.B', 'MSFT'];
const START_US = Date.parse('2024-03-04T14:35:00Z') * 1000;

/** Random bars that could have been: low <= open, close <= high, on either side or all of them. */
function drawnTable(minutes: number): MarketTable {
  const random = createPrng(['alpaca-feed', 7]);
  const below = (limit: number): number => Math.floor(random() * limit);
  const rowCount = minutes * SYMBOLS.length;
  const table = createMarketTable({ session: '2024-03-04', barSeconds: 60, symbols: SYMBOLS, rowCount });
  for (let row = 0; row < rowCount; row++) {
    table.endUs[row] = START_US + (1 + Math.floor(row / SYMBOLS.length)) * MINUTE;
    table.symbolIx[row] = row % SYMBOLS.length;
    table.flags[row] = [HAS_TRADE, HAS_BID | HAS_ASK, HAS_TRADE | HAS_BID | HAS_ASK][below(3)];
    const fill = (side: '' | 'bid' | 'ask', base: number): void => {
      const low = base - below(3_000);
      const high = base + below(3_000);
      const between = (): number => low + below(high - low + 1);
      const names =
        side === ''
          ? (['openE4', 'highE4', 'lowE4', 'closeE4'] as const)
          : ([`${side}OpenE4`, `${side}HighE4`, `${side}LowE4`, `${side}CloseE4`] as const);
      for (const [n, value] of [between(), high, low, between()].entries()) table[names[n]][row] = value;
    };
    if ((table.flags[row] & HAS_TRADE) !== 0) {
      fill('', 1_000_000);
      table.volume[row] = below(100_000);
    }
    if ((table.flags[row] & HAS_BID) !== 0) {
      fill('bid', 990_000);
      fill('ask', 1_010_000);
      table.bidSize[row] = 1 + below(900);
      table.askSize[row] = 1 + below(900);
    }
  }
  return table;
}

it('property: a market table played as trades and quotes comes back as the same bars, to the bit', async () => {
  const table = drawnTable(40);
  const clock = manualClock(START_US - 30_000_000);
  const twin = await startAlpacaTwin({ nowUs: clock.nowUs });
  const source = createAlpacaSource({
    settings: {
      ...FAST_DATA,
      dataUrl: twin.tradingUrl,
      streamUrl: twin.dataStreamUrl,
      // all of it is sent before its time comes
      silenceUs: 10 * 60 * MINUTE,
    },
    symbols: SYMBOLS,
    credentials: () => twin.keys,
    clock,
    random: () => 0.5,
  });
  const bars: MarketTable[] = [];
  let beats = 0;
  source.news$.subscribe((news) => {
    if (news.type === 'Heartbeat') beats += 1;
    if (news.type === 'MarketSlice') bars.push(news.slice.table);
  });
  try {
    await source.connect();
    // the minute it came up in is read from the history, and is empty
    clock.advance(30_500_000);
    await until('the first minute', () => {
      clock.advance(100);
      return beats === 1;
    });
    let sent = 0;
    for (let row = 0; row < table.rowCount; row++) sent += feedRow(twin, table, row);
    await until('all messages', () => source.counters.heard === sent);
    await until('all bars', () => {
      clock.advance(10_000_000);
      return bars.length === 40;
    });
    expect(source.counters).toMatchObject({ heard: sent, late: 0, foreign: 0, unreadable: 0 });
    const flat = (name: (typeof MARKET_VALUE_COLUMNS)[number]) => bars.flatMap((bar) => [...bar[name]]);
    for (const name of MARKET_VALUE_COLUMNS) expect(flat(name), name).toEqual([...table[name]]);
    expect(bars.flatMap(({ endUs }) => [...endUs])).toEqual([...table.endUs]);
    expect(bars.flatMap(({ flags }) => [...flags])).toEqual([...table.flags]);
  } finally {
    await source.close();
    await twin.close();
  }
});
