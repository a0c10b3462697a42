import type { Observable } from 'rxjs';
import type { MarketTable, Session } from '../domain/market-table.ts';
import type { PriceE4, Shares, TimeUs } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Untimed } from './broker.ts';

/** What a source of market data says: bars as they become known (rows carry their own time), and whether it is alive. */
export type MarketNews = Untimed<
  Extract<
    InputEvent,
    { readonly type: 'MarketSlice' | 'ConnectionLost' | 'ConnectionRestored' | 'Heartbeat' }
  >
>;

export interface Quote {
  readonly symbol: string;
  readonly bidE4: PriceE4;
  readonly askE4: PriceE4;
  readonly bidSize: Shares;
  readonly askSize: Shares;
  /** When it was made at the venue. */
  readonly tUs: TimeUs;
}

export interface HistorySession {
  readonly session: Session;
  readonly table: MarketTable;
}

/** Where market data comes from while a run goes on. */
export interface MarketDataSource {
  /** As a scenario names it. */
  readonly name: string;
  /** Code-unit order. */
  readonly symbols: readonly string[];
  readonly barSeconds: number;
  /**
   * Hot; from `connect` on, in order of arrival; completes when there is no more, or after `close`; never errors. All bars
   * of a minute come as one slice: it is decided on then, and what comes behind it is refused as a gap.
   */
  readonly news$: Observable<MarketNews>;
  /** @throws ServiceError */
  connect(): Promise<void>;
  /** Newest quotes, in the order asked for; a symbol without one is left out. */
  getQuotes(symbols: readonly string[]): Promise<readonly Quote[]>;
  /** Bars that ended in `(fromUs, toUs]` of one session, in the order of a market table. */
  getBars(span: {
    readonly session: Session;
    readonly fromUs: TimeUs;
    readonly toUs: TimeUs;
  }): Promise<MarketTable>;
  /** The last `sessions` full sessions before `beforeUs`, oldest first. */
  getHistory(span: {
    readonly sessions: number;
    readonly beforeUs: TimeUs;
  }): Promise<readonly HistorySession[]>;
  /** Average shares traded a session over the last `sessions` before `beforeUs`, by symbol. */
  getAdv(span: {
    readonly sessions: number;
    readonly beforeUs: TimeUs;
  }): Promise<Readonly<Record<string, Shares>>>;
  close(): Promise<void>;
}
