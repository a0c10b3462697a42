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
  toPlain,
} from './config-tree.ts';
import { applyOverrides, type Override } from './overrides.ts';
import { parseScenarioText } from './parse-yaml.ts';
import { problemsOf, ScenarioError, type ScenarioProblem } from './problems.ts';
import { PROFILES } from './profiles.ts';
import { readScenarioText } from './read-text.ts';
import { crossProblems, resolveSettings, type ScenarioSettings } from './resolve.ts';
import { type Scenario, scenarioSchema } from './schema.ts';

const MAX_EXTENDS = 8;

/** Where things are on this machine, absolute. Never part of a run's identity. */
export interface ScenarioPaths {
  readonly scenarioFile: string;
  readonly datasetDir: string;
  readonly runRootDir?: string;
  readonly predictionsFile?: string;
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
  const root = readLayers({ path, name: file, overrides });
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
  };
}

function resolvePaths(
  scenario: Scenario,
  { root, scenarioFile }: { readonly root: ConfigMap; readonly scenarioFile: string },
): ScenarioPaths {
  const from = (key: ConfigPath, path: string): string => resolve(locateValue(root, key).baseDir, path);
  const { runRoot, predictions } = scenario.models;
  return {
    scenarioFile,
    datasetDir: from(['data', 'dataset'], scenario.data.dataset),
    ...(runRoot === undefined || runRoot === null
      ? {}
      : { runRootDir: from(['models', 'runRoot'], runRoot) }),
    ...(predictions === undefined ? {} : { predictionsFile: from(['models', 'predictions'], predictions) }),
  };
}

interface LayerSource {
  readonly path: string;
  readonly name: string;
  readonly overrides: readonly Override[];
}

/** The file over what it extends, with the overrides on top. */
function readLayers({ path, name, overrides }: LayerSource): ConfigMap {
  let root = applyOverrides(readFile({ path, name }), overrides);
  const seen = new Set([path]);
  for (let base = baseOf(root); base !== undefined; base = baseOf(root)) {
    if ('path' in base) {
      if (seen.has(base.path) || seen.size > MAX_EXTENDS) {
        throw new InputError(
          'EXTENDS_LOOP',
          `${formatOrigin(base.origin)}: extends: ${base.name} leads back to itself or through more than ${MAX_EXTENDS} files`,
        );
      }
      seen.add(base.path);
    }
    const lower =
      'path' in base ? readFile(base) : parseScenarioText(base.text, { source: base.name, baseDir: '' });
    root = { ...mergeLayers({ lower, upper: withoutExtends(root) }), origin: root.origin };
  }
  return root;
}

function readFile({ path, name }: { readonly path: string; readonly name: string }): ConfigMap {
  return parseScenarioText(readScenarioText({ path, name }), { source: name, baseDir: dirname(path) });
}

type Base =
  | { readonly origin: Origin; readonly name: string; readonly path: string }
  | { readonly origin: Origin; readonly name: string; readonly text: string };

function baseOf(root: ConfigMap): Base | undefined {
  const node = root.entries.get('extends')?.node;
  if (node?.kind !== 'scalar' || typeof node.value !== 'string') return undefined;
  const { origin, value } = node;
  if (/[/\\]|\.ya?ml$/.test(value)) return { origin, name: value, path: resolve(origin.baseDir, value) };
  const text = Object.hasOwn(PROFILES, value) ? PROFILES[value] : undefined;
  if (text === undefined) {
    throw new InputError(
      'PROFILE_UNKNOWN',
      `${formatOrigin(origin)}: extends: expected a profile (${Object.keys(PROFILES).join(', ')}) or the path of a .yaml file, found ${JSON.stringify(value)}`,
    );
  }
  return { origin, name: `profile ${value}`, text };
}

function withoutExtends(root: ConfigMap): ConfigMap {
  const entries = new Map(root.entries);
  entries.delete('extends');
  return { ...root, entries };
}
