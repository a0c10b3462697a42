import { z } from 'zod';
import { dollarsToMicros } from '../../domain/money.ts';
import type { ReconciliationSettings } from '../../domain/settings.ts';
import { dollars, wholeNumber } from './common.ts';

export const reconciliationSchema = z
  .strictObject({
    mode: z
      .enum(['strict', 'warn', 'auto_sync'])
      .default('strict')
      .describe(
        "What follows when books and broker differ: strict raises and stops new exposure, warn raises and holds the symbol, auto_sync takes the broker's side into the books. With strict: true, the run stops at what is raised.",
      ),
    everyCycles: wholeNumber({ min: 1, max: 100_000 })
      .default(100)
      .describe(
        'Cycles from one comparison to the next; also at the start, after a reconnect and on command.',
      ),
    cashToleranceDollars: dollars()
      .default(0.01)
      .describe('Cash that may differ, dollars. A simulated broker is exact: there it is 0.'),
    confirmations: wholeNumber({ min: 1, max: 10 })
      .default(2)
      .describe(
        'Snapshots in a row that must show the same difference before the mode acts; from the first on, the symbol is held.',
      ),
  })
  .prefault({})
  .describe("How the books are kept equal to the broker's account.");

export function toReconciliationSettings(
  { cashToleranceDollars, ...rest }: z.output<typeof reconciliationSchema>,
  { isSimulated }: { readonly isSimulated: boolean },
): ReconciliationSettings {
  return { ...rest, cashToleranceMicros: isSimulated ? 0 : dollarsToMicros(cashToleranceDollars) };
}
