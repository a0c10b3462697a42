import type { Horizon } from '../domain/horizon.ts';
import type { Session } from '../domain/market-table.ts';
import type { EngineSettings } from '../domain/settings.ts';
import type { TimeUs } from '../domain/units.ts';
import { type LearningState, learnFromForecasts } from '../learning/learning-state.ts';
import {
  createMaturedPairs,
  type MaturedPairsState,
  matureAt,
  matureBefore,
  openPairsSession,
  type PairSink,
  queuePredictions,
  updatePairsMid,
} from './1-prediction/matured-pairs.ts';
import type { CycleWork } from './cycle-work.ts';

/**
 * Blended forecasts of every horizon that wait for their outcome, under the same rules as raw predictions. A forecast
 * is kept as one number, `side / (sigmas * sigma_h)`: times the return that followed, it is its score. Plain data.
 */
export interface ForecastOutcomes {
  readonly pairs: MaturedPairsState;
  /** Scratch, H*N: the forecasts of the newest cycle. */
  readonly values: Float32Array;
  readonly valid: Uint8Array;
}

/** The parts of a pipeline that scoring forecasts needs. */
interface ForecastParts {
  readonly outcomes: ForecastOutcomes | null;
  readonly learning: LearningState | null;
  readonly work: CycleWork;
  readonly settings: EngineSettings;
}

export function createForecastOutcomes(
  symbols: readonly string[],
  horizons: readonly Horizon[],
): ForecastOutcomes {
  const size = horizons.length * symbols.length;
  const columns = horizons.map((horizon) => ({ kind: 'return' as const, horizon }));
  return {
    pairs: createMaturedPairs({ symbols, columns }),
    values: new Float32Array(size),
    valid: new Uint8Array(size),
  };
}

export function openOutcomesSession({ outcomes }: ForecastParts, session: Session): void {
  if (outcomes !== null) openPairsSession(outcomes.pairs, session);
}

export function noteOutcomeMid(outcomes: ForecastOutcomes, i: number, tUs: TimeUs, mid: number): void {
  updatePairsMid(outcomes.pairs, i, { tUs, mid });
}

/** Queues the forecasts of a cycle: those with a direction and a known volatility. */
export function queueForecasts(
  { outcomes, work, settings }: ForecastParts,
  { cycle, tUs }: { readonly cycle: number; readonly tUs: TimeUs },
): void {
  if (outcomes === null) return;
  const { values, valid } = outcomes;
  const { alpha, valid: hasAlpha } = work.blend;
  for (let slot = 0; slot < values.length; slot += 1) {
    const isForecast = hasAlpha[slot] === 1 && alpha[slot] !== 0 && work.sigma[slot] > 0;
    valid[slot] = isForecast ? 1 : 0;
    values[slot] = isForecast
      ? Math.sign(alpha[slot]) / (settings.learning.rewardSigmas * work.sigma[slot])
      : 0;
  }
  queuePredictions(outcomes.pairs, tUs, { cycle, values, valid });
}

/** Scores the forecasts due before `tUs`: call it before what became known at `tUs` is taken in. */
export function scoreForecastsBefore(parts: ForecastParts, tUs: TimeUs): void {
  if (parts.outcomes !== null) matureBefore(parts.outcomes.pairs, tUs, scoreSink(parts));
}

/** Scores the forecasts due by `tUs`: call it when the mids of `tUs` are known. */
export function scoreForecastsAt(parts: ForecastParts, tUs: TimeUs): void {
  if (parts.outcomes !== null) matureAt(parts.outcomes.pairs, tUs, scoreSink(parts));
}

function scoreSink({ learning }: ForecastParts): PairSink {
  return (horizonIx, pairs) => {
    if (learning !== null) learnFromForecasts(learning, learning.armOfHorizon[horizonIx], pairs);
  };
}
