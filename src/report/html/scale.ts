/** The range of an axis and the round values on it. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  /** Between two ticks. */
  readonly step: number;
}

/** About so many ticks. */
const TICKS = 5;

/** Less than this, of the values themselves, is no spread: digits of a double end there, and so would the ticks. */
const FLAT = 1e-9;

/** A scale from a round value at or below `min` to one at or above `max`; a flat line lies in its middle. */
export function scaleOf({ min, max }: { readonly min: number; readonly max: number }): Scale {
  const size = Math.max(Math.abs(min), Math.abs(max));
  const isFlat = max - min <= FLAT * Math.max(size, 1);
  const room = isFlat ? Math.max(size * 0.01, 0.5) : 0;
  const [low, high] = [min - room, max + room];
  const step = roundStep((high - low) / TICKS);
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
  return { min: ticks[0], max: ticks[ticks.length - 1], ticks, step };
}

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function roundStep(least: number): number {
  let power = 1;
  while (power > least) power /= 10;
  while (power * 10 <= least) power *= 10;
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= least) ?? 10);
}

/** How many decimals tell ticks a step apart from each other. */
export function decimalsOf(step: number): number {
  let decimals = 0;
  for (let unit = step; decimals < 6 && Math.abs(unit - Math.round(unit)) > 1e-6 * unit; unit *= 10) {
    decimals += 1;
  }
  return decimals;
}
