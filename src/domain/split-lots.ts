import type { SplitAction } from './corporate-actions.ts';
import { type Lot, openLot, proRataMicros } from './lots.ts';
import type { MoneyMicros, Shares, TimeUs } from './units.ts';

/** Part of a share that a split leaves over; `units` of 1/oldShares of a new share, all amounts positive. */
export interface LeftFraction {
  readonly units: number;
  /** What it cost, 1e-4 dollars. */
  readonly costE4: number;
  readonly feeMicros: MoneyMicros;
  /** When the lot it is left of was opened. */
  readonly openedUs: TimeUs;
}

/**
 * Lots on the terms after a split, first in, first out, and what is left of a share. Cost and fees are conserved to the
 * unit: an amount that new shares do not divide evenly becomes two lots whose prices differ by 1e-4 dollars. Parts of a
 * share left of one lot join the next, whose time they take; what the last one leaves over is the fraction.
 */
export function splitLots(
  lots: readonly Lot[],
  { oldShares, newShares }: Pick<SplitAction, 'oldShares' | 'newShares'>,
): { readonly lots: Lot[]; readonly fraction: LeftFraction } {
  const rebased: Lot[] = [];
  let units = 0;
  let costE4 = 0;
  let feeMicros = 0;
  let openedUs = 0;
  for (const lot of lots) {
    const held = Math.abs(lot.shares);
    units += held * newShares;
    costE4 += held * lot.priceE4;
    feeMicros += lot.feeMicros;
    openedUs = lot.openedUs;
    const whole = Math.floor(units / oldShares);
    if (whole === 0) continue;
    const used = whole * oldShares;
    const kept = {
      shares: Math.sign(lot.shares) * whole,
      costE4: proRataMicros(costE4, used, units),
      feeMicros: proRataMicros(feeMicros, used, units),
      openedUs,
    };
    openWhole(rebased, kept);
    units -= used;
    costE4 -= kept.costE4;
    feeMicros -= kept.feeMicros;
  }
  return { lots: rebased, fraction: { units, costE4, feeMicros, openedUs } };
}

interface WholeShares {
  readonly shares: Shares;
  readonly costE4: number;
  readonly feeMicros: MoneyMicros;
  readonly openedUs: TimeUs;
}

/** Shares at one cost as lots of whole prices: the cheaper first, and as many one unit dearer as the cost takes. */
function openWhole(lots: Lot[], { shares, costE4, feeMicros, openedUs }: WholeShares): void {
  const sign = Math.sign(shares);
  const count = Math.abs(shares);
  const priceE4 = Math.floor(costE4 / count);
  const dear = costE4 - priceE4 * count;
  const cheap = count - dear;
  const cheapFee = proRataMicros(feeMicros, cheap, count);
  openLot(lots, { shares: sign * cheap, priceE4, feeMicros: cheapFee, openedUs });
  if (dear === 0) return;
  const dearFee = feeMicros - cheapFee;
  openLot(lots, { shares: sign * dear, priceE4: priceE4 + 1, feeMicros: dearFee, openedUs });
}
