import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketTable } from '../domain/market-table.ts';
import { type Progress, silentProgress } from '../ports/progress.ts';
import { sessionsBetween } from './calendar.ts';
import { type DatasetMismatch, openDataset } from './dataset.ts';
import type { DatasetManifest } from './manifest.ts';

/** What one symbol has in a dataset. */
export interface SymbolSummary {
  readonly symbol: string;
  readonly sessions: number;
  readonly rows: number;
  readonly quotes: number;
  readonly trades: number;
  readonly halted: number;
  readonly volume: number;
  /** Of rows with both sides, mean over rows, bps of mid at the close of the bar; undefined without any. */
  readonly meanSpreadBps: number | undefined;
  /** Last trade or mid, 1e-4 dollars, of the first and the last row that has one. */
  readonly firstPriceE4: number | undefined;
  readonly lastPriceE4: number | undefined;
}

export interface DatasetInspection {
  readonly dir: string;
  readonly manifest: DatasetManifest;
  /** Exchange sessions between the first and the last that the dataset has no rows for. */
  readonly missingSessions: readonly string[];
  readonly symbols: readonly SymbolSummary[];
  /** Files that are not what the manifest says. */
  readonly mismatches: readonly DatasetMismatch[];
}

interface Tally {
  sessions: number;
  rows: number;
  quotes: number;
  trades: number;
  halted: number;
  volume: number;
  spreadBps: number;
  spreads: number;
  firstPriceE4: number | undefined;
  lastPriceE4: number | undefined;
}

/**
 * Reads a whole dataset, one session at a time: hashes every file and sums up every symbol.
 * @throws InputError DATASET_MISSING, DATASET_MANIFEST, DATASET_DAMAGED; changed files are reported, not thrown
 */
export async function inspectDataset(
  dir: string,
  { progress = silentProgress }: { readonly progress?: Progress } = {},
): Promise<DatasetInspection> {
  const dataset = await openDataset(dir, { onMismatch: 'collect' });
  const { manifest, sessions } = dataset;
  const tallies = manifest.symbols.map(newTally);
  try {
    for (const [done, { date }] of sessions.entries()) {
      progress.update(done, sessions.length, date);
      addTable(await dataset.loadSession(date), tallies);
    }
  } finally {
    progress.stop();
  }
  const present = new Set(sessions.map(({ date }) => date));
  const range = { fromDate: sessions[0].date, toDate: sessions[sessions.length - 1].date };
  return {
    dir,
    manifest,
    missingSessions: sessionsBetween(range).flatMap(({ date }) => (present.has(date) ? [] : [date])),
    symbols: manifest.symbols.map((symbol, s) => summarize(symbol, tallies[s])),
    mismatches: dataset.mismatches,
  };
}

function newTally(): Tally {
  return {
    sessions: 0,
    rows: 0,
    quotes: 0,
    trades: 0,
    halted: 0,
    volume: 0,
    spreadBps: 0,
    spreads: 0,
    firstPriceE4: undefined,
    lastPriceE4: undefined,
  };
}

function addTable(table: MarketTable, tallies: readonly Tally[]): void {
  const isHere = new Uint8Array(tallies.length);
  for (let i = 0; i < table.rowCount; i++) {
    const tally = tallies[table.symbolIx[i]];
    const flags = table.flags[i];
    isHere[table.symbolIx[i]] = 1;
    tally.rows += 1;
    tally.volume += table.volume[i];
    if ((flags & HAS_TRADE) !== 0) tally.trades += 1;
    if ((flags & IS_HALTED) !== 0) tally.halted += 1;
    const hasBoth = (flags & (HAS_BID | HAS_ASK)) === (HAS_BID | HAS_ASK);
    if ((flags & (HAS_BID | HAS_ASK)) !== 0) tally.quotes += 1;
    const mid = (table.bidCloseE4[i] + table.askCloseE4[i]) / 2;
    if (hasBoth) {
      tally.spreadBps += ((table.askCloseE4[i] - table.bidCloseE4[i]) / mid) * 1e4;
      tally.spreads += 1;
    }
    const price = (flags & HAS_TRADE) !== 0 ? table.closeE4[i] : hasBoth ? mid : undefined;
    tally.firstPriceE4 ??= price;
    tally.lastPriceE4 = price ?? tally.lastPriceE4;
  }
  for (const [s, tally] of tallies.entries()) tally.sessions += isHere[s];
}

function summarize(symbol: string, tally: Tally): SymbolSummary {
  const { spreadBps, spreads, ...rest } = tally;
  return { symbol, ...rest, meanSpreadBps: spreads === 0 ? undefined : spreadBps / spreads };
}
