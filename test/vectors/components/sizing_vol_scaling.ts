import { alphaOfWeight, scaleByVolatility } from '../../../src/pipeline/5-sizing/vol-scaling.ts';
import type { VectorComponent } from '../types.ts';

interface ScalingInput {
  readonly z_max: number | null;
  readonly max_weight: number | null;
  readonly alpha: number;
  readonly volatility: number;
}

const NON_FINITE = 'a non-finite alpha or volatility gives no position, and never a number that is not one';
const CLIPPED = 'z is the clipped one (PIPELINE 5)';

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
    const { z_max } = input as ScalingInput;
    return z_max === null || z_max > 0
      ? undefined
      : 'z_max is validated where the scenario is read; there is no hidden default';
  },
  restate: ({ input, output }) => {
    const { z_max, alpha, volatility: sigma } = input as ScalingInput;
    const theirs = output as { readonly z: number };
    if (!Number.isFinite(alpha) || !Number.isFinite(sigma)) {
      return {
        output: { ...theirs, z: 0, weight: 0, alpha_from_weight: 0 * sigma + 0 },
        reasons: [NON_FINITE],
      };
    }
    const zMax = z_max ?? 3;
    if (Math.abs(theirs.z) <= zMax) return undefined;
    return { output: { ...theirs, z: Math.sign(theirs.z) * zMax }, reasons: [CLIPPED] };
  },
};
