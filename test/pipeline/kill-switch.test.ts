import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { US_PER_MINUTE } from '../../src/domain/units.ts';
import {
  createDrawdown,
  recoveryNeededFrac,
  resetDrawdown,
  updateDrawdown,
} from '../../src/pipeline/6-risk/drawdown.ts';
import {
  clipToPositionLimit,
  grossCapacity,
  isPositionInside,
  measureExposure,
  scaleToGross,
} from '../../src/pipeline/6-risk/exposure.ts';
import {
  createKillState,
  isKilled,
  killCause,
  lossStatus,
  markEquity,
  markExposure,
  markRepeats,
  markVelocity,
  openSession,
  resetKill,
  trip,
} from '../../src/pipeline/6-risk/kill-switch.ts';
import { createLossWindow, markLoss } from '../../src/pipeline/6-risk/loss-velocity.ts';

const SETTINGS = {
  dailyLossFrac: 0.02,
  drawdownFrac: 0.1,
  warnFraction: 0.7,
  maxPositionFrac: 0.2,
  maxGrossFrac: 1,
  maxNetFrac: 9,
};

const NO_SECTORS = { sectorIx: Int32Array.of(-1, -1), sectors: [] };

function killStateAt(equityMicros: number, symbolCount = 0) {
  return createKillState({ equityMicros, symbolCount, sectorCount: 2, lossVelocityMinutes: 5 });
}

describe('daily loss', () => {
  it('warns once at 70 % of the limit, trips beyond it, clears at the next session', () => {
    const state = killStateAt(100_000);
    const types = [99_000, 98_600, 98_500, 98_000, 97_999, 97_000, 99_999].map((equity) =>
      markEquity(state, equity, SETTINGS).map(({ type }) => type),
    );
    expect(types).toEqual([[], ['RiskLimitWarned'], [], [], ['KillSwitchTripped'], [], []]);
    expect(killCause(state)).toBe('daily_loss');
    expect(openSession(state, 99_999)).toEqual([
      { type: 'KillSwitchReset', cause: 'daily_loss', by: 'session' },
    ]);
    expect(isKilled(state)).toBe(false);
    expect(openSession(state, 99_999)).toEqual([]);
  });

  it('counts from the previous close, overnight losses included', () => {
    const state = killStateAt(100_000);
    openSession(state, 95_000);
    expect(markEquity(state, 94_000, SETTINGS)).toEqual([]);
    openSession(state, 94_000);
    const [tripped] = markEquity(state, 92_000, { ...SETTINGS, drawdownFrac: 1 });
    expect(tripped).toMatchObject({ type: 'KillSwitchTripped', cause: 'daily_loss', limit: 0.02 });
    expect(lossStatus(state, { equityMicros: 92_000, tUs: 0 }).dailyLossFrac).toBeCloseTo(2 / 94, 15);
  });

  it('warns again after it has been below the line', () => {
    const state = killStateAt(100_000);
    const warnings = [98_500, 99_500, 98_500].map((equity) => markEquity(state, equity, SETTINGS).length);
    expect(warnings).toEqual([1, 0, 1]);
  });

  it('says nothing of a base that is not positive', () => {
    expect(markEquity(killStateAt(0), -5, SETTINGS)).toEqual([]);
  });
});

describe('drawdown', () => {
  const wide = { ...SETTINGS, dailyLossFrac: 1 };

  it('stays tripped through sessions until an operator resets it', () => {
    const state = killStateAt(100_000);
    expect(markEquity(state, 93_000, wide)).toMatchObject([{ type: 'RiskLimitWarned', limit: 'drawdown' }]);
    expect(markEquity(state, 89_999, wide)).toMatchObject([{ type: 'KillSwitchTripped', cause: 'drawdown' }]);
    openSession(state, 89_999);
    markEquity(state, 99_999, wide);
    expect(killCause(state)).toBe('drawdown');
    expect(resetKill(state, { equityMicros: 89_000, by: 'ana' })).toEqual([
      { type: 'KillSwitchReset', cause: 'drawdown', by: 'ana' },
    ]);
    expect(markEquity(state, 88_000, wide)).toEqual([]);
    expect(lossStatus(state, { equityMicros: 88_000, tUs: 0 }).peakMicros).toBe(89_000);
  });

  it('trips beside a daily loss, and survives its clearing', () => {
    const state = killStateAt(100_000);
    expect(markEquity(state, 85_000, SETTINGS).map(({ type }) => type)).toEqual([
      'KillSwitchTripped',
      'KillSwitchTripped',
    ]);
    openSession(state, 85_000);
    expect(killCause(state)).toBe('drawdown');
  });

  it('is the deepest fall from the running peak', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1_000_000 }), { minLength: 1 }), (values) => {
        const state = createDrawdown(0);
        let peak = 0;
        let deepest = 0;
        for (const value of values) {
          peak = Math.max(peak, value);
          const expected = peak > 0 ? (peak - value) / peak : 0;
          deepest = Math.max(deepest, expected);
          expect(updateDrawdown(state, value)).toBe(expected);
        }
        expect(state).toEqual({ peakMicros: peak, maxDrawdownFrac: deepest });
      }),
    );
  });

  it('starts over from a reset, and knows the gain that would undo it', () => {
    const state = createDrawdown(100);
    updateDrawdown(state, 80);
    expect(recoveryNeededFrac(state, 80)).toBe(0.25);
    expect(recoveryNeededFrac(state, 0)).toBeUndefined();
    resetDrawdown(state, -3);
    expect(state).toEqual({ peakMicros: 0, maxDrawdownFrac: 0 });
  });
});

