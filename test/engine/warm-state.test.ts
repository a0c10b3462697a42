import { describe, expect, it } from 'vitest';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { encodeWarmState, restoreWarmState } from '../../src/engine/warm-state.ts';
import { type DeskOptions, longDesk, MINUTE_US, openDesk } from './desk.ts';

type Plain = Record<string, unknown>;

/** A day of an hour: a position, forecasts that wait, an ADV of nothing. */
function dayBefore() {
  const desk = longDesk();
  for (let k = 0; k < 45; k += 1) desk.next({ BBB: k % 2 === 0 ? 'long' : 'short' });
  desk.close();
  return desk;
}

const started = (
  state: ReturnType<typeof encodeWarmState>,
  isNextSession: boolean,
  options: DeskOptions = {},
) => {
  const { engine } = openDesk(options);
  restoreWarmState(engine, state, { isNextSession });
  return engine;
};

describe('what a run leaves to a later one', () => {
  it('is what it learned of market and models, and nothing of the account', () => {
    const { engine } = dayBefore();
    const state = encodeWarmState(engine);
    const warm = started(state, true);
    expect(encodeWarmState(warm)).toEqual(state);
    expect(warm.pipeline.volatility.previousClose[0]).toBe(engine.pipeline.volatility.previousClose[0]);
    expect(warm.pipeline.volatility.previousClose[0]).toBeGreaterThan(0);
    expect([...engine.ledger.shares]).not.toEqual([0, 0]);
    expect([...warm.ledger.shares]).toEqual([0, 0]);
    expect(Object.keys(decodeState(state) as Plain).sort()).toEqual(
      ['market', 'volatility', 'adv', 'features', 'standardizer', 'pairs', 'confidence', 'blendState'].sort(),
    );
  });

  it('shares nothing with the run it was taken of, nor two runs that start from it', () => {
    const { engine } = dayBefore();
    const state = encodeWarmState(engine);
    const [one, other] = [started(state, true), started(state, true)];
    one.pipeline.market.midE4.fill(7);
    one.pipeline.volatility.squares.fill(7);
    expect(encodeWarmState(other)).toEqual(state);
    expect(encodeWarmState(engine)).toEqual(state);
  });

  it('has no night and no forecast to wait for where the session after is another', () => {
    const desk = longDesk({ horizons: ['1d'] });
    for (let k = 0; k < 5; k += 1) desk.next({ AAA: 'long' });
    desk.close();
    const state = encodeWarmState(desk.engine);
    const next = started(state, true, { horizons: ['1d'] }).pipeline;
    expect(next.prediction.pairs.queues.some(({ length }) => length > 0)).toBe(true);
    const later = started(state, false, { horizons: ['1d'] }).pipeline;
    expect(later.prediction.pairs.queues.map(({ head, length }) => [head, length])).toEqual([[0, 0]]);
    expect([...later.volatility.previousClose]).toEqual([0, 0]);
    expect(later.volatility.squares).toEqual(next.volatility.squares);
  });

  it('of another shape is refused, and the message says where', () => {
    const whole = decodeState(encodeWarmState(dayBefore().engine)) as Record<string, Plain>;
    const changed = (part: string, change: (of: Plain) => unknown) =>
      encodeState({ ...whole, [part]: change(whole[part]!) });
    const { adv: _, ...without } = whole;
    const { total: __, ...advWithout } = whole.adv!;
    const cases = [
      [encodeState(null), 'state is not'],
      [encodeState(5), 'state is not'],
      [encodeState(without), 'state is not'],
      [encodeState({ ...without, other: {} }), 'state.adv is not'],
      [encodeState({ ...whole, extra: 1 }), 'state is not'],
      [changed('adv', () => 5), 'state.adv is not'],
      [changed('adv', () => null), 'state.adv is not'],
      [changed('adv', () => advWithout), 'state.adv is not'],
      [changed('adv', (adv) => ({ ...adv, total: [1, 2] })), 'state.adv.total is not'],
      [changed('volatility', (v) => ({ ...v, openUs: '1' })), 'state.volatility.openUs is not'],
    ] as const;
    for (const [state, message] of cases) {
      expect(() => started(state, true)).toThrow(`warm start: ${message} what this engine keeps there`);
    }
  });

  it('takes over what has grown', () => {
    const desk = longDesk({ horizons: ['60m'] });
    for (let k = 0; k < 80; k += 1) desk.next({ AAA: 'long' });
    const grown = desk.engine.pipeline.prediction.pairs.queues[0]!;
    const warm = started(encodeWarmState(desk.engine), true, { horizons: ['60m'] });
    const fresh = openDesk({ horizons: ['60m'] }).engine.pipeline.prediction.pairs.queues[0]!;
    expect(grown.capacity).toBeGreaterThan(fresh.capacity);
    expect(warm.pipeline.prediction.pairs.queues[0]).toEqual(grown);
    expect(desk.nowUs).toBeGreaterThan(MINUTE_US);
  });
});
