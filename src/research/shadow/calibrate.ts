import type { ExchangeSettings } from '../../domain/settings.ts';
import type { Bps, MoneyMicros, Shares, TimeUs } from '../../domain/units.ts';
import { slippageBpsAt } from '../../exchange/prices.ts';
import { barUnderWay, liquidityAt, quoteAt, type SessionBars } from './session-bars.ts';
import type { SideOrder } from './side.ts';

/** What the fills of one order in one bar cost beyond the touch, and their share of what traded there. */
export interface SlippagePoint {
  readonly costBps: Bps;
  /** Fraction, over 0. */
  readonly participation: number;
}

/** An estimate by least squares, with its standard error. */
export interface Estimate {
  readonly bps: Bps;
  readonly standardErrorBps: Bps;
}

/** Realised slippage beside the model that the simulated exchange has: `slippageBps + impactBps sqrt(participation)`. */
export interface Calibration {
  /** Orders by bar that slippage was measured on, and those left out for want of a quote or of volume. */
  readonly points: number;
  readonly leftOut: number;
  readonly configured: { readonly slippageBps: Bps; readonly impactBps: Bps };
  /** Means over the points; null without one. */
  readonly realisedBps: Bps | null;
  readonly modelBps: Bps | null;
  /** Fitted constant and coefficient of the square root; null where `refusal` says why there are none. */
  readonly slippage: Estimate | null;
  readonly impact: Estimate | null;
  readonly refusal: 'too_few' | 'one_participation' | null;
}

/** Fewer points fit a line through noise. */
export const LEAST_POINTS = 30;

export interface SlippageSample {
  readonly points: SlippagePoint[];
  leftOut: number;
}

/** What one order filled in one bar. */
interface BarFill {
  readonly tUs: TimeUs;
  shares: Shares;
  cashMicros: MoneyMicros;
  /** What the shares were worth at the touch. */
  touchMicros: MoneyMicros;
}

/** Adds what the orders of a session show. Orders that rest at a price are none: they wait for the market to come to them. */
export function sampleSlippage(
  sample: SlippageSample,
  orders: readonly SideOrder[],
  bars: SessionBars,
): void {
  for (const order of orders) {
    if (order.request.type === 'limit') continue;
    for (const fill of fillsByBar(order, bars)) {
      const point = pointOf(fill, liquidityAt(bars, order.symbolIx, { ...fill, side: order.request.side }));
      if (point === undefined) sample.leftOut += 1;
      else sample.points.push(point);
    }
  }
}

function fillsByBar({ flows, symbolIx, request }: SideOrder, bars: SessionBars): Iterable<BarFill> {
  const fills = new Map<number, BarFill>();
  for (const { tradeUs, shares, cashMicros } of flows) {
    const bar = barUnderWay(bars, tradeUs);
    const fill = fills.get(bar) ?? { tUs: tradeUs, shares: 0, cashMicros: 0, touchMicros: 0 };
    fills.set(bar, fill);
    const quote = quoteAt(bars, symbolIx, tradeUs);
    const touchE4 = request.side === 'buy' ? quote?.askE4 : quote?.bidE4;
    fill.shares += shares;
    fill.cashMicros += cashMicros;
    fill.touchMicros += shares * (touchE4 ?? 0) * 100;
  }
  return fills.values();
}

/** @returns undefined for a fill without a quote or volume to measure it by, and for one that was taken back */
function pointOf({ shares, cashMicros, touchMicros }: BarFill, base: Shares): SlippagePoint | undefined {
  if (shares === 0 || touchMicros === 0 || !(base > 0)) return undefined;
  const costBps = ((-cashMicros - touchMicros) * 1e4) / Math.abs(touchMicros);
  return { costBps, participation: Math.abs(shares) / base };
}

export function calibrate(
  { points, leftOut }: SlippageSample,
  { slippageBps, impactBps, ...rest }: ExchangeSettings,
): Calibration {
  const settings = { ...rest, slippageBps, impactBps };
  const said = {
    points: points.length,
    leftOut,
    configured: { slippageBps, impactBps },
    realisedBps: meanOf(points.map(({ costBps }) => costBps)),
    modelBps: meanOf(points.map(({ participation }) => slippageBpsAt(settings, participation))),
  };
  if (points.length < LEAST_POINTS) return { ...said, slippage: null, impact: null, refusal: 'too_few' };
  const line = fitLine(points.map(({ costBps, participation }) => [Math.sqrt(participation), costBps]));
  if (line === undefined) return { ...said, slippage: null, impact: null, refusal: 'one_participation' };
  return { ...said, slippage: line.constant, impact: line.slope, refusal: null };
}

/**
 * Ordinary least squares of y on x, with the standard errors of its two coefficients.
 * @returns undefined where x hardly varies
 */
function fitLine(
  points: readonly (readonly [x: number, y: number])[],
): { readonly constant: Estimate; readonly slope: Estimate } | undefined {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  let xx = 0;
  let xy = 0;
  for (const [x, y] of points) {
    xx += (x - meanX) * (x - meanX);
    xy += (x - meanX) * (y - meanY);
  }
  // what rounding leaves of a constant x is no spread
  if (xx <= 1e-12 * n * meanX * meanX) return undefined;
  const slope = xy / xx;
  const constant = meanY - slope * meanX;
  let squares = 0;
  for (const [x, y] of points) {
    const residual = y - constant - slope * x;
    squares += residual * residual;
  }
  const variance = squares / (n - 2);
  return {
    constant: { bps: constant, standardErrorBps: Math.sqrt(variance * (1 / n + (meanX * meanX) / xx)) },
    slope: { bps: slope, standardErrorBps: Math.sqrt(variance / xx) },
  };
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
