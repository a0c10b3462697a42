import { beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../src/events/base64.ts';
import type { InputEvent, Predictions } from '../../src/events/inputs.ts';
import { identityJson } from '../../src/modes/run-identity.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, replay } from '../research/tapes.ts';
import { loopDesk, timelineOf } from './loop-desk.ts';

const RUN = {
  synth: { symbols: 2, sessions: 1, from: '2024-07-03', signal: 0.5, seed: 4 },
  scenario: { strict: false, prediction: { standardizeMinSamples: 20 } },
} as const;

let run: SessionRun;
let timeline: readonly InputEvent[];

beforeAll(async () => {
  run = syntheticRun(RUN);
  timeline = await timelineOf(run);
});

/** A desk whose models answer as they do, but in one cycle as the test says. */
function deskWith(cycle: number, change: (answer: Predictions) => Predictions): ReturnType<typeof loopDesk> {
  const fresh = syntheticRun(RUN);
  return loopDesk(fresh, {
    inference: {
      ...fresh.inference!,
      infer: (request) => {
        const answer = fresh.inference!.infer(request) as Predictions;
        return request.cycle === cycle ? change(answer) : answer;
      },
    },
  });
}

const started = (): InputEvent => ({
  type: 'RunStarted',
  tUs: timeline[0]!.tUs,
  identity: identityJson(run.identity),
});

describe('an answer that the tape could not hold', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'with %s marked valid is a fault of its model for its symbol, on the tape, and replays the same',
    async (odd) => {
      const desk = deskWith(60, (answer) => {
        const values = answer.values.slice();
        values[3] = odd;
        return { ...answer, values };
      });
      await desk.drive([started(), ...timeline]);
      const { records } = desk.tape;
      const at = records.findIndex(({ type, payload }) => type === 'PredictionsMade' && payload.cycle === 60);
      expect(records[at]!.payload.faults).toEqual([
        { column: 1, detail: `output ${odd}`, reason: 'not_finite', symbols: [1] },
      ]);
      expect(records[at + 1]).toMatchObject({
        type: 'ModelFaulted',
        payload: { model: run.identity.layout.columns[1]!.id, symbols: [run.identity.layout.symbols[1]] },
      });
      expect(records.filter(({ type }) => type === 'ModelFaulted')).toHaveLength(1);
      expect(await replay(records, datasetOf(run))).toMatchObject({
        divergence: undefined,
        chainHead: desk.tape.head,
        decisionHead: desk.tape.decisionHead,
      });
    },
  );

  it.each([Number.NaN, 0.25])('with %s where nothing is valid is nothing, without a word', async (odd) => {
    const desk = deskWith(60, (answer) => {
      const values = answer.values.slice();
      const valid = answer.valid.slice();
      values[3] = odd;
      valid[3] = 0;
      return { ...answer, values, valid };
    });
    await desk.drive([started(), ...timeline]);
    const { records } = desk.tape;
    const made = records.find(({ type, payload }) => type === 'PredictionsMade' && payload.cycle === 60);
    const values = decodeBase64(made!.payload.values as string)!;
    expect([...values.slice(12, 16)]).toEqual([0, 0, 0, 0]);
    expect(records.filter(({ type }) => type === 'ModelFaulted')).toEqual([]);
    expect(await replay(records, datasetOf(run))).toMatchObject({ divergence: undefined });
  });

  it('with half a character in the detail of a fault has a whole one on the tape', async () => {
    const desk = deskWith(60, (answer) => ({
      ...answer,
      faults: [{ column: 0, reason: 'late', detail: 'model \ud800 was late' }],
    }));
    await desk.drive([started(), ...timeline]);
    const made = desk.tape.records.find(
      ({ type, payload }) => type === 'PredictionsMade' && payload.cycle === 60,
    );
    expect(made!.payload.faults).toMatchObject([{ detail: 'model \ufffd was late' }]);
  });

  it.each<[string, (answer: Predictions) => Predictions, string]>([
    [
      'a flag that is neither 0 nor 1',
      (answer) => ({ ...answer, valid: answer.valid.map((flag, k) => (k === 3 ? 2 : flag)) }),
      'the models gave validity 2 at index 3, expected 0 or 1',
    ],
    [
      'a fault of no model',
      (answer) => ({ ...answer, faults: [{ column: 999, reason: 'late', detail: '' }] }),
      'the models gave a fault of model 999, expected 0 to 5',
    ],
    [
      'a fault for no symbol',
      (answer) => ({ ...answer, faults: [{ column: 0, reason: 'late', detail: '', symbols: [2] }] }),
      'the models gave a fault for symbol 2, expected 0 to 1, ascending',
    ],
    [
      'a fault for a symbol twice',
      (answer) => ({ ...answer, faults: [{ column: 0, reason: 'late', detail: '', symbols: [1, 1] }] }),
      'the models gave a fault for symbol 1, expected 0 to 1, ascending',
    ],
    [
      'no answer but half a character',
      () => {
        throw new Error('\udc00');
      },
      '\ufffd',
    ],
  ])('with %s is failed inference, and the run goes on', async (_, change, reason) => {
    const desk = deskWith(60, change);
    await desk.drive([started(), ...timeline]);
    const failed = desk.tape.records.filter(({ type }) => type === 'InferenceFailed');
    expect(failed).toMatchObject([{ payload: { cycle: 60, reason } }]);
    expect(desk.tape.records.filter(({ type }) => type === 'CycleCompleted').length).toBeGreaterThan(100);
  });

  it('with another count of numbers is failed inference, and the run goes on', async () => {
    const desk = deskWith(60, (answer) => ({ ...answer, values: answer.values.slice(1) }));
    await desk.drive([started(), ...timeline]);
    const failed = desk.tape.records.filter(({ type }) => type === 'InferenceFailed');
    expect(failed).toMatchObject([
      { payload: { cycle: 60, reason: 'the models gave 11 predictions, expected 12' } },
    ]);
    expect(desk.tape.records.filter(({ type }) => type === 'CycleCompleted').length).toBeGreaterThan(100);
  });
});
