import type { SizingSettings } from '../../domain/settings.ts';
import type { MoneyMicros, PriceE4, Shares, WeightFrac } from '../../domain/units.ts';

const MICROS_PER_E4 = 100;

export interface WeightChange {
  /** Weight held now, signed. */
  readonly from: WeightFrac;
  /** Weight wanted, signed. */
  readonly to: WeightFrac;
}

/** Smallest change of weight worth trading: the band, but at most a fraction of one symbol's share of gross target. */
export function effectiveBand(
  {
    band,
    bandGrossFraction,
    grossTarget,
  }: Pick<SizingSettings, 'band' | 'bandGrossFraction' | 'grossTarget'>,
  symbolCount: number,
): WeightFrac {
  return Math.min(band, (bandGrossFraction * grossTarget) / symbolCount);
}

/** The change only takes risk off: toward 0 without crossing it. */
export function isReduction(change: WeightChange): boolean {
  return Math.abs(change.to) < Math.abs(change.from) && !changesSign(change);
}

export function changesSign({ from, to }: WeightChange): boolean {
  return (from > 0 && to < 0) || (from < 0 && to > 0);
}

/** A change smaller than the band is not worth its cost. Reductions always are: they pass. */
export function isInsideBand(change: WeightChange, band: WeightFrac): boolean {
  return !isReduction(change) && Math.abs(change.to - change.from) < band;
}

/** Weight a change adds to gross exposure. A change of sign adds all of the new side: the old one is closed first. */
export function increaseOf({ from, to }: WeightChange): WeightFrac {
  if (changesSign({ from, to })) return Math.abs(to);
  return Math.max(0, Math.abs(to) - Math.abs(from));
}

/**
 * How much of every increase fits under the gross target: `max(0, (target - unchanged and reduced) / increases)`,
 * at most 1.
 */
function increaseScale({
  grossTarget,
  kept,
  increases,
}: {
  readonly grossTarget: WeightFrac;
  /** Gross of what is unchanged or reduced, with the part of increased positions that is held already. */
  readonly kept: WeightFrac;
  readonly increases: WeightFrac;
}): number {
  if (kept + increases <= grossTarget || increases === 0) return 1;
  return Math.max(0, (grossTarget - kept) / increases);
}

/** Weight after scaling the part of a change that increases exposure. */
function scaleIncrease(change: WeightChange, scale: number): WeightFrac {
  const increase = increaseOf(change);
  const sign = change.to > 0 ? 1 : -1;
  return sign * (Math.abs(change.to) - increase + increase * scale) + 0;
}

/** N weights before and after. */
export interface WeightPlan {
  /** Weights held now, signed. */
  readonly from: Float64Array;
  /** Weights wanted. */
  readonly wanted: Float64Array;
  /** 1 where the change is a signal's wish, to which the band applies; exits and holds are not. */
  readonly isSignal: Uint8Array;
}

/**
 * Settles the weights of the whole portfolio: changes inside the band stay where they are, then all increases are
 * scaled by one factor to fit the gross target. Reductions, exits and what is held are never scaled.
 * @param out `target` receives the settled weights, `insideBand` 1 where the band kept the weight
 * @returns the factor
 */
export function settleWeights(
  { from, wanted, isSignal }: WeightPlan,
  { band, grossTarget }: { readonly band: WeightFrac; readonly grossTarget: WeightFrac },
  out: { readonly target: Float64Array; readonly insideBand: Uint8Array },
): number {
  let kept = 0;
  let increases = 0;
  for (let i = 0; i < from.length; i++) {
    const change = { from: from[i], to: wanted[i] };
    const stays = isSignal[i] === 1 && isInsideBand(change, band);
    out.insideBand[i] = stays ? 1 : 0;
    if (stays) change.to = change.from;
    out.target[i] = change.to;
    const increase = increaseOf(change);
    increases += increase;
    kept += Math.abs(change.to) - increase;
  }
  const scale = increaseScale({ grossTarget, kept, increases });
  if (scale === 1) return scale;
  for (let i = 0; i < from.length; i++) {
    out.target[i] = scaleIncrease({ from: from[i], to: out.target[i] }, scale);
  }
  return scale;
}

/** Sum of absolute changes of weight: what trading from one set of weights to another turns over. */
export function turnoverOf(from: ArrayLike<number>, to: ArrayLike<number>): WeightFrac {
  let turnover = 0;
  for (let i = 0; i < from.length; i++) turnover += Math.abs(to[i] - from[i]);
  return turnover;
}

/** Whole lots a weight buys, signed, toward 0; 0 where there is no price. */
export function sharesForWeight({
  weight,
  equityMicros,
  priceE4,
  lotShares,
}: {
  readonly weight: WeightFrac;
  readonly equityMicros: MoneyMicros;
  readonly priceE4: PriceE4;
  readonly lotShares: Shares;
}): Shares {
  if (!(priceE4 > 0)) return 0;
  const shares = Math.trunc((weight * equityMicros) / (priceE4 * MICROS_PER_E4));
  return Math.trunc(shares / lotShares) * lotShares + 0;
}

/** Weight of a position at a mark; 0 where there is no price or no equity left. */
export function weightOfShares({
  shares,
  equityMicros,
  priceE4,
}: {
  readonly shares: Shares;
  readonly equityMicros: MoneyMicros;
  readonly priceE4: PriceE4;
}): WeightFrac {
  return equityMicros > 0 ? (shares * priceE4 * MICROS_PER_E4) / equityMicros + 0 : 0;
}
