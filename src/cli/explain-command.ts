import { shellWord } from '../report/shell-word.ts';

/** The command line that shows everything behind a decision of a run. */
export function explainCommand(
  runDir: string,
  { cycle, symbol }: { readonly cycle: number; readonly symbol: string },
): string {
  return `sametape explain ${shellWord(runDir)} --cycle ${cycle} --symbol ${shellWord(symbol)}`;
}
