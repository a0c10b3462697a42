import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createPrng } from '../../src/math/prng.ts';
import { SESSION_OPTIONS } from '../../src/models/onnx-runtime.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { fitBoostedTrees, sumOfTrees } from '../../src/research/training/boosted-trees.ts';
import { BARRIER_FAMILY, RETURN_FAMILIES, SEQUENCE_FAMILY } from '../../src/research/training/families.ts';
import { barrierLabels, returnLabels } from '../../src/research/training/labels.ts';
import { areaUnderCurve, informationCoefficient } from '../../src/research/training/metrics.ts';
import { buildTrainingSet } from '../../src/research/training/training-set.ts';
import { SYMBOLS, smallDataset } from './market.ts';

const dataset = smallDataset();
const set = await buildTrainingSet({
  dataset,
  sessions: dataset.sessions.map((session) => session.date),
  symbols: SYMBOLS,
  withSequences: true,
  progress: silentProgress,
});
const returns = returnLabels(set, 5);
const peaks = barrierLabels(set, { kind: 'peak', steps: 5, sigmas: 0.5 });
const CASES = [...RETURN_FAMILIES, SEQUENCE_FAMILY].map((family) => ({ family, labeled: returns }));

describe.each([...CASES, { family: BARRIER_FAMILY, labeled: peaks }])(
  '$family.name',
  ({ family, labeled }) => {
    const fitted = family.fit({ set, labeled, seedParts: [1, family.name] });

    it('is the same function as ONNX file as it was in training', async () => {
      const rows = labeled.rows.subarray(0, 400);
      const expected = fitted.forecast(rows);
      const source = family.isSequence ? set.sequences : set.tabular;
      const width = source.length / set.rowCount;
      const input = new Float32Array(rows.length * width);
      rows.forEach((row, r) => {
        input.set(source.subarray(row * width, (row + 1) * width), r * width);
      });
      const dims = family.isSequence ? [rows.length, 16, width / 16] : [rows.length, width];
      const session = await ort.InferenceSession.create(fitted.toOnnx('test'), { ...SESSION_OPTIONS });
      const output = await session.run({ features: new ort.Tensor('float32', input, dims) });
      const values = Object.values(output)[0]!.data as Float32Array;
      const scale = Math.max(...expected.map(Math.abs));
      for (let r = 0; r < rows.length; r++) {
        expect(Math.abs(values[r]! - expected[r]!), `row ${r}`).toBeLessThan(2e-5 * scale + 1e-9);
      }
      await session.release();
    });

    it('learns what is there to learn', () => {
      const forecast = fitted.forecast(labeled.rows);
      if (family === BARRIER_FAMILY) {
        expect(areaUnderCurve(forecast, labeled.y)).toBeGreaterThan(0.55);
        expect(forecast.every((p) => p > 0 && p < 1)).toBe(true);
        const meanForecast = forecast.reduce((sum, p) => sum + p, 0) / forecast.length;
        const rate = labeled.y.reduce((sum, y) => sum + y, 0) / labeled.y.length;
        expect(meanForecast).toBeCloseTo(rate, 3);
      } else {
        expect(informationCoefficient(forecast, labeled.y)).toBeGreaterThan(0.1);
      }
    });
  },
);

describe('fitBoostedTrees', () => {
  it('finds a step, and keeps rows at the threshold on the left', () => {
    const rowCount = 600;
    const x = Float32Array.from({ length: rowCount * 2 }, (_, k) =>
      k % 2 === 0 ? ((k / 2) % 10) / 10 : 0.5,
    );
    const rows = Int32Array.from({ length: rowCount }, (_, r) => r);
    const z = Float64Array.from(rows, (row) => (x[row * 2]! <= Math.fround(0.6) ? -1 : 1));
    const { trees } = fitBoostedTrees({ x, width: 2, rows, z, random: createPrng(['step']) });
    const at = (value: number): number => sumOfTrees(trees, Float32Array.of(value, 0.5), 0);
    expect(at(Math.fround(0.6))).toBeLessThan(-0.8);
    expect(at(0.61)).toBeLessThan(1.1);
    expect(at(0.7)).toBeGreaterThan(0.8);
    expect(trees.every((tree) => tree.feature.every((feature) => feature <= 0))).toBe(true);
  });

  it('makes single leaves of rows that are too few to split', () => {
    const { trees } = fitBoostedTrees({
      x: Float32Array.of(1, 2, 3),
      width: 1,
      rows: Int32Array.of(0, 1, 2),
      z: Float64Array.of(1, 2, 3),
      random: createPrng(['few']),
    });
    expect(trees.every((tree) => tree.feature.length === 1)).toBe(true);
  });
});

describe('metrics', () => {
  it('follow their definitions on small cases', () => {
    const of = (...values: number[]): Float64Array => Float64Array.from(values);
    expect(informationCoefficient(of(1, 2, 3), of(10, 20, 30))).toBe(1);
    expect(informationCoefficient(of(1, 2, 3), of(3, 2, 1))).toBe(-1);
    expect(informationCoefficient(of(1, 1, 1), of(3, 2, 1))).toBe(0);
    expect(areaUnderCurve(of(0.1, 0.4, 0.35, 0.8), of(0, 0, 1, 1))).toBe(0.75);
    expect(areaUnderCurve(of(0.5, 0.5), of(0, 1))).toBe(0.5);
    expect(areaUnderCurve(of(0.5, 0.6), of(1, 1))).toBe(0.5);
  });
});
