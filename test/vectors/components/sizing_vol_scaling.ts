import { alphaOfWeight, scaleByVolatility } from '../../../src/pipeline/5-sizing/vol-scaling.ts';
import type { VectorComponent } from '../types.ts';

interface ScalingInput {
  readonly z_max: number | null;
  readonly max_weight: number | null;
  readonly alpha: number;
  readonly volatility: number;
}

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
  deviates: ({ input }) => {
    const { z_max, alpha, volatility } = input as ScalingInput;
    if (z_max !== null && z_max <= 0) {
      return 'z_max is validated where the scenario is read; there is no hidden default';
    }
    return Number.isFinite(alpha) && Number.isFinite(volatility)
      ? undefined
      : 'a non-finite alpha or volatility gives no position, and never a number that is not one';
  },
};
