import { expect, it } from 'vitest';
import { runIbkrFaults } from './ibkr-faults.ts';

it.each([1, 20_261_126])('keeps every invariant under the fault scripts of seed %i', async (seed) => {
  const { scripts, checks, violations } = await runIbkrFaults({ seed, scripts: 60 });
  expect(violations).toEqual([]);
  expect(scripts).toBe(60);
  expect(checks).toBeGreaterThan(600);
});
