import type { WeightFrac } from '../../domain/units.ts';

/** Sums over the portfolio's weights, fractions of equity. */
export interface Exposure {
  readonly gross: WeightFrac;
  readonly net: WeightFrac;
  readonly long: WeightFrac;
  /** Positive. */
  readonly short: WeightFrac;
}

export interface ExposureLimits {
  readonly maxGrossFrac: WeightFrac;
  readonly maxPositionFrac: WeightFrac;
}

/** Adds up signed weights in index order. */
export function measureExposure(weights: ArrayLike<number>): Exposure {
  let gross = 0;
  let net = 0;
  let long = 0;
  let short = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i];
    gross += Math.abs(weight);
    net += weight;
    if (weight > 0) long += weight;
    else short -= weight;
  }
  return { gross, net, long, short };
}

/** Gross that may still be added, never negative. */
export function grossCapacity(
  { gross }: Pick<Exposure, 'gross'>,
  { maxGrossFrac }: Pick<ExposureLimits, 'maxGrossFrac'>,
): WeightFrac {
  return Math.max(0, maxGrossFrac - gross);
}

/** A weight on its limit is inside it. */
export function isPositionInside(
  weight: WeightFrac,
  { maxPositionFrac }: Pick<ExposureLimits, 'maxPositionFrac'>,
): boolean {
  return Math.abs(weight) <= maxPositionFrac;
}

/** All weights shrunk by one factor until gross fits its limit; unchanged when it does already. */
export function scaleToGross(
  weights: ArrayLike<number>,
  { maxGrossFrac }: Pick<ExposureLimits, 'maxGrossFrac'>,
): Float64Array {
  const { gross } = measureExposure(weights);
  const scale = gross > maxGrossFrac ? maxGrossFrac / gross : 1;
  return Float64Array.from(weights, (weight) => weight * scale);
}

/** Every weight cut to the position limit, sign kept. */
export function clipToPositionLimit(
  weights: ArrayLike<number>,
  { maxPositionFrac }: Pick<ExposureLimits, 'maxPositionFrac'>,
): Float64Array {
  return Float64Array.from(weights, (weight) =>
    Math.min(maxPositionFrac, Math.max(-maxPositionFrac, weight)),
  );
}