describe('loss velocity', () => {
  const FAST = { lossVelocityFrac: 0.01, warnFraction: 0.7 };
  /** Marks one a minute, in a window of five. */
  const marksOf = (values: readonly number[], settings = FAST) => {
    const state = killStateAt(100_000);
    const events = values.map((equityMicros, minute) =>
      markVelocity(state, { equityMicros, tUs: (1000 + minute) * US_PER_MINUTE }, settings),
    );
    return { state, events };
  };

  it('warns once at 70 % of the limit, trips beyond it, passes on it', () => {
    const { events } = marksOf([100_000, 99_301, 99_300, 99_200, 99_000, 98_999, 98_000]);
    expect(events.map((list) => list.map(({ type }) => type))).toEqual([
      [],
      [],
      ['RiskLimitWarned'],
      [],
      [],
      ['KillSwitchTripped'],
      [],
    ]);
    expect(events[5]).toMatchObject([{ cause: 'loss_velocity', limit: 0.01 }]);
  });

  it('forgets marks that left the window: the same loss taken slowly does not trip', () => {
    const slow = Array.from({ length: 60 }, (_, minute) => 100_000 - minute * 170);
    expect(
      marksOf(slow)
        .events.flat()
        .map(({ type }) => type),
    ).not.toContain('KillSwitchTripped');
    const jump = (wait: number) => [100_000, ...Array.from({ length: wait }, () => 99_500), 98_980];
    expect(isKilled(marksOf(jump(4)).state)).toBe(true);
    expect(isKilled(marksOf(jump(5)).state)).toBe(false);
  });

  it('is the fall from the highest mark of the window, by a rescan of all marks', () => {
    const mark = fc.record({
      gapUs: fc.integer({ min: 0, max: 3 * US_PER_MINUTE }),
      equity: fc.integer({ min: -10, max: 1000 }),
    });
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 40 }), (gaps) => {
        const window = createLossWindow(3);
        let tUs = 1000 * US_PER_MINUTE;
        const seen: { minute: number; equity: number }[] = [];
        for (const { gapUs, equity } of gaps) {
          tUs += gapUs;
          const minute = Math.floor(tUs / US_PER_MINUTE);
          seen.push({ minute, equity });
          const high = Math.max(...seen.filter((m) => m.minute >= minute - 3).map((m) => m.equity));
          const expected = high > 0 ? (high - equity) / high : 0;
          expect(markLoss(window, { equityMicros: equity, tUs })).toBe(expected);
        }
      }),
    );
  });

  it('stays tripped over sessions; a reset measures from there; off without a limit', () => {
    const { state } = marksOf([100_000, 98_000]);
    openSession(state, 98_000);
    expect(killCause(state)).toBe('loss_velocity');
    const tUs = 1002 * US_PER_MINUTE;
    expect(resetKill(state, { equityMicros: 98_000, by: 'ana' })).toHaveLength(1);
    expect(markVelocity(state, { equityMicros: 97_500, tUs }, FAST)).toEqual([]);
    expect(markVelocity(killStateAt(1), { equityMicros: -9, tUs }, { warnFraction: 0.7 })).toEqual([]);
  });
});

describe('the repeated-execution throttle', () => {
  it('warns once at 70 %, trips at the limit, and only an operator resets it', () => {
    const state = killStateAt(1);
    const settings = { maxRepeatedExecutions: 10, warnFraction: 0.7 };
    const types = [5, 6, 7, 8, 9, 10, 11].map((repeats) =>
      markRepeats(state, { repeats, symbol: 'A' }, settings).map(({ type }) => type),
    );
    expect(types).toEqual([[], [], ['RiskLimitWarned'], [], [], ['KillSwitchTripped'], []]);
    openSession(state, 1);
    expect(killCause(state)).toBe('repeated_execution');
    expect(resetKill(state, { equityMicros: 1, by: 'ana' })).toEqual([
      { type: 'KillSwitchReset', cause: 'repeated_execution', by: 'ana' },
    ]);
    expect(markRepeats(state, { repeats: 99, symbol: 'A' }, { warnFraction: 0.7 })).toEqual([]);
  });
});

