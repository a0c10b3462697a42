import type { CorporateAction } from '../domain/corporate-actions.ts';
import { IS_HALTED, MARKET_VALUE_COLUMNS, type MarketTable } from '../domain/market-table.ts';
import type { TimeUs } from '../domain/units.ts';
import { createPrng, type SeedParts } from '../math/prng.ts';

/** Shares of the rows after the cut that are lost, and whose halt is turned over. */
const LOST_FRAC = 0.02;
const HALT_FRAC = 0.01;

/**
 * The same session up to the cut, another after it: prices up to 10 % off, a factor a row so that bid stays below ask
 * and low below high; sizes and volumes from half to double; some rows lost, some halts turned over.
 */
export function mutateAfter(table: MarketTable, cutUs: TimeUs, seedParts: SeedParts): MarketTable {
  const draw = createPrng([...seedParts, table.session]);
  const rows: number[] = [];
  for (let row = 0; row < table.rowCount; row += 1) {
    if (table.endUs[row] <= cutUs || draw() >= LOST_FRAC) rows.push(row);
  }
  const flags = Uint8Array.from(rows, (row) => table.flags[row]);
  const prices = new Float64Array(rows.length).fill(1);
  const sizes = new Float64Array(rows.length).fill(1);
  for (let k = 0; k < rows.length; k += 1) {
    if (table.endUs[rows[k]] <= cutUs) continue;
    prices[k] = 0.9 + 0.2 * draw();
    sizes[k] = 0.5 + 1.5 * draw();
    if (draw() < HALT_FRAC) flags[k] ^= IS_HALTED;
  }
  const columns = MARKET_VALUE_COLUMNS.map((name) => {
    const factors = name === 'volume' || name.endsWith('Size') ? sizes : prices;
    // a missing value is 0 and stays so; another stays at least 1
    const values = Float64Array.from(rows, (row, k) => {
      const value = table[name][row];
      return value === 0 || factors[k] === 1 ? value : Math.max(1, Math.round(value * factors[k]));
    });
    return [name, values];
  });
  return {
    ...table,
    ...Object.fromEntries(columns),
    rowCount: rows.length,
    endUs: Float64Array.from(rows, (row) => table.endUs[row]),
    symbolIx: Int32Array.from(rows, (row) => table.symbolIx[row]),
    flags,
  };
}

/** What issuers did up to the session of the cut; nothing after it happens. */
export function actionsUntil(actions: readonly CorporateAction[], date: string): readonly CorporateAction[] {
  return actions.filter(({ exDate }) => exDate <= date);
}
