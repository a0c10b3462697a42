/** A ratio of whole numbers. */
export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

/** Terms of a split above this are not terms anybody announces. */
const MAX_TERM = 10_000;

/**
 * The simplest ratio of whole numbers within a relative tolerance of a positive value: convergents of its continued
 * fraction, the first that is near enough.
 * @returns undefined when none with terms up to 10,000 is
 */
export function simplestRatio(value: number, tolerance: number): Ratio | undefined {
  let [before, last] = [
    { numerator: 0, denominator: 1 },
    { numerator: 1, denominator: 0 },
  ];
  let rest = value;
  for (;;) {
    const whole = Math.floor(rest);
    const next = {
      numerator: whole * last.numerator + before.numerator,
      denominator: whole * last.denominator + before.denominator,
    };
    if (!(next.numerator <= MAX_TERM && next.denominator <= MAX_TERM)) return undefined;
    const isNear = Math.abs(next.numerator / next.denominator - value) <= tolerance * value;
    if (isNear && next.numerator > 0) return next;
    if (rest === whole) return undefined;
    [before, last] = [last, next];
    rest = 1 / (rest - whole);
  }
}
