import { expect } from 'vitest';

/** Every number of two states of one shape, near each other relative to the larger of the array it is in. */
export function expectClose(found: unknown, expected: unknown, tolerance: number, path = ''): void {
  if (typeof found === 'number') {
    expectClose([found], [expected], tolerance, path);
    return;
  }
  if (found === null || typeof found !== 'object') {
    expect(found, path).toBe(expected);
    return;
  }
  const values = ArrayBuffer.isView(found) ? Array.from(found as never as number[]) : found;
  const others = ArrayBuffer.isView(expected)
    ? Array.from(expected as never as number[])
    : (expected as never);
  const entries = Object.entries(values);
  expect(entries.length, path).toBe(Object.keys(others).length);
  const numbers = entries.flatMap(([, value]) =>
    typeof value === 'number' && Number.isFinite(value) ? [value] : [],
  );
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [key, value] of entries) {
    const other: unknown = others[key as never];
    if (typeof value !== 'number') expectClose(value, other, tolerance, `${path}.${key}`);
    else if (Number.isNaN(value)) expect(other, `${path}.${key}`).toBeNaN();
    else
      expect(Math.abs(value - (other as number)), `${path}.${key}`).toBeLessThanOrEqual(tolerance * largest);
  }
}
