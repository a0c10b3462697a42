import type { Horizon } from '../../domain/horizon.ts';
import { MINUTES_PER_TRADING_DAY } from '../../domain/horizon.ts';
import type { Session } from '../../domain/market-table.ts';
import type { PredictionSettings } from '../../domain/settings.ts';
import type { TimeUs } from '../../domain/units.ts';
import { US_PER_MINUTE } from '../../domain/units.ts';
import { pow } from '../../math/elementary.ts';
import { type Scale, scaleValues } from '../../math/rolling-scale.ts';

/**
 * Volatility of every symbol from mids: EWMA of squared non-overlapping 5-minute returns on the session's grid, and of
 * squared overnight returns. Both are zero-mean and bias-corrected (divided by the weight seen so far), decimal per
 * period, never annualised, and carried across sessions. Plain data, arrays by symbol.
 */
export interface VolatilityState {
  /** Weight kept per 5-minute return and per overnight return. */
  readonly decay: number;
  readonly overnightDecay: number;
  readonly minReturns: number;
  openUs: TimeUs;
  /** Newest mid of the session, dollars or any unit; 0 = none yet. */
  readonly lastMid: Float64Array;
  /** Last mid of the previous session; 0 = none. */
  readonly previousClose: Float64Array;
  /** Grid point whose sample is in `sample`; points are numbered from 0 at the open. */
  readonly gridIndex: Int32Array;
  /** Mid at that grid point; 0 = none fresh enough. */
  readonly sample: Float64Array;
  /** 1 when a mid arrived since that grid point. */
  readonly isFresh: Uint8Array;
  readonly squares: Float64Array;
  readonly weight: Float64Array;
  readonly returnCount: Int32Array;
  readonly overnightSquares: Float64Array;
  readonly overnightWeight: Float64Array;
}

/** Mids of one bar of one symbol: at its start and at its end (`tUs`); 0 where a side of the quote is missing. */
export interface MidUpdate {
  readonly tUs: TimeUs;
  readonly openMid: number;
  readonly closeMid: number;
}

const GRID_MINUTES = 5;
const GRID_US = GRID_MINUTES * US_PER_MINUTE;
/** 5-minute returns in a trading day. */
const RETURNS_PER_DAY = MINUTES_PER_TRADING_DAY / GRID_MINUTES;

export function createVolatility(
  symbolCount: number,
  settings: Pick<PredictionSettings, 'volHalfLifeBars' | 'volMinReturns' | 'overnightHalfLifeSessions'>,
): VolatilityState {
  return {
    decay: pow(0.5, 1 / settings.volHalfLifeBars),
    overnightDecay: pow(0.5, 1 / settings.overnightHalfLifeSessions),
    minReturns: settings.volMinReturns,
    openUs: 0,
    lastMid: new Float64Array(symbolCount),
    previousClose: new Float64Array(symbolCount),
    gridIndex: new Int32Array(symbolCount),
    sample: new Float64Array(symbolCount),
    isFresh: new Uint8Array(symbolCount),
    squares: new Float64Array(symbolCount),
    weight: new Float64Array(symbolCount),
    returnCount: new Int32Array(symbolCount),
    overnightSquares: new Float64Array(symbolCount),
    overnightWeight: new Float64Array(symbolCount),
  };
}

export function openVolatilitySession(state: VolatilityState, session: Session): void {
  state.openUs = session.openUs;
  state.lastMid.fill(0);
  state.gridIndex.fill(0);
  state.sample.fill(0);
  state.isFresh.fill(0);
}

/** Past mids of a symbol on the terms after a corporate action, so that no return sees it as a move. */
export function rebaseVolatility(state: VolatilityState, symbol: number, scale: Scale): void {
  scaleValues(state.previousClose, scale, symbol, symbol + 1);
  scaleValues(state.lastMid, scale, symbol, symbol + 1);
  scaleValues(state.sample, scale, symbol, symbol + 1);
}

