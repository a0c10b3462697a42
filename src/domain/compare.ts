/** Orders strings by UTF-16 code unit: the only string order used anywhere in sametape (never the locale's). */
export function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
