import {
  crossSectionalSignals,
  percentileRanks,
  rankToSignal,
} from '../../../src/pipeline/1-prediction/cross-section.ts';
import type { VectorComponent } from '../types.ts';

type RankingInput =
  | { readonly fn: 'percentile_rank'; readonly values: readonly number[] }
  | { readonly fn: 'rank_to_signal'; readonly percentiles: readonly number[] }
  | {
      readonly fn: 'rank_cross_sectionally';
      readonly raw_scores: Readonly<Record<string, Readonly<Record<string, number>>>>;
      readonly families: readonly string[];
      readonly min_universe_size: number | null;
    };

interface UniverseOutput {
  readonly ranks: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

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
  deviates({ input }) {
    return scoresOf(input as RankingInput).every(Number.isFinite) ? undefined : NON_FINITE;
  },
  /** Every percentile is half a rank lower, and every signal is that of the lower percentile. */
  restate({ input, output }) {
    const { fn, ...given } = input as RankingInput;
    if (fn === 'rank_to_signal') return undefined;
    if ('values' in given) {
      const n = given.values.length;
      const ranks = (output as { readonly ranks: readonly number[] }).ranks.map((rank) => rank - 0.5 / n);
      return { output: { ranks }, reasons: [PERCENTILES] };
    }
    const old = output as UniverseOutput;
    const universe = Object.values(old.ranks);
    const restated = (symbol: string, family: string): number => {
      const n = universe.filter((row) => row[family] !== undefined).length;
      return old.ranks[symbol]![family]! - 0.5 / n;
    };
    const table = (cell: (symbol: string, family: string) => number) =>
      Object.fromEntries(
        Object.entries(old.ranks).map(([symbol, row]) => [
          symbol,
          Object.fromEntries(Object.keys(row).map((family) => [family, cell(symbol, family)])),
        ]),
      );
    const signal = (symbol: string, family: string) => rankToSignal(restated(symbol, family), CLIP);
    return { output: { ranks: table(restated), signals: table(signal) }, reasons: [PERCENTILES] };
  },
};

function scoresOf(input: RankingInput): readonly number[] {
  switch (input.fn) {
    case 'percentile_rank':
      return input.values;
    case 'rank_to_signal':
      return input.percentiles.filter(Number.isNaN);
    case 'rank_cross_sectionally':
      return Object.values(input.raw_scores).flatMap((row) => Object.values(row));
  }
}
