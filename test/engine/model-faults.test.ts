import { describe, expect, it } from 'vitest';
import type { DerivedEvent } from '../../src/events/derived.ts';
import type { ModelFault, Predictions } from '../../src/events/inputs.ts';
import { type Desk, type DeskOptions, decisionsIn, ofType, ordersIn, warmDesk } from './desk.ts';

/** A cycle in the next minute whose answer holds faults: what a faulty model leaves is missing, the rest wants a long. */
function faultyCycle(desk: Desk, cycle: number, faults: readonly ModelFault[]): readonly DerivedEvent[] {
  const { symbols, columns } = desk.engine.layout;
  desk.bar();
  desk.send({ type: 'CycleDue', cycle });
  const size = columns.length * symbols.length;
  const values = new Float32Array(size);
  const valid = new Uint8Array(size).fill(1);
  columns.forEach(({ kind }, c) => {
    values.fill(kind === 'return' ? cycle - 1 : 0.1, c * symbols.length, (c + 1) * symbols.length);
  });
  for (const { column, symbols: failed = symbols.map((_, i) => i) } of faults) {
    for (const i of failed) {
      values[column * symbols.length + i] = 0;
      valid[column * symbols.length + i] = 0;
    }
  }
  const predictions: Predictions = { cycle, values, valid, faults };
  return desk.send({ type: 'PredictionsMade', predictions });
}

const TWO_HORIZONS: DeskOptions = { horizons: ['15m', '5m'] };

describe('a model that fails', () => {
  it('for one symbol is named with it, the symbol holds, and the others trade', () => {
    const desk = warmDesk();
    const out = faultyCycle(desk, 2, [
      { column: 0, reason: 'not_finite', symbols: [0], detail: 'output NaN' },
    ]);
    expect(ofType(out, 'ModelFaulted')).toEqual([
      { type: 'ModelFaulted', cycle: 2, model: 'ret_5m/base/Ridge', reason: 'not_finite', symbols: ['AAA'] },
    ]);
    expect(decisionsIn(out)).toMatchObject({
      AAA: { kind: 'HOLD', reason: 'no_predictions' },
      BBB: { kind: 'TRADE', side: 'buy' },
    });
    expect(ofType(out, 'ErrorRaised')).toEqual([]);
  });

  it.each(['not_finite', 'wrong_shape', 'failed', 'late'] as const)(
    '(%s) for all leaves the other horizon to decide',
    (reason) => {
      const desk = warmDesk(TWO_HORIZONS);
      const failed = desk.engine.layout.columns.findIndex(({ horizon }) => horizon.label === '15m');
      const out = faultyCycle(desk, 2, [{ column: failed, reason, detail: 'odd' }]);
      expect(ofType(out, 'ModelFaulted')).toEqual([
        { type: 'ModelFaulted', cycle: 2, model: 'ret_15m/base/Ridge', reason },
      ]);
      expect(decisionsIn(out)).toMatchObject({
        AAA: { kind: 'TRADE', horizon: '5m' },
        BBB: { kind: 'TRADE', horizon: '5m' },
      });
    },
  );

  it('has its weight back in the next cycle', () => {
    const desk = warmDesk();
    faultyCycle(desk, 2, [{ column: 0, reason: 'late', detail: '12 ms' }]);
    expect(ordersIn(faultyCycle(desk, 3, []))).toHaveLength(2);
  });

  it('and is a barrier model keeps its symbol from entering, where an answer would have let it', () => {
    const options: DeskOptions = { barriers: true };
    const peak = warmDesk(options).engine.layout.columns.findIndex(({ kind }) => kind === 'peak');
    expect(decisionsIn(faultyCycle(warmDesk(options), 2, []))).toMatchObject({
      AAA: { kind: 'TRADE' },
      BBB: { kind: 'TRADE' },
    });
    const fault: ModelFault = { column: peak, reason: 'not_finite', symbols: [1], detail: 'output NaN' };
    expect(decisionsIn(faultyCycle(warmDesk(options), 2, [fault]))).toMatchObject({
      AAA: { kind: 'TRADE' },
      BBB: { kind: 'BLOCKED', reason: 'barrier_faulted' },
    });
    const all: ModelFault = { column: peak, reason: 'late', detail: '9 ms' };
    const desk = warmDesk(options);
    expect(decisionsIn(faultyCycle(desk, 2, [all])).AAA).toMatchObject({ kind: 'BLOCKED' });
    expect(decisionsIn(faultyCycle(desk, 3, [])).AAA).toMatchObject({ kind: 'TRADE' });
  });
});

describe('a barrier model that is not asked about a symbol, for want of a feature', () => {
  it.each(['peak', 'valley'] as const)('(%s) keeps it from entering, and raises nothing', (kind) => {
    const desk = warmDesk({ barriers: true, scenario: { strict: true } });
    const { symbols, columns } = desk.engine.layout;
    desk.bar();
    desk.send({ type: 'CycleDue', cycle: 2 });
    const values = Float32Array.from(
      columns.flatMap((column) => symbols.map(() => (column.kind === 'return' ? 1 : 0.1))),
    );
    const valid = Uint8Array.from(
      columns.flatMap((column) => symbols.map((_, i) => (column.kind === kind && i === 1 ? 0 : 1))),
    );
    values.forEach((_, k) => {
      if (valid[k] === 0) values[k] = 0;
    });
    const out = desk.send({ type: 'PredictionsMade', predictions: { cycle: 2, values, valid } });
    expect(decisionsIn(out)).toMatchObject({
      AAA: { kind: 'TRADE', side: 'buy' },
      BBB: { kind: 'BLOCKED', reason: 'barrier_masked' },
    });
    expect(ofType(out, 'GateBlocked')).toMatchObject([{ symbol: 'BBB', reason: 'barrier_masked' }]);
    expect(ofType(out, 'ErrorRaised')).toEqual([]);
  });
});

describe('in a strict run', () => {
  const strict: DeskOptions = { scenario: { strict: true } };

  it.each([
    ['failed', 'MODEL_RUN_FAILED'],
    ['wrong_shape', 'MODEL_OUTPUT_SHAPE'],
  ] as const)('a model that %s raises %s, and nothing is entered', (reason, code) => {
    const out = faultyCycle(warmDesk(strict), 2, [{ column: 0, reason, symbols: [0], detail: 'odd' }]);
    expect(ofType(out, 'ErrorRaised')).toMatchObject([{ code, message: 'model ret_5m/base/Ridge: odd' }]);
    expect(ordersIn(out)).toEqual([]);
    expect(ofType(out, 'KillSwitchTripped')).toMatchObject([{ cause: 'strict_error' }]);
  });

  it.each(['not_finite', 'late'] as const)('a number that is %s is held over, the run goes on', (reason) => {
    const out = faultyCycle(warmDesk(strict), 2, [{ column: 0, reason, symbols: [0], detail: 'odd' }]);
    expect(ofType(out, 'ErrorRaised')).toEqual([]);
    expect(ordersIn(out).map(({ symbol }) => symbol)).toEqual(['BBB']);
  });
});
