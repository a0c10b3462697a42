import { addExpArm, createExpWeights } from '../../../src/learning/exp-weights.ts';
import { exp3IxEta, observeExp3Ix, refreshExp3Ix } from '../../../src/learning/exp3ix.ts';
import { rewardOf } from '../../../src/learning/reward.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';

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

/** The vectors give rewards in bps and no volatility; any scale will do, because their weights differ anyway. */
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
  deviates: ({ input }) =>
    (input as BanditInput).ops.some(([op]) => op === 'remove') ? NO_REMOVAL : undefined,
  deviatingFields: (facts) => deviationsOf(facts),
};

/** Before anything was observed, weights agree; after a reset they do again. Counts and sums of rewards always do. */
function deviationsOf({ input, output }: VectorFacts): Record<string, string> {
  const { ops } = input as BanditInput;
  const { trace } = output as { readonly trace: readonly { readonly error: string | null }[] };
  const fields: Record<string, string> = { 'trace.*.eta': BANDIT, 'final.eta': BANDIT };
  let isFresh = true;
  ops.forEach(([op], k) => {
    if (op === 'reset') isFresh = true;
    else if (op === 'update' || op === 'add') isFresh = false;
    if (isFresh) return;
    fields[`trace.${k}.weights`] = BANDIT;
    fields[`trace.${k}.probabilities`] = BANDIT;
  });
  if (!isFresh) {
    for (const field of ['weights', 'probabilities', 'raw']) fields[`final.${field}`] = BANDIT;
  }
  trace.forEach(({ error }, k) => {
    if (error !== 'overflow') return;
    fields[`trace.${k}.error`] = NO_OVERFLOW;
    // the arm was counted as pulled there, the step was not; a reset forgets both
    if (!ops.slice(k).some(([op]) => op === 'reset')) fields['final.steps'] = NO_OVERFLOW;
  });
  return fields;
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
