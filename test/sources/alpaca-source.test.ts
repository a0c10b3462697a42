import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { AlpacaDataSettings } from '../../src/domain/alpaca-settings.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketTable } from '../../src/domain/market-table.ts';
import { encodeMarketSlice } from '../../src/events/encode-market.ts';
import type { MarketNews } from '../../src/ports/market-source.ts';
import { type AlpacaSource, createAlpacaSource } from '../../src/sources/alpaca/source.ts';
import { nodeBase64 } from '../../src/tape/node-base64.ts';
import { FAST_DATA } from '../twins/alpaca/fast-settings.ts';
import type { TwinFault, UpdateFault } from '../twins/alpaca/faults.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { type ManualClock, manualClock } from '../twins/clocks.ts';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
/** A Monday, five minutes and ten seconds after the opening in New York. */
const START_US = Date.parse('2024-03-04T14:35:10Z') * 1000;
const FIRST_END_US = START_US + 50 * SECOND;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Desk {
  readonly twin: AlpacaTwin;
  readonly source: AlpacaSource;
  readonly clock: ManualClock;
  readonly news: MarketNews[];
  /** Lets a little time pass until something holds. */
  until(what: string, holds: () => boolean): Promise<void>;
  trade(
    over?: Partial<{ symbol: string; priceE4: number; size: number; tUs: number; conditions: string[] }>,
  ): void;
  /** Until everything sent so far has been heard. */
  heard(count: number): Promise<void>;
  /** To half a second after the next full minute, and until its bar or heartbeat is there. */
  minute(): Promise<void>;
}

async function desk(
  settings: Partial<AlpacaDataSettings> = {},
  faults: readonly TwinFault[] = [],
  isConnected = true,
): Promise<Desk> {
  const clock = manualClock(START_US);
  const twin = await startAlpacaTwin({ nowUs: clock.nowUs, faults });
  closers.push(twin.close);
  const source = createAlpacaSource({
    settings: { ...FAST_DATA, dataUrl: twin.tradingUrl, streamUrl: twin.dataStreamUrl, ...settings },
    symbols: ['MSFT', 'AAPL'],
    credentials: () => twin.keys,
    clock,
    random: () => 0.5,
  });
  closers.push(source.close);
  const news: MarketNews[] = [];
  source.news$.subscribe((one) => news.push(one));
  const until: Desk['until'] = async (what, holds) => {
    const deadline = performance.now() + 5_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`waited for: ${what}`);
      clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  if (isConnected) await source.connect();
  return {
    ...{ twin, source, clock, news, until },
    trade: (over = {}) =>
      twin.market.trade({ symbol: 'AAPL', priceE4: 1_872_300, size: 100, tUs: clock.nowUs(), ...over }),
    heard: (count) => until(`${count} messages`, () => source.counters.heard >= count),
    minute: async () => {
      const before = news.length;
      const nowUs = clock.nowUs();
      clock.advance(MINUTE - (nowUs % MINUTE) + (settings.graceUs ?? FAST_DATA.graceUs));
      await until('the end of a minute', () => news.length > before);
    },
  };
}

const tables = (news: readonly MarketNews[]): MarketTable[] =>
  news.flatMap((one) => (one.type === 'MarketSlice' ? [one.slice.table] : []));

