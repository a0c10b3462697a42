import type { StageDigests } from '../events/derived.ts';
import {
  digestHex,
  resetHash128,
  updateFloat64,
  updateInt32,
  updateString,
  updateUint8,
} from '../math/hash128.ts';
import type { Pipeline } from './pipeline-state.ts';

const BARRIERS = ['peak', 'valley', 'secondPeak', 'secondValley'] as const;

/**
 * One digest per stage over the exact bits of that stage's outputs, so that any difference anywhere is seen and named
 * by the stage it first shows in. MurmurHash3 x86 128: it finds differences, the tape's SHA-256 chain finds forgeries.
 * Bytes come last: what follows an odd number of them is hashed a word at a time.
 */
export function stageDigests(pipeline: Pipeline, featuresDigest: string): StageDigests {
  const { work, prediction } = pipeline;
  const hash = pipeline.hash;
  resetHash128(hash);
  updateFloat64(hash, prediction.scores.scores);
  updateFloat64(hash, prediction.calibrated.calibrated);
  updateFloat64(hash, prediction.calibrated.confidence);
  updateFloat64(hash, prediction.confidence.icShrunk);
  updateFloat64(hash, prediction.confidence.stability);
  updateFloat64(hash, work.sigma);
  updateUint8(hash, work.present);
  const predictionDigest = digestHex(hash);

  resetHash128(hash);
  for (const { weights } of work.blend.families) updateFloat64(hash, weights);
  updateFloat64(hash, work.blend.alpha);
  updateUint8(hash, work.blend.valid);
  const blending = digestHex(hash);

  resetHash128(hash);
  updateFloat64(hash, work.cost.costBps);
  updateFloat64(hash, work.priorOmega);
  updateFloat64(hash, work.arbitration.scoreBps);
  updateFloat64(hash, work.arbitration.bestScoreBps);
  updateFloat64(hash, work.arbitration.thetaBps);
  updateInt32(hash, work.arbitration.best);
  const { side } = work.arbitration;
  updateUint8(hash, new Uint8Array(side.buffer, side.byteOffset, side.length));
  updateUint8(hash, work.arbitration.selected);
  const arbitration = digestHex(hash);

  resetHash128(hash);
  for (const kind of BARRIERS) updateFloat64(hash, work.barriers[kind].p);
  updateFloat64(hash, work.gate.factor);
  updateFloat64(hash, work.signalWeight);
  for (const kind of BARRIERS) {
    updateUint8(hash, work.barriers[kind].known);
    updateUint8(hash, work.barriers[kind].faulted);
  }
  updateUint8(hash, work.gate.outcome);
  updateUint8(hash, work.exit.reason);
  const gating = digestHex(hash);

  resetHash128(hash);
  updateFloat64(hash, work.sizing.weightNow);
  updateFloat64(hash, work.sizing.targetWeight);
  updateFloat64(hash, work.sizing.deltaShares);
  updateUint8(hash, work.sizing.reason);
  const sizing = digestHex(hash);

  resetHash128(hash);
  updateFloat64(hash, work.orderShares);
  for (const reason of work.reason) updateString(hash, reason);
  const risk = digestHex(hash);

  return {
    features: featuresDigest,
    prediction: predictionDigest,
    blending,
    arbitration,
    gating,
    sizing,
    risk,
  };
}
