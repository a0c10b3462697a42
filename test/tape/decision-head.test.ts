import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeDerived, encodeInput } from '../../src/events/encode.ts';
import type { JsonObject } from '../../src/events/record.ts';
import { addToDecisionHead, createDecisionHead, decisionHeadOf } from '../../src/tape/decision-head.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { derivedSamples, inputSamples, T0 } from '../events/samples.ts';
import { entryOf, payloadOf } from './entries.ts';

interface Step {
  readonly type: string;
  readonly payload: JsonObject;
  readonly t?: number;
}

const reports = [
  'OrderAccepted',
  'OrderPartiallyFilled',
  'OrderFilled',
  'OrderCancelled',
  'OrderExpired',
  'OrderRejected',
  'ExecutionCorrected',
  'CommissionReported',
] as const;

/** A cycle with an order and every kind of report about it, as its broker and our own ids would name it. */
function day({ run = 'run', execution = 'x' } = {}): Step[] {
  const encoded = [
    encodeInput(inputSamples.RunStarted),
    encodeInput(inputSamples.SessionOpened),
    encodeInput(inputSamples.CycleDue),
    encodeDerived(derivedSamples.CycleCompleted),
    encodeDerived(derivedSamples.OrderIntended),
    encodeDerived(derivedSamples.CancelIntended),
    encodeDerived(derivedSamples.RewardObserved),
    encodeDerived(derivedSamples.LearningUpdated),
    ...reports.map((type) => encodeInput(inputSamples[type])),
  ];
  const text = JSON.stringify(encoded.map((event) => ({ type: event.type, payload: payloadOf(event) })));
  return JSON.parse(text.replaceAll('run-7-0', `${run}-7-0`).replaceAll('x-1', `${execution}-1`)) as Step[];
}

function headOf(steps: readonly Step[]): string {
  const tape = memoryTape();
  steps.forEach((step, seq) => {
    tape.append(entryOf({ seq, t: step.t ?? T0, type: step.type, payload: step.payload }));
  });
  return tape.decisionHead;
}

/** Every way to change one value of a payload: the path to it, and the payload with it changed. */
function changes(payload: JsonObject): (readonly [string, JsonObject])[] {
  return Object.entries(payload).flatMap(([key, value]) => {
    if (typeof value === 'object' && value !== null) {
      return changes(value as JsonObject).map(([path, changed]) => {
        const whole = Array.isArray(value) ? Object.values(changed) : changed;
        return [`${key}.${path}`, { ...payload, [key]: whole }] as const;
      });
    }
    const other = typeof value === 'number' ? value + 1 : `${value}!`;
    return [[key, { ...payload, [key]: other }] as const];
  });
}

const seen = day();
const indexOf = (type: string): number => seen.findIndex((step) => step.type === type);

/** What the table in decision-head.ts leaves out. */
const LEFT_OUT = /(^|\.)(clientOrderId|executionId|corrects|detail)$/;

const changedSteps = seen.flatMap(({ type, payload }, at) =>
  changes(payload).map(([path, changed]) => ({
    type,
    path,
    steps: seen.with(at, { type, payload: changed }),
  })),
);
const decided = changedSteps.filter(
  ({ type, path }) =>
    !['RunStarted', 'SessionOpened', 'CycleDue', 'OrderAccepted'].includes(type) && !LEFT_OUT.test(path),
);

describe('the decision head is blind to', () => {
  it('run ids, client order ids and execution ids', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9]{1,9}$/),
        fc.stringMatching(/^[a-z0-9]{1,9}$/),
        (run, execution) => {
          expect(headOf(day({ run, execution }))).toBe(headOf(seen));
        },
      ),
    );
  });

  it('what identifies the run, what the broker says in prose, and acceptance', () => {
    const steps = seen.map((step) =>
      step.type === 'OrderRejected' ? { ...step, payload: { ...step.payload, detail: 'id 77' } } : step,
    );
    steps[0] = { type: 'RunStarted', payload: { identity: { code: 'another version' } } };
    expect(headOf(steps.filter((step) => step.type !== 'OrderAccepted'))).toBe(headOf(seen));
  });

  it('sequence numbers: records that decide nothing may lie between', () => {
    const heartbeat = { type: 'Heartbeat', payload: {} };
    expect(headOf(seen.flatMap((step) => [heartbeat, step]))).toBe(headOf(seen));
  });

  it('when a record came, but not when its cycle fell due', () => {
    const shifted = (type: string): Step[] =>
      seen.map((step, i) => (i >= indexOf(type) ? { ...step, t: T0 + 5 } : step));
    expect(headOf(shifted('CycleCompleted'))).toBe(headOf(seen));
    expect(headOf(shifted('CycleDue'))).not.toBe(headOf(seen));
  });
});

