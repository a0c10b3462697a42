import type { Command } from 'commander';
import type { AnnouncedAction } from '../data/actions.ts';
import type { SynthOptions } from '../data/synth-options.ts';
import { type Flags, number, text, usage, withoutUndefined } from './option-values.ts';
import { createProgress } from './progress.ts';

export function addSynth(data: Command): void {
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
