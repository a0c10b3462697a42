import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { nextSession } from '../data/calendar.ts';
import { InputError } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import { createEngine, type Engine } from '../engine/engine-state.ts';
import { encodeWarmState, restoreWarmState } from '../engine/warm-state.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Json, JsonObject } from '../events/record.ts';
import { describeUnreadable, readBounded } from '../files/read-bounded.ts';
import { writeBytesAtomic } from '../tape/atomic-file.ts';
import { runFolderAt } from '../tape/run-folder.ts';
import { engineConfig, finalSettings, type RunIdentity, runIdOf, type WarmStart } from './run-identity.ts';

const FORMAT = 'sametape-warm-state-1';
const MAX_TEXT_BYTES = 1 << 29;

/** A snapshot as text, with its hash. */
export interface WarmSnapshot {
  readonly text: string;
  readonly sha256: string;
}

/** Facts of a run that must be equal for one to start where the other ended. */
function comparedFacts(identity: Omit<RunIdentity, 'version'>): JsonObject {
  const { codeSha256, barSeconds, layout } = identity;
  const { cycleMinutes, prediction, blending } = finalSettings(identity);
  return { codeSha256, barSeconds, layout, cycleMinutes, prediction, blending } as unknown as JsonObject;
}

/** Writes what a later run may start from. An index: the tape holds the same, spread over its inputs. */
export function writeWarmSnapshot(runDir: string, identity: RunIdentity, engine: Engine): void {
  const text = JSON.stringify({
    format: FORMAT,
    runId: runIdOf(identity),
    lastSession: engine.clock.date,
    endUs: engine.nowUs,
    facts: comparedFacts(identity),
    state: encodeWarmState(engine),
  });
  writeBytesAtomic(runFolderAt(runDir).warmStateFile, gzipSync(text, { level: 1 }));
}

/**
 * Reads what an earlier run left, and checks that this run can start from it.
 * @throws InputError WARM_START_MISSING, WARM_START_INVALID, WARM_START_MISMATCH naming what differs, WARM_START_LATER
 *   when the earlier run did not end before this one starts
 */
export function readWarmStart(
  dir: string,
  { identity, first }: { readonly identity: Omit<RunIdentity, 'version'>; readonly first: Session },
): { readonly warmStart: WarmStart; readonly snapshot: WarmSnapshot } {
  const path = runFolderAt(dir).warmStateFile;
  if (!existsSync(path)) {
    throw new InputError(
      'WARM_START_MISSING',
      `warmStart: ${dir} holds no state/warm_state.json.gz; name the folder of a run that ended`,
    );
  }
  const snapshot = readSnapshot(path);
  const { runId, lastSession, endUs, facts } = parseSnapshot(snapshot, path);
  if (endUs > first.openUs) {
    throw new InputError(
      'WARM_START_LATER',
      `warmStart: ${dir} ends with session ${lastSession}, expected one before ${first.date}, where this run starts; it would know the future`,
    );
  }
  const different = differingFact(facts, comparedFacts(identity));
  if (different !== undefined) {
    throw new InputError(
      'WARM_START_MISMATCH',
      `warmStart: ${dir} was made with another ${different}; run it again with this scenario's, or start without`,
    );
  }
  const isNextSession = nextSession(lastSession).date === first.date;
  return { warmStart: { sha256: snapshot.sha256, runId, lastSession, isNextSession }, snapshot };
}

/** Keeps a copy in the run folder, so that a replay needs nothing else. */
export function keepWarmStart(runDir: string, { text }: WarmSnapshot): void {
  writeBytesAtomic(runFolderAt(runDir).warmStartFile, gzipSync(text, { level: 1 }));
}

/**
 * The engine a run begins with: new, or standing where an earlier run ended.
 * @throws InputError WARM_START_CHANGED when `readKept` gives another snapshot than the identity names, or none
 */
export function startEngine(identity: RunIdentity, readKept?: () => WarmSnapshot | undefined): Engine {
  const engine = createEngine(engineConfig(identity));
  const { warmStart } = identity;
  if (warmStart === undefined) return engine;
  const snapshot = readKept?.();
  if (snapshot?.sha256 !== warmStart.sha256) {
    throw new InputError(
      'WARM_START_CHANGED',
      `warm start: the run began with the state ${warmStart.sha256.slice(0, 12)} of run ${warmStart.runId.slice(0, 12)}, found ${snapshot?.sha256.slice(0, 12) ?? 'none'}; its folder keeps it in warm_start.json.gz`,
    );
  }
  const { isNextSession } = warmStart;
  restoreWarmState(engine, parseSnapshot(snapshot, 'warm_start.json.gz').state, { isNextSession });
  return engine;
}

/** @returns undefined where the run folder keeps none. @throws InputError WARM_START_INVALID */
export function readKeptWarmStart(runDir: string): WarmSnapshot | undefined {
  const path = runFolderAt(runDir).warmStartFile;
  return existsSync(path) ? readSnapshot(path) : undefined;
}

function readSnapshot(path: string): WarmSnapshot {
  const packed = readBounded(path, { maxBytes: MAX_TEXT_BYTES });
  if (packed.kind !== 'read') throw invalid(path, describeUnreadable(packed), packed);
  try {
    const text = gunzipSync(packed.bytes, { maxOutputLength: MAX_TEXT_BYTES }).toString('utf8');
    return { text, sha256: createHash('sha256').update(text).digest('hex') };
  } catch (error) {
    throw invalid(path, 'it cannot be unpacked', error);
  }
}

interface ParsedSnapshot {
  readonly runId: string;
  readonly lastSession: string;
  readonly endUs: number;
  readonly facts: JsonObject;
  readonly state: Json;
}

function parseSnapshot({ text }: WarmSnapshot, path: string): ParsedSnapshot {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(path, 'it is not JSON', error);
  }
  const { format, runId, lastSession, endUs, facts, state } = json as Partial<ParsedSnapshot> & {
    readonly format?: string;
  };
  const isSound =
    format === FORMAT &&
    typeof runId === 'string' &&
    typeof lastSession === 'string' &&
    /^\d{4}-\d{2}-\d{2}$/.test(lastSession) &&
    typeof endUs === 'number' &&
    typeof facts === 'object' &&
    state !== undefined;
  if (!isSound) throw invalid(path, `its format is ${JSON.stringify(format ?? null)}, expected ${FORMAT}`);
  return { runId, lastSession, endUs, facts, state };
}

/** What a person would call the first fact that differs. */
function differingFact(theirs: JsonObject, ours: JsonObject): string | undefined {
  const names: Readonly<Record<string, string>> = {
    codeSha256: 'version of sametape',
    barSeconds: 'length of bars',
    layout: 'universe or set of models',
    cycleMinutes: 'cycle.minutes',
    prediction: 'prediction section',
    blending: 'blending section',
  };
  const canonical = (value: Json | undefined): string => canonicalJson(value ?? null);
  const key = Object.keys(names).find((name) => canonical(theirs[name]) !== canonical(ours[name]));
  if (key !== 'layout') return key === undefined ? undefined : names[key];
  const [before, now] = [theirs.layout as JsonObject, ours.layout as JsonObject];
  return canonical(before.symbols) === canonical(now.symbols) ? 'set of models' : 'universe of symbols';
}

function invalid(path: string, what: string, cause?: unknown): InputError {
  const options = cause === undefined ? undefined : { cause };
  return new InputError(
    'WARM_START_INVALID',
    `${path}: ${what}; name the folder of a run that ended`,
    options,
  );
}
