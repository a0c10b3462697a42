import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { GatingSettings } from '../../src/domain/settings.ts';
import { US_PER_SECOND } from '../../src/domain/units.ts';
import type { ModelFault } from '../../src/events/inputs.ts';
import type { ModelColumn, ModelKind } from '../../src/events/layout.ts';
import { barrierGate, gateFactor } from '../../src/pipeline/4-gating/barrier-gate.ts';
import {
  type BarrierProbabilities,
  collectBarriers,
  createBarrierProbabilities,
  planBarriers,
} from '../../src/pipeline/4-gating/barrier-probabilities.ts';
import {
  applyEntryGates,
  createGateOutput,
  GATE_OUTCOMES,
  gateReason,
  isGateBlock,
} from '../../src/pipeline/4-gating/entry-gates.ts';
import {
  createExitOutput,
  EXIT_REASONS,
  evaluateExits,
  exitReason,
  exitVerdict,
  isFlattenTime,
  type PositionView,
} from '../../src/pipeline/4-gating/exits.ts';
import { effectiveSpreadBps, type QuoteView, spreadGate } from '../../src/pipeline/4-gating/spread-gate.ts';
import { createMarketState } from '../../src/pipeline/market-state.ts';

const SETTINGS: GatingSettings = {
  enableSpreadGate: true,
  maxSpreadBps: 12,
  maxQuoteAgeSeconds: 2,
  enableBarrierGate: true,
  gateFloor: 0.2,
  peakExponent: 1,
  valleyExponent: 0.5,
  favourableBase: 0.5,
  peakThreshold: 0.6,
  valleyThreshold: 0.55,
  exitMargin: 0.05,
  opposingAlphaCostFraction: 0.5,
  endOfDayFlattenMinutes: 0,
};

const GOOD_QUOTE: QuoteView = { bidE4: 999_900, askE4: 1_000_100, ageUs: 0, isHalted: false };

function reasonOf(change: Partial<QuoteView>, settings = SETTINGS): string {
  const verdict = spreadGate({ ...GOOD_QUOTE, ...change }, settings);
  return verdict.kind === 'blocked' ? verdict.reason : 'allowed';
}

describe('spread gate', () => {
  it('names the first thing wrong with a quote', () => {
    expect(reasonOf({})).toBe('allowed');
    expect(reasonOf({ isHalted: true, bidE4: 0 })).toBe('halted');
    expect(reasonOf({ bidE4: 0 })).toBe('quote_missing');
    expect(reasonOf({ askE4: 0 })).toBe('quote_missing');
    expect(reasonOf({ bidE4: 1_000_200 })).toBe('quote_crossed');
    expect(reasonOf({ bidE4: 1_000_100 })).toBe('quote_locked');
    expect(reasonOf({ askE4: 1_002_000, ageUs: 9e9 })).toBe('spread_too_wide');
    expect(reasonOf({ ageUs: 2 * US_PER_SECOND + 1 })).toBe('quote_stale');
    expect(reasonOf({ ageUs: 2 * US_PER_SECOND })).toBe('allowed');
  });

  it('when off, stops nothing but a halt', () => {
    const off = { ...SETTINGS, enableSpreadGate: false };
    expect(reasonOf({ askE4: 0, ageUs: 9e9 }, off)).toBe('allowed');
    expect(reasonOf({ isHalted: true }, off)).toBe('halted');
  });

  it('is monotone: a quote inside a blocked one in spread and age is never the only one blocked', () => {
    const half = fc.integer({ min: 1, max: 2000 });
    const age = fc.integer({ min: 0, max: 4 * US_PER_SECOND });
    fc.assert(
      fc.property(half, half, age, age, (h1, h2, a1, a2) => {
        const at = (h: number, ageUs: number) =>
          reasonOf({ bidE4: 1_000_000 - h, askE4: 1_000_000 + h, ageUs }) === 'allowed';
        const tighter = at(Math.min(h1, h2), Math.min(a1, a2));
        const wider = at(Math.max(h1, h2), Math.max(a1, a2));
        expect(tighter || !wider).toBe(true);
      }),
    );
  });

  it('measures the effective spread as twice the distance from mid', () => {
    expect(effectiveSpreadBps({ bidE4: 999_000, askE4: 1_001_000, tradeE4: 1_000_500 })).toBeCloseTo(10, 12);
  });
});

