import { createMarketTable } from '../../data/market-columns.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketTable } from '../../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../../domain/units.ts';
import type { Quote } from '../../ports/market-source.ts';
import type { HistoryBar, StreamStatus, StreamTrade } from './mapper.ts';

const BAR_SECONDS = 60;

interface Side {
  openE4: number;
  highE4: number;
  lowE4: number;
  closeE4: number;
}

/** What one symbol did in one minute. */
interface Bar {
  trade: Side;
  readonly bid: Side;
  readonly ask: Side;
  bidSize: number;
  askSize: number;
  volume: number;
  readonly tradeIds: Set<string>;
}

export interface MinuteBarsOptions {
  /** Code-unit order. */
  readonly symbols: readonly string[];
  readonly volumeOnlyConditions: readonly string[];
  readonly haltCodes: readonly string[];
}

export interface MinuteBarCounters {
  /** Trades, quotes and halts. */
  heard: number;
  /** Came after its bar had been given, and is in no bar. */
  late: number;
  /** Of a symbol that was not asked for. */
  foreign: number;
}

/** Bars of a minute from trades and quotes. A minute belongs to the bar at whose end it is known: `[end - 60 s, end)`. */
export interface MinuteBars {
  readonly counters: Readonly<MinuteBarCounters>;
  trade(trade: StreamTrade): void;
  quote(quote: Quote): void;
  status(status: StreamStatus): void;
  /** Closes bars that nobody wants: those of no session. */
  forget(endUs: TimeUs): void;
  /**
   * Closes the bar that ends at `endUs`, and with it every earlier one: what comes for them from now on is late.
   * @param history bars of this minute as the service has them, in place of the trades heard
   * @returns rows of all symbols that had data; undefined where none had
   */
  close(endUs: TimeUs, session: string, history?: readonly HistoryBar[]): MarketTable | undefined;
}

export function createMinuteBars(options: MinuteBarsOptions): MinuteBars {
  const { symbols } = options;
  const place = new Map(symbols.map((symbol, at) => [symbol, at]));
  const volumeOnly = new Set(options.volumeOnlyConditions);
  const haltCodes = new Set(options.haltCodes);
  const minutes = new Map<TimeUs, Map<number, Bar>>();
  const halted = new Set<number>();
  const counters = { heard: 0, late: 0, foreign: 0 };
  let closedUs = 0;

  const barOf = (symbol: string, tUs: TimeUs): Bar | undefined => {
    counters.heard += 1;
    const at = place.get(symbol);
    const endUs = tUs - (tUs % US_PER_MINUTE) + US_PER_MINUTE;
    if (at === undefined) counters.foreign += 1;
    else if (endUs <= closedUs) counters.late += 1;
    else {
      const minute = minutes.get(endUs) ?? new Map<number, Bar>();
      minutes.set(endUs, minute);
      const bar = minute.get(at) ?? newBar();
      minute.set(at, bar);
      return bar;
    }
    return undefined;
  };
  const forget = (endUs: TimeUs): void => {
    for (const end of [...minutes.keys()]) if (end <= endUs) minutes.delete(end);
    closedUs = Math.max(closedUs, endUs);
  };
  return {
    counters,
    forget,
    trade: ({ symbol, id, priceE4, size, tUs, conditions }) => {
      const bar = barOf(symbol, tUs);
      if (bar === undefined || bar.tradeIds.has(id)) return;
      bar.tradeIds.add(id);
      bar.volume += size;
      if (!conditions.some((condition) => volumeOnly.has(condition))) move(bar.trade, priceE4);
    },
    quote: ({ symbol, bidE4, askE4, bidSize, askSize, tUs }) => {
      const bar = barOf(symbol, tUs);
      if (bar === undefined) return;
      move(bar.bid, bidE4);
      move(bar.ask, askE4);
      bar.bidSize = bidSize;
      bar.askSize = askSize;
    },
    status: ({ symbol, code, tUs }) => {
      const at = place.get(symbol);
      if (at === undefined || barOf(symbol, tUs) === undefined) return;
      if (haltCodes.has(code)) halted.add(at);
      else halted.delete(at);
    },
    close: (endUs, session, history) => {
      const minute = minutes.get(endUs) ?? new Map<number, Bar>();
      forget(endUs);
      if (history !== undefined) putHistory(minute, history, place);
      // an odd lot alone moves no price; without one there is no trade to show
      const rows = [...minute]
        .filter(([at, bar]) => flagsOf(bar) !== 0 || halted.has(at))
        .sort(([a], [b]) => a - b);
      if (rows.length === 0) return undefined;
      const table = createMarketTable({ session, barSeconds: BAR_SECONDS, symbols, rowCount: rows.length });
      for (const [row, [at, bar]] of rows.entries()) {
        writeRow(table, row, bar);
        table.endUs[row] = endUs;
        table.symbolIx[row] = at;
        table.flags[row] = flagsOf(bar) | (halted.has(at) ? IS_HALTED : 0);
      }
      return table;
    },
  };
}

function newBar(): Bar {
  const side = (): Side => ({ openE4: 0, highE4: 0, lowE4: 0, closeE4: 0 });
  return { trade: side(), bid: side(), ask: side(), bidSize: 0, askSize: 0, volume: 0, tradeIds: new Set() };
}

/** A price of 0 is a side that has gone: it ends the bar's side, and is no low of it. */
function move(side: Side, priceE4: number): void {
  side.closeE4 = priceE4;
  if (priceE4 === 0) return;
  if (side.openE4 === 0) {
    side.openE4 = priceE4;
    side.highE4 = priceE4;
    side.lowE4 = priceE4;
  } else {
    side.highE4 = Math.max(side.highE4, priceE4);
    side.lowE4 = Math.min(side.lowE4, priceE4);
  }
}

function flagsOf({ trade, bid, ask }: Bar): number {
  return (
    (trade.closeE4 > 0 ? HAS_TRADE : 0) | (bid.closeE4 > 0 ? HAS_BID : 0) | (ask.closeE4 > 0 ? HAS_ASK : 0)
  );
}

function putHistory(
  minute: Map<number, Bar>,
  history: readonly HistoryBar[],
  place: ReadonlyMap<string, number>,
): void {
  for (const bar of minute.values()) {
    bar.trade = newBar().trade;
    bar.volume = 0;
  }
  for (const { symbol, openE4, highE4, lowE4, closeE4, volume } of history) {
    const at = place.get(symbol);
    if (at === undefined) continue;
    const bar = minute.get(at) ?? newBar();
    bar.trade = { openE4, highE4, lowE4, closeE4 };
    bar.volume = volume;
    minute.set(at, bar);
  }
}

function writeRow(table: MarketTable, row: number, bar: Bar): void {
  const { trade, bid, ask } = bar;
  if (trade.closeE4 > 0) {
    table.openE4[row] = trade.openE4;
    table.highE4[row] = trade.highE4;
    table.lowE4[row] = trade.lowE4;
    table.closeE4[row] = trade.closeE4;
    table.volume[row] = bar.volume;
  }
  if (bid.closeE4 > 0) {
    table.bidOpenE4[row] = bid.openE4;
    table.bidHighE4[row] = bid.highE4;
    table.bidLowE4[row] = bid.lowE4;
    table.bidCloseE4[row] = bid.closeE4;
    table.bidSize[row] = bar.bidSize;
  }
  if (ask.closeE4 > 0) {
    table.askOpenE4[row] = ask.openE4;
    table.askHighE4[row] = ask.highE4;
    table.askLowE4[row] = ask.lowE4;
    table.askCloseE4[row] = ask.closeE4;
    table.askSize[row] = bar.askSize;
  }
}
