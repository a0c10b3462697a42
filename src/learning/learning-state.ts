import { invariant } from '../domain/errors.ts';
import type { LearningSettings } from '../domain/settings.ts';
import { blendShare, combineWeights, staticWeights } from './ensemble.ts';
import { addExpArm, addLoss, createExpWeights, type ExpWeights } from './exp-weights.ts';
import { observeExp3Ix, refreshExp3Ix } from './exp3ix.ts';
import {
  addForecastArm,
  createForecastScores,
  type ForecastScores,
  type MaturedForecasts,
  meanScore,
} from './forecast-scores.ts';
import { closeHedgeRounds } from './hedge.ts';
import type { LearningStart } from './learning-start.ts';
import { NEUTRAL_LOSS } from './reward.ts';
import {
  createRewardTracker,
  emptyTally,
  type ObservedReward,
  type RewardTracker,
} from './reward-tracker.ts';

/** What a run has learned about its horizons: plain data, updated in place. Arms are horizons. */
export interface LearningState {
  readonly settings: LearningSettings;
  readonly algorithm: 'exp3ix' | 'hedge';
  /** K horizon labels in the order they joined; an arm keeps its index for ever. */
  readonly arms: string[];
  /** Arm of each horizon of the pipeline, which is ordered by length. */
  armOfHorizon: Int32Array;
  readonly weights: ExpWeights;
  readonly tracker: RewardTracker;
  /** `hedge` only. */
  readonly forecasts: ForecastScores | null;
  /** K weights of the scenario. */
  fixed: Float64Array;
  /** K weights arbitration uses, sum 1, and the share of what was learned in them. */
  omega: Float64Array;
  share: number;
}

/**
 * @param horizons labels of the pipeline's horizons, in its order
 * @returns null when learning is off, or there is no horizon to learn about
 */
export function createLearning(options: {
  readonly settings: LearningSettings;
  readonly horizons: readonly string[];
  readonly symbolCount: number;
  /** What an earlier run had learned; its arms come first. */
  readonly start?: LearningStart | undefined;
}): LearningState | null {
  const { settings, horizons, symbolCount, start } = options;
  const { algorithm } = settings;
  if (algorithm === 'off' || horizons.length === 0) return null;
  const arms = start === undefined ? [...horizons] : start.arms.map(({ horizon }) => horizon);
  const state: LearningState = {
    settings,
    algorithm,
    arms,
    armOfHorizon: new Int32Array(0),
    weights: createExpWeights(arms.length),
    tracker: createRewardTracker(symbolCount, arms.length),
    forecasts: algorithm === 'hedge' ? createForecastScores(arms.length) : null,
    fixed: new Float64Array(arms.length),
    omega: new Float64Array(arms.length),
    share: 0,
  };
  if (start !== undefined) restore(state, start);
  useHorizons(state, horizons);
  return state;
}

function restore({ algorithm, weights, tracker, forecasts }: LearningState, start: LearningStart): void {
  invariant(start.algorithm === algorithm, `${algorithm} cannot start from ${start.algorithm}`);
  weights.rounds = start.rounds;
  weights.learnerLoss = start.learnerLoss;
  start.arms.forEach((arm, k) => {
    weights.lossSums[k] = arm.lossSum;
    Object.assign(tracker.tallies[k], {
      roundTrips: arm.roundTrips,
      wins: arm.wins,
      losses: arm.losses,
      netReturnSum: arm.netReturnSum,
    });
    if (forecasts !== null) forecasts.scored[k] = arm.forecastsScored;
  });
}

/** Makes every horizon an arm: those that are new join what is known already. For the start, and for discovery. */
export function useHorizons(state: LearningState, horizons: readonly string[]): void {
  for (const label of horizons) if (!state.arms.includes(label)) addArm(state, label);
  state.armOfHorizon = Int32Array.from(horizons, (label) => state.arms.indexOf(label));
  state.fixed = staticWeights(state.settings.staticWeights, state.arms);
  state.omega = new Float64Array(state.arms.length);
  if (state.algorithm === 'exp3ix') refreshExp3Ix(state.weights);
  else closeHedgeRounds(state.weights, state.weights.rounds);
  refreshOmega(state);
}

function addArm({ arms, weights, tracker, forecasts }: LearningState, label: string): void {
  arms.push(label);
  tracker.tallies.push(emptyTally());
  if (forecasts !== null) addForecastArm(forecasts);
  addExpArm(weights);
}

/**
 * A closed position: the ramp counts it, and `exp3ix` learns from it.
 * @returns true when weights changed
 */
export function learnFromReward(state: LearningState, { loss, terms }: ObservedReward): boolean {
  if (state.algorithm !== 'exp3ix') {
    const before = state.share;
    refreshOmega(state);
    return state.share !== before;
  }
  const { arm, propensity } = terms;
  observeExp3Ix(state.weights, { arm, loss, propensity, baseline: NEUTRAL_LOSS });
  refreshOmega(state);
  return true;
}

/** `hedge`: takes in how the forecasts of one arm and cycle came out; `settleForecasts` follows when all are in. */
export function learnFromForecasts(state: LearningState, arm: number, matured: MaturedForecasts): void {
  const { forecasts, weights } = state;
  if (forecasts === null) return;
  addLoss(weights, arm, -meanScore(matured) / 2);
  forecasts.scored[arm] += 1;
  forecasts.hasNew = true;
}

/**
 * `hedge`: closes the rounds of what was taken in. Losses are counted from the neutral 1/2, so that an arm whose
 * forecast does not mature (it would cross the close) neither gains nor loses on those that do.
 * @returns true when weights changed
 */
export function settleForecasts(state: LearningState): boolean {
  const { forecasts, weights } = state;
  if (forecasts === null || !forecasts.hasNew) return false;
  forecasts.hasNew = false;
  let { rounds } = weights;
  for (const scored of forecasts.scored) rounds = Math.max(rounds, scored);
  closeHedgeRounds(weights, rounds);
  refreshOmega(state);
  return true;
}

/** Rewards so far. Each is a round of the bandit; the rounds of Hedge are cycles. */
function rewardsOf({ algorithm, weights, tracker }: LearningState): number {
  if (algorithm === 'exp3ix') return weights.rounds;
  let rewards = 0;
  for (const { roundTrips } of tracker.tallies) rewards += roundTrips;
  return rewards;
}

/** Works the weights out of what was learned: again after each lesson, and where settings changed. */
export function refreshOmega(state: LearningState): void {
  state.share = blendShare(rewardsOf(state), state.settings);
  const parts = { fixed: state.fixed, learned: state.weights.probabilities };
  combineWeights(parts, state.share, state.omega);
}

/** Weights of the pipeline's horizons, in its order, into `out`. */
export function fillOmega({ armOfHorizon, omega }: LearningState, out: Float64Array): void {
  for (let h = 0; h < out.length; h += 1) out[h] = omega[armOfHorizon[h]];
}
