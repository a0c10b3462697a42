import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import { simulatedLatency, withDeadline } from '../../src/models/deadline.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun, thumbLayout } from '../engine/synthetic-run.ts';
import { datasetOf, replay } from '../research/tapes.ts';

const LAYOUT = thumbLayout({
  symbols: ['A', 'B'],
  horizons: [parseHorizon('5m')],
  families: ['Fast', 'Slow'],
  barriers: false,
});
const ASK = { cycle: 3, batches: [], usable: new Uint8Array(4).fill(1) };

function portOf(answer: Predictions): InferencePort {
  return { layout: LAYOUT, infer: () => answer, close: () => Promise.resolve() };
}

const whole = (): Predictions => ({
  cycle: 3,
  values: Float32Array.of(1, 2, 3, 4),
  valid: new Uint8Array(4).fill(1),
});

describe('a deadline', () => {
  const slowTakes =
    (ms: number) =>
    (_: number, { family }: { readonly family: string }) =>
      family === 'Slow' ? ms : 0;

  it('lets an answer pass that comes just in time, and takes away one that comes just after', () => {
    expect(withDeadline(portOf(whole()), { deadlineMs: 10, latencyOf: slowTakes(10) }).infer(ASK)).toEqual(
      whole(),
    );
    const late = withDeadline(portOf(whole()), { deadlineMs: 10, latencyOf: slowTakes(10.5) }).infer(ASK);
    expect(late).toEqual({
      cycle: 3,
      values: Float32Array.of(1, 2, 0, 0),
      valid: Uint8Array.of(1, 1, 0, 0),
      faults: [{ column: 1, reason: 'late', detail: '10.500 ms, deadline 10 ms' }],
    });
  });

  it('says late of what failed too late, and keeps what failed in time', () => {
    const faults = [
      { column: 0, reason: 'not_finite', symbols: [1], detail: 'output NaN' },
      { column: 1, reason: 'failed', detail: 'broke' },
    ] as const;
    const judged = withDeadline(portOf({ ...whole(), faults }), { deadlineMs: 10, latencyOf: slowTakes(11) });
    expect((judged.infer(ASK) as Predictions).faults).toMatchObject([
      { column: 0, reason: 'not_finite' },
      { column: 1, reason: 'late' },
    ]);
  });
});

describe('simulated latency', () => {
  it('is the same for a seed, differs between cycles and models, and has the mean it was given', () => {
    const latencyOf = simulatedLatency({ seed: 7, meanMs: { Slow: 20 } });
    const slow = { id: 'ret_5m/base/Slow', family: 'Slow' };
    const draws = Array.from({ length: 2000 }, (_, cycle) => latencyOf(cycle, slow));
    expect(simulatedLatency({ seed: 7, meanMs: { Slow: 20 } })(5, slow)).toBe(draws[5]);
    expect(simulatedLatency({ seed: 8, meanMs: { Slow: 20 } })(5, slow)).not.toBe(draws[5]);
    expect(new Set(draws).size).toBe(2000);
    const mean = draws.reduce((sum, ms) => sum + ms, 0) / draws.length;
    // the mean of 2000 exponential draws has a standard error of 20/sqrt(2000) = 0.45
    expect(Math.abs(mean - 20)).toBeLessThan(2);
    expect(latencyOf(5, { id: 'ret_5m/base/Fast', family: 'Fast' })).toBe(0);
  });
});

describe('a run whose slow family misses its deadline now and then', () => {
  it('has each late answer on the tape, replays it without asking, and comes out the same again', async () => {
    const heads: string[] = [];
    for (const _ of [1, 2]) {
      const run = syntheticRun({ synth: { symbols: 2, sessions: 1, from: '2024-07-03', seed: 4 } });
      const latencyOf = simulatedLatency({ seed: 1, meanMs: { Slow: 20 } });
      const tape = memoryTape({ keepRecords: true });
      await runSessions({
        ...run,
        tape,
        inference: withDeadline(run.inference!, { deadlineMs: 50, latencyOf }),
      });
      const late = tape.records.filter(({ type }) => type === 'ModelFaulted');
      const cycles = tape.records.filter(({ type }) => type === 'CycleCompleted').length;
      // two columns of the family, each late with probability exp(-50/20) = 0.082
      expect(late.length).toBeGreaterThan(cycles * 0.08);
      expect(late.length).toBeLessThan(cycles * 0.3);
      expect(
        late.every(({ payload }) => payload.reason === 'late' && /Slow$/.test(payload.model as string)),
      ).toBe(true);
      expect(await replay(tape.records, datasetOf(run))).toMatchObject({
        divergence: undefined,
        chainHead: tape.head,
      });
      heads.push(tape.head);
    }
    expect(heads[1]).toBe(heads[0]);
  });
});
