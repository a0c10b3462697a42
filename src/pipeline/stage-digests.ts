import type { Stage, StageDigests } from '../events/derived.ts';
import {
  digestHex,
  type Hash128,
  resetHash128,
  updateInt32,
  updateString,
  updateUint8,
} from '../math/hash128.ts';
import type { Pipeline } from './pipeline-state.ts';

/** The arrays a digest is over. Bytes come last: what follows an odd number of them is hashed a word at a time. */
interface Covered {
  readonly words: readonly Int32Array[];
  readonly bytes: readonly Uint8Array[];
}

type CoveredStages = Readonly<Record<Exclude<Stage, 'features'>, Covered>>;

/**
 * Views of a pipeline's outputs, which are the same arrays until its settings change: to make them takes longer than to
 * hash them.
 */
const coveredStages = new WeakMap<Pipeline, CoveredStages>();

/** Has the views made anew: to be called where arrays of a pipeline are replaced. */
export function forgetOutputs(pipeline: Pipeline): void {
  coveredStages.delete(pipeline);
}

/**
 * One digest per stage over the exact bits of that stage's outputs, so that any difference anywhere is seen and named
 * by the stage it first shows in. MurmurHash3 x86 128: it finds differences, the tape's SHA-256 chain finds forgeries.
 */
export function stageDigests(pipeline: Pipeline, featuresDigest: string): StageDigests {
  const { hash, work } = pipeline;
  const stages = coveredStages.get(pipeline) ?? coverStages(pipeline);
  return {
    features: featuresDigest,
    prediction: digestOf(hash, stages.prediction),
    blending: digestOf(hash, stages.blending),
    arbitration: digestOf(hash, stages.arbitration),
    gating: digestOf(hash, stages.gating),
    sizing: digestOf(hash, stages.sizing),
    risk: digestOf(hash, stages.risk, work.reason),
  };
}

function digestOf(hash: Hash128, { words, bytes }: Covered, texts: readonly string[] = []): string {
  resetHash128(hash);
  for (const column of words) updateInt32(hash, column);
  for (const column of bytes) updateUint8(hash, column);
  for (const text of texts) updateString(hash, text);
  return digestHex(hash);
}

function coverStages(pipeline: Pipeline): CoveredStages {
  const { work, prediction } = pipeline;
  const { cost, arbitration, blend, gate, exit, sizing } = work;
  const { peak, valley, secondPeak, secondValley } = work.barriers;
  const barriers = [peak, valley, secondPeak, secondValley];
  const stages: CoveredStages = {
    prediction: covered(
      [
        prediction.scores.scores,
        prediction.calibrated.calibrated,
        prediction.calibrated.confidence,
        prediction.confidence.icShrunk,
        prediction.confidence.stability,
        work.sigma,
      ],
      [work.present],
    ),
    blending: covered([...blend.families.map(({ weights }) => weights), blend.alpha], [blend.valid]),
    arbitration: covered(
      [
        cost.costBps,
        work.priorOmega,
        arbitration.scoreBps,
        arbitration.bestScoreBps,
        arbitration.thetaBps,
        arbitration.best,
      ],
      [arbitration.side, arbitration.selected],
    ),
    gating: covered(
      [...barriers.map(({ p }) => p), gate.factor, work.signalWeight],
      [...barriers.flatMap(({ known, faulted }) => [known, faulted]), gate.outcome, exit.reason],
    ),
    sizing: covered([sizing.weightNow, sizing.targetWeight, sizing.deltaShares], [sizing.reason]),
    risk: covered([work.orderShares], []),
  };
  coveredStages.set(pipeline, stages);
  return stages;
}

function covered(
  words: readonly (Float64Array | Int32Array)[],
  bytes: readonly (Uint8Array | Int8Array)[],
): Covered {
  return {
    words: words.map(
      ({ buffer, byteOffset, byteLength }) => new Int32Array(buffer, byteOffset, byteLength / 4),
    ),
    bytes: bytes.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  };
}