describe('kill switch', () => {
  it('trips once a cause, for any cause, and an operator resets all', () => {
    const state = killStateAt(100_000);
    expect(isKilled(state)).toBe(false);
    expect(killCause(state)).toBeUndefined();
    expect(trip(state, 'operator', { value: 1, limit: 0 })).toHaveLength(1);
    expect(trip(state, 'operator', { value: 1, limit: 0 })).toEqual([]);
    trip(state, 'order_state', { value: 1, limit: 0 });
    expect(killCause(state)).toBe('operator');
    expect(openSession(state, 100_000)).toEqual([]);
    expect(isKilled(state)).toBe(true);
    expect(resetKill(state, { equityMicros: 100_000, by: 'ana' })).toHaveLength(2);
    expect(resetKill(state, { equityMicros: 100_000, by: 'ana' })).toEqual([]);
  });

  it('after a reset measures the daily loss from there, and does not forget a peak that had not tripped', () => {
    const state = killStateAt(100_000);
    markEquity(state, 97_000, SETTINGS);
    resetKill(state, { equityMicros: 97_000, by: 'ana' });
    expect(markEquity(state, 96_000, SETTINGS)).toEqual([]);
    expect(lossStatus(state, { equityMicros: 96_000, tUs: 0 })).toMatchObject({
      peakMicros: 100_000,
      drawdownFrac: 0.04,
    });
  });

  it('holds plain data, so that a copy goes on like the original', () => {
    const state = killStateAt(100_000, 2);
    markEquity(state, 98_500, SETTINGS);
    const copy = structuredClone(state);
    expect(markEquity(copy, 97_000, SETTINGS)).toEqual(markEquity(state, 97_000, SETTINGS));
    expect(copy).toEqual(state);
  });
});

describe('lines that are met exactly', () => {
  const half = { ...SETTINGS, dailyLossFrac: 0.5, drawdownFrac: 0.5, warnFraction: 0.5 };

  it('warn of losses, and a limit that is met does not trip', () => {
    const state = killStateAt(100_000);
    expect(markEquity(state, 75_000, half)).toEqual([
      { type: 'RiskLimitWarned', limit: 'daily_loss', value: 0.25, threshold: 0.25 },
      { type: 'RiskLimitWarned', limit: 'drawdown', value: 0.25, threshold: 0.25 },
    ]);
    expect(markEquity(state, 50_000, half)).toEqual([]);
    expect(markEquity(state, 49_000, half)).toEqual([
      { type: 'KillSwitchTripped', cause: 'daily_loss', value: 0.51, limit: 0.5 },
      { type: 'KillSwitchTripped', cause: 'drawdown', value: 0.51, limit: 0.5 },
    ]);
    expect(markEquity(state, 48_000, half)).toEqual([]);
  });

  it('warn of a fast loss', () => {
    const state = killStateAt(100_000);
    const velocity = { lossVelocityFrac: 0.5, warnFraction: 0.5 };
    const at = (equityMicros: number) =>
      markVelocity(state, { equityMicros, tUs: 1000 * US_PER_MINUTE }, velocity);
    expect(at(100_000)).toEqual([]);
    expect(at(75_000)).toEqual([
      { type: 'RiskLimitWarned', limit: 'loss_velocity', value: 0.25, threshold: 0.25 },
    ]);
    expect(at(75_000)).toEqual([]);
  });

  it('warn of exposure, from the first mark on, once', () => {
    const state = killStateAt(1, 2);
    const rules = { sectorIx: Int32Array.of(1, -1), sectors: ['energy', 'metals'] };
    const settings = {
      ...half,
      maxPositionFrac: 0.5,
      maxGrossFrac: 0.5,
      maxNetFrac: 0.5,
      maxSectorFrac: 0.5,
    };
    const held = { symbols: ['A', 'B'], weights: Float64Array.of(0.25, 0), rules };
    expect(markExposure(state, held, settings)).toEqual([
      { type: 'RiskLimitWarned', limit: 'position', value: 0.25, threshold: 0.25, symbol: 'A' },
      { type: 'RiskLimitWarned', limit: 'exposure', value: 0.25, threshold: 0.25 },
      { type: 'RiskLimitWarned', limit: 'net', value: 0.25, threshold: 0.25 },
      { type: 'RiskLimitWarned', limit: 'sector', value: 0.25, threshold: 0.25, sector: 'metals' },
    ]);
    expect(markExposure(state, held, settings)).toEqual([]);
  });

  it('warn again in a new session, and after a reset', () => {
    const state = killStateAt(100_000);
    const velocity = { lossVelocityFrac: 0.5, warnFraction: 0.5 };
    const warnings = () => [
      ...markEquity(state, 70_000, half),
      ...markVelocity(state, { equityMicros: 70_000, tUs: 1000 * US_PER_MINUTE }, velocity),
    ];
    markVelocity(state, { equityMicros: 100_000, tUs: 1000 * US_PER_MINUTE }, velocity);
    const limits = () => warnings().map((event) => ('limit' in event ? event.limit : event.type));
    expect(limits()).toEqual(['daily_loss', 'drawdown', 'loss_velocity']);
    expect(limits()).toEqual([]);
    openSession(state, 100_000);
    expect(limits()).toEqual(['daily_loss']);
    resetKill(state, { equityMicros: 70_000, by: 'ana' });
    expect(limits()).toEqual(['daily_loss', 'drawdown', 'loss_velocity']);
  });

  it('are measured from where they were after the reset of something else', () => {
    const state = killStateAt(100_000);
    const mark = { equityMicros: 99_000, tUs: 1000 * US_PER_MINUTE };
    const velocity = { lossVelocityFrac: 0.5, warnFraction: 0.5 };
    markVelocity(state, { ...mark, equityMicros: 100_000 }, velocity);
    markVelocity(state, mark, velocity);
    trip(state, 'operator', { value: 1, limit: 0 });
    resetKill(state, { equityMicros: 99_000, by: 'ana' });
    expect(lossStatus(state, mark)).toEqual({
      dailyLossFrac: 0.01,
      drawdownFrac: 0.01,
      lossVelocityFrac: 0.01,
      peakMicros: 100_000,
    });
  });
});

