import { z } from 'zod';
import type { ArbitrationSettings } from '../../domain/settings.ts';
import { atLeastZero, bps } from './common.ts';

export const arbitrationSchema = z
  .strictObject({
    k1: atLeastZero(100).default(1).describe('Multiplies the quoted spread in the cost of trading.'),
    k2: atLeastZero(100)
      .default(0.05)
      .describe('Multiplies the timing cost, sigma5 * sqrt(horizon / 5 minutes).'),
    k3: atLeastZero(100)
      .default(1)
      .describe('Multiplies the square-root impact, 10 bps at 1 % of average daily dollar volume.'),
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
