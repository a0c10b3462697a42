/** A word as a shell takes it back: quoted where it holds anything but plain characters. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command line that shows everything behind a decision of a run. */
export function explainCommand(
  runDir: string,
  { cycle, symbol }: { readonly cycle: number; readonly symbol: string },
): string {
  return `sametape explain ${shellWord(runDir)} --cycle ${cycle} --symbol ${shellWord(symbol)}`;
}
