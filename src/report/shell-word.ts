/** A word as a POSIX shell reads it back: as it stands where every character is harmless, in single quotes otherwise. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,][A-Za-z0-9_./:=@%+,-]*$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}
