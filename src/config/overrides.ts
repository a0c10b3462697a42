import { InputError } from '../domain/errors.ts';
import type { ConfigMap, ConfigNode, Origin } from './config-tree.ts';
import { mergeLayers } from './config-tree.ts';
import { parseOptionValue } from './parse-yaml.ts';
import { withoutSecrets } from './secrets.ts';

/** One value set from the command line, over whatever the scenario says. */
export interface Override {
  readonly path: readonly string[];
  readonly node: ConfigNode;
}

const KEY = /^[A-Za-z0-9_-]{1,64}$/;
const FORBIDDEN = /^(__proto__|constructor|prototype)$/;

/**
 * Reads all arguments of `--set`, in order.
 * @throws InputError SET_TWICE for a key that two of them set, and as `parseSetOption`
 */
export function parseSetOptions(texts: readonly string[], baseDir: string): Override[] {
  return expectSetOnce(texts.map((text) => parseSetOption(text, baseDir)));
}

/** @throws InputError SET_TWICE for a key that two of the overrides set */
export function expectSetOnce(overrides: Override[]): Override[] {
  const sources = new Map<string, string>();
  for (const { path, node } of overrides) {
    const { source } = node.origin;
    for (const key of keysSet(path, node)) {
      const earlier = sources.get(key);
      if (earlier !== undefined) {
        throw new InputError(
          'SET_TWICE',
          `${source}: ${key} is set already, by ${earlier}; keep one of them`,
        );
      }
      sources.set(key, source);
    }
  }
  return overrides;
}

function keysSet(path: readonly string[], node: ConfigNode): string[] {
  if (node.kind !== 'map' || node.entries.size === 0) return [path.join('.')];
  return [...node.entries].flatMap(([key, entry]) => keysSet([...path, key], entry.node));
}

/**
 * Reads the argument of `--set`: `key.path=value`, the value as YAML (`0.4`, `true`, `[SPY, IBM]`).
 * @param baseDir folder that a path in the value starts from
 * @param option what the user typed it after
 * @throws InputError SET_INVALID, YAML_INVALID or YAML_REFUSED, naming the option
 */
export function parseSetOption(text: string, baseDir: string, option = '--set'): Override {
  const shown = withoutSecrets(text);
  const source = `${option} ${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown}`;
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new InputError(
      'SET_INVALID',
      `${source}: expected key=value, such as ${option} sizing.grossTarget=0.4`,
    );
  }
  const path = text.slice(0, equals).trim().split('.');
  const bad = path.find((part) => !KEY.test(part) || FORBIDDEN.test(part));
  if (bad !== undefined) {
    throw new InputError(
      'SET_INVALID',
      `${source}: ${JSON.stringify(withoutSecrets(bad.slice(0, 64)))} is not a key; expected names joined by dots, such as sizing.grossTarget`,
    );
  }
  const origin: Origin = { source, baseDir };
  return { path, node: parseOptionValue(text.slice(equals + 1), origin) };
}

/** An override whose value is text as given, such as a path; nothing in it is read as YAML. */
export function textOverride({
  option,
  path,
  value,
  baseDir,
}: {
  readonly option: string;
  readonly path: readonly string[];
  readonly value: string;
  readonly baseDir: string;
}): Override {
  return { path, node: { kind: 'scalar', origin: { source: `${option} ${value}`, baseDir }, value } };
}

/** Applies overrides in order; the last one of a key wins: an option of its own counts more than `--set`. */
export function applyOverrides(root: ConfigMap, overrides: readonly Override[]): ConfigMap {
  let merged = root;
  for (const override of overrides) {
    const layer = nest(override.path, override.node);
    merged = { ...mergeLayers({ lower: merged, upper: layer }), origin: root.origin };
  }
  return merged;
}

function nest(path: readonly string[], node: ConfigNode): ConfigMap {
  const [key, ...rest] = path as [string, ...string[]];
  const inner = rest.length === 0 ? node : nest(rest, node);
  return {
    kind: 'map',
    origin: node.origin,
    entries: new Map([[key, { keyOrigin: node.origin, node: inner }]]),
  };
}
