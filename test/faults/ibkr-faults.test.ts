import { expect, it } from 'vitest';
import { FAULT_KINDS } from '../twins/tws/faults.ts';
import { runIbkrFaults } from './ibkr-faults.ts';

it('property: every kind of fault leaves every invariant standing', async () => {
  const { scripts, checks, violations, fired } = await runIbkrFaults({ seed: 1, scripts: 100 });
  expect(violations).toEqual([]);
  expect(scripts).toBe(100);
  expect(checks).toBeGreaterThan(1_000);
  expect([...fired].sort()).toEqual([...FAULT_KINDS].sort());
});
