import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import type { Json, JsonObject } from '../../src/events/record.ts';
import {
  engineConfig,
  identityJson,
  parseIdentity,
  type RunIdentity,
  runIdentity,
  runIdOf,
} from '../../src/modes/run-identity.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';

const { identity } = syntheticRun({ synth: { symbols: 2, sessions: 1 } });

/** The same value with the keys of every object in another order. */
function shuffled(value: Json, seed: number): Json {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, seed));
  if (value === null || typeof value !== 'object') return value;
  const keys = Object.keys(value).sort((a, b) => rank(a, seed) - rank(b, seed));
  return Object.fromEntries(keys.map((key) => [key, shuffled((value as JsonObject)[key]!, seed)]));
}

function rank(key: string, seed: number): number {
  let hash = seed;
  for (let k = 0; k < key.length; k += 1) hash = Math.imul(hash ^ key.charCodeAt(k), 0x01000193);
  return hash >>> 0;
}

/** Every place in a value that holds something other than an object, as a path. */
function leaves(value: Json, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (value === null || typeof value !== 'object') return [path];
  return Object.entries(value).flatMap(([key, item]) => leaves(item as Json, [...path, key]));
}

function replaced(value: Json, path: readonly (string | number)[]): Json {
  const [key, ...rest] = path;
  if (key === undefined) {
    if (typeof value === 'boolean') return !value;
    return typeof value === 'number' ? value + 1 : `${String(value)}x`;
  }
  const copy = (Array.isArray(value) ? [...value] : { ...(value as JsonObject) }) as Record<string, Json>;
  copy[key] = replaced(copy[key]!, rest);
  return copy as unknown as Json;
}

describe('the identity of a run', () => {
  it('hashes to 64 hex digits, the same for the same facts in any order of keys', () => {
    const runId = runIdOf(identity);
    expect(runId).toMatch(/^[0-9a-f]{64}$/);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const other = shuffled(identity as unknown as Json, seed) as unknown as RunIdentity;
        expect(runIdOf(other)).toBe(runId);
        expect(JSON.stringify(identityJson(other))).toBe(JSON.stringify(identityJson(identity)));
      }),
      { numRuns: 30 },
    );
  });

  it('changes with every single fact in it', () => {
    const json = identityJson(identity);
    const paths = leaves(json);
    expect(paths.length).toBeGreaterThan(100);
    const ids = paths.map((path) => runIdOf(replaced(json, path) as unknown as RunIdentity));
    expect(new Set([runIdOf(identity), ...ids]).size).toBe(paths.length + 1);
  });

  it('comes back from its tape record as it was', () => {
    const parsed = parseIdentity(JSON.parse(JSON.stringify(identityJson(identity))) as JsonObject);
    expect(parsed).toEqual(identity);
    expect(runIdOf(parsed)).toBe(runIdOf(identity));
  });

  it('names client orders by its first twelve digits', () => {
    const { runTag, layout, barSeconds } = engineConfig(identity);
    expect(runTag).toBe(runIdOf(identity).slice(0, 12));
    expect(layout).toEqual(identity.layout);
    expect(barSeconds).toBe(60);
  });

  it('carries the version of its own shape', () => {
    const { version, ...facts } = identity;
    expect(runIdentity(facts)).toEqual(identity);
    expect(version).toBe(1);
  });
});

describe('parseIdentity refuses', () => {
  it.each([
    ['another version', { version: 2 }, 'identity version 2, expected version 1'],
    ['no version', { version: undefined }, 'identity version null, expected version 1'],
    ['a missing layout', { layout: undefined }, 'version 1 without layout, expected version 1'],
    ['a missing scenario name', { scenario: undefined }, 'without scenario'],
    ['settings that only a prototype has', { settings: undefined }, 'without settings'],
  ])('%s, and says what to do', (_what, change, message) => {
    const json = { ...identityJson(identity), ...change } as Record<string, Json | undefined>;
    for (const key of Object.keys(json)) if (json[key] === undefined) delete json[key];
    expect(() => parseIdentity(json as JsonObject)).toThrow(InputError);
    expect(() => parseIdentity(json as JsonObject)).toThrow(message);
    expect(() => parseIdentity(json as JsonObject)).toThrow(/replay it with the sametape that wrote it$/);
  });
});
