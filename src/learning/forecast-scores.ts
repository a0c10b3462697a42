/**
 * Outcomes of forecasts on their way to Hedge. Each (cycle, arm) is scored once, with the mean over symbols of
 * `side * return / (sigmas * sigma)`, clipped to +-1: what its direction was worth. Costs are not taken off, because
 * arbitration charges them to every horizon already. Plain data, updated in place.
 */
export interface ForecastScores {
  /** K cycles scored so far. */
  scored: Float64Array;
  /** True when a cycle was scored that the weights do not show yet. */
  hasNew: boolean;
}

export function createForecastScores(armCount: number): ForecastScores {
  return { scored: new Float64Array(armCount), hasNew: false };
}

export function addForecastArm(scores: ForecastScores): void {
  const scored = new Float64Array(scores.scored.length + 1);
  scored.set(scores.scored);
  scores.scored = scored;
}

/** The forecasts of one arm in one cycle: each `side / (sigmas * sigma)` of a symbol, and the return that followed. */
export interface MaturedForecasts {
  /** At least 1. */
  readonly count: number;
  readonly predictions: Float64Array;
  readonly realized: Float64Array;
}

export function meanScore({ count, predictions, realized }: MaturedForecasts): number {
  let sum = 0;
  for (let k = 0; k < count; k += 1) sum += Math.min(1, Math.max(-1, predictions[k] * realized[k]));
  return sum / count;
}
