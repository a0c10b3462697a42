import {
  crossSectionalSignals,
  percentileRanks,
  rankToSignal,
} from '../../../src/pipeline/1-prediction/cross-section.ts';
import { categoryOf, type VectorComponent } from '../types.ts';

type RankingInput =
  | { readonly fn: 'percentile_rank'; readonly values: readonly number[] }
  | { readonly fn: 'rank_to_signal'; readonly percentiles: readonly number[] }
  | {
      readonly fn: 'rank_cross_sectionally';
      readonly raw_scores: Readonly<Record<string, Readonly<Record<string, number>>>>;
      readonly families: readonly string[];
      readonly min_universe_size: number | null;
    };

const CLIP = 3;
const DEFAULT_MIN_UNIVERSE = 5;
const PERCENTILES =
  'cross-sectional percentiles are (rank - 0.5)/n, not k/n: k/n has a mean above 1/2 and so a long bias';
const NON_FINITE = 'a non-finite score is missing at the door and is never ranked';

/** Ranks each family over the symbols that have a score of it; a family below the minimum gives nothing. */
function rankUniverse(input: Extract<RankingInput, { fn: 'rank_cross_sectionally' }>) {
  const ranks: Record<string, Record<string, number>> = {};
  const signals: Record<string, Record<string, number>> = {};
  for (const symbol of Object.keys(input.raw_scores)) {
    ranks[symbol] = {};
    signals[symbol] = {};
  }
  const minSymbols = input.min_universe_size ?? DEFAULT_MIN_UNIVERSE;
  for (const family of input.families) {
    const present = Object.keys(input.raw_scores).filter(
      (symbol) => input.raw_scores[symbol]![family] !== undefined,
    );
    const values = Float64Array.from(present, (symbol) => input.raw_scores[symbol]![family]!);
    const familySignals = crossSectionalSignals(values, { clip: CLIP, minSymbols });
    if (familySignals === undefined) continue;
    const familyRanks = percentileRanks(values);
    present.forEach((symbol, k) => {
      ranks[symbol]![family] = familyRanks[k]!;
      signals[symbol]![family] = familySignals[k]!;
    });
  }
  return { ranks, signals };
}

export const vectorComponent: VectorComponent = {
  component: 'prediction_cs_ranking',
  run(input: RankingInput) {
    switch (input.fn) {
      case 'percentile_rank':
        return { ranks: Array.from(percentileRanks(Float64Array.from(input.values))) };
      case 'rank_to_signal':
        return { signals: input.percentiles.map((percentile) => rankToSignal(percentile, CLIP)) };
      case 'rank_cross_sectionally':
        return rankUniverse(input);
    }
  },
  deviates(vectorCase) {
    const input = vectorCase.input as RankingInput;
    if (categoryOf(vectorCase).includes('nan')) return NON_FINITE;
    return input.fn === 'rank_to_signal' ? undefined : PERCENTILES;
  },
};
