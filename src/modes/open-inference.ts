import { arch, cpus } from 'node:os';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import type { EngineSettings } from '../domain/settings.ts';
import type { CacheFolder } from '../models/cache-folder.ts';
import { type CachedSession, type CacheUse, createCachedInference } from '../models/cached-inference.ts';
import { simulatedLatency, withDeadline } from '../models/deadline.ts';
import { createOnnxInference, type OnnxInference } from '../models/onnx-inference.ts';
import { predictionKey } from '../models/prediction-key.ts';
import { createRecordedInference } from '../models/recorded-inference.ts';
import type { RunRoot } from '../models/run-root.ts';
import type { InferencePort } from '../ports/inference.ts';
import { cyclesIn } from '../sources/session-timeline.ts';
import { codeSha256 } from './code-identity.ts';
import type { RunIdentity } from './run-identity.ts';

/** Names the feature code in the key of recorded predictions: raise it when a feature changes its meaning. */
const FEATURES_VERSION = '1';

/** The ONNX runtime this version of sametape is locked to; recordings of another are made again. */
const RUNTIME_VERSION = 'onnxruntime-node 1.30';

/** Folders whose code decides what a prediction is. */
const PREDICTING_FOLDERS = ['math', 'models', 'pipeline/0-features'] as const;

/** Answers for a run, and what the cache does for them; both absent where there is nothing to ask, or no cache. */
export interface OpenedInference {
  readonly inference: InferencePort | undefined;
  readonly cacheUse: CacheUse | undefined;
}

/** Content address of the predictions a run makes: models, data, universe, sessions, cycle grid and features. */
export function predictionKeyOf({
  layout,
  datasetSha256,
  sessions,
  settings,
  warmStart,
}: RunIdentity): string {
  return predictionKey({
    layout,
    datasetSha256,
    sessions,
    cycleMinutes: settings.cycleMinutes,
    featuresVersion: FEATURES_VERSION,
    runtimeVersion: RUNTIME_VERSION,
    ...(warmStart === undefined ? {} : { warmStartSha256: warmStart.sha256 }),
  });
}

/**
 * Opens what answers for the models of a run: a recording, the cache over live models, or live models.
 * @throws InputError PREDICTIONS_WITHOUT_MODELS and those of the recording, the cache and the models
 */
export async function openInference(spec: {
  readonly runRoot: RunRoot | undefined;
  readonly identity: RunIdentity;
  readonly recording: string | undefined;
  readonly cache: CacheFolder | undefined;
  readonly sessions: readonly Session[];
}): Promise<OpenedInference> {
  const { runRoot, identity, recording, cache } = spec;
  const { layout } = identity;
  if (runRoot === undefined) {
    if (recording === undefined) return { inference: undefined, cacheUse: undefined };
    throw new InputError(
      'PREDICTIONS_WITHOUT_MODELS',
      'models.predictions: recorded predictions need the run root they came from; set models.runRoot too',
    );
  }
  if (recording !== undefined) {
    const expectedKey = predictionKeyOf(identity);
    return {
      inference: createRecordedInference({ path: recording, layout, expectedKey }),
      cacheUse: undefined,
    };
  }
  const openModels = async (): Promise<OnnxInference> => {
    const live = await createOnnxInference({ runRoot, layout });
    await live.load();
    return live;
  };
  if (cache === undefined) return { inference: await openModels(), cacheUse: undefined };
  const inference = createCachedInference({
    folder: cache,
    layout,
    sessions: cachedSessions(identity, spec.sessions),
    openModels,
    now: () => new Date(),
  });
  await inference.load();
  return { inference, cacheUse: inference.use };
}

/** @throws InputError FAMILY_UNKNOWN for the latency of a family that the run does not have */
export function inTime(port: InferencePort, { prediction, seed }: EngineSettings): InferencePort {
  const { deadline } = prediction;
  if (deadline === undefined) return port;
  const { milliseconds, meanLatencyMilliseconds: meanMs } = deadline;
  const families = [...new Set(port.layout.columns.map(({ family }) => family))].sort(compareCodeUnits);
  const unknown = Object.keys(meanMs).find((family) => !families.includes(family));
  if (unknown !== undefined) {
    throw new InputError(
      'FAMILY_UNKNOWN',
      `prediction.meanLatencyMilliseconds: ${unknown} is no family of this run, found ${families.join(', ')}`,
    );
  }
  return withDeadline(port, { deadlineMs: milliseconds, latencyOf: simulatedLatency({ seed, meanMs }) });
}

/**
 * Content address of each session's predictions. Features are carried from session to session, so a session's address
 * names those before it; and the last bits of an output belong to a kind of processor.
 */
function cachedSessions(identity: RunIdentity, sessions: readonly Session[]): readonly CachedSession[] {
  const { layout, datasetSha256, settings, warmStart } = identity;
  const featuresVersion = codeSha256(PREDICTING_FOLDERS);
  const runtimeVersion = `${RUNTIME_VERSION} ${arch()} ${cpus()[0]?.model ?? 'unknown'}`;
  let nextCycle = 1;
  return sessions.map((session, ix) => {
    const firstCycle = nextCycle;
    nextCycle += cyclesIn(session, settings.cycleMinutes);
    const key = predictionKey({
      layout,
      datasetSha256,
      sessions: identity.sessions.slice(0, ix + 1),
      cycleMinutes: settings.cycleMinutes,
      featuresVersion,
      runtimeVersion,
      ...(warmStart === undefined ? {} : { warmStartSha256: warmStart.sha256 }),
    });
    return { key, firstCycle, lastCycle: nextCycle - 1 };
  });
}
