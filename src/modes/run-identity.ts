import { createHash } from 'node:crypto';
import { InputError } from '../domain/errors.ts';
import type { Horizon } from '../domain/horizon.ts';
import type { SourceScript } from '../domain/incidents.ts';
import { changedSettings, isSettingKey, type SettingChanges } from '../domain/setting-changes.ts';
import type { EngineSettings } from '../domain/settings.ts';
import type { EngineConfig } from '../engine/engine-state.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { Json, JsonObject } from '../events/record.ts';
import type { LearningStart } from '../learning/learning-start.ts';

/** Version of the identity's own shape; a tape of another version is refused, not guessed at. */
const IDENTITY_VERSION = 1;

/** What a run starts from, as its identity names it. The state itself lies in the run folder. */
export interface WarmStart {
  /** SHA-256 of the whole snapshot as text. */
  readonly sha256: string;
  readonly runId: string;
  readonly lastSession: string;
  /** Whether this run's first session is the one after that. */
  readonly isNextSession: boolean;
}

/** How a run that is no backtest is made. The nonce is drawn when it starts, because the same market never comes twice. */
export interface RunMode {
  readonly kind: 'paper' | 'live';
  readonly nonce: string;
  /** Names of what writes its inputs and takes its orders, as in the scenario. */
  readonly source: string;
  readonly broker: string;
  /** SHA-256 of the broker's name of the account: a run goes on in the one it began with. Absent where it has none. */
  readonly accountSha256?: string;
  /** When it began; what it recorded of earlier times is history it took in. Absent where a dataset is played. */
  readonly startedUs?: number;
}

/** Where a run leaves another, and with what. Up to there its records are those of the other, but for RunStarted. */
export interface Fork {
  /** The run that was forked, and the chain head of its tape before the cycle. */
  readonly runId: string;
  readonly chainHead: string;
  /** The first cycle that the changes hold for. */
  readonly cycle: number;
  readonly changes: SettingChanges;
}

/** Everything that decides what a run does. Its hash is the run id; on the tape it is the payload of RunStarted. */
export interface RunIdentity {
  readonly version: typeof IDENTITY_VERSION;
  readonly scenario: string;
  /** SHA-256 of the deciding code, of the dataset manifest, and of each model (in `layout`). */
  readonly codeSha256: string;
  readonly datasetSha256: string;
  readonly barSeconds: number;
  readonly sessions: readonly string[];
  readonly horizons: readonly Horizon[];
  readonly layout: SignalLayout;
  readonly settings: EngineSettings;
  /** Absent in a backtest. */
  readonly mode?: RunMode;
  /** What is rehearsed; absent where nothing is. */
  readonly script?: SourceScript;
  /** What an earlier run had learned, and the SHA-256 of the file it was read from; absent when nothing. */
  readonly learningStart?: LearningStart & { readonly sha256: string };
  /** The state an earlier run ended with, where this one starts from it. */
  readonly warmStart?: WarmStart;
  /** A fork of a fork has one for each, by rising cycle; absent in a run that is none. */
  readonly forks?: readonly Fork[];
}

export function runIdentity(facts: Omit<RunIdentity, 'version'>): RunIdentity {
  return { version: IDENTITY_VERSION, ...facts };
}

/** SHA-256 (hex) of the identity in canonical form. */
export function runIdOf(identity: RunIdentity): string {
  return createHash('sha256')
    .update(canonicalJson(identityJson(identity)))
    .digest('hex');
}

/** Says which account, and not its number. */
export function accountSha256(broker: string, accountId: string): string {
  return createHash('sha256').update(`${broker} ${accountId}`).digest('hex');
}

/** The identity as the tape holds it. */
export function identityJson(identity: RunIdentity): JsonObject {
  return sortKeys(identity as unknown as Json) as JsonObject;
}

/** Keys in code-unit order all the way down, so that writing the record needs no sorting. */
function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const object = value as JsonObject;
  const sorted: Record<string, Json> = {};
  for (const key of Object.keys(object).sort()) sorted[key] = sortKeys(object[key]);
  return sorted;
}

/**
 * The identity back from a RunStarted payload.
 * @throws InputError IDENTITY_INVALID when the tape was written by a version this one cannot replay
 */
export function parseIdentity(json: JsonObject): RunIdentity {
  const missing = [
    'scenario',
    'codeSha256',
    'datasetSha256',
    'barSeconds',
    'sessions',
    'horizons',
    'layout',
    'settings',
  ].find((key) => !Object.hasOwn(json, key));
  if (json.version !== IDENTITY_VERSION || missing !== undefined) {
    throw new InputError(
      'IDENTITY_INVALID',
      `tape record 0: RunStarted identity version ${JSON.stringify(json.version ?? null)}${missing === undefined ? '' : ` without ${missing}`}, expected version ${IDENTITY_VERSION}; replay it with the sametape that wrote it`,
    );
  }
  const { forks } = json;
  if (forks !== undefined && !(Array.isArray(forks) && forks.every(isFork))) {
    throw new InputError(
      'IDENTITY_INVALID',
      'tape record 0: RunStarted names forks that are none, expected runId, chainHead, cycle and changes of each; replay it with the sametape that wrote it',
    );
  }
  return json as unknown as RunIdentity;
}

function isFork(value: Json): boolean {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const { runId, chainHead, cycle, changes } = value as JsonObject;
  return (
    typeof runId === 'string' &&
    typeof chainHead === 'string' &&
    Number.isSafeInteger(cycle) &&
    changes !== null &&
    typeof changes === 'object' &&
    Object.keys(changes).every(isSettingKey)
  );
}

/** The settings a run ends with: those it starts with, unless it is a fork. */
export function finalSettings({
  settings,
  forks = [],
}: Pick<RunIdentity, 'settings' | 'forks'>): EngineSettings {
  return forks.reduce((before, { changes }) => changedSettings(before, changes), settings);
}

/**
 * What the engine of a run is made from. Client order ids start with the first 12 digits of the run id; a fork has the
 * ids of the run it leaves, so that their records are the same bytes. It never meets a broker.
 */
export function engineConfig({ forks: _, ...identity }: RunIdentity): EngineConfig {
  const { settings, horizons, layout, barSeconds, learningStart } = identity;
  return {
    runTag: runIdOf(identity).slice(0, 12),
    settings,
    horizons,
    layout,
    barSeconds,
    ...(learningStart === undefined ? {} : { learningStart }),
  };
}
