import { describe, expect, it } from 'vitest';
import { addTraded, advDollars, closeAdvSession, createAdv } from '../../src/pipeline/1-prediction/adv.ts';

describe('average dollar volume', () => {
  it('is unknown (0) during the first session and the mean of finished ones after', () => {
    const state = createAdv(2);
    addTraded(state, 0, 300);
    addTraded(state, 0, 100);
    expect(advDollars(state, 0)).toBe(0);
    closeAdvSession(state);
    addTraded(state, 0, 1000);
    addTraded(state, 1, 50);
    expect(advDollars(state, 0)).toBe(400);
    expect(advDollars(state, 1)).toBe(0);
    closeAdvSession(state);
    expect([advDollars(state, 0), advDollars(state, 1)]).toEqual([700, 50]);
  });

  it('counts a session without trades once the symbol has traded before', () => {
    const state = createAdv(1);
    addTraded(state, 0, 100);
    closeAdvSession(state);
    closeAdvSession(state);
    expect(advDollars(state, 0)).toBe(50);
  });
});
