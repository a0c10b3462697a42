import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject } from '../events/record.ts';
import { finalSettings, identityJson, type RunIdentity } from '../modes/run-identity.ts';

/** What two runs may have started from differently, in the order in which it enters a run. */
export const CHANGE_KINDS = [
  'code',
  'data',
  'sessions',
  'symbols',
  'horizons',
  'models',
  'settings',
  'start',
  'mode',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** One value of the identities of two runs that differs; null where a run has none. */
export interface IdentityChange {
  readonly kind: ChangeKind;
  /** Path in the identity, such as `settings.arbitration.k2`. */
  readonly key: string;
  readonly a: Json;
  readonly b: Json;
}

const KIND_OF: Readonly<Record<string, ChangeKind>> = {
  codeSha256: 'code',
  datasetSha256: 'data',
  barSeconds: 'data',
  sessions: 'sessions',
  horizons: 'horizons',
  layout: 'models',
  learningStart: 'start',
  warmStart: 'start',
  forkedAt: 'settings',
  mode: 'mode',
};

/**
 * Everything that two runs started from differently, by kind and path. What a scenario is called decides nothing and is
 * left out, as is what is drawn for each run that is no backtest.
 */
export function identityChanges(a: RunIdentity, b: RunIdentity): readonly IdentityChange[] {
  const changes: IdentityChange[] = [];
  const left = comparedJson(a);
  const right = comparedJson(b);
  for (const key of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
    if (key === 'scenario') continue;
    const kind = KIND_OF[key] ?? 'settings';
    collect(left[key] ?? null, right[key] ?? null, { kind, key }, changes);
  }
  return changes
    .map((change) => (change.key === 'layout.symbols' ? { ...change, kind: 'symbols' as const } : change))
    .filter(({ key }) => key !== 'mode.nonce' && key !== 'mode.startedUs')
    .sort((x, y) => CHANGE_KINDS.indexOf(x.kind) - CHANGE_KINDS.indexOf(y.kind));
}

/** Of a fork, the settings it ends with, and the cycles in which it left other runs. */
function comparedJson({ forks = [], ...identity }: RunIdentity): JsonObject {
  const json = identityJson({ ...identity, settings: finalSettings({ ...identity, forks }) });
  return forks.length === 0 ? json : { ...json, forkedAt: forks.map(({ cycle }) => cycle) };
}

function collect(
  a: Json,
  b: Json,
  place: Pick<IdentityChange, 'kind' | 'key'>,
  changes: IdentityChange[],
): void {
  if (canonicalJson(a) === canonicalJson(b)) return;
  if (!isTable(a) || !isTable(b)) {
    changes.push({ ...place, a, b });
    return;
  }
  const isList = Array.isArray(a) && Array.isArray(b);
  const [left, right] = isList ? (byName(a, b) ?? [a, b]) : [a, b];
  for (const name of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
    const key = isList ? `${place.key}[${name}]` : `${place.key}.${name}`;
    collect(left[name] ?? null, right[name] ?? null, { ...place, key }, changes);
  }
}

type Table = { readonly [key: string]: Json };

/**
 * Lists of objects with names of their own (models, horizons, sectors) as tables of them, so that one fewer does not
 * make all behind it differ. Undefined where names are missing, come twice, or only the order differs.
 */
function byName(a: readonly Json[], b: readonly Json[]): readonly [Table, Table] | undefined {
  for (const field of ['id', 'label', 'name']) {
    const [left, right] = [a, b].map((list) => {
      const named = list.map(
        (item) => [isTable(item) ? String((item as Table)[field] ?? '') : '', item] as const,
      );
      return new Map(named.filter(([name]) => name !== ''));
    }) as [Map<string, Json>, Map<string, Json>];
    if (left.size !== a.length || right.size !== b.length) continue;
    const tables = [Object.fromEntries(left), Object.fromEntries(right)] as const;
    return canonicalJson(tables[0]) === canonicalJson(tables[1]) ? undefined : tables;
  }
  return undefined;
}

/** Objects, and lists of objects, are looked into; lists of plain values are told whole. */
function isTable(value: Json): value is { readonly [key: string]: Json } {
  if (value === null || typeof value !== 'object') return false;
  return !Array.isArray(value) || value.some((item) => item !== null && typeof item === 'object');
}
