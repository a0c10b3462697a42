/** A word as a POSIX shell reads it back: as it stands where every character is harmless, in single quotes otherwise. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,][A-Za-z0-9_./:=@%+,-]*$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The command line that shows everything behind a decision of a run.
 * @param shellDir its folder, as a shell reads it
 */
export function explainCommand(
  shellDir: string,
  { cycle, symbol }: { readonly cycle: number; readonly symbol: string },
): string {
  return `sametape explain ${shellDir} --cycle ${cycle} --symbol ${shellWord(symbol)}`;
}
