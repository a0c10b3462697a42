import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latencyText } from '../../src/cli/latency-text.ts';
import { scenarioSchema } from '../../src/config/schema.ts';
import { toLatencySettings } from '../../src/config/sections/latency.ts';
import { DEFAULT_LATENCY, LATENCY_STAGES, type LatencyStage } from '../../src/domain/latency.ts';
import { createEngine } from '../../src/engine/engine-state.ts';
import { engineConfig } from '../../src/modes/run-identity.ts';
import { addTo, bucketsOf, createHistogram, quantileNs } from '../../src/observability/histogram.ts';
import { createLatencyMonitor, type LatencyExceeded } from '../../src/observability/latency.ts';
import { createRecorder } from '../../src/runtime/recorder.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { nodeBase64 } from '../../src/tape/node-base64.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { timelineOf } from '../runtime/loop-desk.ts';

const MS = 1e6;

function monitor() {
  const events: LatencyExceeded[] = [];
  let now = 0;
  const made = createLatencyMonitor({
    settings: DEFAULT_LATENCY,
    nowNs: () => now,
    onExceeded: (event) => events.push(event),
  });
  return {
    ...made,
    events,
    advance: (ms: number) => {
      now += ms * MS;
    },
  };
}

describe('a histogram', () => {
  it('gives quantiles no lower than the exact ones, and at most a bucket higher', () => {
    const sizes = fc.array(fc.double({ min: 1e3, max: 1e11, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(sizes, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, frac) => {
        const histogram = createHistogram();
        for (const value of values) addTo(histogram, value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(frac * sorted.length) - 1]!;
        const found = quantileNs(histogram, frac);
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found).toBeLessThanOrEqual(exact * 10 ** (1 / 40) * (1 + 1e-9));
        expect(bucketsOf(histogram).reduce((sum, [, count]) => sum + count, 0)).toBe(values.length);
      }),
    );
  });

  it('keeps what is too small and too large, without an end to memory', () => {
    const histogram = createHistogram();
    for (const value of [0, 1, 1e15]) addTo(histogram, value);
    expect(histogram.count).toBe(3);
    expect(quantileNs(histogram, 1)).toBe(1e15);
    expect(quantileNs(histogram, 0.5)).toBe(1000);
    expect(quantileNs(createHistogram(), 0.5)).toBe(0);
    expect(histogram.counts).toHaveLength(321);
  });
});

describe('a latency monitor', () => {
  it.each<[LatencyStage, number, number, 'warning' | 'error']>([
    ['prediction', 100, 200, 'warning'],
    ['blending', 10, 50, 'warning'],
    ['cycle', 500, 2000, 'warning'],
    ['inferenceToOrder', 1000, 2000, 'error'],
    ['tickToOrder', 25, 250, 'warning'],
  ])('counts %s over %d ms, and tells of more than %d as %s', (stage, budgetMs, limitMs, severity) => {
    const { probe, events, summaries } = monitor();
    for (const ms of [budgetMs, budgetMs + 1, limitMs, limitMs + 1]) {
      probe.begin(stage, 5);
      probe.end(stage, 5 + ms * MS);
    }
    expect(summaries()).toMatchObject([{ stage, count: 4, overBudget: 3, overLimit: 1, maxMs: limitMs + 1 }]);
    expect(events).toEqual([
      { type: 'LatencyExceeded', severity, stage, elapsedMs: limitMs + 1, limitMs, times: 1 },
    ]);
  });

  it('takes several orders of one tick, and no end without a start', () => {
    const { probe, summaries } = monitor();
    probe.end('cycle', 9 * MS);
    probe.begin('tickToOrder', 0);
    probe.lap('tickToOrder', 2 * MS);
    probe.lap('tickToOrder', 4 * MS);
    probe.begin('tickToOrder', 10 * MS);
    probe.end('tickToOrder', 11 * MS);
    probe.lap('tickToOrder', 12 * MS);
    // a clock that went back would make a negative time
    probe.begin('blending', 5 * MS);
    probe.end('blending', 4 * MS);
    expect(summaries()).toMatchObject([{ stage: 'tickToOrder', count: 3, maxMs: 4 }]);
  });

  it('is plain data as a snapshot, and a small table', () => {
    const { stageProbe, advance, snapshot, summaries } = monitor();
    for (let k = 0; k < 1000; k += 1) {
      stageProbe.begin('blending');
      advance(k === 999 ? 60 : 2);
      stageProbe.end('blending');
    }
    const json = JSON.parse(JSON.stringify(snapshot())) as Record<
      string,
      Record<string, { bucketsUs: number[][] }>
    >;
    expect(json.stages!.blending).toMatchObject({ count: 1000, overBudget: 1, overLimit: 1, maxMs: 60 });
    expect(json.stages!.blending!.bucketsUs.map(([, count]) => count)).toEqual([999, 1]);
    expect(latencyText(summaries()).split('\n')).toEqual([
      'latency   count  p50 ms  p90 ms  p99 ms  max ms  over budget  over limit',
      'blending  1,000   2.113   2.113   2.113  60.000   1 of 10 ms  1 of 50 ms',
    ]);
    expect(latencyText([])).toBe('');
  });
});

describe('the latency section of a scenario', () => {
  const parse = (latency: unknown) =>
    toLatencySettings(scenarioSchema.parse({ name: 'a', data: { dataset: 'x' }, latency }).latency);

  it('has the defaults of the domain, stage by stage', () => {
    expect(parse(undefined)).toEqual(DEFAULT_LATENCY);
    expect(Object.keys(parse(undefined))).toEqual([...LATENCY_STAGES]);
  });

  it('sets thresholds of its own', () => {
    expect(parse({ tickToOrder: { limitMilliseconds: 40 } }).tickToOrder).toEqual({
      budgetMs: 25,
      limitMs: 40,
      severity: 'warning',
    });
  });
});

describe('a probe inside the engine', () => {
  it('is told of blending once a cycle, and changes nothing', async () => {
    const run = syntheticRun({ synth: { symbols: 2, sessions: 1 } });
    const timeline = await timelineOf(run);
    const marks: string[] = [];
    const headOf = (probe?: { begin(stage: string): void; end(stage: string): void }): string => {
      const tape = memoryTape();
      const engine = createEngine(engineConfig(run.identity));
      const recorder = createRecorder({
        engine,
        tape,
        base64: nodeBase64,
        ...(probe === undefined ? {} : { probe }),
      });
      for (const event of timeline) {
        const { inference } = recorder.record(event);
        if (inference === undefined) continue;
        const predictions = run.inference!.infer(inference);
        if (predictions instanceof Promise) throw new Error('the rule of thumb answers at once');
        recorder.record({ type: 'PredictionsMade', tUs: event.tUs, predictions });
      }
      return tape.head;
    };
    const probed = headOf({
      begin: (stage) => marks.push(`begin ${stage}`),
      end: (stage) => marks.push(`end ${stage}`),
    });
    expect(probed).toBe(headOf());
    expect(marks).toHaveLength(2 * 389);
    expect(marks.slice(0, 2)).toEqual(['begin blending', 'end blending']);
  });
});
