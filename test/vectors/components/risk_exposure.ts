import {
  clipToPositionLimit,
  grossCapacity,
  isPositionInside,
  measureExposure,
  scaleToGross,
} from '../../../src/pipeline/6-risk/exposure.ts';
import type { VectorComponent } from '../types.ts';

interface ExposureInput {
  readonly max_gross: number | null;
  readonly max_position_pct: number | null;
  readonly weights: Readonly<Record<string, number>>;
}

export const vectorComponent: VectorComponent = {
  component: 'risk_exposure',
  run(input: ExposureInput) {
    const names = Object.keys(input.weights);
    const weights = names.map((name) => input.weights[name]!);
    const limits = {
      maxGrossFrac: input.max_gross ?? 1,
      maxPositionFrac: (input.max_position_pct ?? 20) / 100,
    };
    const exposure = measureExposure(weights);
    const isInside = weights.map((weight) => isPositionInside(weight, limits));
    const grossViolated = exposure.gross > limits.maxGrossFrac;
    const violations = isInside.filter((inside) => !inside).length + (grossViolated ? 1 : 0);
    const named = <T>(values: ArrayLike<T>) => Object.fromEntries(names.map((name, i) => [name, values[i]]));
    return {
      ...exposure,
      count: names.length,
      valid: violations === 0,
      n_violations: violations,
      gross_violated: grossViolated,
      position_ok: named(isInside),
      capacity: grossCapacity(exposure, limits),
      scaled: named(scaleToGross(weights, limits)),
      clipped: named(clipToPositionLimit(weights, limits)),
    };
  },
  deviates: (facts) =>
    Object.values((facts.input as ExposureInput).weights).every(Number.isFinite)
      ? undefined
      : 'a weight is always finite: a missing price never enters the portfolio as a number',
};
