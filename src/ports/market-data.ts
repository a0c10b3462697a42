import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { MarketTable, Session } from '../domain/market-table.ts';

/** A dataset opened for reading, one session in memory at a time. */
export interface MarketDataset {
  /** SHA-256 (hex) over the manifest's content fields: what `MarketSlice` references stand on. */
  readonly sha256: string;
  readonly symbols: readonly string[];
  /** Sessions that hold data, by date. */
  readonly sessions: readonly Session[];
  readonly barSeconds: number;
  /** Corporate actions of its symbols and sessions, in the order they apply; prices in the sessions are unadjusted. */
  readonly actions: readonly CorporateAction[];
  /** Loads one session. @throws InputError when the file is missing, damaged or not what the manifest says */
  loadSession(date: string): Promise<MarketTable>;
}
