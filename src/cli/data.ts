import type { Command } from 'commander';
import { addImport } from './data-import.ts';
import { addInspect } from './data-inspect.ts';
import { addSynth } from './data-synth.ts';

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
