import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { AnnouncedAction } from '../data/actions.ts';
import type { ImportFormat, ImportOptions } from '../data/import-types.ts';
import type { SynthOptions } from '../data/synth-options.ts';
import { InputError } from '../domain/errors.ts';
import { createProgress } from './progress.ts';

type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** Adds `sametape data import|inspect|synth`. What a command needs is loaded when it runs, so that help is quick. */
export function registerDataCommands(program: Command): void {
  const data = program
    .command('data')
    .summary('import, inspect and synthesise market data')
    .description('Import market data into datasets, look into them, and make synthetic ones.')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape data import market/lean --format lean --out datasets/real
  $ sametape data inspect datasets/real
  $ sametape data synth --out datasets/mine --symbols 20 --sessions 10 --seed 7`,
    );
  addImport(data);
  addInspect(data);
  addSynth(data);
}

function addImport(data: Command): void {
  data
    .command('import')
    .summary('make a dataset from LEAN folders, CSV or Parquet files')
    .description(
      'Make a dataset from LEAN folders, CSV or Parquet files. Rows are bars, placed by the end of the bar; they become one row per bar and symbol. Bad rows are counted by kind and listed with file and line; by default one of them refuses the import.',
    )
    .argument('<source...>', 'a LEAN data folder; or CSV or Parquet files, or folders of them')
    .requiredOption('--out <dir>', 'dataset folder to write; an earlier dataset there is replaced')
    .option('--format <format>', 'lean, csv or parquet (default: by what the source is)')
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
  $ sametape data import *.parquet --out datasets/mine --on-bad drop --outside-session drop`,
    )
    .action(async (sources: string[], flags: Flags) => {
      const [{ importDataset }, { importText }, { parseColumnOption }] = await Promise.all([
        import('../data/import.ts'),
        import('./data-report.ts'),
        import('../data/column-map.ts'),
      ]);
      const columns = text(flags, 'columns');
      const report = await importDataset({
        ...importOptions(sources, flags),
        ...(columns === undefined ? {} : { columns: parseColumnOption(columns) }),
        progress: createProgress(process.stderr),
      });
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

function addInspect(data: Command): void {
  data
    .command('inspect')
    .summary('show what a dataset holds and check its files')
    .description(
      'Show what a dataset holds and where it came from, and check every file against the manifest. Exit code 2 when a file changed.',
    )
    .argument('<dir>', 'dataset folder')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape data inspect datasets/quickstart
  $ sametape data inspect datasets/quickstart --json | jq .manifest.sha256`,
    )
    .action(async (dir: string, flags: Flags) => {
      const { inspectDataset } = await import('../data/inspect.ts');
      const { inspectionText } = await import('./data-report.ts');
      const inspection = await inspectDataset(dir, { progress: createProgress(process.stderr) });
      process.stdout.write(
        flags.json === true ? `${JSON.stringify(inspection)}\n` : inspectionText(inspection),
      );
      const changed = inspection.mismatches.map(({ file }) => file);
      if (changed.length > 0) {
        throw new InputError(
          'DATASET_MISMATCH',
          `dataset ${dir}: changed since it was imported: ${changed.join(', ')}; restore it or import again`,
        );
      }
    });
}

function addSynth(data: Command): void {
  data
    .command('synth')
    .summary('make a seeded synthetic universe')
    .description(
      'Make a seeded synthetic universe of minute bars: clustered volatility, U-shaped volume and spread, overnight gaps, correlated symbols, halts, missing minutes, and predictability of a chosen strength. The same options give the same bytes on any machine.',
    )
    .requiredOption('--out <dir>', 'dataset folder to write; an earlier dataset there is replaced')
    .option('--seed <n>', 'whole number (default: 1)')
    .option('--symbols <n or list>', 'how many, or which, such as AAA,BBB (default: 8)')
    .option('--from <date>', 'first session, YYYY-MM-DD (default: 2024-01-02)')
    .option('--sessions <n>', 'how many (default: 8)')
    .option('--signal <r>', 'correlation of the best forecast with 5-minute returns, 0 to 0.8 (default: 0.2)')
    .option('--annual-vol <v>', 'volatility of an average symbol, per year, decimal (default: 0.2)')
    .option('--correlation <share>', "share of variance that is the market's, 0 to 0.9 (default: 0.3)")
    .option('--spread-bps <bps>', 'quoted spread of an average symbol (default: 1.5)')
    .option(
      '--prices <list>',
      'opening prices in dollars, such as AAA=50,BBB=200 (default: drawn, 40 to 400)',
    )
    .option('--halt-rate <p>', 'chance of a halt of a symbol in a session (default: 0.02)')
    .option('--missing-rate <p>', 'chance that a minute of a symbol has no row (default: 0.002)')
    .option('--splits <list>', 'new shares by old, and ex-date, such as AAA=2:1@2024-01-04 (default: none)')
    .option('--dividends <list>', 'dollars a share, and ex-date, such as BBB=0.5@2024-01-05 (default: none)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape data synth --out datasets/mine --seed 7
  $ sametape data synth --out datasets/wide --symbols 100 --sessions 50 --signal 0.1`,
    )
    .action(async (flags: Flags) => {
      const { synthDataset } = await import('../data/synth-dataset.ts');
      const { synthText } = await import('./data-report.ts');
      const dir = String(flags.out);
      const manifest = await synthDataset({
        dir,
        options: synthOptions(flags),
        progress: createProgress(process.stderr),
      });
      const { sha256, symbols, sessions, rows } = manifest;
      const json = { dir, sha256, symbols, sessions: sessions.length, rows };
      process.stdout.write(flags.json === true ? `${JSON.stringify(json)}\n` : synthText(dir, manifest));
    });
}

function importOptions(sources: readonly string[], flags: Flags): ImportOptions {
  return withoutUndefined({
    sources,
    out: String(flags.out),
    format: choice(flags, 'format', ['lean', 'csv', 'parquet']) ?? guessFormat(sources),
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

function synthOptions(flags: Flags): SynthOptions {
  const symbols = text(flags, 'symbols');
  return withoutUndefined({
    seed: number(flags, 'seed'),
    symbols:
      symbols === undefined ? undefined : /^[0-9]+$/.test(symbols) ? Number(symbols) : symbols.split(','),
    from: text(flags, 'from'),
    sessions: number(flags, 'sessions'),
    signal: number(flags, 'signal'),
    annualVol: number(flags, 'annualVol'),
    correlation: number(flags, 'correlation'),
    spreadBps: number(flags, 'spreadBps'),
    priceLevels: priceLevels(text(flags, 'prices')),
    haltRate: number(flags, 'haltRate'),
    missingRate: number(flags, 'missingRate'),
    actions: synthActions(flags),
  });
}

function synthActions(flags: Flags): readonly AnnouncedAction[] {
  return [
    ...announced(text(flags, 'splits'), /^([^=]+)=([0-9]{1,4}):([0-9]{1,4})@([0-9-]{10})$/, (part, match) => {
      const [, symbol, newShares, oldShares, exDate] = match;
      if (Number(newShares) * Number(oldShares) === 0) throw usage('splits', part, 'shares above 0');
      return { kind: 'split', symbol, exDate, newShares: Number(newShares), oldShares: Number(oldShares) };
    }),
    ...announced(
      text(flags, 'dividends'),
      /^([^=]+)=([0-9]+(?:\.[0-9]{1,6})?)@([0-9-]{10})$/,
      (part, match) => {
        const [, symbol, dollars, exDate] = match;
        if (Number(dollars) === 0) throw usage('dividends', part, 'dollars above 0');
        return { kind: 'dividend', symbol, exDate, cashMicros: Math.round(Number(dollars) * 1e6) };
      },
    ),
  ];
}

function announced(
  list: string | undefined,
  form: RegExp,
  read: (part: string, match: readonly string[]) => AnnouncedAction,
): AnnouncedAction[] {
  if (list === undefined) return [];
  return list.split(',').map((part) => {
    const match = form.exec(part.trim());
    if (match === null)
      throw usage('splits or --dividends', part, 'AAA=2:1@2024-01-04 or BBB=0.5@2024-01-05');
    return read(part, match);
  });
}

function priceLevels(list: string | undefined): Record<string, number> | undefined {
  if (list === undefined) return undefined;
  return Object.fromEntries(
    list.split(',').map((part) => {
      const match = /^([^=]+)=([0-9.]+)$/.exec(part.trim());
      if (match === null) throw usage('prices', part, 'pairs such as AAA=50,BBB=200');
      return [match[1], Number(match[2])];
    }),
  );
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
  }
  throw new InputError(
    'USAGE',
    `${sources.join(', ')}: does not look like LEAN, CSV or Parquet data; say which with --format`,
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

function number(flags: Flags, name: string): number | undefined {
  const value = text(flags, name);
  if (value === undefined) return undefined;
  if (value.trim() === '' || !Number.isFinite(Number(value))) throw usage(name, value, 'a number');
  return Number(value);
}

function whole(flags: Flags, name: string, [low, high]: readonly [number, number]): number | undefined {
  const value = number(flags, name);
  if (value === undefined || (Number.isInteger(value) && value >= low && value <= high)) return value;
  throw usage(name, String(value), `a whole number from ${low} to ${high}`);
}

function choice<T extends string>(flags: Flags, name: string, choices: readonly T[]): T | undefined {
  const value = text(flags, name);
  const found = choices.find((each) => each === value);
  if (value !== undefined && found === undefined) throw usage(name, value, choices.join(', '));
  return found;
}

function usage(name: string, value: string, expected: string): InputError {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return new InputError('USAGE', `--${flag} ${value}: expected ${expected}`);
}
