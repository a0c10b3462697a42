import fc from 'fast-check';
import { CholeskyDecomposition, LuDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { BlendingSettings } from '../../src/domain/settings.ts';
import type { ModelColumn, ModelKind, SignalLayout } from '../../src/events/layout.ts';
import {
  type BlendInputs,
  blendScores,
  combineScores,
  createBlendOutput,
  createBlendState,
  weightsOfPresent,
} from '../../src/pipeline/2-blending/blend.ts';
import { planBlending } from '../../src/pipeline/2-blending/blend-plan.ts';
import {
  correlationMatrix,
  createCorrelation,
  sharedRows,
  updateCorrelation,
} from '../../src/pipeline/2-blending/correlation.ts';
import { expectedIc, ridgeWeights } from '../../src/pipeline/2-blending/ridge-weights.ts';
import { applyTemperature } from '../../src/pipeline/2-blending/temperature.ts';

const SETTINGS: BlendingSettings = {
  ridgeLambda: 0.15,
  costPenalty: 0.5,
  muFloor: 0.01,
  correlationWindow: 4,
  temperature: { '5m': 0.75 },
  temperatureDefault: 1,
};

function column(id: string, horizon: string, kind: ModelKind = 'return'): ModelColumn {
  return {
    id,
    target: `ret_${horizon}`,
    view: 'v',
    family: id,
    kind,
    horizon: parseHorizon(horizon),
    modelSha256: '',
    shape: 'tabular',
    features: [],
    intervalMinutes: 1,
    sequenceLength: 1,
    takesNan: false,
  };
}

function layoutOf(symbols: readonly string[], ...columns: ModelColumn[]): SignalLayout {
  return { symbols, columns };
}

/** Inputs where everything is known, to be broken by a test. */
function inputsFor(columnCount: number, symbolCount: number, horizonCount: number): BlendInputs {
  return {
    standardized: new Float64Array(columnCount * symbolCount).fill(1),
    calibrated: new Float64Array(columnCount * symbolCount).fill(0.1),
    present: new Uint8Array(columnCount * symbolCount).fill(1),
    icShrunk: new Float64Array(columnCount).fill(0.05),
    sigma: new Float64Array(horizonCount * symbolCount).fill(0.001),
    sigmaKnown: new Uint8Array(symbolCount).fill(1),
    costBps: new Float64Array(horizonCount * symbolCount).fill(1),
    costKnown: new Uint8Array(symbolCount).fill(1),
  };
}

describe('blend plan', () => {
  it('sorts horizons from short to long, joins labels of one length and leaves barrier columns out', () => {
    const layout = layoutOf(
      ['A'],
      column('a', '1d'),
      column('b', '1h'),
      column('c', '5m'),
      column('d', '60m'),
      column('e', '390m'),
      column('f', '5m', 'peak'),
    );
    const plan = planBlending(layout, SETTINGS);
    expect(plan.horizons.map(({ horizon, columns }) => [horizon.label, columns])).toEqual([
      ['5m', [2]],
      ['1h', [1, 3]],
      ['390m', [4]],
      ['1d', [0]],
    ]);
    expect(plan.horizons[0]!.temperature).toBe(0.75);
    expect(plan.horizons[1]!.temperature).toBe(1);
  });
});

describe('correlation', () => {
  const columns = [0, 1, 2];

  /** Pearson's r over the rows of the last `window` cycles where both are present, the slow way. */
  function slowCorrelation(cycles: readonly (readonly (number | null)[])[], a: number, b: number): number {
    const rows = cycles.flatMap((cycle) => {
      const symbolCount = cycle.length / 3;
      return Array.from({ length: symbolCount }, (_, i) => [
        cycle[a * symbolCount + i],
        cycle[b * symbolCount + i],
      ]);
    });
    const shared = rows.filter((row): row is [number, number] => row[0] !== null && row[1] !== null);
    const n = shared.length;
    if (n < 2) return 0;
    const meanX = shared.reduce((sum, [x]) => sum + x, 0) / n;
    const meanY = shared.reduce((sum, [, y]) => sum + y, 0) / n;
    const sum = (f: (x: number, y: number) => number) =>
      shared.reduce((s, [x, y]) => s + f(x - meanX, y - meanY), 0);
    const varX = sum((x) => x * x);
    const varY = sum((_, y) => y * y);
    return varX < 1e-9 || varY < 1e-9 ? 0 : sum((x, y) => x * y) / Math.sqrt(varX * varY);
  }

  it('matches Pearson over the window, pooled over symbols, whatever is missing', () => {
    const score = fc.option(
      fc.integer({ min: -300, max: 300 }).map((k) => k / 100),
      { freq: 4 },
    );
    const cycle = fc.array(score, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(cycle, { minLength: 1, maxLength: 11 }), (cycles) => {
        const state = createCorrelation(3, 4);
        for (const scores of cycles) {
          updateCorrelation(state, columns, {
            symbolCount: 2,
            scores: Float64Array.from(scores, (s) => s ?? 0),
            present: Uint8Array.from(scores, (s) => (s === null ? 0 : 1)),
          });
        }
        const matrix = new Float64Array(9);
        correlationMatrix(state, matrix);
        for (let a = 0; a < 3; a++) {
          expect(matrix[a * 3 + a]).toBe(1);
          for (let b = a + 1; b < 3; b++) {
            expect(matrix[a * 3 + b]).toBeCloseTo(slowCorrelation(cycles.slice(-4), a, b), 9);
            expect(matrix[b * 3 + a]).toBe(matrix[a * 3 + b]);
          }
        }
      }),
    );
  });

  it('is 0 for a constant series, also after a lively one has left the window', () => {
    const state = createCorrelation(2, 3);
    const push = (x: number, y: number) =>
      updateCorrelation(state, [0, 1], {
        symbolCount: 1,
        scores: Float64Array.of(x, y),
        present: Uint8Array.of(1, 1),
      });
    for (const value of [3, -2.7, 1.1, 0.3]) push(value, value);
    const matrix = new Float64Array(4);
    correlationMatrix(state, matrix);
    expect(matrix[1]).toBeCloseTo(1, 12);
    for (const value of [1.7, 0.2, -0.4]) push(0.1, value);
    correlationMatrix(state, matrix);
    expect(matrix[1]).toBe(0);
    expect(sharedRows(state)).toBe(3);
  });

  it('holds no state for a single family and refuses an empty window', () => {
    const state = createCorrelation(1, 3);
    updateCorrelation(state, [0], { symbolCount: 1, scores: Float64Array.of(1), present: Uint8Array.of(1) });
    const matrix = new Float64Array(1);
    correlationMatrix(state, matrix);
    expect(matrix[0]).toBe(1);
    expect([state.filled, state.next, state.ring.length]).toEqual([0, 0, 0]);
    expect(() => createCorrelation(2, 0)).toThrow('must be at least 1');
    expect(createCorrelation(2, 1).windowCycles).toBe(1);
  });

  /** The correlation of two families after single scores of each, by cycle. */
  const correlationAfter = (window: number, rows: readonly (readonly [number, number])[]) => {
    const state = createCorrelation(2, window);
    for (const scores of rows) {
      const view = { symbolCount: 1, scores: Float64Array.from(scores), present: Uint8Array.of(1, 1) };
      updateCorrelation(state, [0, 1], view);
    }
    const matrix = new Float64Array(4);
    correlationMatrix(state, matrix);
    return matrix[1];
  };

  it('is 0 for a constant series of any value, on either side', () => {
    const value = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(value, fc.array(value, { minLength: 1, maxLength: 7 }), (constant, lively) => {
        const rows = lively.map((score) => [constant, score] as const);
        expect(correlationAfter(9, rows)).toBe(0);
        expect(
          correlationAfter(
            9,
            rows.map(([a, b]) => [b, a]),
          ),
        ).toBe(0);
      }),
    );
  });

  it('is 0 for families that share no row', () => {
    const state = createCorrelation(2, 3);
    updateCorrelation(state, [0, 1], {
      symbolCount: 2,
      scores: Float64Array.of(1, 2, 3, 4),
      present: Uint8Array.of(1, 0, 0, 1),
    });
    const matrix = new Float64Array(4);
    correlationMatrix(state, matrix);
    expect([...matrix]).toEqual([1, 0, 0, 1]);
  });

  it('keeps its digits after numbers that were large have left the window', () => {
    const small: [number, number][] = [0.1, 0.2, 0.4, 0.3, 0.7, 0.6, 0.9, 0.5].map((x, k) => [x, x * x - k]);
    const large: [number, number][] = [1e8, -3e8, 2e8, 7e8].map((x) => [x, x / 3]);
    expect(correlationAfter(4, [...large, ...small])).toBeCloseTo(correlationAfter(4, small)!, 12);
  });

  it('holds six sums a pair and cycle', () => {
    const { totals, ring } = createCorrelation(3, 4);
    expect([totals.length, ring.length]).toEqual([18, 72]);
  });
});

