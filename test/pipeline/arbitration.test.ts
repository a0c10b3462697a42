import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import {
  type ArbitrationInputs,
  arbitrate,
  createArbitrationOutput,
} from '../../src/pipeline/3-arbitration/arbitrate.ts';
import { computeCosts, costParts, createCostOutput } from '../../src/pipeline/3-arbitration/cost-model.ts';

const K = { k1: 1, k2: 0.05, k3: 1, impactBps: 10, impactParticipation: 0.01 };
const HORIZONS = ['5m', '20m', '1d'].map(parseHorizon);
const SETTINGS = { entryThresholdBps: 0.25, reserve: 0 };

function inputsOf(alpha: readonly number[], change: Partial<ArbitrationInputs> = {}): ArbitrationInputs {
  return {
    symbolCount: 1,
    alpha: Float64Array.from(alpha),
    alphaValid: new Uint8Array(alpha.length).fill(1),
    costBps: new Float64Array(alpha.length),
    costKnown: Uint8Array.of(1),
    spreadBps: Float64Array.of(1),
    priorOmega: new Float64Array(alpha.length).fill(1 / alpha.length),
    ...change,
  };
}

function arbitrateOnce(inputs: ArbitrationInputs, settings = SETTINGS) {
  const out = createArbitrationOutput(HORIZONS.length, inputs.symbolCount);
  arbitrate(inputs, HORIZONS, settings, out);
  return out;
}

