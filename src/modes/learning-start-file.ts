import { createHash } from 'node:crypto';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import type { SignalLayout } from '../events/layout.ts';
import { describeUnreadable, readBounded } from '../files/read-bounded.ts';
import { parseLearningStart } from '../learning/learning-start.ts';
import type { RunIdentity } from './run-identity.ts';

/** A state of a thousand arms is far below this. */
const MAX_STATE_BYTES = 16 * 1024 * 1024;

/**
 * What an earlier run had learned, where the scenario starts from that. All of it goes into the identity, and so onto
 * the tape: a replay does not need the file.
 * @throws InputError when the file cannot be read, is no bandit state, is of another algorithm, or knows horizons that
 *   this run has no models for (leaving them out would change what the others had learned)
 */
export function readLearningStart(
  { resolvedPaths, scenario, settings }: LoadedScenario,
  layout: SignalLayout,
): Pick<RunIdentity, 'learningStart'> {
  const path = resolvedPaths.learningStartFile;
  if (path === undefined) return {};
  const name = `learning.warmStart: ${scenario.learning.warmStart ?? path}`;
  const text = readText(path, name);
  const start = parseLearningStart(parseJson(text, name), name);
  const { algorithm } = settings.engine.learning;
  if (start.algorithm !== algorithm) {
    throw new InputError(
      'WARM_START_ALGORITHM',
      `${name}: was learned by ${start.algorithm}, and learning.algorithm is ${algorithm}; use one of them in both`,
    );
  }
  const horizons = new Set(
    layout.columns.flatMap(({ kind, horizon }) => (kind === 'return' ? [horizon.label] : [])),
  );
  const stray = start.arms.find(({ horizon }) => !horizons.has(horizon));
  if (stray !== undefined) {
    throw new InputError(
      'WARM_START_HORIZON',
      `${name}: knows horizon ${stray.horizon}, which this run has no models for (it has ${[...horizons].join(', ')}); add it to horizons, or start without`,
    );
  }
  return { learningStart: { ...start, sha256: createHash('sha256').update(text).digest('hex') } };
}

function readText(path: string, name: string): string {
  const result = readBounded(path, { maxBytes: MAX_STATE_BYTES });
  if (result.kind === 'read') return result.bytes.toString('utf8');
  throw new InputError(
    'WARM_START_UNREADABLE',
    `${name}: ${describeUnreadable(result)}; name a state/bandit_state.json that a run wrote`,
    { cause: result },
  );
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(
      'BANDIT_STATE_INVALID',
      `${name}: not JSON; name a state/bandit_state.json that a run wrote`,
      {
        cause: error,
      },
    );
  }
}
