import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import {
  closeVolatilitySession,
  createVolatility,
  openVolatilitySession,
  rebaseVolatility,
  sigma5,
  sigmaHorizon,
  sigmaOvernight,
  updateVolatility,
  type VolatilityState,
} from '../../src/pipeline/1-prediction/volatility.ts';
import { MINUTE, SETTINGS, session } from './fixtures.ts';

/** A bar of symbol 0: minute it ends at, mid at its start and end. */
type Quote = readonly [minute: number, openMid: number, closeMid: number];

function runSession(state: VolatilityState, n: number, quotes: readonly Quote[]): void {
  const day = session(n);
  openVolatilitySession(state, day);
  for (const [minute, openMid, closeMid] of quotes) {
    updateVolatility(state, 0, { tUs: day.openUs + minute * MINUTE, openMid, closeMid });
  }
  closeVolatilitySession(state, day);
}

function create(overrides: Partial<typeof SETTINGS> = {}): VolatilityState {
  return createVolatility(1, { ...SETTINGS, ...overrides });
}

/** Bias-corrected zero-mean EWMA of squares, oldest first. */
function ewmaRms(returns: readonly number[], halfLife: number): number {
  let squares = 0;
  let weight = 0;
  returns.forEach((value, i) => {
    const w = 0.5 ** ((returns.length - 1 - i) / halfLife);
    squares += w * value * value;
    weight += w;
  });
  return Math.sqrt(squares / weight);
}

describe('5-minute volatility', () => {
  it('is the bias-corrected EWMA of grid returns, the first from the opening mid', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [
      [1, 100, 150],
      [5, 150, 101],
      [7, 1, 170],
      [10, 1, 103],
      [15, 1, 102],
    ]);
    const returns = [101 / 100 - 1, 103 / 101 - 1, 102 / 103 - 1];
    expect(state.returnCount[0]).toBe(3);
    expect(sigma5(state, 0)).toBeCloseTo(ewmaRms(returns, 78), 15);
  });

  it('takes the newest mid before a grid point when none falls on it', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [
      [1, 100, 100],
      [4, 1, 102],
      [6, 1, 999],
      [9, 1, 105],
      [11, 1, 7],
    ]);
    expect(state.returnCount[0]).toBe(2 + 1);
    const fresh = create({ volMinReturns: 1 });
    runSession(fresh, 0, [
      [1, 100, 100],
      [4, 1, 102],
      [9, 1, 105],
      [10, 1, 105],
    ]);
    expect(sigma5(fresh, 0)).toBeCloseTo(ewmaRms([0.02, 105 / 102 - 1], 78), 15);
  });

  it('gives no return across a grid point without a fresh mid, on either side of it', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [
      [5, 100, 100],
      [20, 1, 130],
      [25, 1, 131],
    ]);
    expect(state.returnCount[0]).toBe(2);
    expect(sigma5(state, 0)).toBeCloseTo(ewmaRms([0, 131 / 130 - 1], 78), 15);
  });

  it('has no sample at the open when the first mid came after the first grid point', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [
      [8, 50, 100],
      [10, 1, 101],
      [15, 1, 102],
    ]);
    expect(state.returnCount[0]).toBe(1);
    expect(sigma5(state, 0)).toBeCloseTo(102 / 101 - 1, 15);
  });

  it('is 0 before the minimum of returns and is carried over the night without the overnight return', () => {
    const state = create({ volMinReturns: 3 });
    runSession(state, 0, [
      [5, 100, 101],
      [10, 1, 102],
    ]);
    expect(sigma5(state, 0)).toBe(0);
    runSession(state, 1, [[5, 200, 202]]);
    expect(sigma5(state, 0)).toBeCloseTo(ewmaRms([0.01, 102 / 101 - 1, 0.01], 78), 15);
  });

  it('ignores bars without mids', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [
      [1, 0, 0],
      [2, 0, 100],
      [5, 0, 0],
      [10, 0, 110],
      [12, 0, 0],
      [15, 0, 121],
    ]);
    expect(state.returnCount[0]).toBe(2);
    expect(sigma5(state, 0)).toBeCloseTo(ewmaRms([0.1, 0.1], 78), 14);
  });

  it('does not look ahead: quotes after a moment leave the value at that moment alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 90, max: 110, noNaN: true }), { minLength: 30, maxLength: 60 }),
        fc.integer({ min: 1, max: 29 }),
        (mids, cut) => {
          const seen: number[][] = [
            mids,
            [...mids.slice(0, cut), ...mids.slice(cut).map((mid) => mid * 2)],
          ].map((path) => {
            const state = create({ volMinReturns: 1 });
            const day = session(0);
            openVolatilitySession(state, day);
            return path.slice(0, cut).map((mid, i) => {
              updateVolatility(state, 0, { tUs: day.openUs + (i + 1) * MINUTE, openMid: mid, closeMid: mid });
              return sigma5(state, 0);
            });
          });
          expect(seen[1]).toEqual(seen[0]);
        },
      ),
    );
  });
});

