import { compareCodeUnits } from '../domain/compare.ts';
import { InvariantError } from '../domain/errors.ts';
import type { Json, JsonObject } from './record.ts';

/**
 * An integer that the tape gives back unchanged.
 * @throws InvariantError for fractions, numbers beyond 2^53, non-finite ones, and -0 (JSON would return +0)
 */
export function exactInteger(value: number, field: string): number {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new InvariantError(
      `tape field ${field}: ${Object.is(value, -0) ? '-0' : value} is not an exact integer`,
    );
  }
  return value;
}

/** A finite number as canonical JSON. @throws InvariantError for any other */
export function numberJson(value: number, field: string): string {
  // x - x is 0 for finite x only
  if (value - value !== 0) throw new InvariantError(`tape field ${field}: ${value} is not finite`);
  return `${value}`;
}

/** A copy with keys in code-unit order; defined, not assigned, so that a key such as `__proto__` stays a key. */
export function sortedByKey(value: { readonly [key: string]: Json }): JsonObject {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareCodeUnits(a, b)));
}
