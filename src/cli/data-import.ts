import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ImportFormat, ImportOptions } from '../data/import-types.ts';
import { InputError } from '../domain/errors.ts';
import { choice, type Flags, text, whole, withoutUndefined } from './option-values.ts';
import { createProgress } from './progress.ts';

export function addImport(data: Command): void {
  data
    .command('import')
    .summary('make a dataset from LEAN folders, CSV or Parquet files, or a tape')
    .description(
      'Make a dataset from LEAN folders, CSV or Parquet files, or from the market data on the tape of a paper or live run. Rows are bars, placed by the end of the bar; they become one row per bar and symbol. Bad rows are counted by kind and listed with file and line; by default one of them refuses the import.',
    )
    .argument('<source...>', 'a LEAN data folder; CSV or Parquet files, or folders of them; or a run folder')
    .requiredOption('--out <dir>', 'dataset folder to write; an earlier dataset there is replaced')
    .option('--format <format>', 'lean, csv, parquet or tape (default: by what the source is)')
    .option('--symbols <list>', 'take only these symbols, such as SPY,IBM')
    .option('--from <date>', 'first session to take, YYYY-MM-DD')
    .option('--to <date>', 'last session to take, YYYY-MM-DD')
    .option('--resolution <name>', 'LEAN: minute, second or daily (default: minute)')
    .option(
      '--columns <map>',
      'CSV, Parquet: field=column pairs, such as end=time,symbol=sym,close=px (fields: end or start, symbol, halted, bid, ask, price, volume, or open high low close, bid_open … ask_size)',
    )
    .option('--symbol <name>', 'CSV, Parquet: symbol of files without a symbol column')
    .option(
      '--time-unit <unit>',
      'CSV, Parquet: iso, s, ms, us or ns (default: by what the values look like)',
    )
    .option('--time-zone <zone>', 'CSV, Parquet: utc or new_york, for times without an offset (default: utc)')
    .option('--price-unit <unit>', 'CSV, Parquet: dollars or e4, which is 1e-4 dollars (default: dollars)')
    .option('--bar-seconds <n>', 'CSV, Parquet: length of a bar; 86400 is daily (default: 60)')
    .option('--delimiter <char>', 'CSV: between cells (default: comma)')
    .option(
      '--actions <file>',
      "CSV of splits and dividends: date,symbol,kind,value; or none (default: LEAN's factor_files, else none)",
    )
    .option('--on-bad <policy>', 'refuse or drop bad rows (default: refuse)')
    .option(
      '--outside-session <policy>',
      'refuse or drop rows outside the session (default: drop for LEAN, else refuse)',
    )
    .option('--list <n>', 'bad rows to show, of each kind (default: 5)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape data import market/lean --out datasets/real --symbols SPY,IBM --from 2013-10-04
  $ sametape data import market/lean --out datasets/daily --resolution daily
  $ sametape data import bars.csv --out datasets/mine --columns start=time,symbol=ticker,close=px --time-zone new_york
  $ sametape data import *.parquet --out datasets/mine --on-bad drop --outside-session drop
  $ sametape data import runs/RUN_ID --out datasets/lived     a day of a paper or live run, to run again`,
    )
    .action(async (sources: string[], flags: Flags) => {
      const [{ importDataset }, { importText }, { parseColumnOption }] = await Promise.all([
        import('../data/import.ts'),
        import('./data-report.ts'),
        import('../data/column-map.ts'),
      ]);
      const columns = text(flags, 'columns');
      const options = {
        ...importOptions(sources, flags),
        ...(columns === undefined ? {} : { columns: parseColumnOption(columns) }),
        progress: createProgress(process.stderr),
      };
      const report =
        options.format === 'tape'
          ? await importDataset(options, (await import('../research/tape-importer.ts')).createTapeImporter)
          : await importDataset(options);
      const { manifest, ...rest } = report;
      const { sha256, symbols, sessions, rows, firstSession, lastSession, badRows } = manifest;
      const json = {
        ...rest,
        sha256,
        symbols,
        sessions: sessions.length,
        firstSession,
        lastSession,
        rows,
        actions: manifest.actions?.length ?? 0,
        badRows,
      };
      process.stdout.write(flags.json === true ? `${JSON.stringify(json)}\n` : importText(report));
    });
}

function importOptions(sources: readonly string[], flags: Flags): ImportOptions {
  return withoutUndefined({
    sources,
    out: String(flags.out),
    format: choice(flags, 'format', ['lean', 'csv', 'parquet', 'tape']) ?? guessFormat(sources),
    symbols: text(flags, 'symbols')
      ?.split(',')
      .map((symbol) => symbol.trim()),
    from: text(flags, 'from'),
    to: text(flags, 'to'),
    resolution: choice(flags, 'resolution', ['minute', 'second', 'daily']),
    symbol: text(flags, 'symbol'),
    timeUnit: choice(flags, 'timeUnit', ['auto', 'iso', 's', 'ms', 'us', 'ns']),
    timeZone: choice(flags, 'timeZone', ['utc', 'new_york']),
    priceUnit: choice(flags, 'priceUnit', ['dollars', 'e4']),
    barSeconds: whole(flags, 'barSeconds', [1, 86_400]),
    delimiter: text(flags, 'delimiter'),
    actions: text(flags, 'actions'),
    onBad: choice(flags, 'onBad', ['refuse', 'drop']),
    outsideSession: choice(flags, 'outsideSession', ['refuse', 'drop']),
    examplesPerKind: whole(flags, 'list', [0, 100_000]),
  });
}

/** By the files' endings; a folder by what lies in it. */
function guessFormat(sources: readonly string[]): ImportFormat {
  for (const source of sources) {
    if (!existsSync(source)) {
      throw new InputError('FILE_UNREADABLE', `${source}: no such file or folder; give the path of the data`);
    }
    const names = isFolder(source) ? readdirSync(source) : [source];
    if (names.some((name) => /\.(?:parquet|pq)$/i.test(name))) return 'parquet';
    if (names.some((name) => /\.(?:csv|tsv|txt)$/i.test(name))) return 'csv';
    const isLean = ['equity', 'usa', 'minute', 'second', 'daily'].some((name) =>
      isFolder(join(source, name)),
    );
    if (isLean) return 'lean';
    if (isFolder(join(source, 'tape'))) return 'tape';
  }
  throw new InputError(
    'USAGE',
    `${sources.join(', ')}: does not look like LEAN, CSV or Parquet data, or a run; say which with --format`,
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
