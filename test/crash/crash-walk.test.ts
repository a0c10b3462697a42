import { expect, it } from 'vitest';
import { walkCrashes } from './crash-walk.ts';

/** A few points of the whole walk, which `npm run crash-walk` takes: each is two processes over real sockets. */
it.each(['kill/cancel:before:1', 'fsync:before:9', 'send:after:1', 'answer:after:2'])(
  'killed at %s, a live run goes on with nothing lost, doubled or unequal to the broker',
  async (only) => {
    const { reached, violations } = await walkCrashes({ every: 1, only });
    expect(reached).toBe(1);
    expect(violations).toEqual([]);
  },
  240_000,
);
