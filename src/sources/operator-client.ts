import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { ServiceError } from '../domain/errors.ts';
import {
  type CtlAnswer,
  type CtlPaths,
  type CtlRequest,
  type CtlVerb,
  ctlPaths,
  socketOf,
  type Tightening,
} from './operator-protocol.ts';

export interface AskOptions {
  readonly runDir: string;
  readonly verb: CtlVerb;
  readonly why: string;
  /** Of `tighten`. */
  readonly tightening?: Tightening;
  /** How long to wait for the engine to have the command on its tape. */
  readonly timeoutMs: number;
  /** Whether a live process writes the tape of the run. */
  readonly isEngineAlive: () => boolean;
}

const MAX_ANSWER_BYTES = 1 << 20;

/**
 * Gives a command to the engine of a run, and waits until it is on the tape. A kill is left as a file first, which the
 * engine finds however busy it is; where no answer comes, the file stays for it.
 * @throws ServiceError CTL_NO_ENGINE, CTL_TIMEOUT, CTL_LOST, CTL_ANSWER_INVALID; InputError CTL_FOLDER_UNSAFE
 */
export async function askEngine(options: AskOptions): Promise<CtlAnswer> {
  const { runDir, verb, why, tightening, isEngineAlive } = options;
  const paths = ctlPaths(runDir);
  const { username: user, uid } = userInfo();
  const asked = { id: randomUUID(), verb, user, uid, why };
  const request: CtlRequest = tightening === undefined ? asked : { ...asked, tightening };
  const socket = socketOf(paths);
  const isKillLeft = verb === 'kill' && existsSync(paths.dir);
  if (isKillLeft) leaveKill(paths, request);
  let answer: CtlAnswer | 'nobody';
  try {
    answer = socket === undefined ? 'nobody' : await talk(socket, request, options);
  } catch (error) {
    // what happened to the engine is not known: the kill stays for it
    if (isKillLeft && error instanceof ServiceError) throw withKillLeft(error);
    throw error;
  }
  if (answer !== 'nobody') return answer;
  const isAlive = isEngineAlive();
  if (isKillLeft && !isAlive) takeBack(paths, request);
  const noEngine = new ServiceError(
    'CTL_NO_ENGINE',
    isAlive
      ? `${runDir}: its engine does not listen for commands; if it does not stop, end its process and use "sametape flatten"`
      : `${runDir}: no engine runs here; "sametape flatten" cancels orders and closes positions without one`,
    { retryable: isAlive },
  );
  throw isKillLeft && isAlive ? withKillLeft(noEngine) : noEngine;
}

function withKillLeft(error: ServiceError): ServiceError {
  const message = `${error.message}; the kill is left for the engine, which takes it between two events or when it starts again`;
  return new ServiceError(error.code, message, { retryable: error.retryable, cause: error });
}

/** In one step, so that the engine never reads half of it. */
function leaveKill({ killFile }: CtlPaths, request: CtlRequest): void {
  const partial = `${killFile}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(request)}\n`, { mode: 0o600 });
  renameSync(partial, killFile);
}

/** Only our own: another operator's kill, left meanwhile, stays. */
function takeBack({ killFile }: CtlPaths, { id }: CtlRequest): void {
  try {
    if (readFileSync(killFile, 'utf8').includes(id)) rmSync(killFile, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function talk(
  path: string,
  request: CtlRequest,
  { runDir, timeoutMs }: AskOptions,
): Promise<CtlAnswer | 'nobody'> {
  return new Promise((done, failed) => {
    const socket = connect(path);
    let text = '';
    let isConnected = false;
    const fail = (code: string, message: string, cause?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      failed(
        new ServiceError(code, `${runDir}: ${message}`, { retryable: code !== 'CTL_ANSWER_INVALID', cause }),
      );
    };
    const timer = setTimeout(
      () =>
        fail(
          'CTL_TIMEOUT',
          `${request.verb} is not on the tape after ${timeoutMs / 1000} s; the engine is busy or stuck`,
        ),
      timeoutMs,
    );
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      isConnected = true;
      socket.write(`${JSON.stringify(request)}\n`);
    });
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_BYTES) fail('CTL_ANSWER_INVALID', 'the engine answers without an end');
    });
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      if (isConnected) return fail('CTL_LOST', `the connection to the engine broke (${cause.code})`, cause);
      clearTimeout(timer);
      if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT') done('nobody');
      else fail('CTL_LOST', `the engine cannot be reached (${cause.code})`, cause);
    });
    socket.on('end', () => {
      clearTimeout(timer);
      const answer = parseAnswer(text);
      if (answer !== undefined) done(answer);
      else if (text === '') fail('CTL_LOST', 'the engine ended the connection without an answer');
      else fail('CTL_ANSWER_INVALID', 'the engine answers in another way than this version expects');
    });
  });
}

function parseAnswer(text: string): CtlAnswer | undefined {
  try {
    const answer = JSON.parse(text) as CtlAnswer;
    return typeof answer?.ok === 'boolean' ? answer : undefined;
  } catch {
    return undefined;
  }
}
