import type { CorporateAction, SplitAction } from '../../src/domain/corporate-actions.ts';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../../src/domain/market-table.ts';
import type { ModelColumn } from '../../src/events/layout.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import { FEATURE_NAMES } from '../../src/pipeline/0-features/feature-names.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { type MemoryTape, memoryTape } from '../../src/tape/memory-tape.ts';
import { type SyntheticRunOptions, syntheticRun } from './synthetic-run.ts';

export type Run = SessionRun & { readonly tape: MemoryTape };

export interface SplitWorlds {
  /** Prices as they traded: on old terms before the ex-date, with the split as an action. */
  readonly raw: Run;
  /** The same market with all of the past on the new terms already, and no action. */
  readonly adjusted: Run;
  readonly split: SplitAction;
}

/**
 * One market told twice. Prices and volumes of the symbol are made multiples first, so that both tellings are exact:
 * what differs between the runs is rounding alone, and where the ratio is a power of two not even that.
 */
export async function splitWorlds(
  ratio: { readonly oldShares: number; readonly newShares: number; readonly symbol: string },
  options: SyntheticRunOptions = {},
): Promise<SplitWorlds> {
  const base = withAllFeatures(syntheticRun(options));
  const { oldShares, newShares, symbol } = ratio;
  const exDate = base.sessions[1]!.date;
  const adjusted = new Map<string, MarketTable>();
  const raw = new Map<string, MarketTable>();
  for (const { date } of base.sessions) {
    const table = await base.loadSession(date);
    if (date >= exDate) {
      for (const world of [adjusted, raw]) world.set(date, table);
      continue;
    }
    const whole = scaled(table, symbol, (value, isPrice) => {
      const unit = isPrice ? oldShares : newShares;
      return Math.ceil(value / unit) * unit;
    });
    adjusted.set(date, whole);
    const old = scaled(whole, symbol, (value, isPrice) =>
      isPrice ? (value / oldShares) * newShares : (value / newShares) * oldShares,
    );
    raw.set(date, old);
  }
  const lastRaw = raw.get(base.sessions[0]!.date)!;
  const split: SplitAction = {
    kind: 'split',
    ...ratio,
    exDate,
    referencePriceE4: lastTradeE4(lastRaw, symbol),
  };
  return { raw: world(base, raw, [split]), adjusted: world(base, adjusted, []), split };
}

function world(
  base: Run,
  tables: ReadonlyMap<string, MarketTable>,
  actions: readonly CorporateAction[],
): Run {
  return {
    ...base,
    actions,
    loadSession: (date) => Promise.resolve(tables.get(date)!),
    tape: memoryTape({ keepRecords: true }),
  };
}

/** A copy of a table with the values of one symbol changed. */
export function scaled(
  table: MarketTable,
  symbol: string,
  change: (value: number, isPrice: boolean) => number,
): MarketTable {
  const at = table.symbols.indexOf(symbol);
  const columns = Object.fromEntries(
    MARKET_VALUE_COLUMNS.map((name) => [
      name,
      table[name].map((value, row) =>
        table.symbolIx[row] === at ? change(value, name.endsWith('E4')) : value,
      ),
    ]),
  );
  return { ...table, ...columns };
}

export function lastTradeE4(table: MarketTable, symbol: string): number {
  const at = table.symbols.indexOf(symbol);
  for (let row = table.rowCount - 1; row >= 0; row -= 1) {
    if (table.symbolIx[row] === at && table.closeE4[row]! > 0) return table.closeE4[row]!;
  }
  throw new Error(`${symbol} never traded`);
}

/** Every feature there is, in rows and in sequences of five. */
function withAllFeatures(run: Run): Run {
  const layout = {
    ...run.identity.layout,
    columns: run.identity.layout.columns.map(
      (column): ModelColumn =>
        column.family === 'Slow'
          ? { ...column, features: FEATURE_NAMES, takesNan: true, shape: 'sequence', sequenceLength: 5 }
          : { ...column, features: FEATURE_NAMES, takesNan: true },
    ),
  };
  const inference: InferencePort = {
    layout,
    infer: ({ cycle, batches, usable }) => {
      const values = new Float32Array(usable.length);
      for (const [c, { sequenceLength }] of layout.columns.entries()) {
        for (let i = 0; i < layout.symbols.length; i += 1) {
          const newest = (i * sequenceLength + sequenceLength - 1) * FEATURE_NAMES.length;
          const at = c * layout.symbols.length + i;
          const back = batches[c]![newest]! + (batches[c]![newest + 1]! / 3) * (c + 1);
          if (usable[at] === 1 && Number.isFinite(back))
            values[at] = layout.columns[c]!.kind === 'return' ? -back : 0.5;
        }
      }
      return { cycle, values, valid: Uint8Array.from(usable) };
    },
    close: () => Promise.resolve(),
  };
  return { ...run, identity: { ...run.identity, layout }, inference };
}
