import type { Command } from 'commander';
import { InputError } from '../domain/errors.ts';
import type { Flags } from './option-values.ts';
import { createProgress } from './progress.ts';

export function addInspect(data: Command): void {
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
