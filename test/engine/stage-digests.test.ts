import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STAGES, type Stage } from '../../src/events/derived.ts';
import { featuresDigest } from '../../src/pipeline/0-features/feature-engine.ts';
import type { Pipeline } from '../../src/pipeline/pipeline-state.ts';
import { stageDigests } from '../../src/pipeline/stage-digests.ts';
import { longDesk } from './desk.ts';

type Column = Float64Array | Float32Array | Int32Array | Int8Array | Uint8Array;

/** What each stage gives to the next, by name. */
function outputsOf({
  work,
  prediction,
}: Pipeline): Readonly<Record<Exclude<Stage, 'features'>, Record<string, Column>>> {
  return {
    prediction: {
      scores: prediction.scores.scores,
      present: work.present,
      calibrated: prediction.calibrated.calibrated,
      confidence: prediction.calibrated.confidence,
      stability: prediction.confidence.stability,
      icShrunk: prediction.confidence.icShrunk,
      sigma: work.sigma,
    },
    blending: {
      ...Object.fromEntries(work.blend.families.map(({ weights }, h) => [`weights ${h}`, weights])),
      alpha: work.blend.alpha,
      valid: work.blend.valid,
    },
    arbitration: {
      costBps: work.cost.costBps,
      scoreBps: work.arbitration.scoreBps,
      best: work.arbitration.best,
      priorOmega: work.priorOmega,
      bestScoreBps: work.arbitration.bestScoreBps,
      thetaBps: work.arbitration.thetaBps,
      side: work.arbitration.side,
      selected: work.arbitration.selected,
    },
    gating: {
      ...Object.fromEntries(
        Object.entries(work.barriers).flatMap(([kind, { p, known, faulted }]) => [
          [`${kind} p`, p],
          [`${kind} known`, known],
          [`${kind} faulted`, faulted],
        ]),
      ),
      outcome: work.gate.outcome,
      factor: work.gate.factor,
      exit: work.exit.reason,
      signalWeight: work.signalWeight,
    },
    sizing: {
      weightNow: work.sizing.weightNow,
      targetWeight: work.sizing.targetWeight,
      deltaShares: work.sizing.deltaShares,
      reason: work.sizing.reason,
    },
    risk: { orderShares: work.orderShares },
  };
}

const { pipeline } = longDesk({ horizons: ['5m', '15m'], barriers: true }).engine;
const outputs = outputsOf(pipeline);
const columns = Object.entries(outputs).flatMap(([stage, named]) =>
  Object.keys(named).map((name) => [stage, name] as const),
);

function digests(): Record<string, string> {
  return { ...stageDigests(pipeline, featuresDigest(pipeline.features)) };
}

/** The stages whose digest a change moves; the change is taken back. */
function movedBy(change: () => () => void): string[] {
  const before = digests();
  const undo = change();
  const after = digests();
  undo();
  expect(digests()).toEqual(before);
  return STAGES.filter((stage) => before[stage] !== after[stage]);
}

describe('the digest of a stage', () => {
  it.each(columns)('%s sees any bit of %s, and no other digest does', (stage, name) => {
    const column = outputs[stage as keyof typeof outputs][name]!;
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    expect(bytes.length).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const flip = (): void => {
          bytes[at]! ^= 1 << bit;
        };
        const moved = movedBy(() => {
          flip();
          return flip;
        });
        expect(moved).toEqual([stage]);
      }),
      { numRuns: 12 },
    );
  });

  it('risk sees the reason of every symbol, and in whose place it stands', () => {
    const { reason } = pipeline.work;
    const kept = [...reason];
    const moved = movedBy(() => {
      reason[1] = 'order_rate';
      return () => reason.splice(0, reason.length, ...kept);
    });
    expect(moved).toEqual(['risk']);
    const swapped = movedBy(() => {
      reason.splice(0, 2, 'cooldown', 'order_rate');
      const one = digests().risk;
      reason.splice(0, 2, 'order_rate', 'cooldown');
      expect(digests().risk).not.toBe(one);
      return () => reason.splice(0, reason.length, ...kept);
    });
    expect(swapped).toEqual(['risk']);
  });

  it('features is the one that was given', () => {
    expect(stageDigests(pipeline, 'f'.repeat(32)).features).toBe('f'.repeat(32));
  });
});
