import { z } from 'zod';
import type { LearningSettings } from '../../domain/settings.ts';
import { atLeastZero, filePath, fraction, horizonLabel, positive, wholeNumber } from './common.ts';

export const learningSchema = z
  .strictObject({
    algorithm: z
      .enum(['off', 'exp3ix', 'hedge'])
      .default('off')
      .describe(
        'How horizon weights are learned: off (every horizon keeps its static weight), exp3ix (a bandit that learns from closed positions), hedge (every matured forecast of every horizon counts).',
      ),
    explore: fraction()
      .default(0.1)
      .describe(
        'exp3ix: probability that a new entry draws its horizon from the learned weights instead of taking the best score. It must still pass the threshold. hedge and off draw none.',
      ),
    rewardSigmas: positive(1000)
      .default(3)
      .describe(
        "A return of this many standard deviations of the horizon's return is a reward of 1; more counts as 1.",
      ),
    blend: fraction()
      .default(0.3)
      .describe('Most that learned weights count beside the static ones, as a share.'),
    rampStartRewards: wholeNumber({ min: 0, max: 10_000_000 })
      .default(100)
      .describe('Rewards before learned weights count at all.'),
    rampRewards: wholeNumber({ min: 0, max: 10_000_000 })
      .default(100)
      .describe('Rewards, from rampStartRewards on, over which learned weights come to count in full.'),
    staticWeights: z
      .record(horizonLabel(), atLeastZero(1_000_000))
      .default({})
      .describe(
        'Weights of horizons before anything is learned, and at all times where learning is off; normalised. A horizon not listed counts as one part in the number of horizons. Default: equal.',
      ),
    warmStart: filePath()
      .optional()
      .meta({ examples: ['../runs/earlier/state/bandit_state.json'] })
      .describe(
        "bandit_state.json of an earlier run to start from, relative to this file. Its content is part of the run's identity.",
      ),
  })
  .prefault({})
  .describe('What is learned about horizons while a run goes on. Off by default.');

export function toLearningSettings({
  warmStart: _path,
  ...section
}: z.output<typeof learningSchema>): LearningSettings {
  return section;
}
