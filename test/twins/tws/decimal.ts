/** Whole units of 10^-`places` as a decimal. */
export function decimal(units: number, places: number): string {
  const digits = String(Math.abs(units)).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  return `${units < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A decimal as micro-dollars; what the twin takes from the wire is exact or an error of the test. */
export function micros(text: string): number {
  const value = Math.round(Number(text) * 1_000_000);
  if (!Number.isSafeInteger(value)) throw new Error(`not an amount: ${text}`);
  return value;
}
