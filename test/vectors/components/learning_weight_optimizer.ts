import type { LearningSettings } from '../../../src/domain/settings.ts';
import { blendShare, combineWeights, staticWeights } from '../../../src/learning/ensemble.ts';
import {
  createLearning,
  type LearningState,
  learnFromReward,
  useHorizons,
} from '../../../src/learning/learning-state.ts';
import { rewardOf } from '../../../src/learning/reward.ts';
import { addArmRule, banditRule, observeRule, probabilitiesRule } from '../rules/exp3ix.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';

type Op =
  | { readonly op: 'pnl'; readonly arm: string; readonly bps: number; readonly times: number }
  | {
      readonly op: 'weights';
      readonly static: Readonly<Record<string, number>>;
      readonly force_static?: boolean;
    }
  | { readonly op: 'add' | 'remove'; readonly arm: string }
  | { readonly op: 'reset' };

interface OptimizerInput {
  readonly arms: readonly string[];
  readonly blend_ratio: number | null;
  readonly min_samples: number | null;
  readonly ramp_up_samples: number | null;
  readonly ops: readonly Op[];
}

const SCALE = { sigma: 0.001, sigmas: 3 };

const BANDIT =
  'the bandit is Exp3-IX with losses counted from 1/2, so learned weights differ, and omega where they count';
const NEGATIVE = 'the scenario refuses negative static weights';
const NO_REMOVAL = 'arms are never removed: a horizon that stops forecasting is simply not taken';

export const vectorComponent: VectorComponent = {
  component: 'learning_weight_optimizer',
  run(input: OptimizerInput) {
    const settings = settingsOf(input);
    let state = learningOf(input.arms, settings);
    const apply = (op: Op) => {
      switch (op.op) {
        case 'pnl':
          return observe(state, op);
        case 'weights':
          return weightsOf(state, settings, op);
        case 'add':
          if (state.arms.includes(op.arm)) return { error: 'invalid' };
          useHorizons(state, [...state.arms, op.arm]);
          return { index: state.arms.length - 1, arms: [...state.arms] };
        case 'remove':
          return { error: 'invalid' };
        case 'reset':
          state = learningOf(state.arms, settings);
          return { effective_blend: state.share };
      }
    };
    return { steps: input.ops.map((op) => apply(op)) };
  },
  deviates: ({ input }) => {
    const { ops } = input as OptimizerInput;
    if (ops.some(({ op }) => op === 'remove')) return NO_REMOVAL;
    const isNegative = (op: Op) =>
      op.op === 'weights' && Object.values(op.static).some((weight) => weight < 0);
    return ops.some(isNegative) ? NEGATIVE : undefined;
  },
  restate: restateWeights,
};

function settingsOf({ blend_ratio, min_samples, ramp_up_samples }: OptimizerInput): LearningSettings {
  const rampStartRewards = min_samples ?? 100;
  return {
    algorithm: 'exp3ix',
    explore: 0.1,
    rewardSigmas: 3,
    blend: blend_ratio ?? 0.3,
    rampStartRewards,
    rampRewards: ramp_up_samples ?? rampStartRewards,
    staticWeights: {},
  };
}

function learningOf(arms: readonly string[], settings: LearningSettings): LearningState {
  return createLearning({ settings, horizons: arms, symbolCount: 1 })!;
}

function observe(state: LearningState, { arm, bps, times }: Extract<Op, { op: 'pnl' }>) {
  const index = state.arms.indexOf(arm);
  if (index < 0) return { error: 'invalid' };
  for (let k = 0; k < times; k += 1) {
    const terms = {
      arm: index,
      propensity: state.weights.probabilities[index]!,
      sigma: SCALE.sigma,
    };
    learnFromReward(state, { ...rewardOf(bps / 10_000, SCALE), terms });
  }
  return { effective_blend: state.share };
}

function weightsOf(state: LearningState, settings: LearningSettings, op: Extract<Op, { op: 'weights' }>) {
  const { probabilities, rounds } = state.weights;
  const share = op.force_static === true ? 0 : blendShare(rounds, settings);
  const omega = new Float64Array(state.arms.length);
  combineWeights({ fixed: staticWeights(op.static, state.arms), learned: probabilities }, share, omega);
  const byArm = (values: Float64Array) => Object.fromEntries(state.arms.map((arm, k) => [arm, values[k]]));
  return {
    effective_blend: state.share,
    weights: byArm(omega),
    bandit: byArm(probabilities),
    probabilities: byArm(probabilities),
  };
}

interface WeightsStep {
  readonly effective_blend: number;
  readonly weights: Readonly<Record<string, number>>;
  readonly bandit: Readonly<Record<string, number>>;
}

/**
 * The vectors with our learned weights in place of theirs: `omega = (1 - b) * static + b * learned`, so omega moves by b
 * times the difference. Blend, static weights and their mix are all still compared.
 */
function restateWeights({ input, output }: VectorFacts): Restated {
  const { ops, arms } = input as OptimizerInput;
  const theirs = (output as { readonly steps: readonly unknown[] }).steps;
  const learner = learnerByRule(arms);
  const steps = theirs.map((step, k) => {
    const op = ops[k]!;
    if (op.op !== 'weights') {
      learner.apply(op);
      return step;
    }
    const expected = step as WeightsStep;
    const bandit = learner.probabilities();
    const share = op.force_static === true ? 0 : expected.effective_blend;
    const weights = Object.fromEntries(
      Object.entries(expected.weights).map(([arm, weight]) => [
        arm,
        weight + share * (bandit[arm]! - expected.bandit[arm]!),
      ]),
    );
    return { ...expected, weights, bandit, probabilities: bandit };
  });
  return { output: { steps }, reasons: [BANDIT] };
}

function learnerByRule(names: readonly string[]) {
  let arms = [...names];
  let bandit = banditRule(arms.length);
  return {
    probabilities(): Readonly<Record<string, number>> {
      const values = probabilitiesRule(bandit);
      return Object.fromEntries(arms.map((arm, k) => [arm, values[k]!]));
    },
    apply(op: Exclude<Op, { op: 'weights' }>): void {
      if (op.op === 'reset') bandit = banditRule(arms.length);
      if (op.op === 'add' && !arms.includes(op.arm)) {
        arms = [...arms, op.arm];
        addArmRule(bandit);
      }
      if (op.op !== 'pnl' || !arms.includes(op.arm)) return;
      const pull = { bps: op.bps, baseline: 0.5 };
      for (let k = 0; k < op.times; k += 1) observeRule(bandit, arms.indexOf(op.arm), pull);
    },
  };
}
