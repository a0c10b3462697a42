import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SizingSettings } from '../../src/domain/settings.ts';
import {
  BLOCKED,
  createSizingOutput,
  EXIT,
  HOLD,
  SIZING_REASONS,
  type SizingInputs,
  sizePortfolio,
  sizingReason,
  TRADE,
} from '../../src/pipeline/5-sizing/size-portfolio.ts';
import { alphaOfWeight, scaleByVolatility } from '../../src/pipeline/5-sizing/vol-scaling.ts';
import {
  effectiveBand,
  settleWeights,
  sharesForWeight,
  weightOfShares,
} from '../../src/pipeline/5-sizing/weights.ts';

const SETTINGS: SizingSettings = {
  icRef: 0.05,
  zMax: 3,
  maxWeight: 0.05,
  band: 0.008,
  bandGrossFraction: 0.2,
  grossTarget: 0.5,
  lotShares: 1,
  minTradeNotionalMicros: 0,
};

/** One million dollars, hundred dollars a share: 100 shares are one per cent. */
const EQUITY = 1e12;
const PRICE = 1e6;

interface Row {
  readonly kind: number;
  readonly weight?: number;
  readonly shares?: number;
  readonly priceE4?: number;
}

function size(rows: readonly Row[], change: Partial<SizingSettings> = {}, equityMicros = EQUITY) {
  const inputs: SizingInputs = {
    symbolCount: rows.length,
    kind: Uint8Array.from(rows, ({ kind }) => kind),
    signalWeight: Float64Array.from(rows, ({ weight }) => weight ?? 0),
    positionShares: Float64Array.from(rows, ({ shares }) => shares ?? 0),
    priceE4: Float64Array.from(rows, ({ priceE4 }) => priceE4 ?? PRICE),
    equityMicros,
  };
  const out = createSizingOutput(rows.length);
  sizePortfolio(inputs, { ...SETTINGS, ...change }, out);
  return {
    ...out,
    delta: [...out.deltaShares],
    target: [...out.targetShares],
    reasons: [...out.reason].map((code) => SIZING_REASONS[code]),
  };
}

describe('volatility scaling', () => {
  it('divides alpha by its risk and clips', () => {
    const scaled = (alpha: number, sigma: number) => scaleByVolatility({ alpha, sigma }, SETTINGS);
    expect(scaled(0.0001, 0.001).z).toBeCloseTo(2, 12);
    expect(scaled(0.0001, 0.001).weight).toBeCloseTo((2 * 0.05) / 3, 15);
    expect(scaled(-9, 0.001)).toEqual({ z: -3, weight: -0.05 });
    for (const [alpha, sigma] of [
      [0.1, 0],
      [0.1, -1],
      [Number.NaN, 1],
      [0.1, Number.NaN],
      [0.1, Number.POSITIVE_INFINITY],
    ]) {
      expect(scaled(alpha!, sigma!)).toEqual({ z: 0, weight: 0 });
    }
  });

  it('is undone by its inverse inside the clip', () => {
    const { weight } = scaleByVolatility({ alpha: 0.00007, sigma: 0.001 }, SETTINGS);
    expect(alphaOfWeight({ weight, sigma: 0.001 }, SETTINGS)).toBeCloseTo(0.00007, 15);
  });
});