describe('the decision head sees', () => {
  it.each(decided.map(({ type, path, steps }) => [type, path, steps] as const))(
    'a change in %s of %s',
    (_type, _path, steps) => {
      expect(headOf(steps)).not.toBe(headOf(seen));
    },
  );

  it('as many changes as the records that count have values', () => {
    expect(decided.length).toBeGreaterThan(40);
  });

  it.each(['CycleCompleted', 'OrderIntended', 'CancelIntended', ...reports.slice(1)])(
    '%s missing or repeated',
    (type) => {
      const at = indexOf(type);
      expect(headOf(seen.toSpliced(at, 1))).not.toBe(headOf(seen));
      expect(headOf(seen.toSpliced(at, 0, seen[at]))).not.toBe(headOf(seen));
    },
  );

  it('two records in another order', () => {
    const [a, b] = [indexOf('OrderIntended'), indexOf('CycleCompleted')];
    expect(headOf(seen.with(a, seen[b]).with(b, seen[a]))).not.toBe(headOf(seen));
  });

  const intended = (id: string): Step => ({
    type: 'OrderIntended',
    payload: { order: { clientOrderId: id, symbol: 'SPY' } },
  });
  const report = (type: string, id: string): Step =>
    type === 'OrderFilled'
      ? { type, payload: { execution: { clientOrderId: id, quantity: 1 } } }
      : { type, payload: { clientOrderId: id } };

  it.each(['OrderFilled', 'OrderCancelled', 'CancelIntended'])(
    '%s of another order, though all else is alike',
    (type) => {
      const two = [intended('a'), intended('b')];
      const first = headOf([...two, report(type, 'a')]);
      expect(headOf([...two, report(type, 'b')])).not.toBe(first);
      expect(headOf([...two, report(type, 'of nobody')])).not.toBe(first);
    },
  );

  it.each([
    [
      'a fee',
      (id: string): Step => ({ type: 'CommissionReported', payload: { executionId: id, feeMicros: 5 } }),
    ],
    [
      'a correction',
      (id: string): Step => ({
        type: 'ExecutionCorrected',
        payload: { corrects: id, execution: { clientOrderId: 'a', executionId: `${id}.2`, quantity: 1 } },
      }),
    ],
  ])('%s of another execution, though all else is alike, in this session and the next', (_name, of) => {
    const fill = (id: string): Step => ({
      type: 'OrderPartiallyFilled',
      payload: { execution: { clientOrderId: 'a', executionId: id, quantity: 1 } },
    });
    const opened = { type: 'SessionOpened', payload: {} };
    const two = [intended('a'), fill('x'), fill('y'), fill('y')];
    const heads = (steps: readonly Step[]) => ['x', 'y', 'of nobody'].map((id) => headOf([...steps, of(id)]));
    expect(new Set(heads(two)).size).toBe(3);
    expect(new Set(heads([...two, opened])).size).toBe(3);
    expect(new Set(heads([...two, opened, opened])).size).toBe(1);
    // what a correction is called is found again by its own name
    expect(headOf([...two, of('x'), of('x.2')]) === headOf([...two, of('x'), of('y')])).toBe(false);
  });

  it('a late report about an order that ended, until the next session opens', () => {
    const opened = { type: 'SessionOpened', payload: {} };
    const late = report('OrderFilled', 'a');
    const ended = [intended('a'), intended('b'), report('OrderCancelled', 'a')];
    expect(headOf([...ended, late])).not.toBe(headOf([...ended, report('OrderFilled', 'of nobody')]));
    expect(headOf([...ended, opened, late])).toBe(
      headOf([...ended, opened, report('OrderFilled', 'of nobody')]),
    );
    // an order that still works is not forgotten
    expect(headOf([...ended, opened, report('OrderFilled', 'b')])).not.toBe(headOf([...ended, opened, late]));
  });
});

describe('however large a payload is', () => {
  it('the head is the hash of all entries, one a line', () => {
    // beside small ones, payloads that fill what waits to be hashed and that no longer fit it at all
    const payload = fc
      .tuple(fc.constantFrom('a', 'é', '✓', '😀'), fc.constantFrom(0, 1, 500, 11_000, 16_000, 40_000))
      .map(([unit, count]) => `{"decisions":"${unit.repeat(count)}"}`);
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 12 }), (payloads) => {
        const state = createDecisionHead();
        payloads.forEach((payloadJson, k) => {
          addToDecisionHead(state, { type: 'CycleCompleted', t: T0 + k, payloadJson });
        });
        const entries = payloads.map((payloadJson) => `["CycleCompleted",null,${payloadJson}]\n`).join('');
        expect(decisionHeadOf(state)).toBe(hash('sha256', entries, 'hex'));
      }),
      { numRuns: 60 },
    );
  });
});
