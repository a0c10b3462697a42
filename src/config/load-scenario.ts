import { dirname, resolve } from 'node:path';
import { InputError } from '../domain/errors.ts';
import {
  type ConfigMap,
  type ConfigPath,
  formatOrigin,
  locateValue,
  mergeLayers,
  nodeAt,
  type Origin,
  type ScenarioProblem,
  toPlain,
} from './config-tree.ts';
import { applyOverrides, type Override } from './overrides.ts';
import { parseScenarioText } from './parse-yaml.ts';
import { problemsOf, ScenarioError } from './problems.ts';
import { PROFILES } from './profiles.ts';
import { readScenarioText } from './read-text.ts';
import { crossProblems, resolveSettings, type ScenarioSettings } from './resolve.ts';
import { type Scenario, scenarioSchema } from './schema.ts';
import { strayReferences } from './secrets.ts';

const MAX_EXTENDS = 8;

/** What a scenario can be compared with besides files: its defaults, or a profile. */
export const BASELINES: readonly string[] = ['defaults', ...Object.keys(PROFILES)];

/** Where things are on this machine, absolute. Never part of a run's identity. */
export interface ScenarioPaths {
  readonly scenarioFile: string;
  readonly datasetDir: string;
  readonly runRootDir?: string;
  readonly predictionsFile?: string;
  /** Folder of the run to start from. */
  readonly warmStartDir?: string;
  /** `bandit_state.json` that learning starts from. */
  readonly learningStartFile?: string;
}

/** A scenario ready to run. */
export interface LoadedScenario {
  readonly name: string;
  readonly description?: string;
  /** Everything that decides what a run does; the part that is hashed. */
  readonly settings: ScenarioSettings;
  readonly resolvedPaths: ScenarioPaths;
  /** The scenario in human units with every default filled in, for showing. */
  readonly scenario: Scenario;
  /** Where a key of `scenario` was written; undefined for a default. */
  readonly originOf: (path: ConfigPath) => Origin | undefined;
  /** The merged tree behind `scenario`, and what its file extends. */
  readonly root: ConfigMap;
  readonly base?: Base;
}

export interface LoadOptions {
  /** The file as the user named it; messages call it that. Relative to the current directory. */
  readonly file: string;
  /** Values from the command line; they win over the file. */
  readonly overrides?: readonly Override[];
}

/**
 * Reads, checks and resolves a scenario file.
 * @throws InputError with one line that says what is wrong, where (`file:line:col` or the option) and what is expected;
 *   a `ScenarioError` carries all problems when there are several
 */
export function loadScenario({ file, overrides = [] }: LoadOptions): LoadedScenario {
  const path = resolve(file);
  return loadTree(readLayers(applyOverrides(readFile({ path, name: file }), overrides), path), path);
}

/** A name and a dataset, for a base that is looked at without a scenario. */
const NAMELESS = parseScenarioText('name: any\ndata: { dataset: . }\n', { source: 'none', baseDir: '' });

/**
 * What scenarios stand on, as a scenario: the defaults or a profile, with the name and the dataset of `like`.
 * @param name one of `BASELINES`, or undefined for what `like` extends: a profile, a file, or else the defaults
 */
export function loadBaseline(name: string | undefined, like?: LoadedScenario): LoadedScenario {
  const needed = pick(like?.root ?? NAMELESS);
  const path = like?.resolvedPaths.scenarioFile ?? '';
  const base =
    name === undefined ? like?.base : name === 'defaults' ? undefined : profileBase(name, needed.origin);
  if (base === undefined) return loadTree({ root: needed }, path);
  const { root } = readLayers(readBase(base), 'path' in base ? base.path : '');
  return loadTree({ root: mergeLayers({ lower: needed, upper: root }) }, path);
}

/** The keys that have no default. */
function pick({ kind, origin, entries }: ConfigMap): ConfigMap {
  const data = entries.get('data');
  const dataset = data?.node.kind === 'map' ? data.node.entries.get('dataset') : undefined;
  const kept = new Map(entries);
  for (const key of entries.keys()) if (key !== 'name') kept.delete(key);
  if (data?.node.kind === 'map' && dataset !== undefined) {
    kept.set('data', { ...data, node: { ...data.node, entries: new Map([['dataset', dataset]]) } });
  }
  return { kind, origin, entries: kept };
}

interface LayeredTree {
  readonly root: ConfigMap;
  readonly base?: Base | undefined;
}

