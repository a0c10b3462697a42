import { invariant } from '../domain/errors.ts';
import { drawArm, propensityOf, unitOf } from '../learning/explore.ts';
import type { LearningState } from '../learning/learning-state.ts';
import type { EntryTerms } from '../learning/reward-tracker.ts';
import { createPrng } from '../math/prng.ts';
import { isFlattenTime } from './4-gating/exits.ts';
import { type DecisionView, isExposureStopped } from './decision-view.ts';
import type { Pipeline } from './pipeline-state.ts';

/**
 * Exploration: a new entry draws its horizon from the learned weights with probability `explore`, keyed with (seed,
 * cycle, symbol), in cycles that may enter. A draw that has no score, or one below theta, holds: were the best taken
 * instead, its propensity would be larger than the one recorded. Writes the chosen horizon over arbitration's, and the
 * propensity.
 */
export function exploreEntries(pipeline: Pipeline, view: DecisionView): void {
  const { learning, work, symbolCount } = pipeline;
  if (learning === null) return;
  work.drawn.fill(-1);
  work.propensity.fill(0);
  if (!mayEnter(pipeline, view)) return;
  for (let i = 0; i < symbolCount; i += 1) {
    const isNew = view.positionShares[i] === 0 && view.workingShares[i] === 0;
    if (isNew && work.arbitration.selected[i] === 1) enter(pipeline, learning, view.cycle, i);
  }
}

/** False where nothing new is opened, whatever it scores: there is nothing to draw for. */
function mayEnter({ settings }: Pipeline, view: DecisionView): boolean {
  const { isSessionOpen, isFlattening, minutesToClose } = view;
  const isStopped = isExposureStopped(view) || isFlattening;
  return isSessionOpen && !isStopped && !isFlattenTime(minutesToClose, settings.gating);
}

function enter(pipeline: Pipeline, learning: LearningState, cycle: number, i: number): void {
  const { work, layout, settings } = pipeline;
  const { arbitration } = work;
  const explore = exploreShare(pipeline, learning);
  const best = arbitration.best[i];
  let chosen = best;
  if (explore > 0 && unitOf(settings.seed, cycle, layout.symbols[i]) < explore) {
    const random = createPrng([settings.seed, cycle, layout.symbols[i]]);
    const arm = drawArm(learning.weights.probabilities, random());
    chosen = learning.armOfHorizon.indexOf(arm);
    invariant(chosen >= 0, `arm ${learning.arms[arm]} is no horizon of this run`);
    work.drawn[i] = chosen;
  }
  if (chosen !== best && !takeHorizon(pipeline, i, chosen)) return;
  work.propensity[i] = propensityOf({
    probability: learning.weights.probabilities[learning.armOfHorizon[chosen]],
    isBest: chosen === best,
    explore,
  });
}

/** @returns false when the horizon may not be entered: the symbol is then no candidate this cycle */
function takeHorizon(pipeline: Pipeline, i: number, h: number): boolean {
  const { arbitration, blend } = pipeline.work;
  if (!canEnter(pipeline, i, h)) {
    arbitration.selected[i] = 0;
    return false;
  }
  const slot = h * pipeline.symbolCount + i;
  arbitration.best[i] = h;
  arbitration.bestScoreBps[i] = arbitration.scoreBps[slot];
  arbitration.side[i] = Math.sign(blend.alpha[slot]);
  return true;
}

/** True where a horizon has a score, a side, and reaches theta. */
function canEnter({ work, symbolCount }: Pipeline, i: number, h: number): boolean {
  const { arbitration, blend, cost } = work;
  const slot = h * symbolCount + i;
  const hasScore = blend.valid[slot] === 1 && cost.known[i] === 1 && blend.alpha[slot] !== 0;
  return hasScore && arbitration.scoreBps[slot] >= arbitration.thetaBps[i];
}

/** Under what terms a new entry of this cycle was decided; null where there is none, or no learning. */
export function entryTerms(pipeline: Pipeline, i: number): EntryTerms | null {
  const { learning, work, symbolCount } = pipeline;
  if (learning === null || work.propensity[i] === 0) return null;
  const chosen = work.arbitration.best[i];
  return {
    arm: learning.armOfHorizon[chosen],
    propensity: work.propensity[i],
    sigma: work.sigma[chosen * symbolCount + i],
  };
}

/** Hedge sees every horizon's forecast without drawing any. */
function exploreShare({ settings }: Pipeline, { algorithm }: LearningState): number {
  return algorithm === 'exp3ix' ? settings.learning.explore : 0;
}
