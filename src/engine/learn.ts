import type { LedgerChange } from '../domain/ledger.ts';
import type { RoundTrip } from '../domain/lots.ts';
import type { DerivedEvent } from '../events/derived.ts';
import { type LearningState, learnFromReward, settleForecasts } from '../learning/learning-state.ts';
import { closeEntry, trackEntry } from '../learning/reward-tracker.ts';
import type { Pipeline } from '../pipeline/pipeline-state.ts';
import type { OrderRecord } from './order-book.ts';

/** After an execution is booked: a position that was closed gives its reward, one that was opened waits for its own. */
export function learnFromExecution(
  pipeline: Pipeline,
  { change, order }: { readonly change: LedgerChange; readonly order: OrderRecord | undefined },
  out: DerivedEvent[],
): void {
  const { learning } = pipeline;
  if (learning === null) return;
  const { symbolIx, roundTrip, kind } = change;
  if (roundTrip !== undefined) learnFromTrip(pipeline, symbolIx, roundTrip, out);
  const terms = order?.terms ?? null;
  if (terms !== null && (kind === 'opened' || kind === 'reversed')) {
    trackEntry(learning.tracker, symbolIx, terms);
  }
}

/** After a position became flat. */
export function learnFromTrip(
  { learning }: Pipeline,
  symbolIx: number,
  trip: RoundTrip,
  out: DerivedEvent[],
): void {
  if (learning === null) return;
  const { tracker, settings, arms } = learning;
  const observed = closeEntry(tracker, symbolIx, { trip, sigmas: settings.rewardSigmas });
  if (observed === undefined) return;
  const { terms, netReturn, reward, loss } = observed;
  out.push({
    type: 'RewardObserved',
    symbol: trip.symbol,
    horizon: arms[terms.arm],
    netReturn,
    sigma: terms.sigma,
    reward,
    loss,
    propensity: terms.propensity,
  });
  if (learnFromReward(learning, observed)) out.push(learningUpdated(learning));
}

/** A position is gone that, by the corrected books, was never closed: it has no reward. */
export function forgetEntry({ learning }: Pipeline, symbolIx: number): void {
  if (learning !== null) learning.tracker.entries[symbolIx] = null;
}

/** After a bar or a close: what forecasts that came due have taught. */
export function learnFromForecasts({ learning }: Pipeline, out: DerivedEvent[]): void {
  if (learning !== null && settleForecasts(learning)) out.push(learningUpdated(learning));
}

function learningUpdated({ algorithm, arms, weights, omega }: LearningState): DerivedEvent {
  return {
    type: 'LearningUpdated',
    algorithm,
    arms: [...arms],
    rounds: weights.rounds,
    lossSums: numbersOf(weights.lossSums),
    probabilities: numbersOf(weights.probabilities),
    omega: numbersOf(omega),
  };
}

/** By index: `Array.from` asks an iterator for each number and takes ten times as long. */
function numbersOf(values: Float64Array): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < values.length; i += 1) numbers.push(values[i]);
  return numbers;
}
