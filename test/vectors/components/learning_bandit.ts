import { addExpArm, createExpWeights } from '../../../src/learning/exp-weights.ts';
import { exp3IxEta, observeExp3Ix, refreshExp3Ix } from '../../../src/learning/exp3ix.ts';
import { rewardOf } from '../../../src/learning/reward.ts';
import {
  addArmRule,
  type BanditRule,
  banditRule,
  etaRule,
  observeRule,
  probabilitiesRule,
} from '../rules/exp3ix.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';

type Op =
  | readonly ['update', number, number]
  | readonly ['add', string, number?]
  | readonly ['remove', string]
  | readonly ['reset'];

interface BanditInput {
  readonly arm_names: readonly string[];
  readonly gamma: number | null;
  readonly eta: number | null;
  readonly ops: readonly Op[];
}

interface BanditOutput {
  readonly trace: readonly { readonly error: string | null }[];
  readonly final: object;
}

/** The vectors give rewards in bps and no volatility: see `rules/exp3ix.ts`. */
const SCALE = { sigma: 0.001, sigmas: 3 };

const BANDIT = 'the bandit is Exp3-IX as published, with losses in [0, 1] and an anytime rate';
const NO_REMOVAL = 'arms are never removed: a horizon that stops forecasting is simply not taken';
const NO_OVERFLOW = 'rewards are clipped, so none overflows';

export const vectorComponent: VectorComponent = {
  component: 'learning_bandit',
  run(input: BanditInput) {
    const player = createPlayer(input.arm_names);
    const trace = input.ops.map((op) => ({ error: apply(player, input.arm_names, op), ...view(player) }));
    const { names, pulls, cumulative } = player;
    const final = {
      ...view(player),
      raw: rawOf(player),
      pulls,
      cumulative,
      steps: player.weights.rounds,
      arms: names,
    };
    return { trace, final };
  },
  restate: restateGame,
};

/** The game as the rule plays it; counts and sums of rewards stay the vector's where it played the same rounds. */
function restateGame({ input, output }: VectorFacts): Restated {
  const { arm_names, ops } = input as BanditInput;
  const theirs = output as BanditOutput;
  let names = [...arm_names];
  let bandit = banditRule(names.length);
  let pulls = names.map(() => [] as number[]);
  const trace = ops.map((op) => {
    let error: 'invalid' | null = null;
    if (op[0] === 'reset') {
      bandit = banditRule(names.length);
      pulls = names.map(() => []);
    } else if (op[0] === 'add' && !names.includes(op[1])) {
      names = [...names, op[1]];
      pulls.push([]);
      addArmRule(bandit);
    } else if (op[0] === 'update' && pulls[op[1]] !== undefined) {
      observeRule(bandit, op[1], { bps: op[2], baseline: 0 });
      pulls[op[1]]!.push(op[2]);
    } else error = 'invalid';
    return { error, ...viewByRule(bandit) };
  });
  const probabilities = probabilitiesRule(bandit);
  const counts = {
    pulls: pulls.map((bps) => bps.length),
    cumulative: pulls.map((bps) => bps.reduce((sum, value) => sum + value, 0)),
    steps: bandit.rounds,
    arms: names,
  };
  const isRemoved = ops.some(([op]) => op === 'remove');
  const isOverflowed = theirs.trace.some(({ error }) => error === 'overflow');
  const isOtherGame = isRemoved || isOverflowed;
  return {
    output: {
      trace: isOtherGame ? trace : trace.map((step, k) => ({ ...step, error: theirs.trace[k]!.error })),
      final: {
        ...(isOtherGame ? counts : theirs.final),
        ...viewByRule(bandit),
        raw: probabilities.map((p) => p / Math.max(...probabilities)),
      },
    },
    reasons: [BANDIT, ...(isRemoved ? [NO_REMOVAL] : []), ...(isOverflowed ? [NO_OVERFLOW] : [])],
  };
}

function viewByRule(bandit: BanditRule) {
  const probabilities = probabilitiesRule(bandit);
  return { weights: probabilities, probabilities, eta: etaRule(bandit) };
}

interface Player {
  names: string[];
  weights: ReturnType<typeof createExpWeights>;
  pulls: number[];
  cumulative: number[];
}

function createPlayer(names: readonly string[]): Player {
  return {
    names: [...names],
    weights: createExpWeights(names.length),
    pulls: names.map(() => 0),
    cumulative: names.map(() => 0),
  };
}

function apply(player: Player, names: readonly string[], op: Op): 'invalid' | null {
  switch (op[0]) {
    case 'update': {
      const [, arm, rewardBps] = op;
      if (arm < 0 || arm >= player.names.length) return 'invalid';
      const { loss } = rewardOf(rewardBps / 10_000, SCALE);
      observeExp3Ix(player.weights, { arm, loss, propensity: player.weights.probabilities[arm]! });
      player.pulls[arm]! += 1;
      player.cumulative[arm]! += rewardBps;
      return null;
    }
    case 'add':
      if (player.names.includes(op[1])) return 'invalid';
      player.names.push(op[1]);
      player.pulls.push(0);
      player.cumulative.push(0);
      addExpArm(player.weights);
      refreshExp3Ix(player.weights);
      return null;
    case 'remove':
      return 'invalid';
    case 'reset':
      Object.assign(player, createPlayer(player.names.length > 0 ? player.names : names));
      return null;
  }
}

/** Ours has one distribution where theirs had weights and a mix of them with uniform play. */
function view({ weights }: Player) {
  const probabilities = Array.from(weights.probabilities);
  return {
    weights: probabilities,
    probabilities,
    eta: exp3IxEta(probabilities.length, weights.rounds + 1),
  };
}

/** Unnormalised weights, relative to the best arm's. */
function rawOf({ weights }: Player): number[] {
  const best = Math.max(...weights.probabilities);
  return Array.from(weights.probabilities, (p) => p / best);
}
