import { z } from 'zod';
import type { ArbitrationSettings } from '../../domain/settings.ts';
import { atLeastZero, bps, positive } from './common.ts';

export const arbitrationSchema = z
  .strictObject({
    k1: atLeastZero(100).default(1).describe('Multiplies the quoted spread in the cost of trading.'),
    k2: atLeastZero(100)
      .default(0.05)
      .describe('Multiplies the timing cost, sigma5 * sqrt(horizon / 5 minutes).'),
    k3: atLeastZero(100).default(1).describe('Multiplies the square-root impact.'),
    impactBps: bps()
      .default(10)
      .describe('Impact of an order of impactParticipation of average daily dollar volume, bps.'),
    impactParticipation: positive(1)
      .default(0.01)
      .describe(
        'Fraction of average daily dollar volume that costs impactBps; the square-root law does the rest.',
      ),
    entryThresholdBps: bps()
      .default(0.25)
      .describe('Smallest net score that trades, bps per sqrt(5 minutes).'),
    reserve: atLeastZero(100).default(0).describe('Added to the entry threshold per bp of quoted spread.'),
  })
  .prefault({})
  .describe('Stage 3: trading cost and choice of horizon and side.');

export function toArbitrationSettings(section: z.output<typeof arbitrationSchema>): ArbitrationSettings {
  return { ...section };
}
