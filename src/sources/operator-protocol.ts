import { existsSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { TIGHTENABLE_LIMITS, type TightenableLimit } from '../domain/tighten.ts';
import type { OperatorCommand } from '../events/inputs.ts';
import type { Json, JsonObject } from '../events/record.ts';

/**
 * What `sametape ctl` and a running engine say to each other: a line of JSON each way, over a unix socket in a folder
 * that only its owner may enter.
 */
export type CtlVerb = OperatorCommand | 'tighten' | 'status';

/** What `tighten` is about: a limit of risk as a scenario names it, and its new value. */
export interface Tightening {
  readonly limit: TightenableLimit;
  readonly value: number;
}

export interface CtlRequest {
  /** Of this request; a kill that comes both as a file and over the socket is one. */
  readonly id: string;
  readonly verb: CtlVerb;
  /** The operating system's name for whoever asks, as the client says. */
  readonly user: string;
  readonly uid: number;
  readonly why: string;
  /** Of `tighten`, and of nothing else. */
  readonly tightening?: Tightening;
}

export type CtlAnswer =
  | { readonly ok: true; readonly recorded: { readonly seq: number; readonly tUs: number } }
  | { readonly ok: true; readonly status: Json }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Commands of an operator, in the order they are listed to one. */
export const OPERATOR_COMMANDS: readonly OperatorCommand[] = [
  'pause',
  'resume',
  'kill',
  'flatten',
  'reset',
  'reconcile',
];

/** Everything an engine can be asked. */
export const CTL_VERBS: readonly CtlVerb[] = ['status', ...OPERATOR_COMMANDS, 'tighten'];

/** Commands that stop or bound trading, or start it again: whoever gives them says why. */
export const NEEDS_REASON: ReadonlySet<CtlVerb> = new Set<CtlVerb>(['kill', 'flatten', 'reset', 'tighten']);

export const MAX_LINE_BYTES = 4096;
export const MAX_CLIENTS = 8;
const MAX_WHY_LENGTH = 500;
const MAX_USER_LENGTH = 64;
/** `sun_path` holds 108 bytes on Linux and 104 on macOS, with the NUL. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Where a run is spoken to. */
export interface CtlPaths {
  /** Only its owner may enter: the mode of a socket alone does not keep others out everywhere. */
  readonly dir: string;
  readonly socket: string;
  /** Whether the path of the socket fits into an address; if not, it lies elsewhere and `addressFile` says where. */
  readonly isShort: boolean;
  readonly addressFile: string;
  /** A kill that is read without the socket: between events, and after a restart. */
  readonly killFile: string;
}

export function ctlPaths(runDir: string): CtlPaths {
  const dir = join(runDir, 'ctl');
  const socket = join(dir, 'ctl.sock');
  return {
    dir,
    socket,
    isShort: Buffer.byteLength(socket) <= MAX_SOCKET_PATH_BYTES,
    addressFile: join(dir, 'address'),
    killFile: join(dir, 'kill.json'),
  };
}

/**
 * Makes the folder for the socket, or sees to it that the one found is its owner's alone.
 * @throws InputError CTL_FOLDER_UNSAFE
 */
export function makePrivateFolder(dir: string): void {
  if (!existsSync(dir)) mkdirSync(dir, { mode: 0o700 });
  expectPrivate(dir, dir);
}

/**
 * Where a client finds the socket of a run, after a look at whose it is: a folder that others may write to could hold
 * another's socket.
 * @returns undefined where none was left
 * @throws InputError CTL_FOLDER_UNSAFE
 */
export function socketOf(paths: CtlPaths): string | undefined {
  if (!existsSync(paths.dir)) return undefined;
  expectPrivate(paths.dir, paths.dir);
  const socket = paths.isShort ? paths.socket : readAddress(paths.addressFile);
  if (socket === undefined || !existsSync(socket)) return undefined;
  if (!paths.isShort) expectPrivate(dirname(socket), paths.addressFile);
  return socket;
}

/** @returns undefined where there is none, or none that could be one of ours */
export function readAddress(addressFile: string): string | undefined {
  if (statSync(addressFile, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const text = readFileSync(addressFile, 'utf8').trimEnd();
  return text.startsWith('/') && Buffer.byteLength(text) <= MAX_SOCKET_PATH_BYTES ? text : undefined;
}

function expectPrivate(dir: string, named: string): void {
  const stat = lstatSync(dir);
  const uid = process.getuid?.();
  const isOurs = uid === undefined || stat.uid === uid || uid === 0;
  if (stat.isDirectory() && isOurs && (stat.mode & 0o077) === 0) return;
  const found = !stat.isDirectory()
    ? 'it is no folder'
    : !isOurs
      ? `it belongs to user ${stat.uid}`
      : `its mode is ${(stat.mode & 0o777).toString(8)}`;
  throw new InputError(
    'CTL_FOLDER_UNSAFE',
    `${named}: ${found}, expected a folder of your own with mode 700; stop the engine and remove it, or chmod 700`,
  );
}

/** @returns the request of a line, or what is wrong with it, in words that quote nothing of it */
export function parseRequest(line: string): CtlRequest | string {
  let json: Json;
  try {
    json = JSON.parse(line) as Json;
  } catch {
    return 'expected one line of JSON';
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return 'expected a JSON object';
  const { id, verb, user, uid, why, tightening } = json as JsonObject;
  if (typeof id !== 'string' || !/^[0-9a-f-]{8,64}$/.test(id)) return 'id: expected a UUID';
  const isVerb = (value: unknown): value is CtlVerb => CTL_VERBS.some((name) => name === value);
  if (!isVerb(verb)) return `verb: expected one of ${CTL_VERBS.join(', ')}`;
  if (typeof user !== 'string' || problemOfText(user, MAX_USER_LENGTH) !== undefined || user === '') {
    return `user: expected 1 to ${MAX_USER_LENGTH} printable characters`;
  }
  if (typeof uid !== 'number' || !Number.isSafeInteger(uid) || uid < -1) return 'uid: expected a user id';
  if (typeof why !== 'string') return 'why: expected text';
  const problem = problemOfReason(verb, why);
  if (problem !== undefined) return `why: ${problem}`;
  if (verb !== 'tighten') return { id, verb, user, uid, why };
  const parsed = parseTightening(tightening);
  return typeof parsed === 'string' ? parsed : { id, verb, user, uid, why, tightening: parsed };
}

function parseTightening(json: Json | undefined): Tightening | string {
  const given = json !== null && typeof json === 'object' && !Array.isArray(json) ? (json as JsonObject) : {};
  const limit = TIGHTENABLE_LIMITS.find((name) => name === given.limit);
  if (limit === undefined) return `limit: expected one of ${TIGHTENABLE_LIMITS.join(', ')}`;
  const { value } = given;
  return typeof value === 'number' && value > 0 ? { limit, value } : 'value: expected a number above 0';
}

/** What is wrong with a reason, for whoever gives it; undefined where nothing is. */
export function problemOfReason(verb: CtlVerb, why: string): string | undefined {
  if (NEEDS_REASON.has(verb) && why.trim() === '') return `expected a reason, which ${verb} must have`;
  return problemOfText(why, MAX_WHY_LENGTH);
}

/** It goes on the tape and to terminals: no control characters, no half surrogate pairs. */
function problemOfText(text: string, maxLength: number): string | undefined {
  if (text.length > maxLength) return `${text.length} characters, expected at most ${maxLength}`;
  return /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text) ? 'expected one line of printable characters' : undefined;
}
