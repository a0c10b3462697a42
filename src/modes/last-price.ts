import type { LoadedScenario } from '../config/load-scenario.ts';
import { openDataset } from '../data/dataset.ts';
import { InputError } from '../domain/errors.ts';
import { HAS_TRADE } from '../domain/market-table.ts';
import type { PriceE4 } from '../domain/units.ts';

/**
 * The first symbol of a scenario's universe that trades in the last session of its dataset, and its last price there.
 * @throws InputError PRICE_MISSING
 */
export async function lastPrice({
  settings,
  resolvedPaths,
}: LoadedScenario): Promise<{ readonly symbol: string; readonly priceE4: PriceE4 }> {
  const dataset = await openDataset(resolvedPaths.datasetDir);
  const last = dataset.sessions.at(-1);
  const table = last === undefined ? undefined : await dataset.loadSession(last.date);
  for (const symbol of settings.symbols ?? dataset.symbols) {
    for (let row = (table?.rowCount ?? 0) - 1; table !== undefined && row >= 0; row -= 1) {
      const isIts = table.symbols[table.symbolIx[row]] === symbol && (table.flags[row] & HAS_TRADE) !== 0;
      if (isIts && table.closeE4[row] > 0) return { symbol, priceE4: table.closeE4[row] };
    }
  }
  throw new InputError(
    'PRICE_MISSING',
    `${resolvedPaths.datasetDir}: no trade of the universe in its last session; expected one, for the price of a dry fire`,
  );
}