describe('bars', () => {
  it('are made of trades and quotes, with every symbol that had data, and known at their end', async () => {
    const { clock, twin, news, trade, heard, minute } = await desk();
    await minute();
    trade({ priceE4: 1_872_300, size: 100 });
    trade({ priceE4: 1_875_001, size: 50 });
    trade({ priceE4: 1_870_000, size: 7, conditions: ['@', 'I'] });
    trade({ priceE4: 1_871_000, size: 20 });
    for (const [bidE4, askE4] of [
      [4_000_000, 4_000_400],
      [3_999_000, 4_001_000],
      [4_000_200, 4_000_300],
    ] as const) {
      twin.market.quote({ symbol: 'MSFT', bidE4, askE4, bidSize: 300, askSize: 200, tUs: clock.nowUs() });
    }
    await heard(7);
    await minute();
    const [table] = tables(news);
    expect(table.symbols).toEqual(['AAPL', 'MSFT']);
    expect([...table.symbolIx]).toEqual([0, 1]);
    expect([...table.endUs]).toEqual([FIRST_END_US + MINUTE, FIRST_END_US + MINUTE]);
    expect([...table.flags]).toEqual([HAS_TRADE, HAS_BID | HAS_ASK]);
    expect([table.openE4[0], table.highE4[0], table.lowE4[0], table.closeE4[0], table.volume[0]]).toEqual([
      1_872_300, 1_875_001, 1_871_000, 1_871_000, 177,
    ]);
    expect([table.bidOpenE4[1], table.bidHighE4[1], table.bidLowE4[1], table.bidCloseE4[1]]).toEqual([
      4_000_000, 4_000_200, 3_999_000, 4_000_200,
    ]);
    expect([table.askOpenE4[1], table.askHighE4[1], table.askLowE4[1], table.askCloseE4[1]]).toEqual([
      4_000_400, 4_001_000, 4_000_300, 4_000_300,
    ]);
    expect([table.bidSize[1], table.askSize[1]]).toEqual([300, 200]);
    expect(encodeMarketSlice({ table, from: 0, to: 2 }, 'inline', nodeBase64)).toContain('"2024-03-04"');
  });

  it('count what comes too late, and never change', async () => {
    const { clock, source, news, trade, heard, minute } = await desk();
    await minute();
    trade({ size: 10 });
    await heard(1);
    await minute();
    const before = structuredClone(tables(news)[0]);
    trade({ tUs: clock.nowUs() - 5 * SECOND, priceE4: 9_999_900 });
    trade({ symbol: 'TSLA' });
    await heard(3);
    expect(source.counters).toMatchObject({ late: 1, foreign: 1 });
    expect(tables(news)[0]).toEqual(before);
  });

  it('wait for what is on its way through the grace', async () => {
    const { clock, news, trade, heard, minute, until } = await desk();
    await minute();
    clock.advance(MINUTE - (clock.nowUs() % MINUTE) + 100_000);
    trade({ tUs: clock.nowUs() - 200_000 });
    await heard(1);
    expect(tables(news)).toEqual([]);
    clock.advance(400_000);
    await until('the bar', () => tables(news).length > 0);
    expect(tables(news)[0].rowCount).toBe(1);
  });

  it('say that a symbol is halted, and that a minute had nothing', async () => {
    const { clock, twin, news, heard, minute } = await desk();
    await minute();
    twin.market.status({ symbol: 'AAPL', code: 'H', tUs: clock.nowUs() });
    await heard(1);
    await minute();
    expect([...tables(news)[0].flags]).toEqual([IS_HALTED]);
    twin.market.status({ symbol: 'AAPL', code: 'T', tUs: clock.nowUs() });
    await heard(2);
    await minute();
    expect(news.at(-1)).toEqual({ type: 'Heartbeat' });
  });
});

describe('a lost connection', () => {
  it('is filled from the history in order, before it counts as restored', async () => {
    const { clock, twin, news, trade, heard, minute, until } = await desk();
    await minute();
    trade({ size: 1 });
    await heard(1);
    twin.dataStream.dropAll();
    await until('the loss', () => news.some(({ type }) => type === 'ConnectionLost'));
    // nobody hears these; the clock stands, so that no attempt is made
    trade({ size: 2 });
    trade({ size: 4, tUs: clock.nowUs() + MINUTE });
    clock.advance(2 * MINUTE);
    await until('restored', () => news.some(({ type }) => type === 'ConnectionRestored'));
    const after = news.slice(news.findIndex(({ type }) => type === 'ConnectionLost'));
    expect(after.map(({ type }) => type)).toEqual([
      'ConnectionLost',
      'MarketSlice',
      'MarketSlice',
      'ConnectionRestored',
    ]);
    expect(tables(news).map(({ volume }) => volume[0])).toEqual([3, 4]);
    // the minute it came back in is the history's, too
    trade({ size: 8 });
    await minute();
    expect(tables(news).at(-1)?.volume[0]).toBe(8);
  });

  it('is found by silence in an open session', async () => {
    const { clock, news, until } = await desk({ silenceUs: 20 * SECOND });
    clock.advance(21 * SECOND);
    await until('the loss', () => news.some(({ type }) => type === 'ConnectionLost'));
    expect(news.find(({ type }) => type === 'ConnectionLost')).toEqual({
      type: 'ConnectionLost',
      source: 'market_data',
      reason: 'silence',
    });
    await until('restored', () => news.some(({ type }) => type === 'ConnectionRestored'));
  });

  const faults: readonly UpdateFault[] = [
    ...(['duplicate', 'split', 'reorder', 'garbage'] as const).map((kind) => ({ kind })),
    { kind: 'delay', ms: 5 },
    ...[0, 1, 7, 40].map((atByte) => ({ kind: 'disconnect' as const, atByte })),
  ];
  it.each(faults)('or a bad message leaves no hole: $kind $atByte', async (fault) => {
    const { news, trade, until, minute, heard } = await desk({}, [{ on: 'data', nth: 1, do: fault }]);
    await minute();
    for (const size of [1, 2, 4]) trade({ size });
    const isCut = fault.kind === 'disconnect' || fault.kind === 'garbage';
    if (isCut) await until('restored', () => news.some(({ type }) => type === 'ConnectionRestored'));
    else await heard(fault.kind === 'duplicate' ? 4 : 3);
    await minute();
    await until('a bar', () => tables(news).length > 0);
    expect(tables(news)[0].volume[0]).toBe(7);
  });
});