/** Takes the quote of one bar. Bars come in order of time; bars without both mids may be left out. */
export function updateVolatility(state: VolatilityState, symbol: number, update: MidUpdate): void {
  const { tUs, openMid, closeMid } = update;
  if (state.lastMid[symbol] === 0) startSession(state, symbol, update);
  advanceGrid(state, symbol, tUs - 1);
  if (closeMid > 0) {
    state.lastMid[symbol] = closeMid;
    state.isFresh[symbol] = 1;
  } else if (state.lastMid[symbol] === 0 && openMid > 0) {
    state.lastMid[symbol] = openMid;
  }
  advanceGrid(state, symbol, tUs);
}

/** Samples what is left of the grid and remembers the session's last mid for the overnight return. */
export function closeVolatilitySession(state: VolatilityState, session: Session): void {
  for (let symbol = 0; symbol < state.lastMid.length; symbol++) {
    advanceGrid(state, symbol, session.closeUs);
    state.previousClose[symbol] = state.lastMid[symbol]!;
  }
}

/** First mid of the session: the overnight return, and the sample of grid point 0 if it came before grid point 1. */
function startSession(state: VolatilityState, symbol: number, update: MidUpdate): void {
  const first = update.openMid > 0 ? update.openMid : update.closeMid;
  if (!(first > 0)) return;
  const previous = state.previousClose[symbol]!;
  if (previous > 0) {
    const change = first / previous - 1;
    const keep = state.overnightDecay;
    state.overnightSquares[symbol] = keep * state.overnightSquares[symbol]! + (1 - keep) * change * change;
    state.overnightWeight[symbol] = keep * state.overnightWeight[symbol]! + (1 - keep);
  }
  if (update.openMid > 0 && update.tUs <= state.openUs + GRID_US) state.sample[symbol] = update.openMid;
}

/** Samples every grid point after the last one, up to `untilUs`. A point without a fresh mid gives no sample, so no return on either side. */
function advanceGrid(state: VolatilityState, symbol: number, untilUs: TimeUs): void {
  const reached = Math.floor((untilUs - state.openUs) / GRID_US);
  while (state.gridIndex[symbol]! < reached) {
    state.gridIndex[symbol]!++;
    if (state.isFresh[symbol] === 0) {
      state.sample[symbol] = 0;
      state.gridIndex[symbol] = reached;
      return;
    }
    const before = state.sample[symbol]!;
    const now = state.lastMid[symbol]!;
    if (before > 0) addReturn(state, symbol, now / before - 1);
    state.sample[symbol] = now;
    state.isFresh[symbol] = 0;
  }
}

function addReturn(state: VolatilityState, symbol: number, change: number): void {
  const keep = state.decay;
  state.squares[symbol] = keep * state.squares[symbol]! + (1 - keep) * change * change;
  state.weight[symbol] = keep * state.weight[symbol]! + (1 - keep);
  state.returnCount[symbol]!++;
}

/** Standard deviation of 5-minute mid returns, decimal; 0 while fewer than the minimum of returns were seen. */
export function sigma5(state: VolatilityState, symbol: number): number {
  if (state.returnCount[symbol]! < state.minReturns) return 0;
  return Math.sqrt(state.squares[symbol]! / state.weight[symbol]!);
}

/** Root mean square of overnight returns, decimal; 0 until one was seen. */
export function sigmaOvernight(state: VolatilityState, symbol: number): number {
  const weight = state.overnightWeight[symbol]!;
  return weight === 0 ? 0 : Math.sqrt(state.overnightSquares[symbol]! / weight);
}

/**
 * Standard deviation over a horizon, decimal: sigma5 * sqrt(minutes/5) within a session, and
 * sqrt(n * (78 * sigma5^2 + overnight^2)) over n trading days. 0 while sigma5 is unknown.
 */
export function sigmaHorizon(state: VolatilityState, symbol: number, horizon: Horizon): number {
  const short = sigma5(state, symbol);
  if (short === 0) return 0;
  if (horizon.sessions === 0) return short * Math.sqrt(horizon.minutes / GRID_MINUTES);
  const overnight = sigmaOvernight(state, symbol);
  return Math.sqrt(horizon.sessions * (RETURNS_PER_DAY * short * short + overnight * overnight));
}
