import { beforeAll, describe, expect, it } from 'vitest';
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
