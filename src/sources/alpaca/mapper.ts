import { createMarketTable } from '../../data/market-columns.ts';
import { HAS_TRADE, type MarketTable, type Session } from '../../domain/market-table.ts';
import { type PriceE4, type Shares, type TimeUs, US_PER_SECOND } from '../../domain/units.ts';
import { decimalUnits, isRecord, timeUsOf } from '../../net/wire-text.ts';
import type { Quote } from '../../ports/market-source.ts';

/** A trade as the stream has it, in our units. */
export interface StreamTrade {
  readonly symbol: string;
  /** Venue and number: the same trade told twice has the same. */
  readonly id: string;
  readonly priceE4: PriceE4;
  readonly size: Shares;
  readonly tUs: TimeUs;
  readonly conditions: readonly string[];
}

export interface StreamStatus {
  readonly symbol: string;
  readonly code: string;
  readonly tUs: TimeUs;
}

/** One bar of history: trades only, quotes are not part of it. */
export interface HistoryBar {
  readonly symbol: string;
  readonly startUs: TimeUs;
  readonly openE4: PriceE4;
  readonly highE4: PriceE4;
  readonly lowE4: PriceE4;
  readonly closeE4: PriceE4;
  readonly volume: Shares;
}

/**
 * A price on the wire is a number whose shortest text is the decimal that was sent. Digits beyond 1e-4 dollars, which
 * average-price trades have, are dropped.
 */
function priceOf(value: unknown): PriceE4 | undefined {
  return typeof value === 'number' ? decimalUnits(String(value), { places: 4, rounding: 'down' }) : undefined;
}

/** Fractions of a share are dropped. */
function sizeOf(value: unknown): Shares | undefined {
  return typeof value === 'number' ? decimalUnits(String(value), { places: 0, rounding: 'down' }) : undefined;
}

/** What the official client makes of a message; its raw time is kept to the nanosecond. */
export interface SdkTrade {
  readonly symbol: string;
  readonly idRaw?: string | undefined;
  readonly exchange?: string | undefined;
  readonly price: number;
  readonly size: number;
  readonly timestampRaw?: string | undefined;
  readonly conditions?: readonly string[] | undefined;
}

export interface SdkQuote {
  readonly symbol: string;
  readonly bidPrice?: number | undefined;
  readonly bidSize?: number | undefined;
  readonly askPrice?: number | undefined;
  readonly askSize?: number | undefined;
  readonly timestampRaw?: string | undefined;
}

/** @returns undefined for what cannot be read whole */
export function parseTrade(trade: SdkTrade): StreamTrade | undefined {
  const priceE4 = priceOf(trade.price);
  const size = sizeOf(trade.size);
  const tUs = timeUsOf(trade.timestampRaw);
  const id = `${trade.exchange ?? ''}${trade.idRaw ?? ''}`;
  if (priceE4 === undefined || priceE4 <= 0 || size === undefined || size < 0 || tUs === undefined)
    return undefined;
  return { symbol: trade.symbol, id, priceE4, size, tUs, conditions: trade.conditions ?? [] };
}

/** A side without a price is 0. */
export function parseQuote(quote: SdkQuote, sharesPerQuoteSize: number): Quote | undefined {
  const bidE4 = priceOf(quote.bidPrice);
  const askE4 = priceOf(quote.askPrice);
  const bidSize = sizeOf(quote.bidSize);
  const askSize = sizeOf(quote.askSize);
  const tUs = timeUsOf(quote.timestampRaw);
  if (bidE4 === undefined || askE4 === undefined || bidSize === undefined || askSize === undefined)
    return undefined;
  if (tUs === undefined || Math.min(bidE4, askE4, bidSize, askSize) < 0) return undefined;
  const { symbol } = quote;
  return {
    symbol,
    bidE4,
    askE4,
    bidSize: bidSize * sharesPerQuoteSize,
    askSize: askSize * sharesPerQuoteSize,
    tUs,
  };
}

/** A quote of `GET /v2/stocks/quotes/latest`. */
export function parseLatestQuote(
  symbol: string,
  raw: unknown,
  sharesPerQuoteSize: number,
): Quote | undefined {
  if (!isRecord(raw)) return undefined;
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  const quote: SdkQuote = {
    symbol,
    bidPrice: number(raw.bp),
    bidSize: number(raw.bs),
    askPrice: number(raw.ap),
    askSize: number(raw.as),
    timestampRaw: typeof raw.t === 'string' ? raw.t : undefined,
  };
  return parseQuote(quote, sharesPerQuoteSize);
}

/** A bar of `GET /v2/stocks/bars`. */
export function parseBar(symbol: string, raw: unknown): HistoryBar | undefined {
  if (!isRecord(raw)) return undefined;
  const startUs = timeUsOf(raw.t);
  const [openE4, highE4, lowE4, closeE4] = [raw.o, raw.h, raw.l, raw.c].map(priceOf);
  const volume = sizeOf(raw.v);
  if (startUs === undefined || volume === undefined) return undefined;
  if (openE4 === undefined || highE4 === undefined || lowE4 === undefined || closeE4 === undefined)
    return undefined;
  return { symbol, startUs, openE4, highE4, lowE4, closeE4, volume };
}

export interface BarsToTable {
  readonly session: Session;
  readonly barSeconds: number;
  /** Code-unit order. */
  readonly symbols: readonly string[];
  readonly bars: readonly HistoryBar[];
}

/** Bars as a market table: by end, then by symbol. */
export function barsToTable({ session, barSeconds, symbols, bars }: BarsToTable): MarketTable {
  const place = new Map(symbols.map((symbol, at) => [symbol, at]));
  const known = bars.filter(({ symbol }) => place.has(symbol));
  const at = ({ symbol }: HistoryBar): number => place.get(symbol) as number;
  const ordered = known.sort((a, b) => a.startUs - b.startUs || at(a) - at(b));
  const table = createMarketTable({ session: session.date, barSeconds, symbols, rowCount: ordered.length });
  for (const [row, bar] of ordered.entries()) {
    table.endUs[row] = bar.startUs + barSeconds * US_PER_SECOND;
    table.symbolIx[row] = at(bar);
    table.flags[row] = HAS_TRADE;
    table.openE4[row] = bar.openE4;
    table.highE4[row] = bar.highE4;
    table.lowE4[row] = bar.lowE4;
    table.closeE4[row] = bar.closeE4;
    table.volume[row] = bar.volume;
  }
  return table;
}
