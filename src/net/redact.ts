const SHOWN = 300;

/**
 * Makes what others said fit to be shown: one line, bounded, and without the secrets they may have echoed.
 * @param secrets values that must appear nowhere; the function holds them, and nothing else does
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const hidden = secrets.filter((secret) => secret !== '');
  return (text) => {
    let shown = text;
    for (const secret of hidden) shown = shown.replaceAll(secret, '***');
    return shown
      .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
      .trim()
      .slice(0, SHOWN);
  };
}