describe('sizing by kind', () => {
  it('closes EXIT, leaves HOLD and BLOCKED, takes TRADE to its weight', () => {
    const sized = size(
      [
        { kind: EXIT, shares: 123 },
        { kind: HOLD, shares: -300, weight: 0.05 },
        { kind: BLOCKED, shares: 77, weight: -0.05 },
        { kind: TRADE, weight: 0.0312345 },
        { kind: TRADE, weight: -0.02, shares: -50 },
      ],
      { band: 0.001 },
    );
    expect(sized.delta).toEqual([-123, 0, 0, 312, -150]);
    expect(sized.target).toEqual([0, -300, 77, 312, -200]);
    expect(sized.reasons).toEqual(['none', 'none', 'none', 'none', 'none']);
  });

  it('keeps what an EXIT without a position or a signal without a number asks', () => {
    const sized = size([{ kind: EXIT }, { kind: TRADE, weight: Number.NaN, shares: 10 }]);
    expect(sized.delta).toEqual([0, 0]);
    expect(sized.reasons[0]).toBe('at_target');
  });

  it('trades nothing without a price, but still exits', () => {
    const sized = size([
      { kind: TRADE, weight: 0.05, priceE4: 0 },
      { kind: EXIT, shares: 5, priceE4: 0 },
    ]);
    expect(sized.delta).toEqual([0, -5]);
    expect(sized.reasons).toEqual(['no_market_data', 'none']);
  });

  it('reads its codes', () => {
    expect(sizingReason(0)).toBeUndefined();
    expect(sizingReason(SIZING_REASONS.indexOf('inside_band'))).toBe('inside_band');
    expect(() => sizingReason(99)).toThrow('unknown sizing code');
  });
});

describe('numbers', () => {
  it('are never minus zero, whose bits would be another digest', () => {
    expect(scaleByVolatility({ alpha: -0, sigma: 1 }, SETTINGS)).toEqual({ z: 0, weight: 0 });
    expect(alphaOfWeight({ weight: -0, sigma: 1 }, SETTINGS)).toBe(0);
    expect(sharesForWeight({ weight: -1e-9, equityMicros: EQUITY, priceE4: PRICE, lotShares: 1 })).toBe(0);
    expect(weightOfShares({ shares: -0, equityMicros: EQUITY, priceE4: PRICE })).toBe(0);
    expect(size([{ kind: HOLD, shares: -0 }]).target).toEqual([0]);
  });

  it('are weights of nothing where no equity is left', () => {
    for (const equityMicros of [0, -5]) {
      expect(weightOfShares({ shares: 100, equityMicros, priceE4: PRICE })).toBe(0);
    }
  });
});

describe('band', () => {
  it('is at most a fraction of one symbol share of gross target', () => {
    expect(effectiveBand(SETTINGS, 10)).toBe(0.008);
    expect(effectiveBand(SETTINGS, 100)).toBeCloseTo(0.001, 15);
    expect(effectiveBand(SETTINGS, 0)).toBe(0.008);
  });

  it('keeps small changes, and lets exits and reductions through', () => {
    const sized = size([
      { kind: TRADE, weight: 0.0279, shares: 200 },
      { kind: TRADE, weight: 0.0281, shares: 200 },
      { kind: TRADE, weight: 0.019, shares: 200 },
      { kind: TRADE, weight: -0.003, shares: 40 },
      { kind: EXIT, shares: 3 },
    ]);
    expect(sized.delta).toEqual([0, 81, -10, 0, -3]);
    expect(sized.reasons).toEqual(['inside_band', 'none', 'none', 'inside_band', 'none']);
  });

  it('does not trade a share away when nothing changes and the band is 0', () => {
    for (let shares = 1; shares < 200; shares++) {
      const priceE4 = 123_457 + shares;
      const weight = (shares * priceE4 * 100) / EQUITY;
      const sized = size([{ kind: TRADE, weight, shares, priceE4 }], { band: 0 });
      expect([sized.delta[0], sized.reasons[0]]).toEqual([0, 'at_target']);
    }
  });
});

