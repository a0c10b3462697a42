import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import { type LoadedScenario, loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOptions } from '../../src/config/overrides.ts';
import { formatProblem, ScenarioError } from '../../src/config/problems.ts';
import { InputError } from '../../src/domain/errors.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A fresh folder, removed after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sametape-config-'));
  folders.push(folder);
  return folder;
}

export function writeIn(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** The least a scenario needs. */
export const MINIMAL = 'name: a\ndata: { dataset: x }\n';

export function load(text: string, sets: readonly string[] = [], folder = newFolder()): LoadedScenario {
  const file = writeIn(folder, 's.yaml', text);
  return loadScenario({ file, overrides: parseSetOptions(sets, folder) });
}

/** The error that loading gives, its message without the folder. */
export function failure(text: string | Uint8Array, sets: readonly string[] = []): InputError {
  const folder = newFolder();
  const file = writeIn(folder, 's.yaml', text);
  try {
    loadScenario({ file, overrides: parseSetOptions(sets, folder) });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    error.message = error.message.replaceAll(`${folder}/`, '');
    return error;
  }
  throw new Error('the scenario was accepted');
}

/** Every problem of a scenario, as lines without the folder. */
export function problems(text: string, sets: readonly string[] = []): string[] {
  const error = failure(text, sets);
  if (!(error instanceof ScenarioError)) return [error.message];
  return error.problems.map((problem) => formatProblem(problem).replace(/^.*\/(?=s\.yaml)/, ''));
}
