import { Subject } from 'rxjs';
import { newYorkDateOf } from '../data/calendar.ts';
import { createMarketTable } from '../data/market-columns.ts';
import {
  HAS_ASK,
  HAS_BID,
  MARKET_VALUE_COLUMNS,
  type MarketTable,
  type Session,
  sliceEnd,
} from '../domain/market-table.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { HistorySession, MarketDataSource, MarketNews, Quote } from '../ports/market-source.ts';

export interface TableSourceOptions {
  readonly name: string;
  readonly symbols: readonly string[];
  readonly barSeconds: number;
  /** Those there are tables for, by date. */
  readonly sessions: readonly Session[];
  readonly loadSession: (date: string) => Promise<MarketTable>;
  readonly clock: Clock;
}

/**
 * Recorded or made-up sessions as a live source: a bar is news when the clock has come to its end, and what lies before
 * the clock is history. Completes behind the last bar.
 */
export function createTableSource(options: TableSourceOptions): MarketDataSource {
  const { name, symbols, barSeconds, sessions, loadSession, clock } = options;
  const news$ = new Subject<MarketNews>();
  let takeBack = (): void => undefined;
  let isClosed = false;

  function play(table: MarketTable, from: number, onEnd: () => void): void {
    if (isClosed) return;
    if (from >= table.rowCount) {
      onEnd();
      return;
    }
    const to = sliceEnd(table, from);
    takeBack = clock.at(table.endUs[from], () => {
      if (isClosed) return;
      news$.next({ type: 'MarketSlice', origin: 'inline', slice: { table, from, to } });
      play(table, to, onEnd);
    });
  }

  async function playFrom(sessionIx: number): Promise<void> {
    const session = sessions[sessionIx];
    if (session === undefined || isClosed) {
      close();
      return;
    }
    const table = await loadSession(session.date);
    const nowUs = clock.nowUs();
    let from = 0;
    while (from < table.rowCount && table.endUs[from] <= nowUs) from += 1;
    play(table, from, () => void playFrom(sessionIx + 1));
  }

  function close(): void {
    isClosed = true;
    takeBack();
    news$.complete();
  }

  const before = (beforeUs: TimeUs, count: number): readonly Session[] =>
    sessions.filter(({ closeUs }) => closeUs <= beforeUs).slice(-count);

  return {
    name,
    symbols,
    barSeconds,
    news$,
    connect: async () => {
      const nowUs = clock.nowUs();
      const next = sessions.findIndex(({ closeUs }) => closeUs > nowUs);
      await playFrom(next < 0 ? sessions.length : next);
    },
    getQuotes: async (wanted) => {
      const session = sessions.find(({ date }) => date === newYorkDateOf(clock.nowUs()));
      return session === undefined ? [] : quotesAt(await loadSession(session.date), wanted, clock.nowUs());
    },
    getBars: async ({ session, fromUs, toUs }) => between(await loadSession(session.date), fromUs, toUs),
    getHistory: async (span) => {
      const history: HistorySession[] = [];
      for (const session of before(span.beforeUs, span.sessions)) {
        history.push({ session, table: await loadSession(session.date) });
      }
      return history;
    },
    getAdv: async (span) => {
      const days = before(span.beforeUs, span.sessions);
      const totals: Record<string, number> = {};
      for (const { date } of days) addVolumes(totals, await loadSession(date));
      return Object.fromEntries(
        symbols.map((symbol) => [symbol, (totals[symbol] ?? 0) / (days.length || 1)]),
      );
    },
    close: async () => close(),
  };
}

/** Rows that ended in `(fromUs, toUs]`, as a table of their own. */
function between(table: MarketTable, fromUs: TimeUs, toUs: TimeUs): MarketTable {
  let from = 0;
  while (from < table.rowCount && table.endUs[from] <= fromUs) from += 1;
  let to = from;
  while (to < table.rowCount && table.endUs[to] <= toUs) to += 1;
  const part = createMarketTable({ ...table, rowCount: to - from });
  for (const column of ['endUs', 'symbolIx', 'flags', ...MARKET_VALUE_COLUMNS] as const) {
    part[column].set(table[column].subarray(from, to));
  }
  return part;
}

function quotesAt(table: MarketTable, wanted: readonly string[], nowUs: TimeUs): readonly Quote[] {
  const newest = new Map<string, Quote>();
  for (let row = 0; row < table.rowCount && table.endUs[row] <= nowUs; row += 1) {
    if ((table.flags[row] & (HAS_BID | HAS_ASK)) !== (HAS_BID | HAS_ASK)) continue;
    const symbol = table.symbols[table.symbolIx[row]];
    newest.set(symbol, {
      symbol,
      bidE4: table.bidCloseE4[row],
      askE4: table.askCloseE4[row],
      bidSize: table.bidSize[row],
      askSize: table.askSize[row],
      tUs: table.endUs[row],
    });
  }
  return wanted.flatMap((symbol) => newest.get(symbol) ?? []);
}

function addVolumes(totals: Record<string, number>, table: MarketTable): void {
  for (let row = 0; row < table.rowCount; row += 1) {
    const symbol = table.symbols[table.symbolIx[row]];
    totals[symbol] = (totals[symbol] ?? 0) + table.volume[row];
  }
}