describe('gross target', () => {
  it('scales only the increases', () => {
    const sized = size(
      [
        { kind: HOLD, shares: 2000 },
        { kind: TRADE, weight: 0.05, shares: 1000 },
        { kind: TRADE, weight: 0.3, shares: 1000 },
        { kind: TRADE, weight: -0.2 },
      ],
      { band: 0.001 },
    );
    expect(sized.increaseScale).toBeCloseTo((0.5 - 0.35) / 0.4, 12);
    expect(sized.target[0]).toBe(2000);
    expect(sized.target[1]).toBe(500);
    expect(sized.target[2]).toBe(1750);
    expect(sized.target[3]).toBe(-750);
  });

  it('adds nothing when the rest already fills it, and says so', () => {
    const sized = size([
      { kind: HOLD, shares: 6000 },
      { kind: TRADE, weight: 0.05 },
    ]);
    expect(sized.delta).toEqual([0, 0]);
    expect(sized.reasons[1]).toBe('gross_target_reached');
  });

  it('has no say in a reversal, a reduction or what is held, however full it is', () => {
    const sized = size([
      { kind: HOLD, shares: 6000 },
      { kind: TRADE, weight: -0.03, shares: 200 },
      { kind: TRADE, weight: 0.01, shares: 200 },
      { kind: TRADE, weight: 0, shares: -300 },
    ]);
    expect(sized.delta).toEqual([0, -200, -100, 300]);
    expect(sized.reasons).toEqual(['none', 'closing_before_reversal', 'none', 'none']);
    expect([...sized.insideBand]).toEqual([0, 0, 0, 0]);
  });

  it('is full of what is held, with nothing to scale', () => {
    expect(size([{ kind: HOLD, shares: 6000 }]).increaseScale).toBe(1);
  });

  it('counts all of the new side of a reversal, and none of a symbol without a price', () => {
    const sized = size([
      { kind: HOLD, shares: 3000 },
      { kind: TRADE, weight: -0.4, shares: 4000 },
      { kind: TRADE, weight: 0.4, priceE4: 0 },
    ]);
    expect(sized.increaseScale).toBeCloseTo((0.5 - 0.3) / 0.4, 12);
    expect([...sized.targetWeight].map((weight) => Math.round(weight * 1e9) / 1e9)).toEqual([0.3, -0.2, 0]);
  });

  it('leaves increases that fit as they were asked for, to the bit', () => {
    const sized = size([{ kind: TRADE, weight: 0.3, shares: 1000 }]);
    expect([sized.increaseScale, sized.targetWeight[0]]).toEqual([1, 0.3]);
  });

  it.each([-1, 0])('adds nothing when equity is gone (%s), and still exits', (equityMicros) => {
    const sized = size(
      [
        { kind: TRADE, weight: 0.05 },
        { kind: EXIT, shares: -9 },
      ],
      {},
      equityMicros,
    );
    expect(sized.delta).toEqual([0, 9]);
    expect(sized.reasons[0]).toBe('gross_target_reached');
  });

  it('is never exceeded by increases, and no trade goes against its signal', () => {
    const row = fc.record({
      kind: fc.constantFrom(HOLD, BLOCKED, EXIT, TRADE),
      weight: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
      shares: fc.integer({ min: -3000, max: 3000 }),
      priceE4: fc.integer({ min: 10_000, max: 5_000_000 }),
    });
    const lot = fc.constantFrom(1, 10, 100);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), lot, (rows, lotShares) => {
        const sized = size(rows, { lotShares });
        const weights = (shares: readonly number[]) =>
          shares.map((s, i) => Math.abs((s * rows[i]!.priceE4 * 100) / EQUITY));
        const now = weights(rows.map(({ shares }) => shares));
        const after = weights(sized.target);
        const gross = after.reduce((sum, w) => sum + w, 0);
        const kept = after.reduce((sum, w, i) => sum + Math.min(w, now[i]!), 0);
        expect(gross).toBeLessThanOrEqual(Math.max(0.5, kept) + 1e-12);
        rows.forEach(({ kind, weight, shares }, i) => {
          const delta = sized.delta[i]!;
          expect(sized.target[i]).toBe(shares + delta + 0);
          expect(Number.isInteger(delta)).toBe(true);
          if (kind === HOLD || kind === BLOCKED) expect(delta).toBe(0);
          if (kind === EXIT) expect(sized.target[i]).toBe(0);
          if (kind !== TRADE || delta === 0) return;
          const wantsMore = weight > sized.weightNow[i]!;
          expect(delta > 0).toBe(wantsMore);
          if (sized.target[i] !== 0) expect(Math.abs(delta % lotShares)).toBe(0);
          expect(shares * sized.target[i]!).toBeGreaterThanOrEqual(0);
        });
      }),
    );
  });

  it('turns weights over by the sum of their changes', () => {
    expect(
      size([
        { kind: EXIT, shares: 100 },
        { kind: TRADE, weight: -0.03 },
      ]).turnover,
    ).toBeCloseTo(0.04, 12);
  });
});

