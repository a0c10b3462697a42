import { beforeAll, describe, expect, it } from 'vitest';
import { type BrokenRun, countSeeds, countsText, runBroken } from './broken-horizon.ts';

const SEEDS = Array.from({ length: 20 }, (_, k) => k + 1);

/** Enough of 20 seeds that chance alone would get there once in fifty times (sign test). */
const MORE_THAN_CHANCE = 15;

async function runSeeds(algorithm: 'off' | 'exp3ix' | 'hedge', rest: object = {}): Promise<BrokenRun[]> {
  const runs: BrokenRun[] = [];
  for (const seed of SEEDS) runs.push(await runBroken({ seed, learning: { algorithm, ...rest } }));
  return runs;
}

/**
 * With the scenario's default settings, and broker costs that a right forecast pays for; `npm run learning` has more
 * settings, default costs, and worlds where nothing breaks. A bandit that hears of one horizon a position at a time
 * learns slowly: at most 0.3 of omega moves, and what that gains is less than what other draws of the exploration
 * gain or lose, so money is asked about only where learned weights count in full.
 */
describe('where the forecasts of one horizon are upside down from half-way on', () => {
  let off: BrokenRun[];

  beforeAll(async () => {
    off = await runSeeds('off');
  }, 240_000);

  it('hedge takes weight from it and gains more than without learning', async () => {
    const counts = countSeeds(await runSeeds('hedge'), off);
    console.log(countsText('hedge, defaults', counts));
    expect(counts.weightFell).toBeGreaterThanOrEqual(MORE_THAN_CHANCE);
    expect(counts.gainedMore).toBeGreaterThanOrEqual(MORE_THAN_CHANCE);
    expect(counts.meanGain).toBeGreaterThan(0);
  }, 240_000);

  it('exp3ix takes weight from it', async () => {
    const counts = countSeeds(await runSeeds('exp3ix'), off);
    console.log(countsText('exp3ix, defaults', counts));
    expect(counts.weightFell).toBeGreaterThanOrEqual(MORE_THAN_CHANCE);
  }, 240_000);

  it('exp3ix in full, exploring more, gains more than without learning in the mean over seeds', async () => {
    const settings = { explore: 0.3, blend: 1, rampStartRewards: 20, rampRewards: 20 };
    const counts = countSeeds(await runSeeds('exp3ix', settings), off);
    console.log(countsText('exp3ix, blend 1, explore 0.3', counts));
    expect(counts.weightFell).toBeGreaterThanOrEqual(MORE_THAN_CHANCE);
    expect(counts.meanGain).toBeGreaterThan(0);
  }, 240_000);
});
