import { isEqual } from './carry-settings.ts';
import { InvariantError } from './errors.ts';
import type { EngineSettings } from './settings.ts';

/** A value of settings: plain data as JSON holds it. */
export type SettingValue =
  | string
  | number
  | boolean
  | null
  | readonly SettingValue[]
  | { readonly [key: string]: SettingValue };

/** New values by key, `section.name` or a name alone; null takes away what need not be there. */
export type SettingChanges = Readonly<Record<string, SettingValue>>;

const KEYS = {
  seed: 'value',
  strict: 'value',
  initialCashMicros: 'value',
  cycleMinutes: 'value',
  prediction: 'section',
  blending: 'section',
  arbitration: 'section',
  gating: 'section',
  sizing: 'section',
  risk: 'section',
  execution: 'section',
  exchange: 'section',
  learning: 'section',
  reconciliation: 'section',
} as const satisfies {
  readonly [K in keyof EngineSettings]: EngineSettings[K] extends object ? 'section' : 'value';
};

/** Whether a key is one of `SettingChanges`: a value, or a name within a section. */
export function isSettingKey(key: string): boolean {
  const [head, name, more] = key.split('.');
  if (more !== undefined || !Object.hasOwn(KEYS, head)) return false;
  return KEYS[head as keyof EngineSettings] === (name === undefined ? 'value' : 'section');
}

type Section = Readonly<Record<string, SettingValue | undefined>>;

/**
 * Settings with some of them changed; sections that none is of stay the very objects they were.
 * @throws InvariantError for a key that is no setting
 */
export function changedSettings<S extends Partial<EngineSettings>>(settings: S, changes: SettingChanges): S {
  const changed: Record<string, unknown> = { ...settings };
  for (const [key, value] of Object.entries(changes)) {
    if (!isSettingKey(key)) throw new InvariantError(`${key} is no setting of an engine`);
    const [section, name] = key.split('.');
    if (name === undefined) changed[section] = value;
    else changed[section] = withValue(changed[section] as Section, name, value);
  }
  return changed as S;
}

function withValue(section: Section, name: string, value: SettingValue): Section {
  const { [name]: _, ...others } = section;
  return value === null ? others : { ...section, [name]: value };
}

/** What makes settings of others, keys in code-unit order. */
export function settingChanges(before: EngineSettings, after: EngineSettings): SettingChanges {
  const [from, to] = [flat(before), flat(after)];
  const keys = [...new Set([...from.keys(), ...to.keys()])].sort();
  return Object.fromEntries(
    keys.filter((key) => !isEqual(from.get(key), to.get(key))).map((key) => [key, to.get(key) ?? null]),
  );
}

function flat(settings: EngineSettings): ReadonlyMap<string, SettingValue> {
  const values = new Map<string, SettingValue>();
  for (const [name, value] of Object.entries(settings) as [string, SettingValue | Section][]) {
    if (typeof value !== 'object' || value === null) values.set(name, value);
    else
      for (const [key, inner] of Object.entries(value)) values.set(`${name}.${key}`, inner as SettingValue);
  }
  return values;
}