describe('overnight volatility and horizons', () => {
  it('is 0 until a night was seen, then the EWMA of first opening mid over last mid', () => {
    const state = create({ overnightHalfLifeSessions: 2 });
    runSession(state, 0, [
      [1, 100, 100],
      [380, 1, 100],
    ]);
    expect(sigmaOvernight(state, 0)).toBe(0);
    runSession(state, 1, [
      [1, 102, 100],
      [390, 1, 200],
    ]);
    runSession(state, 2, [[1, 199, 100]]);
    expect(sigmaOvernight(state, 0)).toBeCloseTo(ewmaRms([0.02, -0.005], 2), 15);
  });

  it('skips a night after a session without mids', () => {
    const state = create();
    runSession(state, 0, [[1, 100, 100]]);
    runSession(state, 1, []);
    runSession(state, 2, [[1, 150, 150]]);
    expect(sigmaOvernight(state, 0)).toBe(0);
  });

  it('counts a night once, from whichever mid comes first', () => {
    const firstBars = (...bars: Quote[]) => {
      const state = create();
      runSession(state, 0, [[1, 100, 100]]);
      runSession(state, 1, bars);
      return sigmaOvernight(state, 0);
    };
    expect(firstBars([1, 102, 0], [2, 110, 110])).toBeCloseTo(0.02, 15);
    expect(firstBars([1, 0, 102], [2, 110, 110])).toBeCloseTo(0.02, 15);
    expect(firstBars([1, 0, 0], [2, 102, 110])).toBeCloseTo(0.02, 15);
    expect(firstBars([1, 0, 0])).toBe(0);
  });

  it('says nothing of days while the volatility within one is unknown', () => {
    const state = create({ volMinReturns: 9 });
    runSession(state, 0, [[1, 100, 100]]);
    runSession(state, 1, [[1, 102, 102]]);
    expect(sigmaOvernight(state, 0)).toBeGreaterThan(0);
    expect(sigmaHorizon(state, 0, parseHorizon('1d'))).toBe(0);
  });

  it('scales by the root of time within a session and adds the nights over days', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [[5, 100, 101]]);
    runSession(state, 1, [[5, 103, 103]]);
    const short = sigma5(state, 0);
    const night = sigmaOvernight(state, 0);
    expect(night).toBeCloseTo(103 / 101 - 1, 15);
    expect(sigmaHorizon(state, 0, parseHorizon('5m'))).toBe(short);
    expect(sigmaHorizon(state, 0, parseHorizon('1h'))).toBeCloseTo(short * Math.sqrt(12), 15);
    expect(sigmaHorizon(state, 0, parseHorizon('1d'))).toBeCloseTo(
      Math.sqrt(78 * short ** 2 + night ** 2),
      15,
    );
    expect(sigmaHorizon(state, 0, parseHorizon('4d'))).toBeCloseTo(
      2 * Math.sqrt(78 * short ** 2 + night ** 2),
      15,
    );
    expect(sigmaHorizon(create(), 0, parseHorizon('1d'))).toBe(0);
  });
});

describe('volatility over a corporate action', () => {
  it('remembers the last mid on the new terms, of the symbol it is about', () => {
    const state = createVolatility(2, SETTINGS);
    const day = session(0);
    openVolatilitySession(state, day);
    for (const symbol of [0, 1]) {
      updateVolatility(state, symbol, { tUs: day.openUs + MINUTE, openMid: 100, closeMid: 100 });
    }
    rebaseVolatility(state, 1, { numerator: 1, denominator: 2 });
    closeVolatilitySession(state, day);
    expect([...state.previousClose]).toEqual([100, 50]);
  });

  it('counts the night from the close on the new terms, and no return within the day', () => {
    const state = create({ volMinReturns: 1 });
    runSession(state, 0, [
      [1, 700, 700],
      [5, 700, 700],
    ]);
    const day = session(1);
    openVolatilitySession(state, day);
    rebaseVolatility(state, 0, { numerator: 1, denominator: 7 });
    updateVolatility(state, 0, { tUs: day.openUs + MINUTE, openMid: 102, closeMid: 102 });
    expect(sigmaOvernight(state, 0)).toBeCloseTo(0.02, 12);
    rebaseVolatility(state, 0, { numerator: 1, denominator: 2 });
    updateVolatility(state, 0, { tUs: day.openUs + 5 * MINUTE, openMid: 51, closeMid: 51 });
    expect(sigma5(state, 0)).toBe(0);
  });
});
