import {
  HAS_ASK,
  HAS_BID,
  HAS_TRADE,
  type MarketTable,
  type Session,
} from '../../src/domain/market-table.ts';
import { US_PER_MINUTE } from '../../src/domain/units.ts';
import { createPrng } from '../../src/math/prng.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';

export const SYMBOLS = ['AAA', 'BBB', 'CCC'] as const;
const DATES = ['2024-07-01', '2024-07-02', '2024-07-03', '2024-07-05', '2024-07-08'];

/** Changes the mid of (session, minute, symbol), dollars. */
export type Alter = (
  at: { readonly session: number; readonly minute: number; readonly symbol: number },
  mid: number,
) => number;

export interface MarketOptions {
  readonly sessions?: number;
  readonly minutes?: number;
  readonly alter?: Alter;
}

/** Minute bars whose next move leans against the last three minutes': something for every family to find. */
export function smallDataset({ sessions = 3, minutes = 160, alter }: MarketOptions = {}): MarketDataset {
  const list: Session[] = DATES.slice(0, sessions).map((date) => {
    const openUs = Date.parse(`${date}T13:30:00Z`) * 1000;
    return { date, openUs, closeUs: openUs + minutes * US_PER_MINUTE, isHalfDay: true };
  });
  const tables = list.map((session, ix) =>
    makeTable(session, ix, { minutes, alter: alter ?? ((_, mid) => mid) }),
  );
  return {
    sha256: 'd'.repeat(64),
    symbols: SYMBOLS,
    sessions: list,
    barSeconds: 60,
    actions: [],
    loadSession: (date) => Promise.resolve(tables.find((table) => table.session === date)!),
  };
}

function makeTable(
  session: Session,
  sessionIx: number,
  { minutes, alter }: { readonly minutes: number; readonly alter: Alter },
): MarketTable {
  const rowCount = minutes * SYMBOLS.length;
  const column = (): Float64Array => new Float64Array(rowCount);
  const table = {
    session: session.date,
    barSeconds: 60,
    symbols: SYMBOLS,
    rowCount,
    endUs: column(),
    symbolIx: new Int32Array(rowCount),
    flags: new Uint8Array(rowCount).fill(HAS_BID | HAS_ASK | HAS_TRADE),
    bidOpenE4: column(),
    bidHighE4: column(),
    bidLowE4: column(),
    bidCloseE4: column(),
    bidSize: column().fill(100),
    askOpenE4: column(),
    askHighE4: column(),
    askLowE4: column(),
    askCloseE4: column(),
    askSize: column().fill(100),
    openE4: column(),
    highE4: column(),
    lowE4: column(),
    closeE4: column(),
    volume: column(),
  };
  SYMBOLS.forEach((symbol, s) => {
    const random = createPrng(['small market', session.date, symbol]);
    const path: number[] = [];
    for (let m = 0; m < minutes; m++) {
      const back = path.length < 4 ? 0 : path.at(-1)! / path.at(-4)! - 1;
      const noise = (random() + random() + random() - 1.5) * 0.0012;
      path.push((path.at(-1) ?? 50 * (s + 1)) * (1 + noise - 0.25 * back));
      const mid = alter({ session: sessionIx, minute: m, symbol: s }, path.at(-1)!);
      const row = m * SYMBOLS.length + s;
      table.endUs[row] = session.openUs + (m + 1) * US_PER_MINUTE;
      table.symbolIx[row] = s;
      fillRow(table, row, { midE4: Math.round(mid * 10_000), volume: 1000 + Math.floor(random() * 500) });
    }
  });
  return table;
}

function fillRow(
  table: Record<
    | 'bidOpenE4'
    | 'bidHighE4'
    | 'bidLowE4'
    | 'bidCloseE4'
    | 'askOpenE4'
    | 'askHighE4'
    | 'askLowE4'
    | 'askCloseE4'
    | 'openE4'
    | 'highE4'
    | 'lowE4'
    | 'closeE4'
    | 'volume',
    Float64Array
  >,
  row: number,
  { midE4, volume }: { readonly midE4: number; readonly volume: number },
): void {
  for (const bid of [table.bidOpenE4, table.bidHighE4, table.bidLowE4, table.bidCloseE4])
    bid[row] = midE4 - 50;
  for (const ask of [table.askOpenE4, table.askHighE4, table.askLowE4, table.askCloseE4])
    ask[row] = midE4 + 50;
  for (const trade of [table.openE4, table.closeE4]) trade[row] = midE4;
  table.highE4[row] = midE4 + 50;
  table.lowE4[row] = midE4 - 50;
  table.volume[row] = volume;
}