describe('exposure', () => {
  it('warns of a position and of gross once a crossing', () => {
    const state = killStateAt(1, 2);
    const mark = (...weights: number[]) =>
      markExposure(
        state,
        { symbols: ['A', 'B'], weights: Float64Array.from(weights), rules: NO_SECTORS },
        SETTINGS,
      );
    expect(mark(0.1, 0)).toEqual([]);
    expect(mark(0.1, -0.15)).toMatchObject([{ limit: 'position', symbol: 'B', value: 0.15 }]);
    expect(mark(0.1, -0.16)).toEqual([]);
    expect(mark(0.6, -0.16)).toMatchObject([
      { limit: 'position', symbol: 'A' },
      { limit: 'exposure', value: 0.76, threshold: 0.7 },
    ]);
    expect(mark(0.6, -0.16)).toEqual([]);
    expect(mark(0, 0)).toEqual([]);
    expect(mark(0.6, 0.2)).toHaveLength(3);
  });

  it('warns of net exposure, either way, and of a sector, by name', () => {
    const state = killStateAt(1, 3);
    const rules = { sectorIx: Int32Array.of(0, 1, 0), sectors: ['energy', 'metals'] };
    const settings = {
      ...SETTINGS,
      maxPositionFrac: 9,
      maxGrossFrac: 9,
      maxNetFrac: 0.5,
      maxSectorFrac: 0.4,
    };
    const mark = (...weights: number[]) =>
      markExposure(state, { symbols: ['A', 'B', 'C'], weights: Float64Array.from(weights), rules }, settings);
    expect(mark(0.13, 0.2, 0.14)).toMatchObject([{ limit: 'net' }]);
    expect(mark(0.15, -0.2, -0.14)).toMatchObject([{ limit: 'sector', sector: 'energy' }]);
    expect(mark(0.15, -0.2, -0.14)).toEqual([]);
    expect(mark(-0.1, -0.3, 0)).toMatchObject([{ limit: 'net' }, { sector: 'metals' }]);
  });

  it('adds up, and what is scaled or clipped is inside its limit', () => {
    const weight = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.array(weight), (weights) => {
        const exposure = measureExposure(weights);
        expect(exposure.gross).toBeCloseTo(exposure.long + exposure.short, 9);
        expect(exposure.net).toBeCloseTo(exposure.long - exposure.short, 9);
        expect(measureExposure(scaleToGross(weights, SETTINGS)).gross).toBeLessThanOrEqual(1 + 1e-12);
        const clipped = clipToPositionLimit(weights, SETTINGS);
        expect(clipped.every((w) => isPositionInside(w, SETTINGS))).toBe(true);
        expect(grossCapacity(exposure, SETTINGS)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
