import { describe, expect, it } from 'vitest';
import { limitOf, TIGHTENABLE_LIMITS, type TightenableLimit } from '../../src/domain/tighten.ts';
import type { Engine } from '../../src/engine/engine-state.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { viewEngine } from '../../src/engine/state-view.ts';
import { isKilled } from '../../src/pipeline/6-risk/kill-switch.ts';
import { type Desk, decisionsIn, longDesk, ofType, ordersIn, warmDesk } from './desk.ts';

function tighten(desk: Desk, limit: TightenableLimit, value: number) {
  return desk.send({ type: 'ConfigChanged', limit, value, who: 'ann', why: 'a test' });
}

const limitsOf = ({ settings }: Engine) =>
  Object.fromEntries(TIGHTENABLE_LIMITS.map((limit) => [limit, limitOf(settings.risk, limit)]));

describe('a limit that is tightened while a run goes on', () => {
  it('holds from the next decision on, and every limit can be', () => {
    const free = warmDesk();
    const [order] = ordersIn(free.next({ AAA: 'long' }));
    const desk = warmDesk();
    expect(tighten(desk, 'maxOrderShares', order!.quantity - 1)).toEqual([]);
    expect(decisionsIn(desk.next({ AAA: 'long' })).AAA).toMatchObject({
      kind: 'BLOCKED',
      limit: order!.quantity - 1,
      value: order!.quantity,
    });
    for (const limit of TIGHTENABLE_LIMITS) {
      const before = limitsOf(desk.engine);
      const value =
        Math.max(1, Math.floor(before[limit]! / 2)) < before[limit]!
          ? Math.max(1, Math.floor(before[limit]! / 2))
          : before[limit]! / 2;
      expect(tighten(desk, limit, value)).toEqual([]);
      expect(limitsOf(desk.engine)).toEqual({ ...before, [limit]: value });
    }
  });

  it.each([
    { what: 'larger', value: 2 },
    { what: 'the same', value: 1 },
    { what: 'no limit at all', value: 0 },
  ])('is refused and raised where it would be $what', ({ value }) => {
    const desk = warmDesk();
    const before = limitsOf(desk.engine);
    expect(ofType(tighten(desk, 'maxGross', value), 'ErrorRaised')).toEqual([
      {
        type: 'ErrorRaised',
        code: 'LIMIT_NOT_TIGHTENED',
        message: `risk.maxGross is 1; a running engine takes only a smaller number above 0, found ${value}`,
      },
    ]);
    expect(ofType(tighten(desk, 'maxOpenOrders', 1.5), 'ErrorRaised')[0]!.message).toContain(
      'smaller whole number',
    );
    expect(limitsOf(desk.engine)).toEqual(before);
  });

  it("is the engine's own: settings it was made from stay, and its snapshot has what holds", () => {
    const desk = warmDesk();
    const { settings } = desk.engine;
    tighten(desk, 'maxGross', 0.25);
    expect(settings.risk.maxGrossFrac).toBe(1);
    const restored = decodeState(encodeState(desk.engine)) as Engine;
    expect(restored.settings.risk.maxGrossFrac).toBe(0.25);
    expect(restored.pipeline.riskLimits.maxGrossFrac).toBe(0.25);
    expect(viewEngine(desk.engine)).toMatchObject({ risk: { limits: { maxGross: 0.25, maxNet: 1 } } });
  });

  it('trips the kill switch at the next bar where the loss is beyond it already', () => {
    const desk = longDesk();
    desk.bar({ AAA: { midE4: 990_000 } });
    expect(isKilled(desk.engine.kill)).toBe(false);
    tighten(desk, 'dailyLoss', 0.000_01);
    desk.bar({ AAA: { midE4: 990_000 } });
    expect(isKilled(desk.engine.kill)).toBe(true);
  });
});
