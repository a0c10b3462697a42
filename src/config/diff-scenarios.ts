import { formatOrigin } from './config-tree.ts';
import type { LoadedScenario } from './load-scenario.ts';
import { effectiveScenario } from './show-scenario.ts';

/** One side of a difference. */
export interface SettingSide {
  /** As in a scenario file; null where this side has no such key. */
  readonly value: unknown;
  /** `file:line:col`, an option, a profile with its line, `default`, or `absent`. */
  readonly from: string;
}

export interface SettingDifference {
  /** `sizing.band`. */
  readonly key: string;
  readonly a: SettingSide;
  readonly b: SettingSide;
}

/** Tables with one value a horizon: a horizon that only one side has is a difference of `horizons`, not of these. */
const PER_HORIZON = /^(?:prediction\.freshnessTauSeconds|blending\.temperature)\./;

/**
 * Where two scenarios differ, key by key in the order of the schema, every default filled in. A description decides
 * nothing and is left out.
 * @param folder what paths are shown relative to
 */
export function diffScenarios(
  { a, b }: { readonly a: LoadedScenario; readonly b: LoadedScenario },
  folder: string,
): readonly SettingDifference[] {
  const left = settingsOf(a, folder);
  const right = settingsOf(b, folder);
  const differences: SettingDifference[] = [];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const isOneSided = !left.has(key) || !right.has(key);
    if (key === 'description' || (isOneSided && PER_HORIZON.test(key))) continue;
    if (JSON.stringify(left.get(key)) === JSON.stringify(right.get(key))) continue;
    differences.push({ key, a: sideOf(a, left, key), b: sideOf(b, right, key) });
  }
  return differences;
}

function sideOf(loaded: LoadedScenario, settings: ReadonlyMap<string, unknown>, key: string): SettingSide {
  if (!settings.has(key)) return { value: null, from: 'absent' };
  const origin = loaded.originOf(key.split('.'));
  return { value: settings.get(key), from: origin === undefined ? 'default' : formatOrigin(origin) };
}

/** Every value that is not a map, by its key; a list is one value. */
function settingsOf(loaded: LoadedScenario, folder: string): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>();
  const visit = (value: unknown, path: string): void => {
    if (value === undefined || value === null) return;
    if (typeof value !== 'object' || Array.isArray(value)) {
      settings.set(path, value);
      return;
    }
    for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
  };
  visit(effectiveScenario(loaded, folder), '');
  return settings;
}
