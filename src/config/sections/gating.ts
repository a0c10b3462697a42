import { z } from 'zod';
import type { GatingSettings } from '../../domain/settings.ts';
import { atLeastZero, bps, fraction, positive, wholeNumber } from './common.ts';

export const gatingSchema = z
  .strictObject({
    enableSpreadGate: z.boolean().default(true).describe('Block entries on wide, stale or broken quotes.'),
    maxSpreadBps: bps().default(12).describe('Widest spread that may be entered, bps of the mid.'),
    maxQuoteAgeSeconds: positive(86_400)
      .default(2)
      .describe('Oldest quote that may be entered, seconds of logical time.'),
    enableBarrierGate: z
      .boolean()
      .default(true)
      .describe('Let peak and valley models scale and block entries.'),
    gateFloor: fraction().default(0.2).describe('Smallest factor the barrier gate scales a weight by.'),
    peakExponent: atLeastZero(10)
      .default(1)
      .describe('Power of (1 - p_peak) in the gate of a long; shorts mirror it with p_valley.'),
    valleyExponent: atLeastZero(10)
      .default(0.5)
      .describe('Power of (b + (1 - b) p_valley) in the gate of a long; shorts mirror it with p_peak.'),
    favourableBase: fraction()
      .default(0.5)
      .describe('b of (b + (1 - b) p_valley) in the gate of a long: what is left without a valley.'),
    peakThreshold: fraction().default(0.6).describe('Probability of a peak above which a long is blocked.'),
    valleyThreshold: fraction()
      .default(0.55)
      .describe('Probability of a valley above which a short is blocked.'),
    exitMargin: fraction()
      .default(0.05)
      .describe('Added to a barrier threshold before it forces the exit of a position held.'),
    opposingAlphaCostFraction: atLeastZero(100)
      .default(0.5)
      .describe(
        'A position exits when its horizon opposes it with more than this fraction of the trading cost.',
      ),
    endOfDayFlattenMinutes: wholeNumber({ min: 0, max: 389 })
      .default(0)
      .describe('Flatten everything this many minutes before the close; 0 keeps positions overnight.'),
  })
  .prefault({})
  .describe('Stage 4: spread and barrier gates, and exits.');

export function toGatingSettings(section: z.output<typeof gatingSchema>): GatingSettings {
  return { ...section };
}
