import { z } from 'zod';
import { type Horizon, MINUTES_PER_TRADING_DAY } from '../../domain/horizon.ts';
import type { PredictionSettings } from '../../domain/settings.ts';
import { FRESHNESS_TAU_SECONDS, perHorizon } from '../horizon-defaults.ts';
import { artifactName, fraction, horizonLabel, positive, wholeNumber } from './common.ts';

const STANDARDIZE_DAYS = 10;

export const predictionSchema = z
  .strictObject({
    standardizeWindowCycles: wholeNumber({ min: 1, max: 1_000_000 })
      .optional()
      .describe(
        'Raw outputs kept per (symbol, target, family) for the standardiser, in cycles. Default: 10 trading days of cycles (3900 at one cycle a minute).',
      ),
    standardizeMinSamples: wholeNumber({ min: 1, max: 1_000_000 })
      .default(100)
      .describe(
        'Samples before a standardised score is given; below it the score is 0 and the state warming_up.',
      ),
    standardizeMinStd: positive(1)
      .default(1e-9)
      .describe('Smallest standard deviation of raw outputs that counts as spread; below it the score is 0.'),
    rankMinSymbols: wholeNumber({ min: 2, max: 10_000 })
      .default(5)
      .describe('Fewest symbols that a cross-sectional ranking model is ranked over.'),
    scoreClip: positive(100).default(3).describe('Standardised scores are clipped to plus and minus this.'),
    icWindowPairs: wholeNumber({ min: 2, max: 32_767 })
      .default(20_000)
      .describe(
        'Newest matured (prediction, return) pairs per (target, family) behind the information coefficient; at most 32767.',
      ),
    icMinPairs: wholeNumber({ min: 2, max: 32_767 })
      .default(50)
      .describe('Matured pairs below which the information coefficient counts as 0.'),
    icShrinkPairs: z
      .number()
      .min(0)
      .max(10_000_000)
      .default(200)
      .describe('The information coefficient of n pairs is multiplied by n / (n + this).'),
    icRecomputeCycles: wholeNumber({ min: 1, max: 100_000 })
      .default(30)
      .describe(
        'Cycles between recomputations of the information coefficient; session close recomputes too.',
      ),
    confidenceFloor: fraction()
      .default(0.01)
      .describe('Smallest information coefficient used as confidence.'),
    freshnessTauSeconds: z
      .record(horizonLabel(), positive(10_000_000))
      .optional()
      .meta({ default: FRESHNESS_TAU_SECONDS })
      .describe(
        'Scale of freshness = exp(-age / tau), seconds, by horizon. Horizons not listed keep the default.',
      ),
    freshnessTauDefaultSeconds: positive(10_000_000)
      .default(300)
      .describe('Freshness scale of a horizon that has no other, seconds.'),
    capacityKappa: positive(1000).default(0.1).describe('capacity = min(1, this * ADV / planned dollars).'),
    stabilityDefault: fraction()
      .default(0.5)
      .describe('Stability reported while there are fewer than icMinPairs matured pairs.'),
    volHalfLifeBars: positive(1_000_000)
      .default(78)
      .describe('Half-life of the volatility EWMA, in 5-minute bars (78 is one session).'),
    volMinReturns: wholeNumber({ min: 1, max: 1_000_000 })
      .default(12)
      .describe('5-minute returns before a symbol has a volatility, and so an alpha.'),
    overnightHalfLifeSessions: positive(100_000)
      .default(20)
      .describe('Half-life of the EWMA of squared overnight returns, in sessions.'),
    deadlineMilliseconds: positive(600_000)
      .optional()
      .describe(
        'Longest a model may take to answer a cycle, milliseconds; a later answer is not used. Default: no limit.',
      ),
    meanLatencyMilliseconds: z
      .record(artifactName(), positive(600_000))
      .default({})
      .describe(
        'Simulated mean latency of a backtest, milliseconds, by family; drawn anew each cycle from the seed. Families not listed answer at once.',
      ),
  })
  .prefault({})
  .describe('Stage 1: standardised scores, confidence and volatility.');

/** Raw outputs that the standardiser keeps, in cycles: as written, or else 10 trading days of them. */
export function standardizeWindowOf(
  { standardizeWindowCycles }: Pick<z.output<typeof predictionSchema>, 'standardizeWindowCycles'>,
  cycleMinutes: number,
): number {
  const cyclesPerDay = MINUTES_PER_TRADING_DAY / cycleMinutes;
  return standardizeWindowCycles ?? Math.max(1, Math.round(STANDARDIZE_DAYS * cyclesPerDay));
}

/** @returns settings with the window in cycles and exactly one freshness scale a horizon */
export function toPredictionSettings(
  section: z.output<typeof predictionSchema>,
  { horizons, cycleMinutes }: { readonly horizons: readonly Horizon[]; readonly cycleMinutes: number },
): PredictionSettings {
  return {
    standardizeWindow: standardizeWindowOf(section, cycleMinutes),
    standardizeMinSamples: section.standardizeMinSamples,
    standardizeMinStd: section.standardizeMinStd,
    rankMinSymbols: section.rankMinSymbols,
    scoreClip: section.scoreClip,
    icWindow: section.icWindowPairs,
    icMinPairs: section.icMinPairs,
    icShrinkPairs: section.icShrinkPairs,
    icRecomputeCycles: section.icRecomputeCycles,
    confidenceFloor: section.confidenceFloor,
    freshnessTauSeconds: perHorizon({
      horizons,
      given: section.freshnessTauSeconds,
      builtIn: FRESHNESS_TAU_SECONDS,
      fallback: section.freshnessTauDefaultSeconds,
    }),
    freshnessTauDefaultSeconds: section.freshnessTauDefaultSeconds,
    capacityKappa: section.capacityKappa,
    stabilityDefault: section.stabilityDefault,
    volHalfLifeBars: section.volHalfLifeBars,
    volMinReturns: section.volMinReturns,
    overnightHalfLifeSessions: section.overnightHalfLifeSessions,
    ...(section.deadlineMilliseconds === undefined
      ? {}
      : {
          deadline: {
            milliseconds: section.deadlineMilliseconds,
            meanLatencyMilliseconds: section.meanLatencyMilliseconds,
          },
        }),
  };
}
