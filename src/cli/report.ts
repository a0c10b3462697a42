import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../domain/errors.ts';
import { makeFolders } from '../files/make-folders.ts';
import { writeTextAtomic } from '../tape/atomic-file.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { systemText } from './errors.ts';
import { createProgress } from './progress.ts';

interface ReportOptions {
  readonly out?: string;
  readonly dataset?: string;
  readonly compare?: string;
  readonly json?: boolean;
}

/** Adds `sametape report RUN_DIR [--out FILE] [--json]`: a run as one page of HTML. */
export function registerReportCommand(program: Command): void {
  program
    .command('report')
    .summary('show a run as a page: curves, gains, trades, decisions')
    .description(
      'Write a run as one HTML file that opens from disk: no scripts, nothing loaded from elsewhere. It shows equity, drawdown, exposure, where the P&L came from, what trading cost, incidents, and the largest round trips with the commands that explain them. All of it is read from the tape, whose chain is checked on the way; prices of a backtest come from its dataset. A run that is not over is shown as far as it goes.',
    )
    .argument('<run-dir>', 'folder of the run, as printed by "sametape run"')
    .option(
      '--out <file>',
      'file to write, ending in .html; replaced if it is there (default: report.html in the run folder)',
    )
    .option('--dataset <dir>', 'dataset folder, when it is not where it was')
    .option(
      '--compare <run-dir>',
      'draw the equity of this other run beside, and set the figures side by side',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape report runs/RUN_ID
  $ sametape report runs/RUN_ID --out /tmp/yesterday.html
  $ sametape report build/forks/FORK_ID --compare runs/RUN_ID
  $ xdg-open runs/RUN_ID/report.html`,
    )
    .action(reportCommand);
}

async function reportCommand(runDir: string, options: ReportOptions): Promise<void> {
  const file = outFile(options.out, openRunFolder(runDir).reportFile);
  const { reportRun } = await import('../research/report-run.ts');
  const { told, other, page } = await reportRun({
    runDir,
    otherDir: options.compare,
    datasetDir: options.dataset === undefined ? undefined : resolve(options.dataset),
    progress: createProgress(),
  });
  try {
    makeFolders(dirname(file));
    writeTextAtomic(file, page);
  } catch (cause) {
    throw new InputError(
      'REPORT_OUT',
      `${options.out ?? file}: cannot be written (${systemText(cause as NodeJS.ErrnoException)}); choose a writable --out FILE`,
      { cause },
    );
  }
  const { runId, chainHead, decisionHead, isClosed, story } = told;
  if (options.json === true) {
    const bytes = Buffer.byteLength(page);
    const { cycles } = story.collector;
    process.stdout.write(
      `${JSON.stringify({ file, bytes, runId, chainHead, decisionHead, cycles, closed: isClosed, ...(other === undefined ? {} : { comparedWith: other.runId }) })}\n`,
    );
    return;
  }
  process.stdout.write(`${file}\n`);
  if (!isClosed) process.stderr.write('sametape: the run is not over: the report goes as far as its tape\n');
}

/** Only a page is replaced: a slip of the hand must not cost a tape. @throws InputError REPORT_OUT */
function outFile(out: string | undefined, usual: string): string {
  if (out === undefined) return usual;
  const file = resolve(out);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InputError(
      'REPORT_OUT',
      `--out ${out}: is a folder, expected a file in it, such as ${out.replace(/\/+$/, '')}/report.html`,
    );
  }
  if (!/\.html?$/i.test(file)) {
    throw new InputError('REPORT_OUT', `--out ${out}: expected a file name that ends in .html`);
  }
  return file;
}
