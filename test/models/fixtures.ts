import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { convModel, denseModel, treeModel } from '../../src/models/onnx-graphs.ts';

export const FEATURES = ['ret_1d', 'vol_5d', 'rsi_14'] as const;
const SCALING = { mean: [0, 0.01, 50], std: [0.01, 0.02, 20], limit: 5 };

/** A folder that is gone when the test file ends. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sametape-models-'));
  afterAll(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function linearBytes(weights: readonly number[] = [0.5, -1, 0.25]): Uint8Array {
  const layer = { inputs: 3, outputs: 1, weights, bias: [0.125] };
  return denseModel({ name: 'linear', output: 'prediction', standardization: SCALING, layers: [layer] });
}

export function classifierBytes(): Uint8Array {
  const layer = { inputs: 3, outputs: 1, weights: [1, 1, 1], bias: [0] };
  return denseModel({ name: 'peak', output: 'probability', standardization: SCALING, layers: [layer] });
}

export function treeBytes(): Uint8Array {
  const stump = {
    feature: [0, -1, -1],
    threshold: [0, 0, 0],
    left: [1, 0, 0],
    right: [2, 0, 0],
    value: [0, -1, 1],
  };
  return treeModel({ name: 'trees', output: 'prediction', features: 3, base: 0, trees: [stump, stump] });
}

export function sequenceBytes(): Uint8Array {
  return convModel({
    name: 'conv',
    sequenceLength: 4,
    standardization: SCALING,
    conv: { channels: 2, kernel: 2, weights: [1, 0, 0, 1, 1, 1, 0, 0, -1, 1, 0, 0.5], bias: [0.1, 0.2] },
    readout: { inputs: 2, outputs: 1, weights: [1, -1], bias: [0] },
  });
}

export interface ModelSpec {
  readonly target: string;
  readonly family: string;
  readonly view?: string;
  readonly bytes: Uint8Array;
  /** Overrides of the metadata; undefined removes the field. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** Writes a run root the way training does, with the faults a test asks for. */
export async function writeRunRoot(dir: string, models: readonly ModelSpec[]): Promise<string> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'manifest.json'), '{"producer":"test"}');
  for (const model of models) {
    const folder = join(dir, modelFolder(model));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx'), model.bytes);
    const meta = {
      family: model.family,
      feature_list: FEATURES,
      metrics: {},
      model_checksum: createHash('sha256').update(model.bytes).digest('hex'),
      interval_minutes: 1,
      sequence_length: null,
      cross_sectional_ranking: false,
      ...model.meta,
    };
    await writeFile(join(folder, 'model_meta.json'), JSON.stringify(meta));
  }
  return dir;
}

export function modelFolder({ target, family, view = 'ALL' }: Omit<ModelSpec, 'bytes'>): string {
  return `targets/${target}/models/view=${view}/family=${family}`;
}

/** One model of every kind. */
export const EVERY_KIND: readonly ModelSpec[] = [
  { target: 'ret_5m', family: 'Ridge', bytes: linearBytes() },
  { target: 'ret_5m', family: 'Trees', bytes: treeBytes() },
  { target: 'ret_5m', family: 'Conv', bytes: sequenceBytes(), meta: { sequence_length: 4 } },
  { target: 'fwd_ret_1h', family: 'Ridge', bytes: linearBytes([1, 1, 1]) },
  { target: 'will_peak_5m', family: 'Logistic', bytes: classifierBytes() },
  { target: 'y_will_valley_5m', family: 'Logistic', bytes: classifierBytes() },
];
