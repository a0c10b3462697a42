import type { SizingSettings } from '../../domain/settings.ts';
import type { WeightFrac } from '../../domain/units.ts';

export interface ScaledAlpha {
  /** alpha over its risk, clipped. */
  readonly z: number;
  /** Target weight of equity, signed. */
  readonly weight: WeightFrac;
}

/**
 * Weight of a signal: `z = alpha / (sigma * ic_ref)`, clipped to +-z_max, times `max_weight / z_max`. An alpha or a
 * sigma that is not a positive finite risk gives no position.
 * @param alpha expected return over the horizon, decimal
 * @param sigma standard deviation of that return, decimal
 */
export function scaleByVolatility(
  { alpha, sigma }: { readonly alpha: number; readonly sigma: number },
  { icRef, zMax, maxWeight }: Pick<SizingSettings, 'icRef' | 'zMax' | 'maxWeight'>,
): ScaledAlpha {
  const risk = sigma * icRef;
  if (!(risk > 0) || !Number.isFinite(alpha)) return { z: 0, weight: 0 };
  const z = Math.min(zMax, Math.max(-zMax, alpha / risk)) + 0;
  return { z, weight: (z / zMax) * maxWeight + 0 };
}

/** The alpha that a weight corresponds to: the inverse of `scaleByVolatility` inside the clip. */
export function alphaOfWeight(
  { weight, sigma }: { readonly weight: WeightFrac; readonly sigma: number },
  { icRef, zMax, maxWeight }: Pick<SizingSettings, 'icRef' | 'zMax' | 'maxWeight'>,
): number {
  return (weight / maxWeight) * zMax * sigma * icRef + 0;
}
