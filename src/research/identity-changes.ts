import { canonicalJson } from '../events/canonical.ts';
import type { Json } from '../events/record.ts';
import { identityJson, type RunIdentity } from '../modes/run-identity.ts';

/** What two runs may have started from differently, in the order in which it enters a run. */
export const CHANGE_KINDS = ['code', 'data', 'sessions', 'models', 'settings', 'start', 'mode'] as const;
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
  layout: 'models',
  learningStart: 'start',
  warmStart: 'start',
  mode: 'mode',
};

/**
 * Everything that two runs started from differently, by kind and path. What a scenario is called decides nothing and is
 * left out, as is what is drawn for each run that is no backtest.
 */
export function identityChanges(a: RunIdentity, b: RunIdentity): readonly IdentityChange[] {
  const changes: IdentityChange[] = [];
  const left = identityJson(a);
  const right = identityJson(b);
  for (const key of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
    if (key === 'scenario') continue;
    const kind = KIND_OF[key] ?? 'settings';
    collect(left[key] ?? null, right[key] ?? null, { kind, key }, changes);
  }
  return changes
    .filter(({ key }) => key !== 'mode.nonce' && key !== 'mode.startedUs')
    .sort((x, y) => CHANGE_KINDS.indexOf(x.kind) - CHANGE_KINDS.indexOf(y.kind));
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
  for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
    const key = Array.isArray(a) ? `${place.key}[${name}]` : `${place.key}.${name}`;
    collect(a[name] ?? null, b[name] ?? null, { ...place, key }, changes);
  }
}

/** Objects, and lists of objects, are looked into; lists of plain values are told whole. */
function isTable(value: Json): value is { readonly [key: string]: Json } {
  if (value === null || typeof value !== 'object') return false;
  return !Array.isArray(value) || value.some((item) => item !== null && typeof item === 'object');
}
