import { z } from 'zod';
import { compareCodeUnits } from '../../domain/compare.ts';
import type { BorrowSettings } from '../../domain/settings.ts';
import { bps, symbol } from './common.ts';

export const borrowSchema = z
  .strictObject({
    annualBps: bps()
      .default(0)
      .describe(
        'Fee for borrowed shares, bps of their value a year of 360 days, charged for every night they are held.',
      ),
    annualBpsBySymbol: z
      .record(symbol(), z.number().min(0).max(100_000))
      .default({})
      .describe('Fees of symbols that are dearer or cheaper to borrow, bps a year.'),
    unavailable: z
      .array(symbol())
      .max(10_000)
      .default([])
      .describe('Symbols of which no shares can be borrowed: they may be held and sold, never sold short.'),
  })
  .prefault({})
  .describe('Borrowing of shares for short sales.');

type BorrowSection = z.output<typeof borrowSchema>;

export function toBorrowSettings(section: BorrowSection): BorrowSettings {
  const { annualBps, annualBpsBySymbol } = section;
  return {
    annualBps,
    annualBpsBySymbol: Object.fromEntries(
      Object.entries(annualBpsBySymbol).sort(([a], [b]) => compareCodeUnits(a, b)),
    ),
    noBorrowSymbols: noBorrowSymbolsOf(section),
  };
}

export function noBorrowSymbolsOf({ unavailable }: BorrowSection): string[] {
  return [...unavailable].sort(compareCodeUnits);
}
