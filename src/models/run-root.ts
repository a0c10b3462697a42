import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import {
  type ArtifactTree,
  listFolders,
  openArtifactTree,
  readArtifact,
  readOptionalFile,
  sha256Hex,
} from './artifact-files.ts';
import { type ModelMeta, parseArtifactJson, parseModelMeta } from './model-meta.ts';
import { findOnnxFault } from './onnx-file.ts';
import {
  type ChosenView,
  chooseView,
  isOpenView,
  parseRoutingDecision,
  parseTarget,
  type RoutingDecision,
  TARGET_PATTERNS,
  type TargetSpec,
  type ViewRoute,
} from './routing.ts';

const MAX_JSON_BYTES = 1 << 20;
export const MAX_MODEL_BYTES = 256 << 20;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** One trained model on disk, checked but not loaded. */
export interface ModelArtifact extends TargetSpec {
  /** `<target>/<view>/<family>`. */
  readonly id: string;
  readonly target: string;
  readonly view: string;
  readonly family: string;
  readonly meta: ModelMeta;
  /** Path of `model.onnx` below the run root, `/` between parts. */
  readonly path: string;
  /** SHA-256 of the file as found, which in strict mode is the one its metadata names. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Something wrong with an artifact that does not stop a run outside strict mode. */
export interface ArtifactWarning {
  readonly code: 'MODEL_CHECKSUM_MISMATCH' | 'TARGET_UNKNOWN' | 'TARGET_BLOCKED' | 'TARGET_WITHOUT_VIEW';
  /** Below the run root, `/` between parts: what the tape records. */
  readonly path: string;
  readonly detail: string;
  /** As the user named it. */
  readonly file: string;
  readonly message: string;
}

export interface RunRoot {
  readonly dir: string;
  readonly strict: boolean;
  readonly manifest: Readonly<Record<string, unknown>>;
  /** Every model of the tree, by target, view, family in code-unit order. */
  readonly models: readonly ModelArtifact[];
  /** The view and families that serve each target. */
  readonly routes: Readonly<Record<string, ChosenView>>;
  /** SHA-256 over everything that was read: the run root's part of a run's identity. */
  readonly sha256: string;
  readonly warnings: readonly ArtifactWarning[];
}

export interface LoadRunRootOptions {
  readonly strict: boolean;
  /** Names the feature stage can compute; a model that wants another is refused. */
  readonly knownFeatures: readonly string[];
  /** Views to use, the first that a target has; wins over its routing decisions, but never picks a blocked view. */
  readonly views?: readonly string[] | undefined;
}

interface Loading {
  readonly tree: ArtifactTree;
  readonly options: LoadRunRootOptions;
  readonly warnings: ArtifactWarning[];
  readonly models: ModelArtifact[];
  readonly routes: [string, ChosenView][];
  /** `path sha256` of every file read. */
  readonly files: string[];
}

const manifestSchema = z.record(z.string(), z.unknown());

/**
 * Reads what training left: metadata, routing and checksums of every model. Models themselves are loaded when they first run.
 * Layout: `manifest.json`, `targets/<target>/models/view=<VIEW>/[routing_decision.json] family=<Family>/{model.onnx, model_meta.json}`.
 * @throws InputError naming file, field and what was expected: missing or malformed files, unknown features, files that are not
 * ONNX, paths that leave the folder; in strict mode also a checksum mismatch or a target name with no known meaning
 */
export async function loadRunRoot(dir: string, options: LoadRunRootOptions): Promise<RunRoot> {
  const tree = await openArtifactTree(dir);
  const loading: Loading = { tree, options, warnings: [], models: [], routes: [], files: [] };
  const manifest = parseArtifactJson(
    await readText(loading, 'manifest.json'),
    join(dir, 'manifest.json'),
    manifestSchema,
    'RUN_ROOT_INVALID',
  );
  for (const target of await listFolders(tree, 'targets')) await loadTarget(loading, target);
  checkWantedViews(loading);
  return {
    dir,
    strict: options.strict,
    manifest,
    models: loading.models,
    routes: Object.fromEntries(loading.routes),
    sha256: createHash('sha256').update(loading.files.join('\n')).digest('hex'),
    warnings: loading.warnings,
  };
}

async function loadTarget(loading: Loading, target: string): Promise<void> {
  const path = `targets/${target}`;
  const spec = NAME.test(target) ? parseTarget(target) : undefined;
  if (spec === undefined) {
    const detail = `target name has no known meaning, expected ${TARGET_PATTERNS}`;
    raiseOrWarn(loading, warningAt(loading, { code: 'TARGET_UNKNOWN', path, detail }));
    return;
  }
  const views: ViewRoute[] = [];
  for (const folder of await listFolders(loading.tree, `${path}/models`)) {
    const view = taggedName(folder, 'view=');
    if (view !== undefined)
      views.push(await loadView(loading, { target, spec, view, path: `${path}/models/${folder}` }));
  }
  const wanted = loading.options.views;
  const chosen = chooseView(target, views, wanted);
  if (chosen !== undefined) {
    loading.routes.push([target, chosen]);
    return;
  }
  const open = views.filter(isOpenView);
  if (wanted !== undefined && open.length > 0) {
    const found = open.map(({ view }) => view).join(', ');
    const detail = `target has none of the views ${wanted.join(', ')}, found ${found}; it makes no predictions`;
    loading.warnings.push(warningAt(loading, { code: 'TARGET_WITHOUT_VIEW', path, detail }));
    return;
  }
  const reason = views.length === 0 ? 'has no view=<VIEW> folder' : 'is blocked by its routing decisions';
  const detail = `target ${reason}, it makes no predictions`;
  loading.warnings.push(warningAt(loading, { code: 'TARGET_BLOCKED', path, detail }));
}

function warningAt(
  loading: Loading,
  { code, path, detail }: Pick<ArtifactWarning, 'code' | 'path' | 'detail'>,
): ArtifactWarning {
  const file = join(loading.tree.dir, path);
  return { code, path, detail, file, message: `${file}: ${detail}` };
}

/** @throws InputError VIEW_UNKNOWN for a wanted view that no target has */
function checkWantedViews({ tree, models, options }: Loading): void {
  const found = [...new Set(models.map(({ view }) => view))].sort(compareCodeUnits);
  const unknown = options.views?.find((view) => !found.includes(view));
  if (unknown === undefined) return;
  throw new InputError(
    'VIEW_UNKNOWN',
    `models.views: ${unknown} is no view of run root ${tree.dir}, found ${found.join(', ') || 'none'}`,
  );
}

interface ViewPlace {
  readonly target: string;
  readonly spec: TargetSpec;
  readonly view: string;
  readonly path: string;
}

async function loadView(loading: Loading, place: ViewPlace): Promise<ViewRoute> {
  const { view, path } = place;
  const families: string[] = [];
  for (const folder of await listFolders(loading.tree, path)) {
    const family = taggedName(folder, 'family=');
    if (family === undefined) continue;
    loading.models.push(await loadModel(loading, place, { family, path: `${path}/${folder}` }));
    families.push(family);
  }
  const decision = await loadRouting(loading, `${path}/routing_decision.json`);
  return decision === undefined ? { view, families } : { view, families, decision };
}

async function loadRouting(loading: Loading, path: string): Promise<RoutingDecision | undefined> {
  const bytes = await readOptionalFile(loading.tree, path, MAX_JSON_BYTES);
  if (bytes === undefined) return undefined;
  loading.files.push(`${path} ${sha256Hex(bytes)}`);
  return parseRoutingDecision(new TextDecoder().decode(bytes), join(loading.tree.dir, path));
}

async function loadModel(
  loading: Loading,
  place: ViewPlace,
  folder: { readonly family: string; readonly path: string },
): Promise<ModelArtifact> {
  const { target, spec, view } = place;
  const { family } = folder;
  const metaFile = join(loading.tree.dir, folder.path, 'model_meta.json');
  const metaText = await readText(loading, `${folder.path}/model_meta.json`);
  const meta = parseModelMeta(metaText, metaFile, loading.options.knownFeatures);
  if (meta.family !== family) {
    throw new InputError(
      'MODEL_META_INVALID',
      `${metaFile}: field family: "${meta.family}", expected "${family}" as its folder says`,
    );
  }
  checkOutputKind(spec, meta, metaFile);
  const path = `${folder.path}/model.onnx`;
  const file = join(loading.tree.dir, path);
  const bytes = await readArtifact(loading.tree, path, MAX_MODEL_BYTES);
  const sha256 = sha256Hex(bytes);
  loading.files.push(`${path} ${sha256}`);
  if (sha256 !== meta.checksum) {
    const detail = `sha256 ${sha256}, expected ${meta.checksum} (model_meta.json, field model_checksum)`;
    raiseOrWarn(loading, warningAt(loading, { code: 'MODEL_CHECKSUM_MISMATCH', path, detail }));
  }
  const fault = findOnnxFault(bytes);
  if (fault !== undefined) throw new InputError('MODEL_NOT_ONNX', `${file}: ${fault}`);
  const id = `${target}/${view}/${family}`;
  return { ...spec, id, target, view, family, meta, path, sha256, bytes: bytes.length };
}

/** A return has a point forecast or a distribution; a barrier one probability, or, where the target says so, both. */
function checkOutputKind({ kind }: TargetSpec, { reads }: ModelMeta, metaFile: string): void {
  const isBoth = reads.kind === 'barriers';
  if (kind === 'return' ? !isBoth : kind === 'barriers' ? isBoth : reads.kind === 'point') return;
  const expected =
    kind === 'return'
      ? 'point, quantiles, distribution or parameters'
      : kind === 'barriers'
        ? 'barriers'
        : 'point';
  throw new InputError(
    'MODEL_META_INVALID',
    `${metaFile}: field output_kind: "${reads.kind}", expected ${expected} for this target`,
  );
}

/**
 * The bytes of a model, read again and compared with what was checked at load.
 * @throws InputError MODEL_CHANGED when the file is no longer the one the run root was loaded with
 */
export async function readModelBytes(runRoot: RunRoot, model: ModelArtifact): Promise<Uint8Array> {
  const bytes = await readArtifact(await openArtifactTree(runRoot.dir), model.path, MAX_MODEL_BYTES);
  const sha256 = sha256Hex(bytes);
  if (sha256 !== model.sha256) {
    throw new InputError(
      'MODEL_CHANGED',
      `${join(runRoot.dir, model.path)}: changed since the run root was loaded (sha256 ${sha256}, expected ${model.sha256})`,
    );
  }
  return bytes;
}

async function readText(loading: Loading, path: string): Promise<string> {
  const bytes = await readArtifact(loading.tree, path, MAX_JSON_BYTES);
  loading.files.push(`${path} ${sha256Hex(bytes)}`);
  return new TextDecoder().decode(bytes);
}

function taggedName(folder: string, tag: string): string | undefined {
  const name = folder.startsWith(tag) ? folder.slice(tag.length) : '';
  return NAME.test(name) ? name : undefined;
}

function raiseOrWarn(loading: Loading, warning: ArtifactWarning): void {
  if (loading.options.strict) throw new InputError(warning.code, warning.message);
  loading.warnings.push(warning);
}
