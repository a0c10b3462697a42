/**
 * Elementary functions with the same bits on every Node version and processor. `Math.exp`, `Math.log`, `Math.pow`,
 * `Math.tanh` and `**` are implementation-defined by ECMAScript and do differ; these are plain-JavaScript ports of
 * FreeBSD's msun (errors below 1 ulp), so they only use + - * / and bit moves, which IEEE 754 fixes.
 */
import stdlibExp from '@stdlib/math-base-special-exp';
import stdlibExpm1 from '@stdlib/math-base-special-expm1';
import stdlibLn from '@stdlib/math-base-special-ln';
import stdlibPow from '@stdlib/math-base-special-pow';
import stdlibTanh from '@stdlib/math-base-special-tanh';

/** e^x */
export function exp(x: number): number {
  return stdlibExp(x);
}

/** e^x - 1, accurate near 0 */
export function expm1(x: number): number {
  return stdlibExpm1(x);
}

/** Natural logarithm; -Infinity at 0, NaN below. */
export function ln(x: number): number {
  return stdlibLn(x);
}

/** `base` raised to `exponent`. */
export function pow(base: number, exponent: number): number {
  return stdlibPow(base, exponent);
}

/** Hyperbolic tangent. */
export function tanh(x: number): number {
  return stdlibTanh(x);
}
