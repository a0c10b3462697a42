import { sessionsBefore } from '../../data/calendar.ts';
import type { AlpacaDataSettings } from '../../domain/alpaca-settings.ts';
import { ServiceError } from '../../domain/errors.ts';
import { type Shares, type TimeUs, US_PER_DAY } from '../../domain/units.ts';
import type { JsonService } from '../../net/json-service.ts';
import { isRecord, timeText } from '../../net/wire-text.ts';
import type { Quote } from '../../ports/market-source.ts';
import { type HistoryBar, parseBar, parseLatestQuote } from './mapper.ts';

/** Symbols of one request: an address has a length. */
const SYMBOLS_A_REQUEST = 100;
const MAX_PAGES = 10_000;
export interface HistoryOptions {
  readonly rest: JsonService;
  readonly settings: AlpacaDataSettings;
  /** Code-unit order. */
  readonly symbols: readonly string[];
}

export interface BarsWanted {
  readonly timeframe: '1Min' | '1Day';
  /** Bars that start in `[fromUs, toUs)`. */
  readonly fromUs: TimeUs;
  readonly toUs: TimeUs;
}

function unreadable(what: string): ServiceError {
  return new ServiceError('DATA_UNREADABLE', `Alpaca market data: ${what}; ask again later`, {
    retryable: true,
  });
}

/** Bars of all symbols, page by page. @throws ServiceError also for a row that cannot be read: a hole is not a gap */
export async function readBars(
  options: HistoryOptions,
  { timeframe, fromUs, toUs }: BarsWanted,
): Promise<HistoryBar[]> {
  const { rest, settings, symbols } = options;
  const bars: HistoryBar[] = [];
  for (let at = 0; at < symbols.length && fromUs < toUs; at += SYMBOLS_A_REQUEST) {
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await rest.get('/v2/stocks/bars', {
        symbols: symbols.slice(at, at + SYMBOLS_A_REQUEST).join(','),
        timeframe,
        start: timeText(fromUs),
        // both ends are included there
        end: timeText(toUs - 1),
        limit: String(settings.pageLimit),
        adjustment: 'raw',
        feed: settings.feed,
        sort: 'asc',
        ...(token === undefined ? {} : { page_token: token }),
      });
      token = takePage(answer, bars);
      if (token === undefined) break;
    }
    if (token !== undefined) throw unreadable('the pages of bars do not end');
  }
  return bars.filter(({ startUs }) => startUs >= fromUs && startUs < toUs);
}

/** @returns the token of the next page */
function takePage(answer: unknown, bars: HistoryBar[]): string | undefined {
  const bySymbol = isRecord(answer) ? answer.bars : undefined;
  if (!isRecord(answer) || !(isRecord(bySymbol) || bySymbol === null)) throw unreadable('no bars came back');
  for (const [symbol, rows] of Object.entries(bySymbol ?? {})) {
    for (const row of Array.isArray(rows) ? rows : []) {
      const bar = parseBar(symbol, row);
      if (bar === undefined) throw unreadable(`a bar of ${symbol} cannot be read`);
      bars.push(bar);
    }
  }
  return typeof answer.next_page_token === 'string' ? answer.next_page_token : undefined;
}

/** Newest quotes, in the order asked for. */
export async function readQuotes(
  { rest, settings }: HistoryOptions,
  symbols: readonly string[],
): Promise<Quote[]> {
  const quotes: Quote[] = [];
  for (let at = 0; at < symbols.length; at += SYMBOLS_A_REQUEST) {
    const part = symbols.slice(at, at + SYMBOLS_A_REQUEST);
    const answer = await rest.get('/v2/stocks/quotes/latest', {
      symbols: part.join(','),
      feed: settings.feed,
    });
    if (!isRecord(answer) || !isRecord(answer.quotes)) throw unreadable('no quotes came back');
    for (const symbol of part) {
      const quote = parseLatestQuote(symbol, answer.quotes[symbol], settings.sharesPerQuoteSize);
      if (quote !== undefined) quotes.push(quote);
    }
  }
  return quotes;
}

/** Average shares a session, over the sessions a symbol has bars of; symbols without any are left out. */
export async function readAdv(
  options: HistoryOptions,
  span: { readonly sessions: number; readonly beforeUs: TimeUs },
): Promise<Record<string, Shares>> {
  const sessions = sessionsBefore(span);
  const first = sessions[0];
  const last = sessions.at(-1);
  if (first === undefined || last === undefined) return {};
  // a daily bar starts at midnight in New York
  const fromUs = first.openUs - US_PER_DAY / 2;
  const bars = await readBars(options, { timeframe: '1Day', fromUs, toUs: last.closeUs });
  const adv: Record<string, Shares> = {};
  for (const symbol of options.symbols) {
    const own = bars.filter((bar) => bar.symbol === symbol);
    if (own.length > 0)
      adv[symbol] = Math.round(own.reduce((sum, { volume }) => sum + volume, 0) / own.length);
  }
  return adv;
}