describe('lots and small trades', () => {
  it('drops what is under one lot or the minimum notional, and says which', () => {
    const sized = size(
      [
        { kind: TRADE, weight: 0.0099 },
        { kind: TRADE, weight: 0.0299, shares: 200 },
        { kind: TRADE, weight: 0.0312 },
      ],
      { lotShares: 100 },
    );
    expect(sized.delta).toEqual([0, 0, 300]);
    expect(sized.reasons).toEqual(['below_one_lot', 'below_one_lot', 'none']);
    const small = size([{ kind: TRADE, weight: 0.019, shares: 200 }], { minTradeNotionalMicros: 1_001e6 });
    expect(small.reasons).toEqual(['below_min_notional']);
    expect(small.delta).toEqual([0]);
    expect(
      size([{ kind: TRADE, weight: 0.019, shares: 200 }], { minTradeNotionalMicros: 1_000e6 }).delta,
    ).toEqual([-10]);
  });

  it('never leaves a remainder stuck: a full close passes lot and minimum', () => {
    const sized = size(
      [
        { kind: EXIT, shares: 37 },
        { kind: TRADE, weight: 0, shares: 37 },
      ],
      {
        lotShares: 100,
        minTradeNotionalMicros: 1e12,
      },
    );
    expect(sized.delta).toEqual([-37, -37]);
  });

  it('does not sell an odd lot because an increase is under one lot', () => {
    const sized = size([{ kind: TRADE, weight: 0.009, shares: 50 }], { lotShares: 100, band: 0.001 });
    expect([sized.delta[0], sized.reasons[0]]).toEqual([0, 'below_one_lot']);
  });

  it('reverses by closing first', () => {
    const sized = size([{ kind: TRADE, weight: -0.03, shares: 137 }], { lotShares: 100 });
    expect([sized.delta[0], sized.target[0], sized.reasons[0]]).toEqual([-137, 0, 'closing_before_reversal']);
    expect(sized.targetWeight[0]).toBeCloseTo(-0.03, 15);
  });

  it('buys no share without a price', () => {
    expect(sharesForWeight({ weight: 0.5, equityMicros: EQUITY, priceE4: 0, lotShares: 1 })).toBe(0);
    expect(sharesForWeight({ weight: -0.0312, equityMicros: EQUITY, priceE4: PRICE, lotShares: 100 })).toBe(
      -300,
    );
  });
});

describe('settleWeights', () => {
  it('never scales what is held, reduced or closed', () => {
    const weight = fc.double({ min: -0.4, max: 0.4, noNaN: true });
    const change = fc.record({ from: weight, to: weight, isSignal: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 10 }), (changes) => {
        const n = changes.length;
        const out = { target: new Float64Array(n), insideBand: new Uint8Array(n) };
        const plan = {
          from: Float64Array.from(changes, ({ from }) => from),
          wanted: Float64Array.from(changes, ({ to }) => to),
          isSignal: Uint8Array.from(changes, ({ isSignal }) => (isSignal ? 1 : 0)),
        };
        const scale = settleWeights(plan, { band: 0.01, grossTarget: 0.5 }, out);
        expect(scale).toBeGreaterThanOrEqual(0);
        expect(scale).toBeLessThanOrEqual(1);
        changes.forEach(({ from, to }, i) => {
          // the sign of a 0 says nothing
          const target = out.target[i]! + 0;
          if (out.insideBand[i] === 1) expect(target).toBe(from + 0);
          else if (Math.sign(from) * Math.sign(to) >= 0 && Math.abs(to) <= Math.abs(from))
            expect(target).toBe(to + 0);
          else expect(Math.abs(target)).toBeLessThanOrEqual(Math.max(Math.abs(to), 1e-18) * (1 + 1e-12));
        });
      }),
    );
  });
});