describe('weights', () => {
  it('are never negative and sum to 1 after ridge and temperature, for any correlation and IC', () => {
    const size = fc.integer({ min: 1, max: 6 });
    const problem = size.chain((m) =>
      fc.record({
        mu: fc.array(fc.double({ min: 0.01, max: 0.5, noNaN: true }), { minLength: m, maxLength: m }),
        off: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: m * m, maxLength: m * m }),
        lambda: fc.double({ min: 0, max: 2, noNaN: true }),
        temperature: fc.double({ min: -0.5, max: 1.5, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(problem, ({ mu, off, lambda, temperature }) => {
        const m = mu.length;
        const correlation = new Float64Array(m * m);
        for (let a = 0; a < m; a++) {
          for (let b = 0; b <= a; b++) {
            correlation[a * m + b] = a === b ? 1 : off[a * m + b]!;
            correlation[b * m + a] = correlation[a * m + b]!;
          }
        }
        const weights = new Float64Array(m);
        ridgeWeights({ correlation, mu: Float64Array.from(mu), lambda }, weights);
        applyTemperature(weights, temperature);
        expect(weights.every((w) => w >= 0)).toBe(true);
        expect(weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('have the bits of ml-matrix where the matrix is positive definite, and its solution where it is not', () => {
    const entry = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(entry, entry, entry, fc.constantFrom(0.15, 0.01), (ab, ac, bc, lambda) => {
        const correlation = Float64Array.of(1, ab, ac, ab, 1, bc, ac, bc, 1);
        const mu = Float64Array.of(0.05, 0.03, 0.02);
        const left = new Matrix([
          [1 + lambda, ab, ac],
          [ab, 1 + lambda, bc],
          [ac, bc, 1 + lambda],
        ]);
        const cholesky = new CholeskyDecomposition(left);
        const right = Matrix.columnVector(mu);
        const isDefinite = cholesky.isPositiveDefinite();
        const solution = isDefinite ? cholesky.solve(right) : new LuDecomposition(left).solve(right);
        const clipped = solution.to1DArray().map((w) => Math.max(0, w));
        const total = clipped.reduce((sum, w) => sum + w, 0);
        const weights = new Float64Array(3);
        ridgeWeights({ correlation, mu, lambda }, weights);
        expect([...weights]).toEqual(clipped.map((w) => (total > 0 ? w / total : 1 / 3)));
      }),
    );
  });

  it('of more families than ever before are solved too', () => {
    const size = 12;
    const correlation = new Float64Array(size * size);
    for (let m = 0; m < size; m++) correlation[m * size + m] = 1;
    const weights = new Float64Array(size);
    ridgeWeights({ correlation, mu: Float64Array.from(weights, (_, m) => m + 1), lambda: 0.5 }, weights);
    weights.forEach((weight, m) => {
      expect(weight).toBeCloseTo((m + 1) / 78, 14);
    });
  });

  it('are equal when their sum is beyond all numbers', () => {
    const weights = new Float64Array(2);
    ridgeWeights(
      { correlation: Float64Array.of(1, 0, 0, 1), mu: Float64Array.of(1e308, 1.5e308), lambda: 0 },
      weights,
    );
    expect([...weights]).toEqual([0.5, 0.5]);
  });

  it('are equal when the matrix is singular, whatever they were before', () => {
    const weights = Float64Array.of(0.9, 0.1);
    ridgeWeights(
      { correlation: Float64Array.of(1, 1, 1, 1), mu: Float64Array.of(0.02, 0.3), lambda: 0 },
      weights,
    );
    expect([...weights]).toEqual([0.5, 0.5]);
  });

  it('give up half of the IC to a cost share of 1 or more, and keep the floor', () => {
    expect(expectedIc({ icShrunk: 0.2, costShare: 0 }, SETTINGS)).toBe(0.2);
    expect(expectedIc({ icShrunk: 0.2, costShare: 7 }, SETTINGS)).toBe(0.1);
    expect(expectedIc({ icShrunk: -0.2, costShare: 0 }, SETTINGS)).toBe(0.01);
  });

  it('flatten below T = 1, stay at 1 and above, are equal at 0', () => {
    const at = (temperature: number) => {
      const weights = Float64Array.of(0.8, 0.2, 0);
      applyTemperature(weights, temperature);
      return [...weights];
    };
    expect(at(0.5)[0]).toBeCloseTo(2 / 3, 12);
    expect(at(0.5)[2]).toBe(0);
    expect(at(1)).toEqual([0.8, 0.2, 0]);
    for (let k = 1; k < 50; k++) {
      const weights = Float64Array.of(k / 50, 1 - k / 50);
      applyTemperature(weights, 1);
      expect([...weights]).toEqual([k / 50, 1 - k / 50]);
    }
    expect(at(1.5)).toEqual([0.8, 0.2, 0]);
    expect(at(0)).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });
});

describe('blendScores', () => {
  const layout = layoutOf(['A', 'B'], column('x', '5m'), column('y', '5m'));
  const plan = planBlending(layout, SETTINGS);

  function blendOnce(inputs: BlendInputs) {
    const out = createBlendOutput(plan);
    blendScores(createBlendState(plan, SETTINGS), plan, inputs, SETTINGS, out);
    return out;
  }

  it('gives sigma times the weighted score', () => {
    const inputs = inputsFor(2, 2, 1);
    inputs.calibrated.set([0.1, 0.2, 0.3, 0.4]);
    const out = blendOnce(inputs);
    expect([...out.families[0]!.weights]).toEqual([0.5, 0.5]);
    expect(out.alpha[0]).toBeCloseTo(0.001 * 0.2, 15);
    expect(out.alpha[1]).toBeCloseTo(0.001 * 0.3, 15);
    expect([...out.valid]).toEqual([1, 1]);
  });

  it('drops a family absent for one symbol and renormalises for that symbol only', () => {
    const inputs = inputsFor(2, 2, 1);
    inputs.calibrated.set([0.1, 0.2, 0.3, 0]);
    inputs.present[3] = 0;
    const out = blendOnce(inputs);
    expect(out.alpha[0]).toBeCloseTo(0.001 * 0.2, 15);
    expect(out.alpha[1]).toBeCloseTo(0.001 * 0.2, 15);
  });

  it('counts families equally when those present all have weight 0', () => {
    const inputs = inputsFor(2, 2, 1);
    inputs.icShrunk.set([0.5, 0.01]);
    const state = createBlendState(plan, SETTINGS);
    const out = createBlendOutput(plan);
    for (let k = 0; k < 4; k++) {
      const lively = [k, -k, k, -k];
      inputs.standardized.set(lively);
      blendScores(state, plan, inputs, SETTINGS, out);
    }
    inputs.present.set([1, 0, 1, 1]);
    inputs.calibrated.set([0.1, 0, 0.3, 0.4]);
    blendScores(state, plan, inputs, SETTINGS, out);
    expect(out.families[0]!.weights[1]).toBe(0);
    expect(out.alpha[1]).toBeCloseTo(0.001 * 0.4, 15);
    expect(out.valid[1]).toBe(1);
  });

  it('has no alpha without a sigma or without any family', () => {
    const inputs = inputsFor(2, 2, 1);
    inputs.sigmaKnown[0] = 0;
    inputs.present.set([1, 0, 1, 0]);
    const out = blendOnce(inputs);
    expect([...out.valid]).toEqual([0, 0]);
    expect([...out.alpha]).toEqual([0, 0]);
  });

  it('measures the cost share over the symbols whose sigma, cost and score are known', () => {
    const inputs = inputsFor(2, 2, 1);
    inputs.calibrated.set([0.4, 0.4, 0, 0]);
    inputs.costBps.set([1, 100]);
    inputs.costKnown[1] = 0;
    const { costShare, mu } = blendOnce(inputs).families[0]!;
    expect(costShare[0]).toBeCloseTo(1 / 4, 12);
    expect(costShare[1]).toBe(1);
    expect(mu[0]).toBeCloseTo(0.05 * (1 - 0.5 * 0.25), 15);
  });

  it('measures it for every horizon by its own columns, symbols and costs', () => {
    const two = planBlending(
      layoutOf(['A', 'B', 'C'], column('x', '5m'), column('y', '5m'), column('z', '15m')),
      SETTINGS,
    );
    const inputs = inputsFor(3, 3, 2);
    inputs.calibrated.set([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    inputs.sigma.set([0.001, 0.002, 0.003, 0.004, 0.005, 0.006]);
    inputs.costBps.set([1, 2, 4, 8, 16, 32]);
    inputs.present.set([1, 1, 1, 1, 0, 1, 1, 1, 1]);
    const sharesOf = () => {
      const out = createBlendOutput(two);
      blendScores(createBlendState(two, SETTINGS), two, inputs, SETTINGS, out);
      return out.families.flatMap(({ costShare }) => [...costShare]);
    };
    const [x, y, z] = sharesOf();
    expect(x).toBeCloseTo((1 + 2 + 4) / (1 + 4 + 9), 12);
    expect(y).toBeCloseTo((1 + 4) / (4 + 18), 12);
    expect(z).toBeCloseTo((8 + 16 + 32) / (28 + 40 + 54), 12);
    inputs.sigmaKnown[0] = 0;
    const known = sharesOf();
    expect(known[0]).toBeCloseTo((2 + 4) / (4 + 9), 12);
    expect(known[2]).toBeCloseTo((16 + 32) / (40 + 54), 12);
    inputs.costBps.fill(0);
    inputs.calibrated.fill(0);
    expect(sharesOf()).toEqual([1, 1, 1]);
  });

  it('takes the plain mean of what is present where that has no weight, and is never minus zero', () => {
    const out = { alpha: new Float64Array(1), valid: new Uint8Array(1) };
    const of = (calibrated: readonly number[], sigma: number) => {
      const inputs = {
        calibrated: Float64Array.from(calibrated),
        present: Uint8Array.of(1, 1, 0),
        sigma: Float64Array.of(sigma),
        sigmaKnown: Uint8Array.of(1),
      };
      combineScores([0, 1, 2], Float64Array.of(0, 0, 1), inputs, { symbolCount: 1, h: 0 }, out);
      return out.alpha[0];
    };
    expect(of([0.1, 0.3, 9], 0.5)).toBeCloseTo(0.1, 15);
    expect(of([-1e-200, -1e-200, 0], 1e-200)).toBe(0);
  });

  it('is what the weights told of a symbol make of its scores, whichever families have one', () => {
    const family = fc.record({
      weight: fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1, noNaN: true })),
      score: fc.double({ min: -3, max: 3, noNaN: true }),
      present: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(family, { minLength: 1, maxLength: 5 }), (families) => {
        const raw = Float64Array.from(families, ({ weight }) => weight);
        const total = raw.reduce((sum, weight) => sum + weight, 0);
        const weights = total > 0 ? raw.map((weight) => weight / total) : raw;
        const out = { alpha: new Float64Array(1), valid: new Uint8Array(1) };
        const inputs = {
          calibrated: Float64Array.from(families, ({ score }) => score),
          present: Uint8Array.from(families, ({ present }) => (present ? 1 : 0)),
          sigma: Float64Array.of(1),
          sigmaKnown: Uint8Array.of(1),
        };
        combineScores([...families.keys()], weights, inputs, { symbolCount: 1, h: 0 }, out);
        const told = weightsOfPresent(
          weights,
          families.map(({ present }) => present),
        );
        const sum = told.reduce((all, weight) => all + weight, 0);
        const alpha = families.reduce((all, { score }, m) => all + told[m]! * score, 0);
        expect(sum).toBeCloseTo(families.some(({ present }) => present) ? 1 : 0, 12);
        expect(alpha).toBeCloseTo(out.alpha[0]!, 12);
        families.forEach(({ present }, m) => {
          if (!present) expect(told[m]).toBe(0);
        });
      }),
    );
  });

  it('never lets a number that is not one out, and no alpha exceeds the largest score', () => {
    const value = fc.double({ min: -3, max: 3, noNaN: true });
    const row = fc.record({
      standardized: fc.array(value, { minLength: 4, maxLength: 4 }),
      present: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 4, maxLength: 4 }),
      sigmaKnown: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2, maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (cycles) => {
        const state = createBlendState(plan, SETTINGS);
        const out = createBlendOutput(plan);
        for (const { standardized, present, sigmaKnown } of cycles) {
          const inputs = inputsFor(2, 2, 1);
          inputs.standardized.set(standardized);
          inputs.calibrated.set(standardized.map((s) => s * 0.1));
          inputs.present.set(present);
          inputs.sigmaKnown.set(sigmaKnown);
          blendScores(state, plan, inputs, SETTINGS, out);
          expect(out.alpha.every(Number.isFinite)).toBe(true);
          expect(out.families[0]!.weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 9);
          out.alpha.forEach((alpha, i) => {
            expect(Math.abs(alpha)).toBeLessThanOrEqual(0.001 * 0.3 * (1 + 1e-12));
            if (out.valid[i] === 0) expect(alpha).toBe(0);
          });
        }
      }),
    );
  });
});
