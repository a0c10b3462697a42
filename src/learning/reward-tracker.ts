import type { RoundTrip } from '../domain/lots.ts';
import { netReturnOf, type Reward, rewardOf } from './reward.ts';

/** Under what terms a position was entered: what its reward is credited to and measured by. */
export interface EntryTerms {
  /** Index of the arm, the horizon it was entered on. */
  readonly arm: number;
  /** Probability with which that horizon was taken when it was decided. */
  readonly propensity: number;
  /** Standard deviation of the horizon's return at that time, decimal. */
  readonly sigma: number;
}

/** What the round trips of one arm came to. */
export interface ArmTally {
  roundTrips: number;
  wins: number;
  losses: number;
  /** Sum of net returns, decimal; over `roundTrips` it is the mean. */
  netReturnSum: number;
}

/** Positions open under known terms, one a symbol, and what closed ones came to, by arm. Plain data. */
export interface RewardTracker {
  readonly entries: (EntryTerms | null)[];
  readonly tallies: ArmTally[];
}

export interface ObservedReward extends Reward {
  readonly terms: EntryTerms;
}

export function createRewardTracker(symbolCount: number, armCount: number): RewardTracker {
  return {
    entries: Array.from({ length: symbolCount }, () => null),
    tallies: Array.from({ length: armCount }, emptyTally),
  };
}

export function emptyTally(): ArmTally {
  return { roundTrips: 0, wins: 0, losses: 0, netReturnSum: 0 };
}

/** A position was opened. Its terms hold until it is flat again, whatever is added to it or renewed meanwhile. */
export function trackEntry(tracker: RewardTracker, symbolIx: number, terms: EntryTerms): void {
  tracker.entries[symbolIx] = terms;
}

/**
 * A position became flat: its reward, now that everything it cost is known.
 * @returns undefined for a position nobody entered on a horizon, such as one that came from outside
 */
export function closeEntry(
  { entries, tallies }: RewardTracker,
  symbolIx: number,
  { trip, sigmas }: { readonly trip: RoundTrip; readonly sigmas: number },
): ObservedReward | undefined {
  const terms = entries[symbolIx];
  if (terms === null) return undefined;
  entries[symbolIx] = null;
  const netReturn = netReturnOf(trip);
  const tally = tallies[terms.arm];
  tally.roundTrips += 1;
  tally.netReturnSum += netReturn;
  if (netReturn > 0) tally.wins += 1;
  else if (netReturn < 0) tally.losses += 1;
  const { reward, loss } = rewardOf(netReturn, { sigma: terms.sigma, sigmas });
  return { netReturn, reward, loss, terms };
}
