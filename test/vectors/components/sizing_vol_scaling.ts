import { alphaOfWeight, scaleByVolatility } from '../../../src/pipeline/5-sizing/vol-scaling.ts';
import { categoryOf, type VectorComponent } from '../types.ts';

interface ScalingInput {
  readonly z_max: number | null;
  readonly max_weight: number | null;
  readonly alpha: number;
  readonly volatility: number;
}

const DEVIATIONS: Readonly<Record<string, string>> = {
  z_max_invalid_uses_3: 'z_max is validated where the scenario is read; there is no hidden default',
  non_finite: 'a non-finite alpha or volatility gives no position, and never a number that is not one',
};

export const vectorComponent: VectorComponent = {
  component: 'sizing_vol_scaling',
  run({ z_max, max_weight, alpha, volatility: sigma }: ScalingInput) {
    const settings = { icRef: 1, zMax: z_max ?? 3, maxWeight: max_weight ?? 0.05 };
    const { z, weight } = scaleByVolatility({ alpha, sigma }, settings);
    return {
      weight,
      z,
      z_max_used: settings.zMax,
      alpha_from_weight: alphaOfWeight({ weight, sigma }, settings),
    };
  },
  deviates: (vectorCase) => DEVIATIONS[categoryOf(vectorCase)],
};
