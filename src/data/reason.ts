/** The first line of an error's message, cut to a readable length: what another library threw, inside ours. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0].slice(0, 200);
}