describe('barrier gate', () => {
  const p = fc.double({ min: 0, max: 1, noNaN: true });
  const none = { peak: undefined, valley: undefined, secondPeak: undefined, secondValley: undefined };

  it('never grows with the feared extreme and never shrinks with the welcome one', () => {
    fc.assert(
      fc.property(p, p, p, (a, b, other) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const feared = (adverse: number) => gateFactor({ adverse, favourable: other }, SETTINGS);
        const welcome = (favourable: number) => gateFactor({ adverse: other, favourable }, SETTINGS);
        expect(feared(high)).toBeLessThanOrEqual(feared(low));
        expect(welcome(high)).toBeGreaterThanOrEqual(welcome(low));
        expect(feared(low)).toBeGreaterThanOrEqual(0.2);
        expect(feared(low)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('never allows again once a higher probability was allowed, and mirrors shorts', () => {
    fc.assert(
      fc.property(p, p, p, (a, b, valley) => {
        const allowed = (peak: number) =>
          barrierGate(1, { ...none, peak, valley }, SETTINGS).kind === 'allowed';
        expect(allowed(Math.min(a, b)) || !allowed(Math.max(a, b))).toBe(true);
        const symmetric = { ...SETTINGS, valleyThreshold: SETTINGS.peakThreshold };
        const long = barrierGate(1, { ...none, peak: a, valley: b }, symmetric);
        const short = barrierGate(-1, { ...none, peak: b, valley: a }, symmetric);
        expect({ ...short, reason: '' }).toEqual({ ...long, reason: '' });
      }),
    );
  });

  it('has no opinion without a model, and leaves out what no model says', () => {
    expect(barrierGate(1, none, SETTINGS)).toEqual({ kind: 'no_barrier_model', factor: 1 });
    expect(barrierGate(1, { ...none, peak: 0.5 }, SETTINGS)).toEqual({ kind: 'allowed', factor: 0.5 });
    expect(barrierGate(-1, { ...none, peak: 1 }, SETTINGS)).toEqual({ kind: 'allowed', factor: 1 });
  });

  it('lets a second opinion block alone', () => {
    expect(barrierGate(1, { ...none, peak: 0.1, secondPeak: 0.61 }, SETTINGS)).toEqual({
      kind: 'blocked',
      reason: 'barrier_peak',
      value: 0.61,
      limit: 0.6,
    });
    expect(barrierGate(-1, { ...none, secondValley: 0.56 }, SETTINGS)).toMatchObject({
      kind: 'blocked',
      reason: 'barrier_valley',
    });
    expect(barrierGate(1, { ...none, secondValley: 1 }, SETTINGS).kind).toBe('no_barrier_model');
  });
});

describe('a probability on its threshold', () => {
  it('passes, of either opinion', () => {
    const none = { peak: 0.6, valley: undefined, secondPeak: 0.6, secondValley: undefined };
    expect(barrierGate(1, none, SETTINGS).kind).toBe('allowed');
  });
});

function barrierColumn(target: string, kind: ModelKind): ModelColumn {
  return {
    id: target,
    target,
    view: 'v',
    family: 'f',
    kind,
    horizon: parseHorizon('5m'),
    modelSha256: '',
    shape: 'tabular',
    features: [],
    intervalMinutes: 1,
    sequenceLength: 1,
    takesNan: false,
  };
}

describe('barrier probabilities', () => {
  it('averages the models of a kind per symbol, clamps float noise and keeps second opinions apart', () => {
    const plan = planBarriers({
      symbols: ['A', 'B'],
      columns: [
        barrierColumn('will_peak_5m', 'peak'),
        barrierColumn('will_peak_10m', 'peak'),
        barrierColumn('y_will_peak_5m', 'peak'),
        barrierColumn('will_valley_5m', 'valley'),
        barrierColumn('ret_5m', 'return'),
      ],
    });
    const out = createBarrierProbabilities(plan);
    const values = Float32Array.of(0.25, 0.5, 0.75, 0, 1.0000001, 0.5, -0.5, 0, 9, 9);
    const valid = Uint8Array.of(1, 1, 1, 0, 1, 0, 1, 0, 1, 1);
    collectBarriers(plan, { values, valid }, out);
    expect([...out.peak.p]).toEqual([0.5, 0.5]);
    expect([...out.secondPeak.p]).toEqual([1, 0]);
    expect([...out.secondPeak.known]).toEqual([1, 0]);
    expect([...out.valley.p]).toEqual([0, 0]);
    expect([...out.valley.known]).toEqual([1, 0]);
    expect([...out.secondValley.known]).toEqual([0, 0]);
  });
});

describe('a barrier model that fails', () => {
  const plan = planBarriers({
    symbols: ['A', 'B', 'C'],
    columns: [
      barrierColumn('will_peak_5m', 'peak'),
      barrierColumn('will_peak_10m', 'peak'),
      barrierColumn('y_will_valley_5m', 'valley'),
    ],
  });
  const faultedOf = (fault: Pick<ModelFault, 'column' | 'symbols'>) => {
    const out = createBarrierProbabilities(plan);
    const valid = Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0);
    const faults = [{ reason: 'failed', ...fault } as ModelFault];
    collectBarriers(plan, { values: new Float32Array(9), valid, faults }, out);
    return [[...out.peak.faulted], [...out.valley.faulted], [...out.secondValley.faulted]];
  };

  it('leaves symbols without an opinion, but for those of which another model has one', () => {
    expect(faultedOf({ column: 0 })).toEqual([
      [1, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(faultedOf({ column: 2 })).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });

  it('for some symbols says nothing of the others', () => {
    expect(faultedOf({ column: 0, symbols: [0, 1] })[0]).toEqual([1, 0, 0]);
  });
});

function probabilities(symbolCount: number): BarrierProbabilities {
  return createBarrierProbabilities({ symbolCount, peak: [], valley: [], secondPeak: [], secondValley: [] });
}

describe('entry gates', () => {
  it('asks candidates only, spread before barrier, and keeps value and limit of a block', () => {
    const n = 5;
    const market = createMarketState(n);
    market.bidE4.fill(999_900);
    market.askE4.fill(1_000_100);
    market.quoteUs.fill(US_PER_SECOND);
    market.askE4[1] = 0;
    const barriers = probabilities(n);
    barriers.peak.p.set([0, 0.9, 0.9, 0, 0.5]);
    barriers.peak.known.set([0, 1, 1, 0, 1]);
    const inputs = {
      symbolCount: n,
      candidate: Uint8Array.of(1, 1, 1, 0, 1),
      side: Int8Array.of(1, 1, 1, 1, -1),
      market,
      tUs: US_PER_SECOND,
      barriers,
    };
    const out = createGateOutput(n);
    applyEntryGates(inputs, SETTINGS, out);
    expect([...out.outcome].map((code) => GATE_OUTCOMES[code])).toEqual([
      'no_barrier_model',
      'quote_missing',
      'barrier_peak',
      'not_asked',
      'allowed',
    ]);
    expect([...out.factor]).toEqual([1, 0, 0, 0, Math.sqrt(0.75)]);
    expect([out.value[2], out.limit[2]]).toEqual([0.9, 0.6]);
    expect([...out.outcome].map(isGateBlock)).toEqual([false, true, true, false, false]);
    expect(gateReason(out.outcome[2]!)).toBe('barrier_peak');
    for (const outcome of ['not_asked', 'allowed', 'no_barrier_model'] as const) {
      expect(() => gateReason(GATE_OUTCOMES.indexOf(outcome))).toThrow(`(${outcome}) is not a block`);
    }
    expect(() => gateReason(99)).toThrow('is not a block');

    applyEntryGates(inputs, { ...SETTINGS, enableBarrierGate: false }, out);
    expect(GATE_OUTCOMES[out.outcome[2]!]).toBe('allowed');
    expect(out.factor[2]).toBe(1);
    expect(out.value[2]).toBe(0);
  });
});

describe('exits', () => {
  const calm: PositionView = {
    side: 1,
    adverseP: 0.1,
    alpha: 0.001,
    costBps: 4,
    heldMinutes: 1,
    horizonMinutes: 5,
    isRenewed: false,
    minutesToClose: 100,
  };
  const verdict = (change: Partial<PositionView>, settings = SETTINGS) => {
    const result = exitVerdict({ ...calm, ...change }, settings);
    return result.kind === 'exit' ? result.reason : 'stay';
  };

  it('stays while nothing speaks against the position', () => {
    expect(verdict({})).toBe('stay');
    expect(
      verdict({ adverseP: undefined, alpha: undefined, costBps: undefined, horizonMinutes: undefined }),
    ).toBe('stay');
  });

  it('leaves a long before a peak and a short before a valley, beyond threshold plus margin', () => {
    expect(verdict({ adverseP: 0.66 })).toBe('exit_barrier_peak');
    expect(verdict({ adverseP: 0.65 })).toBe('stay');
    expect(verdict({ side: -1, alpha: -0.001, adverseP: 0.62 })).toBe('exit_barrier_valley');
    expect(verdict({ side: -1, alpha: -0.001, adverseP: 0.59 })).toBe('stay');
  });

  it('leaves when alpha opposes by more than half its cost; a missing alpha or cost never does', () => {
    expect(verdict({ alpha: -0.00021 })).toBe('exit_alpha_opposes');
    expect(verdict({ alpha: -0.0002 })).toBe('stay');
    expect(verdict({ side: -1, alpha: 0.00021 })).toBe('exit_alpha_opposes');
    expect(verdict({ alpha: -0.9, costBps: undefined })).toBe('stay');
  });

  it('leaves when the horizon has elapsed, unless the signal renews it', () => {
    expect(verdict({ heldMinutes: 5 })).toBe('exit_horizon_elapsed');
    expect(verdict({ heldMinutes: 5, isRenewed: true })).toBe('stay');
  });

  it('flattens before the close only when asked to', () => {
    const flatten = { ...SETTINGS, endOfDayFlattenMinutes: 10 };
    expect(verdict({ minutesToClose: 10 }, flatten)).toBe('exit_end_of_day');
    expect(verdict({ minutesToClose: 11 }, flatten)).toBe('stay');
    expect(verdict({ minutesToClose: 0 })).toBe('stay');
    expect(isFlattenTime(3, flatten)).toBe(true);
  });

  it('asks every open position of its own horizon', () => {
    const n = 4;
    const barriers = probabilities(n);
    barriers.valley.p.fill(0.9);
    barriers.valley.known.fill(1);
    const out = createExitOutput(n);
    evaluateExits(
      {
        symbolCount: n,
        positionShares: Float64Array.of(0, 10, -10, 10),
        entryHorizon: Int32Array.of(1, 1, 1, -1),
        heldMinutes: Float64Array.of(99, 1, 1, 99),
        renewed: new Uint8Array(n),
        barriers,
        alpha: Float64Array.of(0, 0.01, 0, 0, -0.01, -0.01, 0, -0.01),
        alphaValid: new Uint8Array(2 * n).fill(1),
        costBps: new Float64Array(2 * n).fill(4),
        costKnown: new Uint8Array(n).fill(1),
        minutesToClose: 100,
      },
      ['5m', '10m'].map(parseHorizon),
      SETTINGS,
      out,
    );
    expect([...out.reason].map((code) => EXIT_REASONS[code])).toEqual([
      'none',
      'exit_alpha_opposes',
      'exit_barrier_valley',
      'none',
    ]);
    expect([out.value[1], out.limit[1]]).toEqual([100, 2]);
    expect(exitReason(out.reason[1]!)).toBe('exit_alpha_opposes');
    expect(() => exitReason(0)).toThrow('names no exit');
    expect(() => exitReason(99)).toThrow('names no exit');
  });

  it('hear nothing of a probability, an alpha or a cost that is not known', () => {
    const barriers = probabilities(1);
    barriers.peak.p.fill(0.9);
    const out = createExitOutput(1);
    const inputs = {
      symbolCount: 1,
      positionShares: Float64Array.of(10),
      entryHorizon: Int32Array.of(0),
      heldMinutes: new Float64Array(1),
      renewed: new Uint8Array(1),
      barriers,
      alpha: Float64Array.of(-0.01),
      alphaValid: Uint8Array.of(1),
      costBps: Float64Array.of(4),
      costKnown: Uint8Array.of(1),
      minutesToClose: 100,
    };
    const reasonOf = (change: Partial<typeof inputs>) => {
      evaluateExits({ ...inputs, ...change }, [parseHorizon('5m')], SETTINGS, out);
      return EXIT_REASONS[out.reason[0]!];
    };
    expect(reasonOf({})).toBe('exit_alpha_opposes');
    expect(reasonOf({ alphaValid: Uint8Array.of(0) })).toBe('none');
    expect(reasonOf({ costKnown: Uint8Array.of(0) })).toBe('none');
    barriers.peak.known.fill(1);
    expect(reasonOf({})).toBe('exit_barrier_peak');
  });
});