describe('errors of the stream', () => {
  it.each([
    [402, 'auth failed', /keys were refused/],
    [405, 'symbol limit exceeded', /use fewer/],
    [409, 'insufficient subscription', /choose another feed/],
  ])('%i stops a start with what to do', async (code, message, expected) => {
    const { twin, source } = await desk({}, [], false);
    twin.dataStream.refuse(code, message);
    const error = await source.connect().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'DATA_REFUSED',
      retryable: false,
      message: expect.stringMatching(expected) as string,
    });
    expect(inspect(error, { depth: null })).not.toContain('PLANTED');
  });

  it.each([
    [400, 'invalid syntax'],
    [404, 'auth timeout'],
    [406, 'connection limit exceeded'],
    [407, 'slow client'],
    [500, 'internal error'],
  ])('%i is tried again', async (code, message) => {
    const { twin, source, until } = await desk({}, [], false);
    twin.dataStream.refuse(code, message);
    const connected = source.connect();
    await until('a connection', () => twin.dataStream.listeners === 1);
    await connected;
  });
});

describe('history', () => {
  it('comes page by page, by end and symbol, within the session', async () => {
    const { twin, source, trade, clock } = await desk();
    const session = { date: '2024-03-01', openUs: 0, closeUs: 0, isHalfDay: false };
    const openUs = Date.parse('2024-03-01T14:30:00Z') * 1000;
    for (let minute = 0; minute < 5; minute++) {
      for (const symbol of ['MSFT', 'AAPL'])
        trade({ symbol, tUs: openUs + minute * MINUTE, size: 10 + minute });
    }
    trade({ tUs: openUs - MINUTE, size: 999 });
    const [last] = await source.getHistory({ sessions: 1, beforeUs: clock.nowUs() });
    expect(last.session).toMatchObject({ date: session.date, openUs });
    expect(last.table.rowCount).toBe(10);
    expect(twin.market.pagesServed).toBeGreaterThanOrEqual(4);
    expect([...last.table.endUs.slice(0, 3)]).toEqual([
      openUs + MINUTE,
      openUs + MINUTE,
      openUs + 2 * MINUTE,
    ]);
    expect([...last.table.symbolIx.slice(0, 4)]).toEqual([0, 1, 0, 1]);
    const part = await source.getBars({
      session: last.session,
      fromUs: openUs + MINUTE,
      toUs: openUs + 3 * MINUTE,
    });
    expect([...new Set(part.endUs)]).toEqual([openUs + 2 * MINUTE, openUs + 3 * MINUTE]);
  });

  it('gives average volumes and newest quotes', async () => {
    const { twin, source, trade, clock } = await desk();
    for (const [date, size] of [
      ['2024-02-29', 300],
      ['2024-03-01', 100],
      ['2024-03-04', 5],
    ] as const) {
      trade({ tUs: Date.parse(`${date}T15:00:00Z`) * 1000, size });
    }
    twin.market.quote({
      symbol: 'MSFT',
      bidE4: 4_000_000,
      askE4: 4_000_100,
      bidSize: 1,
      askSize: 2,
      tUs: START_US,
    });
    expect(await source.getAdv({ sessions: 2, beforeUs: clock.nowUs() })).toEqual({ AAPL: 200 });
    expect(await source.getQuotes(['MSFT', 'AAPL'])).toEqual([
      { symbol: 'MSFT', bidE4: 4_000_000, askE4: 4_000_100, bidSize: 1, askSize: 2, tUs: START_US },
    ]);
  });
});
