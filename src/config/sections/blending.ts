import { z } from 'zod';
import type { Horizon } from '../../domain/horizon.ts';
import type { BlendingSettings } from '../../domain/settings.ts';
import { perHorizon, TEMPERATURE } from '../horizon-defaults.ts';
import { fraction, horizonLabel, positive, wholeNumber } from './common.ts';

export const blendingSchema = z
  .strictObject({
    ridgeLambda: positive(1000).default(0.15).describe('Ridge added to the correlation matrix of families.'),
    costPenalty: fraction()
      .default(0.5)
      .describe('Share of the information coefficient given up when expected cost equals expected alpha.'),
    muFloor: positive(1).default(0.01).describe('Smallest expected score mu of a family.'),
    correlationWindowCycles: wholeNumber({ min: 2, max: 1_000_000 })
      .default(390)
      .describe(
        'Cycles of standardised scores behind the correlation between families (390 is one session).',
      ),
    temperature: z
      .record(horizonLabel(), positive(1))
      .optional()
      .meta({ default: TEMPERATURE })
      .describe(
        'Weights are raised to this power, by horizon; below 1 flattens. Horizons not listed keep the default.',
      ),
    temperatureDefault: positive(1).default(1).describe('Temperature of a horizon that has no other.'),
  })
  .prefault({})
  .describe('Stage 2: ridge blend of the families of one horizon into its alpha.');

export function toBlendingSettings(
  section: z.output<typeof blendingSchema>,
  { horizons }: { readonly horizons: readonly Horizon[] },
): BlendingSettings {
  return {
    ridgeLambda: section.ridgeLambda,
    costPenalty: section.costPenalty,
    muFloor: section.muFloor,
    correlationWindow: section.correlationWindowCycles,
    temperature: perHorizon({
      horizons,
      given: section.temperature,
      builtIn: TEMPERATURE,
      fallback: section.temperatureDefault,
    }),
    temperatureDefault: section.temperatureDefault,
  };
}