function loadTree({ root, base }: LayeredTree, path: string): LoadedScenario {
  const parsed = scenarioSchema.safeParse(toPlain(root));
  if (!parsed.success) throw new ScenarioError(problemsOf(parsed.error, root));
  const scenario = parsed.data;
  const problems: ScenarioProblem[] = crossProblems(scenario, root);
  if (problems.length > 0) throw new ScenarioError(problems);
  const { name, description } = scenario;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    settings: resolveSettings(scenario),
    resolvedPaths: resolvePaths(scenario, { root, scenarioFile: path }),
    scenario,
    originOf: (key) => nodeAt(root, key)?.origin,
    root,
    ...(base === undefined ? {} : { base }),
  };
}

function resolvePaths(
  scenario: Scenario,
  { root, scenarioFile }: { readonly root: ConfigMap; readonly scenarioFile: string },
): ScenarioPaths {
  const from = (key: ConfigPath, path: string): string => resolve(locateValue(root, key).baseDir, path);
  const { runRoot, predictions } = scenario.models;
  const { warmStart } = scenario.learning;
  return {
    scenarioFile,
    datasetDir: from(['data', 'dataset'], scenario.data.dataset),
    ...(runRoot === undefined || runRoot === null
      ? {}
      : { runRootDir: from(['models', 'runRoot'], runRoot) }),
    ...(predictions === undefined ? {} : { predictionsFile: from(['models', 'predictions'], predictions) }),
    ...(scenario.warmStart === undefined ? {} : { warmStartDir: from(['warmStart'], scenario.warmStart) }),
    ...(warmStart === undefined ? {} : { learningStartFile: from(['learning', 'warmStart'], warmStart) }),
  };
}

/** A layer over what it extends, and that over what it extends. */
function readLayers(top: ConfigMap, path: string): LayeredTree {
  let root = checked(top);
  const first = baseOf(root);
  const chain = [{ path, name: root.origin.source }];
  for (let base = first; base !== undefined; base = baseOf(root)) {
    if ('path' in base) {
      const isLoop = chain.some((seen) => seen.path === (base as { path: string }).path);
      chain.push(base);
      if (isLoop || chain.length > MAX_EXTENDS + 1) throw loopError(base.origin, chain, isLoop);
    }
    root = {
      ...mergeLayers({ lower: checked(readBase(base)), upper: withoutExtends(root) }),
      origin: root.origin,
    };
  }
  return { root, base: first };
}

function loopError(origin: Origin, chain: readonly { readonly name: string }[], isLoop: boolean): InputError {
  const trail = chain.map(({ name }) => name).join(' -> ');
  const what = isLoop ? 'leads back to itself' : `leads through more than ${MAX_EXTENDS} files`;
  return new InputError('EXTENDS_LOOP', `${formatOrigin(origin)}: extends: ${what}: ${trail}`);
}

/** Each layer is checked by itself, so that what a higher one covers is refused too. */
function checked(layer: ConfigMap): ConfigMap {
  const problems = strayReferences(layer);
  if (problems.length > 0) throw new ScenarioError(problems);
  return layer;
}

function readBase(base: Base): ConfigMap {
  return 'path' in base ? readFile(base) : parseScenarioText(base.text, { source: base.name, baseDir: '' });
}

function readFile({ path, name }: { readonly path: string; readonly name: string }): ConfigMap {
  return parseScenarioText(readScenarioText({ path, name }), { source: name, baseDir: dirname(path) });
}

/** What a file extends: another file, or a profile that comes with sametape. */
export type Base =
  | { readonly origin: Origin; readonly name: string; readonly path: string }
  | { readonly origin: Origin; readonly name: string; readonly text: string };

function baseOf(root: ConfigMap): Base | undefined {
  const node = root.entries.get('extends')?.node;
  if (node?.kind !== 'scalar' || typeof node.value !== 'string') return undefined;
  const { origin, value } = node;
  if (/[/\\]|\.ya?ml$/.test(value)) return { origin, name: value, path: resolve(origin.baseDir, value) };
  return profileBase(value, origin);
}

function profileBase(profile: string, origin: Origin): Base {
  const text = Object.hasOwn(PROFILES, profile) ? PROFILES[profile] : undefined;
  if (text === undefined) {
    throw new InputError(
      'PROFILE_UNKNOWN',
      `${formatOrigin(origin)}: extends: expected a profile (${Object.keys(PROFILES).join(', ')}) or the path of a .yaml file, found ${JSON.stringify(profile)}`,
    );
  }
  return { origin, name: `profile ${profile}`, text };
}

function withoutExtends(root: ConfigMap): ConfigMap {
  const entries = new Map(root.entries);
  entries.delete('extends');
  return { ...root, entries };
}
