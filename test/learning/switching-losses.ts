import { createPrng } from '../../src/math/prng.ts';

/**
 * A steady arm, and decoys that take turns being better than it for a while and are much worse the rest of the time:
 * whoever chases the decoy of the day loses to the steady arm, the best fixed one.
 */
const STEADY = 2;
const STEADY_LOSS = 0.2;
const DECOY_ROUNDS = 100;
const DECOY_GOOD_LOSS = 0.1;
const DECOY_BAD_LOSS = 0.9;

function meanLoss(arm: number, t: number, armCount: number): number {
  if (arm === STEADY) return STEADY_LOSS;
  const turn = Math.floor(t / DECOY_ROUNDS) % armCount;
  return turn === arm ? DECOY_GOOD_LOSS : DECOY_BAD_LOSS;
}

export interface SwitchingGame {
  readonly armCount: number;
  readonly rounds: number;
  readonly seed: number;
}

/**
 * Plays T rounds of Bernoulli losses, fixed before the first and hidden from the player but for the arm it pulls.
 * @param player is asked for its probabilities, then told the losses of the round and the arm that was pulled
 * @returns the player's loss less that of the best fixed arm, and what the player expected to lose less the same
 */
export function playSwitchingGame(
  game: SwitchingGame,
  player: {
    probabilities(): Float64Array;
    observe(round: { readonly arm: number; readonly losses: Float64Array }): void;
  },
): { readonly regret: number; readonly expectedRegret: number } {
  const { armCount, rounds } = game;
  const world = createPrng(['losses', game.seed, rounds]);
  const draws = createPrng(['player', game.seed, rounds]);
  const losses = new Float64Array(armCount);
  const totals = new Float64Array(armCount);
  let suffered = 0;
  let expected = 0;
  for (let t = 0; t < rounds; t += 1) {
    for (let i = 0; i < armCount; i += 1) {
      losses[i] = world() < meanLoss(i, t, armCount) ? 1 : 0;
      totals[i]! += losses[i]!;
    }
    const p = player.probabilities();
    for (let i = 0; i < armCount; i += 1) expected += p[i]! * losses[i]!;
    const arm = armAt(p, draws());
    suffered += losses[arm]!;
    player.observe({ arm, losses });
  }
  const best = Math.min(...totals);
  return { regret: suffered - best, expectedRegret: expected - best };
}

/** Drawn here by itself, so that a fault of the code under test cannot hide in its own draws. */
function armAt(probabilities: Float64Array, unit: number): number {
  let left = unit;
  for (let i = 0; i < probabilities.length - 1; i += 1) {
    left -= probabilities[i]!;
    if (left < 0) return i;
  }
  return probabilities.length - 1;
}
