import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { TapeRecord } from '../events/record.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';

/** Adds `sametape export RUN_DIR --out DIR [--json]`: orders, fills and round trips of a run as Parquet. */
export function registerExportCommand(program: Command): void {
  program
    .command('export')
    .summary('write orders, fills and round trips of a run to Parquet')
    .description(
      'Write orders.parquet, fills.parquet and round_trips.parquet from the tape of a run, for pandas, polars, DuckDB and the like. Money is in dollars, times are UTC. Files of these names in DIR are replaced.',
    )
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .requiredOption('--out <dir>', 'folder to write the files to; made when it does not exist')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape export runs/RUN_ID --out /tmp/run
  $ duckdb -c "select symbol, sum(net_usd) from '/tmp/run/round_trips.parquet' group by symbol"`,
    )
    .action(exportCommand);
}

async function exportCommand(
  runDir: string,
  options: { readonly out: string; readonly json?: boolean },
): Promise<void> {
  const { tapeDir } = openRunFolder(runDir);
  const { exportRun } = await import('../report/export.ts');
  const { files } = await exportRun({ [Symbol.iterator]: () => recordsOf(tapeDir) }, resolve(options.out));
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ files })}\n`);
    return;
  }
  for (const { path, rows } of files)
    process.stdout.write(`${path}: ${rows} ${rows === 1 ? 'row' : 'rows'}\n`);
}

function* recordsOf(tapeDir: string): Generator<TapeRecord> {
  for (const line of readTape(tapeDir)) yield line.record;
}