describe('cost model', () => {
  it('adds spread, timing and square-root impact', () => {
    const parts = costParts(
      { spreadBps: 2, sigma5: 0.001, minutes: 20, orderDollars: 10_000, advDollars: 1_000_000 },
      K,
    );
    expect(parts).toEqual({ spreadBps: 2, timingBps: 1, impactBps: 10, totalBps: 13 });
  });

  it('has no impact for an unknown or endless volume or no order', () => {
    const impact = (orderDollars: number, advDollars: number) =>
      costParts({ spreadBps: 0, sigma5: 0, minutes: 5, orderDollars, advDollars }, K).impactBps;
    expect([impact(1e4, 0), impact(1e4, Number.POSITIVE_INFINITY), impact(0, 1e6), impact(-1, 1e6)]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('gives the stage the same numbers as the leaf, and 0 where spread or volatility is unknown', () => {
    const out = createCostOutput(HORIZONS.length, 3);
    const inputs = {
      symbolCount: 3,
      spreadBps: Float64Array.of(1.5, 2, 3),
      spreadKnown: Uint8Array.of(1, 0, 1),
      sigma5: Float64Array.of(0.0008, 0.001, 0),
      sigmaKnown: Uint8Array.of(1, 1, 0),
      advDollars: Float64Array.of(3e7, 1e6, 1e6),
      orderDollars: 50_000,
    };
    computeCosts(inputs, HORIZONS, K, out);
    expect([...out.known]).toEqual([1, 0, 0]);
    HORIZONS.forEach(({ minutes }, h) => {
      const leaf = costParts(
        { spreadBps: 1.5, sigma5: 0.0008, minutes, orderDollars: 50_000, advDollars: 3e7 },
        K,
      );
      expect(out.costBps[h * 3]).toBe(leaf.totalBps);
      expect(out.costBps[h * 3 + 1]).toBe(0);
    });
    computeCosts({ ...inputs, spreadKnown: Uint8Array.of(0, 1, 1) }, HORIZONS, K, out);
    const facts = { spreadBps: 2, sigma5: 0.001, orderDollars: 50_000, advDollars: 1e6 };
    HORIZONS.forEach(({ minutes }, h) => {
      const { totalBps } = costParts({ ...facts, minutes }, K);
      expect([...out.costBps.slice(h * 3, h * 3 + 3)]).toEqual([0, totalBps, 0]);
    });
  });
});

describe('arbitrate', () => {
  it('takes the best score per square root of time, long or short', () => {
    const long = arbitrateOnce(inputsOf([0.0003, 0.0008, 0.0001]));
    expect([long.best[0], long.side[0], long.selected[0]]).toEqual([1, 1, 1]);
    expect(long.bestScoreBps[0]).toBeCloseTo(4, 12);
    const short = arbitrateOnce(inputsOf([-0.0003, -0.0008, -0.0001]));
    expect([short.best[0], short.side[0], short.selected[0]]).toEqual([1, -1, 1]);
    expect([...short.scoreBps]).toEqual([...long.scoreBps]);
  });

  it('breaks ties for the shorter horizon', () => {
    expect(arbitrateOnce(inputsOf([0.0002, 0.0004, 0])).best[0]).toBe(0);
  });

  it('trades at the threshold and not below it, and the reserve raises it by the spread', () => {
    const at = (alpha: number, reserve = 0) =>
      arbitrateOnce(inputsOf([alpha, 0, 0]), { entryThresholdBps: 0.5, reserve }).selected[0];
    expect(at(0.00005)).toBe(1);
    expect(at(0.00004999)).toBe(0);
    expect(at(0.00005, 0.5)).toBe(0);
    expect(at(0.0001, 0.5)).toBe(1);
  });

  it('weighs alphas by the learned prior', () => {
    const preferring = inputsOf([0.0003, 0.0004, 0], { priorOmega: Float64Array.of(0.1, 0.8, 0.1) });
    expect(arbitrateOnce(preferring).best[0]).toBe(1);
    expect(arbitrateOnce(inputsOf([0.0003, 0.0004, 0])).best[0]).toBe(0);
  });

  it('never selects a missing or non-finite alpha, an unknown cost, or an alpha of 0', () => {
    const missing = inputsOf([0.01, 0.0001, 0], { alphaValid: Uint8Array.of(0, 1, 1) });
    expect(arbitrateOnce(missing).best[0]).toBe(1);
    expect(arbitrateOnce(inputsOf([Number.NaN, 0.0004, Number.POSITIVE_INFINITY])).best[0]).toBe(1);
    const noCost = inputsOf([0.01, 0.01, 0.01], { costKnown: Uint8Array.of(0) });
    const unknown = arbitrateOnce(noCost, { entryThresholdBps: 0, reserve: 0 });
    expect([unknown.best[0], unknown.side[0], unknown.selected[0], unknown.bestScoreBps[0]]).toEqual([
      -1, 0, 0, 0,
    ]);
    expect(arbitrateOnce(inputsOf([0, 0, 0]), { entryThresholdBps: 0, reserve: 0 }).selected[0]).toBe(0);
  });

  it('decides every symbol by its own numbers', () => {
    const alpha = [0.0003, 0.0001, 0.0002, -0.0008, 0, 0];
    const two = inputsOf(alpha, {
      symbolCount: 2,
      costKnown: Uint8Array.of(1, 1),
      spreadBps: Float64Array.of(1, 2),
      priorOmega: new Float64Array(3).fill(1 / 3),
    });
    const out = arbitrateOnce(two, { entryThresholdBps: 0, reserve: 0.5 });
    expect([[...out.best], [...out.side], [...out.selected]]).toEqual([
      [0, 1],
      [1, -1],
      [1, 1],
    ]);
    expect([...out.thetaBps]).toEqual([0.5, 1]);
  });

  it('mirrors: negating every alpha flips the side and nothing else', () => {
    const alphas = fc.array(fc.double({ min: -0.01, max: 0.01, noNaN: true }), {
      minLength: 3,
      maxLength: 3,
    });
    const costs = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(alphas, costs, (alpha, cost) => {
        const costBps = Float64Array.from(cost);
        const one = arbitrateOnce(inputsOf(alpha, { costBps }));
        const other = arbitrateOnce(
          inputsOf(
            alpha.map((a) => -a),
            { costBps },
          ),
        );
        expect(other.best).toEqual(one.best);
        expect(other.selected).toEqual(one.selected);
        expect(other.side[0]! + one.side[0]!).toBe(0);
        expect(one.scoreBps.every(Number.isFinite)).toBe(true);
      }),
    );
  });
});
