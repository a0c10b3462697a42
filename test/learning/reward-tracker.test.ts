import { describe, expect, it } from 'vitest';
import { applyExecution, createLedger } from '../../src/domain/ledger.ts';
import type { RoundTrip } from '../../src/domain/lots.ts';
import { netReturnOf, rewardOf } from '../../src/learning/reward.ts';
import { closeEntry, createRewardTracker, trackEntry } from '../../src/learning/reward-tracker.ts';

const TERMS = { arm: 1, propensity: 0.95, sigma: 0.002 };

/** Books executions of one symbol and gives the round trip they came to. */
function tripOf(...legs: readonly (readonly ['buy' | 'sell', number, number, number])[]): RoundTrip {
  const ledger = createLedger({ cashMicros: 1e12, symbols: ['AAA'] });
  let trip: RoundTrip | undefined;
  legs.forEach(([side, quantity, priceE4, feeMicros], k) => {
    const execution = {
      executionId: `x${k}`,
      clientOrderId: 'o',
      symbol: 'AAA',
      side,
      quantity,
      priceE4,
      feeMicros,
      tradeTimeUs: k,
    };
    trip = applyExecution(ledger, execution).roundTrip ?? trip;
  });
  return trip!;
}

describe('a reward', () => {
  it('is the net return of the round trip, fees and fills as they were, over 3 sigma', () => {
    // in at $100 and $102, out at $103: a gain of $200 on $10,100, less $5 of fees
    const trip = tripOf(
      ['buy', 50, 1_000_000, 2e6],
      ['buy', 50, 1_020_000, 1e6],
      ['sell', 100, 1_030_000, 2e6],
    );
    expect(netReturnOf(trip)).toBe((200 - 5) / 10_100);
    const { reward, loss } = rewardOf(0.003, { sigma: 0.002, sigmas: 3 });
    expect([reward, loss]).toEqual([0.5, 0.25]);
  });

  it('of a short is what the fall was worth', () => {
    expect(netReturnOf(tripOf(['sell', 100, 1_000_000, 0], ['buy', 100, 990_000, 1e6]))).toBe(99 / 10_000);
  });

  it.each([
    [1, 1, 0],
    [-1, -1, 1],
    [Number.POSITIVE_INFINITY, 1, 0],
    [0, 0, 0.5],
  ])('of a return of %d is %d, a loss of %d: clipped at 3 sigma', (netReturn, reward, loss) => {
    expect(rewardOf(netReturn, { sigma: 0.002, sigmas: 3 })).toEqual({ netReturn, reward, loss });
  });

  it.each([
    [Number.NaN, 0.002],
    [0.001, 0],
    [0.001, Number.NaN],
  ])('of %d at a sigma of %d is refused', (netReturn, sigma) => {
    expect(() => rewardOf(netReturn, { sigma, sigmas: 3 })).toThrow(/has no reward/);
  });
});

describe('the reward tracker', () => {
  it('credits a closed position once, to the arm it was entered on', () => {
    const tracker = createRewardTracker(2, 3);
    trackEntry(tracker, 1, TERMS);
    const trip = tripOf(['buy', 100, 1_000_000, 0], ['sell', 100, 1_006_000, 0]);
    expect(closeEntry(tracker, 1, { trip, sigmas: 3 })).toEqual({
      terms: TERMS,
      netReturn: 0.006,
      reward: 1,
      loss: 0,
    });
    expect(closeEntry(tracker, 1, { trip, sigmas: 3 })).toBeUndefined();
    expect(tracker.tallies.map(({ roundTrips, wins }) => [roundTrips, wins])).toEqual([
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
  });

  it('says nothing of a position nobody entered', () => {
    const trip = tripOf(['buy', 100, 1_000_000, 0], ['sell', 100, 1_006_000, 0]);
    expect(closeEntry(createRewardTracker(1, 1), 0, { trip, sigmas: 3 })).toBeUndefined();
  });

  it('counts a trip that came out even neither as won nor as lost', () => {
    const tracker = createRewardTracker(1, 2);
    for (const exitE4 of [1_000_000, 1_010_000, 990_000, 980_000]) {
      trackEntry(tracker, 0, TERMS);
      closeEntry(tracker, 0, { trip: tripOf(['buy', 10, 1_000_000, 0], ['sell', 10, exitE4, 0]), sigmas: 3 });
    }
    expect(tracker.tallies[1]).toEqual({
      roundTrips: 4,
      wins: 1,
      losses: 2,
      netReturnSum: 0.01 - 0.01 - 0.02,
    });
  });
});
