import { z } from 'zod';
import { dollarsToMicros } from '../../domain/money.ts';
import type { SizingSettings } from '../../domain/settings.ts';
import { dollars, fraction, positive, wholeNumber } from './common.ts';

export const sizingSchema = z
  .strictObject({
    icRef: positive(1).default(0.05).describe('Information coefficient at which a score of 1 is a z of 1.'),
    zMax: positive(100).default(3).describe('z is clipped to plus and minus this; it earns maxWeight.'),
    maxWeight: positive(1).default(0.05).describe('Weight of one position at zMax, as a fraction of equity.'),
    band: fraction()
      .default(0.008)
      .describe('Changes of weight below this are not traded, fraction of equity.'),
    bandGrossFraction: fraction()
      .default(0.2)
      .describe('The band is at most this fraction of grossTarget / number of symbols.'),
    grossTarget: positive(10)
      .default(0.5)
      .describe('Sum of absolute weights that increases are scaled to stay within, fraction of equity.'),
    lotShares: wholeNumber({ min: 1, max: 1_000_000 })
      .default(1)
      .describe('Shares in a lot; targets are whole lots.'),
    minTradeNotionalDollars: dollars()
      .default(0)
      .describe('Trades worth less are dropped, dollars; 0 drops none.'),
  })
  .prefault({})
  .describe('Stage 5: target weights and shares of the whole portfolio.');

export function toSizingSettings(section: z.output<typeof sizingSchema>): SizingSettings {
  const { minTradeNotionalDollars, ...rest } = section;
  return { ...rest, minTradeNotionalMicros: dollarsToMicros(minTradeNotionalDollars) };
}
