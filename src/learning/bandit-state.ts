import { type ArmStart, BANDIT_STATE_VERSION, type LearningStart } from './learning-start.ts';
import type { LearningState } from './learning-state.ts';

/** `bandit_state.json`: a start for later runs, with what people want to see beside it. */
export interface BanditState extends LearningStart {
  readonly version: typeof BANDIT_STATE_VERSION;
  /** Share of the learned weights in omega. */
  readonly share: number;
  readonly arms: readonly (ArmStart & {
    readonly probability: number;
    readonly staticWeight: number;
    readonly omega: number;
  })[];
}

/** Doubles survive JSON to the bit, so a run that starts from this starts from the same state. */
export function viewLearning(state: LearningState): BanditState {
  const { weights, tracker, forecasts } = state;
  return {
    version: BANDIT_STATE_VERSION,
    algorithm: state.algorithm,
    rounds: weights.rounds,
    learnerLoss: weights.learnerLoss,
    share: state.share,
    arms: state.arms.map((horizon, k) => ({
      horizon,
      lossSum: weights.lossSums[k],
      ...tracker.tallies[k],
      forecastsScored: forecasts === null ? 0 : forecasts.scored[k],
      probability: weights.probabilities[k],
      staticWeight: state.fixed[k],
      omega: state.omega[k],
    })),
  };
}
