import { canonicalJson } from '../events/canonical.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { Json } from '../events/record.ts';
import { sha256Hex } from './artifact-files.ts';

/** Everything that decides what live inference would answer; wall clock and host are not among it. */
export interface PredictionKeyParts {
  readonly layout: SignalLayout;
  readonly datasetSha256: string;
  /** Dates of the sessions run, in order. */
  readonly sessions: readonly string[];
  readonly cycleMinutes: number;
  /** Identity of the code that computes features. */
  readonly featuresVersion: string;
  /** Version of the ONNX runtime. */
  readonly runtimeVersion: string;
  /** The state the run started from, whose features go on; absent where it started afresh. */
  readonly warmStartSha256?: string;
}

/** Content address of a run's predictions. @returns lower-case hex SHA-256 */
export function predictionKey(parts: PredictionKeyParts): string {
  const { layout } = parts;
  return sha256Hex(
    canonicalJson({
      cycleMinutes: parts.cycleMinutes,
      datasetSha256: parts.datasetSha256,
      featuresVersion: parts.featuresVersion,
      models: layout.columns.map((column) => ({
        features: column.features,
        id: column.id,
        intervalMinutes: column.intervalMinutes,
        modelSha256: column.modelSha256,
        ...(column.output === undefined ? {} : { output: column.output }),
        ...(column.reading === undefined ? {} : { reading: column.reading as unknown as Json }),
        sequenceLength: column.sequenceLength,
        takesNan: column.takesNan,
      })),
      runtimeVersion: parts.runtimeVersion,
      sessions: parts.sessions,
      symbols: layout.symbols,
      ...(parts.warmStartSha256 === undefined ? {} : { warmStartSha256: parts.warmStartSha256 }),
    }),
  );
}
