import type { IncomingMessage, ServerResponse } from 'node:http';
import { newYorkDateOf, newYorkMidnightUs } from '../../../src/data/calendar.ts';
import { timeText, timeUsOf } from '../../../src/net/wire-text.ts';
import { TwinTime } from './data-stream.ts';

const MINUTE_US = 60_000_000;

export interface MarketTrade {
  readonly symbol: string;
  readonly priceE4: number;
  readonly size: number;
  readonly tUs: number;
  readonly conditions?: readonly string[];
}

export interface MarketQuote {
  readonly symbol: string;
  readonly bidE4: number;
  readonly askE4: number;
  readonly bidSize: number;
  readonly askSize: number;
  readonly tUs: number;
}

interface RawBar {
  readonly t: string;
  o: number;
  h: number;
  l: number;
  c: number;
  v: number;
  n: number;
  vw: number;
}

/** What was traded and quoted: what history is made from, also of times at which nobody listened. */
export interface TwinMarket {
  trade(trade: MarketTrade): void;
  quote(quote: MarketQuote): void;
  status(status: { readonly symbol: string; readonly code: string; readonly tUs: number }): void;
  /** `/v2/stocks/...` of the data host. @returns false for a path that is not its own */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  readonly pagesServed: number;
}

export interface MarketOptions {
  readonly deliver: (message: unknown) => void;
  readonly isKnown: (request: IncomingMessage) => boolean;
  readonly nowUs: () => number;
}

export function createMarket({ deliver, isKnown, nowUs }: MarketOptions): TwinMarket {
  const trades: MarketTrade[] = [];
  const quotes = new Map<string, MarketQuote>();
  let pagesServed = 0;
  let nextId = 1;

  const rows = (query: URLSearchParams): { readonly symbol: string; readonly bar: RawBar }[] => {
    const symbols = (query.get('symbols') ?? '').split(',');
    const [from, to] = [timeUsOf(query.get('start') ?? '') ?? 0, timeUsOf(query.get('end') ?? '') ?? nowUs()];
    const isDaily = query.get('timeframe') === '1Day';
    return [...symbols].sort().flatMap((symbol) => {
      const bars = barsOf(
        trades.filter((one) => one.symbol === symbol),
        isDaily,
      );
      // a minute's bar is there once the minute is over
      return bars
        .filter(
          ({ startUs }) => startUs >= from && startUs <= to && (isDaily || startUs + MINUTE_US <= nowUs()),
        )
        .map(({ bar }) => ({ symbol, bar }));
    });
  };
  return {
    get pagesServed() {
      return pagesServed;
    },
    trade: (trade) => {
      trades.push(trade);
      const { symbol: S, priceE4, size: s, tUs, conditions: c = ['@'] } = trade;
      deliver([{ T: 't', S, i: nextId++, x: 'V', p: priceE4 / 10_000, s, c, t: new TwinTime(tUs), z: 'B' }]);
    },
    quote: (quote) => {
      quotes.set(quote.symbol, quote);
      deliver([{ T: 'q', S: quote.symbol, ...quoteJson(quote), t: new TwinTime(quote.tUs) }]);
    },
    status: ({ symbol: S, code: sc, tUs }) =>
      deliver([{ T: 's', S, sc, sm: '', rc: '', rm: '', t: new TwinTime(tUs), z: 'B' }]),
    serve: (request, response) => {
      const url = new URL(request.url ?? '/', 'http://twin');
      if (!url.pathname.startsWith('/v2/stocks/')) return false;
      const reply = (status: number, body: unknown): void => {
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      };
      if (!isKnown(request)) reply(401, { message: 'forbidden.' });
      else if (url.pathname === '/v2/stocks/quotes/latest') {
        const wanted = (url.searchParams.get('symbols') ?? '').split(',').flatMap((symbol) => {
          const quote = quotes.get(symbol);
          return quote === undefined
            ? []
            : [[symbol, { ...quoteJson(quote), t: timeText(quote.tUs) }] as const];
        });
        reply(200, { quotes: Object.fromEntries(wanted) });
      } else if (url.pathname === '/v2/stocks/bars') {
        pagesServed += 1;
        reply(200, page(rows(url.searchParams), url.searchParams));
      } else reply(404, { message: 'not found' });
      return true;
    },
  };
}

function quoteJson(quote: MarketQuote): Record<string, unknown> {
  const { bidE4, askE4, bidSize, askSize } = quote;
  return {
    bx: 'V',
    bp: bidE4 / 10_000,
    bs: bidSize,
    ax: 'V',
    ap: askE4 / 10_000,
    as: askSize,
    c: ['R'],
    z: 'B',
  };
}

/** One page, by symbol, and the token of the next. */
function page(all: readonly { readonly symbol: string; readonly bar: RawBar }[], query: URLSearchParams) {
  const from = Number(query.get('page_token') ?? '0');
  const limit = Number(query.get('limit') ?? '1000');
  const bars: Record<string, RawBar[]> = {};
  for (const { symbol, bar } of all.slice(from, from + limit)) {
    bars[symbol] ??= [];
    bars[symbol].push(bar);
  }
  return { bars, next_page_token: from + limit < all.length ? String(from + limit) : null };
}

function barsOf(trades: readonly MarketTrade[], isDaily: boolean): { startUs: number; bar: RawBar }[] {
  const bars = new Map<number, RawBar>();
  for (const { priceE4, size, tUs } of trades) {
    const startUs = isDaily ? newYorkMidnightUs(newYorkDateOf(tUs)) : tUs - (tUs % MINUTE_US);
    const p = priceE4 / 10_000;
    const bar = bars.get(startUs) ?? { t: timeText(startUs), o: p, h: p, l: p, c: p, v: 0, n: 0, vw: p };
    bars.set(startUs, bar);
    Object.assign(bar, { h: Math.max(bar.h, p), l: Math.min(bar.l, p), c: p, v: bar.v + size, n: bar.n + 1 });
  }
  return [...bars].sort(([a], [b]) => a - b).map(([startUs, bar]) => ({ startUs, bar }));
}
