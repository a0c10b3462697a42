import { InvariantError } from '../domain/errors.ts';
import type { RoundTrip } from '../domain/lots.ts';

/** The loss of a reward of 0. */
export const NEUTRAL_LOSS = 0.5;

/** What a closed position earned, by itself and against what its horizon moves by chance. */
export interface Reward {
  /** Net return of the round trip: actual fees and fill prices, fraction of the entry notional. */
  readonly netReturn: number;
  /** `netReturn / (sigmas * sigma)`, clipped to [-1, 1]. */
  readonly reward: number;
  /** `(1 - reward) / 2`, in [0, 1]. */
  readonly loss: number;
}

export interface RewardScale {
  /** Standard deviation of the horizon's return when the position was entered, decimal, above 0. */
  readonly sigma: number;
  /** How many of them make a reward of 1. */
  readonly sigmas: number;
}

/** Net return of a round trip, lots first in, first out, as a fraction of what was entered. */
export function netReturnOf({ netMicros, entryNotionalMicros }: RoundTrip): number {
  return netMicros / entryNotionalMicros;
}

/**
 * A return as a reward. Any size is fine: beyond +-`sigmas` standard deviations it counts as +-1, so that one accident
 * cannot outweigh everything learned.
 * @throws InvariantError for NaN, or a sigma that is not positive: entries need a known volatility
 */
export function rewardOf(netReturn: number, { sigma, sigmas }: RewardScale): Reward {
  const scaled = netReturn / (sigmas * sigma);
  if (Number.isNaN(scaled) || !(sigma > 0)) {
    throw new InvariantError(`a return of ${netReturn} at sigma ${sigma} has no reward`);
  }
  const reward = Math.min(1, Math.max(-1, scaled));
  return { netReturn, reward, loss: (1 - reward) / 2 };
}
