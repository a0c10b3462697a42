import type { DurationUs, MoneyMicros, TimeUs } from '../domain/units.ts';
import { pow } from '../math/elementary.ts';

/** Below this fraction of the mean, a standard deviation is rounding noise of a constant series. */
const NOISE = 1e-9;

/** Simple returns between consecutive values of an equity curve; a step from nothing (or debt) has none and ends it. */
export function returnsOf(equity: readonly number[]): number[] {
  const returns: number[] = [];
  for (let k = 1; k < equity.length; k += 1) {
    if (equity[k - 1] <= 0) break;
    returns.push(equity[k] / equity[k - 1] - 1);
  }
  return returns;
}

/**
 * Sharpe ratio (Sharpe 1994), excess over 0: mean / sample standard deviation, times sqrt(periods a year).
 * @returns null below two returns or when they do not vary
 */
export function sharpeRatio(returns: readonly number[], periodsPerYear: number): number | null {
  if (returns.length < 2) return null;
  const mean = meanOf(returns);
  let squares = 0;
  for (const r of returns) squares += (r - mean) * (r - mean);
  const deviation = Math.sqrt(squares / (returns.length - 1));
  if (deviation <= NOISE * Math.abs(mean)) return null;
  return (mean / deviation) * Math.sqrt(periodsPerYear);
}

/**
 * Sortino ratio (Sortino and Price 1994), target 0: mean / downside deviation over all periods, times sqrt(periods a
 * year). Downside deviation = sqrt(mean(min(r, 0)^2)).
 * @returns null below two returns or when none is negative
 */
export function sortinoRatio(returns: readonly number[], periodsPerYear: number): number | null {
  if (returns.length < 2) return null;
  let squares = 0;
  for (const r of returns) squares += r < 0 ? r * r : 0;
  if (squares === 0) return null;
  return (meanOf(returns) / Math.sqrt(squares / returns.length)) * Math.sqrt(periodsPerYear);
}

function meanOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** The constant yearly return that compounds to `totalReturn` over `years`; null when no time passed. */
export function annualizedReturn(totalReturn: number, years: number): number | null {
  if (years <= 0) return null;
  return totalReturn <= -1 ? -1 : pow(1 + totalReturn, 1 / years) - 1;
}

/** Yearly return by depth of the worst drawdown; null without a drawdown. */
export function calmarRatio(yearlyReturn: number | null, maxDrawdownFrac: number): number | null {
  return yearlyReturn === null || maxDrawdownFrac === 0 ? null : yearlyReturn / maxDrawdownFrac;
}

/** `part / whole`, or null when there is no whole to take a part of. */
export function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

/** The worst fall of an equity curve from a peak, kept up to date point by point. */
export interface Drawdown {
  peakMicros: MoneyMicros;
  peakUs: TimeUs;
  isBelow: boolean;
  /** Deepest fall so far, as a fraction of the peak it fell from, and in money. */
  maxFrac: number;
  maxMicros: MoneyMicros;
  /** Longest time below one peak, calendar time from the peak to the recovery, or to the newest point. */
  maxDurationUs: DurationUs;
}

/** @param start the first point of the curve: the initial capital, at the time the run starts */
export function createDrawdown(start: {
  readonly equityMicros: MoneyMicros;
  readonly tUs: TimeUs;
}): Drawdown {
  return {
    peakMicros: start.equityMicros,
    peakUs: start.tUs,
    isBelow: false,
    maxFrac: 0,
    maxMicros: 0,
    maxDurationUs: 0,
  };
}

/** @returns how far the point is below its peak, fraction of the peak, 0 at a peak */
export function updateDrawdown(
  drawdown: Drawdown,
  point: { readonly equityMicros: MoneyMicros; readonly tUs: TimeUs },
): number {
  const belowMicros = drawdown.peakMicros - point.equityMicros;
  if (belowMicros > 0 || drawdown.isBelow) {
    drawdown.maxDurationUs = Math.max(drawdown.maxDurationUs, point.tUs - drawdown.peakUs);
  }
  drawdown.isBelow = belowMicros > 0;
  if (!drawdown.isBelow) {
    drawdown.peakMicros = point.equityMicros;
    drawdown.peakUs = point.tUs;
    return 0;
  }
  const frac = drawdown.peakMicros > 0 ? belowMicros / drawdown.peakMicros : 0;
  drawdown.maxFrac = Math.max(drawdown.maxFrac, frac);
  drawdown.maxMicros = Math.max(drawdown.maxMicros, belowMicros);
  return frac;
}
