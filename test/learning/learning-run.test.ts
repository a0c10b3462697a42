import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine, type Engine } from '../../src/engine/engine-state.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { step } from '../../src/engine/step.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
import { encodeDerived } from '../../src/events/encode.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { Json, TapeRecord } from '../../src/events/record.ts';
import { engineConfig } from '../../src/modes/run-identity.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { collectDerived, collectInput, createRunCollector } from '../../src/report/collect.ts';
import { traceSymbol } from '../../src/research/trace.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, find, replay, set, withRecord } from '../research/tapes.ts';

function optionsOf(algorithm: string) {
  return {
    synth: { symbols: 3, sessions: 2, from: '2024-07-02', signal: 0.6, seed: 4, spreadBps: 0.8 },
    scenario: {
      cycle: { minutes: 2 },
      prediction: {
        standardizeMinSamples: 20,
        standardizeWindowCycles: 200,
        icWindowPairs: 500,
        confidenceFloor: 0.15,
      },
      blending: { correlationWindowCycles: 100 },
      broker: { slippageBps: 0 },
      learning: { algorithm, explore: 0.4, blend: 1, rampStartRewards: 2, rampRewards: 2 },
    },
  };
}

interface Made {
  readonly inputs: readonly { readonly seq: number; readonly event: InputEvent }[];
  readonly derived: readonly DerivedEvent[];
  readonly records: readonly TapeRecord[];
  readonly engine: Engine;
  readonly trades: ReturnType<typeof createRunCollector>['trades'];
}

async function make(algorithm: string): Promise<Made> {
  const run = syntheticRun(optionsOf(algorithm));
  const inputs: { seq: number; event: InputEvent }[] = [];
  const derived: DerivedEvent[] = [];
  const { symbols } = run.identity.layout;
  const collector = createRunCollector({
    symbols,
    initialCashMicros: run.identity.settings.initialCashMicros,
  });
  const { engine } = await runSessions({
    ...run,
    attach: ({ inputs$, derived$ }) => {
      inputs$.subscribe(({ seq, event }) => {
        inputs.push({ seq, event });
        collectInput(collector, event);
      });
      derived$.subscribe(({ event, tUs }) => {
        derived.push(event);
        collectDerived(collector, event, tUs);
      });
    },
  });
  return { inputs, derived, records: run.tape.records, engine, trades: collector.trades };
}

const eventsOf = <T extends DerivedEvent['type']>({ derived }: Made, type: T) =>
  derived.filter((event): event is Extract<DerivedEvent, { readonly type: T }> => event.type === type);

const textOf = (state: unknown): string => JSON.stringify(encodeState(state));

describe.each(['exp3ix', 'hedge'])('a run that learns by %s', (algorithm) => {
  let made: Made;

  beforeAll(async () => {
    made = await make(algorithm);
  });

  it('observes the reward of every closed trade once, under the horizon it was entered on', () => {
    const rewards = eventsOf(made, 'RewardObserved');
    expect(rewards.length).toBeGreaterThan(10);
    const seen = rewards.map(({ symbol, horizon, netReturn }) => [symbol, horizon, netReturn]);
    const closed = made.trades.map(({ symbol, horizon, netMicros, entryNotionalMicros }) => [
      symbol,
      horizon,
      netMicros / entryNotionalMicros,
    ]);
    expect(seen).toEqual(closed);
    if (algorithm === 'exp3ix') expect(new Set(rewards.map(({ horizon }) => horizon)).size).toBe(2);
  });

  it('arbitrates with what it learned', () => {
    const { work, horizons } = made.engine.pipeline;
    const lastCycle = made.derived.findLastIndex(({ type }) => type === 'CycleCompleted');
    const last = made.derived.slice(0, lastCycle).findLast((event) => event.type === 'LearningUpdated')!;
    expect(last.omega).not.toEqual([0.5, 0.5]);
    const labels = horizons.map(({ label }) => label);
    const omega = labels.map((label) => last.omega[last.arms.indexOf(label)]);
    expect(Array.from(work.priorOmega)).toEqual(omega);
  });

  it('interrupted and restored in the middle, ends with the same records and the same bits', () => {
    const contents = made.records.map(({ type, payload }) => canonicalJson({ type, payload }));
    let engine = createEngine(engineConfig(syntheticRun(optionsOf(algorithm)).identity));
    for (const [k, { seq, event }] of made.inputs.entries()) {
      if (k % 211 === 100) engine = decodeState(JSON.parse(textOf(engine)) as Json) as Engine;
      const { derived } = step(engine, event, seq);
      const found = derived.map((followed) => {
        const { type, payloadJson } = encodeDerived(followed);
        return canonicalJson({ type, payload: JSON.parse(payloadJson) as Json });
      });
      expect(found).toEqual(contents.slice(seq + 1, seq + 1 + derived.length));
    }
    expect(textOf(engine)).toBe(textOf(made.engine));
  });

  it('replays to the same bits, and names learning where what was learned differs', async () => {
    const dataset = datasetOf(syntheticRun(optionsOf(algorithm)));
    expect((await replay(made.records, dataset)).divergence).toBeUndefined();
    const updated = find(made.records, 'LearningUpdated');
    const forged = withRecord(made.records, updated.seq, {
      payload: set(updated.payload, ['omega', 0], 0.123),
    });
    const { divergence } = await replay(forged, dataset);
    expect(divergence).toMatchObject({ seq: updated.seq, stage: 'learning' });
    expect(divergence!.expected).toContain('omega[0] 0.123');
  });

  it('shows what was learned in the trace of a decision', () => {
    const sections = traceSymbol(made.engine, { symbolIx: 0, tUs: 0, predictions: undefined, effects: [] });
    const section = sections.find(({ stage }) => stage === '3 learning')!;
    const { learning } = made.engine.pipeline;
    expect(section.values).toContainEqual({ name: 'rounds', value: learning!.weights.rounds, unit: '' });
    expect(section.rows!.map(({ label }) => label)).toEqual(
      ['15m', '5m'].sort((a, b) => learning!.arms.indexOf(a) - learning!.arms.indexOf(b)),
    );
    expect(section.rows![0]!.values).toContainEqual({ name: 'omega', value: learning!.omega[0], unit: '' });
  });
});

describe('a run without learning', () => {
  it('says nothing of it anywhere', async () => {
    const made = await make('off');
    expect(eventsOf(made, 'RewardObserved')).toEqual([]);
    expect(made.engine.pipeline.learning).toBeNull();
    const sections = traceSymbol(made.engine, { symbolIx: 0, tUs: 0, predictions: undefined, effects: [] });
    expect(sections.map(({ stage }) => stage)).not.toContain('3 learning');
    expect(made.trades.length).toBeGreaterThan(10);
  });
});
