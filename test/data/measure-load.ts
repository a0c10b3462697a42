/**
 * Measures what loading a dataset session takes: `node --import tsx test/data/measure-load.ts make DIR ROWS`, then
 * `node --import tsx test/data/measure-load.ts load DIR`, which prints one JSON object. 5 million rows took 0.95 GB
 * and 8 to 10 s on two shared cores.
 */
import { openDataset } from '../../src/data/dataset.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { MARKET_VALUE_COLUMNS } from '../../src/domain/market-table.ts';
import { lcg, session } from './support-tables.ts';

const SECONDS = 23_400;

async function make(dir: string, rows: number): Promise<void> {
  const { date, openUs } = session('2024-07-05');
  const count = Math.ceil(rows / SECONDS);
  const symbols = Array.from({ length: count }, (_, s) => `S${String(s).padStart(4, '0')}`);
  const table = createMarketTable({ session: date, barSeconds: 1, symbols, rowCount: count * SECONDS });
  const random = lcg(1);
  const price = symbols.map((_, s) => 500_000 + s * 1000);
  for (let i = 0; i < table.rowCount; i++) {
    const s = i % count;
    price[s] += Math.round((random() - 0.5) * 400);
    table.endUs[i] = openUs + (Math.floor(i / count) + 1) * 1_000_000;
    table.symbolIx[i] = s;
    table.flags[i] = 7;
    for (const column of MARKET_VALUE_COLUMNS) {
      table[column][i] = column.endsWith('E4')
        ? price[s] + Math.round(random() * 200)
        : Math.round(random() * 1000) * 100;
    }
  }
  const facts = { provenance: { source: 'tables', files: [], options: {} } } as const;
  await writeDataset({ dir, tables: [table], facts });
}

async function load(dir: string): Promise<void> {
  const started = performance.now();
  const dataset = await openDataset(dir);
  const { rowCount } = await dataset.loadSession(dataset.sessions[0].date);
  const seconds = (performance.now() - started) / 1000;
  const maxRssMiB = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(`${JSON.stringify({ rows: rowCount, seconds, maxRssMiB })}\n`);
}

const [mode, dir, rows] = process.argv.slice(2);
await (mode === 'make' ? make(dir, Number(rows)) : load(dir));
