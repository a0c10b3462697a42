import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../domain/errors.ts';
import { makeFolders } from '../../files/make-folders.ts';
import { sha256Hex } from '../../models/artifact-files.ts';
import type { Metrics } from './metrics.ts';

export const RUN_ROOT_FORMAT = 'sametape-run-root-1';

/** A model to be written, with what its metadata says. */
export interface TrainedModel {
  readonly target: string;
  readonly view: string;
  readonly family: string;
  readonly bytes: Uint8Array;
  readonly features: readonly string[];
  readonly intervalMinutes: number;
  /** T; 1 for tabular models. */
  readonly sequenceLength: number;
  readonly metrics: Metrics;
  /** Further keys of `model_meta.json`. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/**
 * Refuses a folder that holds anything but a run root of ours, before hours of training would be lost on it.
 * @throws InputError OUT_DIR_NOT_EMPTY
 */
export async function checkOutDir(outDir: string): Promise<void> {
  const entries = await readdir(outDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new InputError('OUT_DIR_NOT_EMPTY', `${outDir}: expected a folder, or no such path`, {
      cause: error,
    });
  });
  const isOurs = entries.every((entry) => entry === 'manifest.json' || entry === 'targets');
  if (entries.length === 0 || (isOurs && (await isRunRoot(outDir)))) return;
  throw new InputError(
    'OUT_DIR_NOT_EMPTY',
    `${outDir}: holds other files, expected a new or empty folder or an earlier run root to replace`,
  );
}

async function isRunRoot(dir: string): Promise<boolean> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
    return (
      typeof manifest === 'object' &&
      manifest !== null &&
      'format' in manifest &&
      manifest.format === RUN_ROOT_FORMAT
    );
  } catch {
    return false;
  }
}

/** Writes the run root beside its place and then puts it there, so that a half-written one is never seen. */
export async function writeRunRoot(
  outDir: string,
  models: readonly TrainedModel[],
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  await checkOutDir(outDir);
  const target = resolve(outDir);
  const building = `${target}.partial`;
  await rm(building, { recursive: true, force: true });
  const listed: { readonly path: string; readonly sha256: string }[] = [];
  for (const model of models) {
    const folder = `targets/${model.target}/models/view=${model.view}/family=${model.family}`;
    makeFolders(join(building, folder));
    await writeFile(join(building, folder, 'model.onnx'), model.bytes);
    await writeFile(join(building, folder, 'model_meta.json'), json(metaOf(model)));
    listed.push({ path: `${folder}/model.onnx`, sha256: sha256Hex(model.bytes) });
  }
  await writeFile(
    join(building, 'manifest.json'),
    json({ format: RUN_ROOT_FORMAT, ...facts, models: listed }),
  );
  await rm(target, { recursive: true, force: true });
  await rename(building, target);
}

function metaOf(model: TrainedModel): object {
  return {
    family: model.family,
    feature_list: model.features,
    metrics: model.metrics,
    model_checksum: sha256Hex(model.bytes),
    interval_minutes: model.intervalMinutes,
    sequence_length: model.sequenceLength === 1 ? null : model.sequenceLength,
    cross_sectional_ranking: false,
    ...model.meta,
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
