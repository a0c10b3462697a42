/** Values of secrets that were read. Kept for one purpose: that no text which leaves the process can hold one. */
const valuesRead = new Set<string>();
/** Shorter ones would be found in words. */
const LEAST_HIDDEN_LENGTH = 4;

export function rememberSecret(value: string): void {
  if (value.length >= LEAST_HIDDEN_LENGTH) valuesRead.add(value);
}

/** Text that may leave the process: every secret that was read, as it is or in an encoding in use, is taken out. */
export function withoutSecretValues(text: string): string {
  let shown = text;
  for (const value of valuesRead) {
    const base64 = Buffer.from(value).toString('base64');
    for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), base64]) {
      shown = shown.replaceAll(form, '[secret]');
    }
  }
  return shown;
}
