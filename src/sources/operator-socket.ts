import { chmodSync, existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { InvariantError, ServiceError } from '../domain/errors.ts';
import type { TimeUs } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Json } from '../events/record.ts';
import { readBounded } from '../files/read-bounded.ts';
import type { Untimed } from '../ports/broker.ts';
import {
  type CtlAnswer,
  type CtlPaths,
  type CtlRequest,
  ctlPaths,
  MAX_CLIENTS,
  MAX_LINE_BYTES,
  makePrivateFolder,
  parseRequest,
  readAddress,
} from './operator-protocol.ts';

export type OperatorInput = Untimed<
  Extract<InputEvent, { readonly type: 'OperatorCommanded' | 'ConfigChanged' }>
>;

/** A command on its way to the tape. */
export interface OperatorRequest {
  readonly input: OperatorInput;
  /** True for the first who asks: a kill can be had from `takeUrgent` and from `commands$`, and is recorded once. */
  claim(): boolean;
  /** To be called when the command is durable on the tape: whoever gave it waits for this. */
  acknowledge(place: { readonly seq: number; readonly tUs: TimeUs }): void;
  /** The command will not be recorded: why, in a line. */
  refuse(reason: string): void;
}

export interface OperatorSocket {
  /** Hot, in order of arrival; completes after `close`. Subscribe before anything else is awaited. */
  readonly commands$: Observable<OperatorRequest>;
  /**
   * A kill that nobody has claimed yet. Cheap enough to ask between any two events. It also looks for a kill file, at
   * most every 20 ms: that one is there while this process is too busy to hear its socket, and after a restart.
   */
  takeUrgent(): OperatorRequest | undefined;
  /** Answers whoever waits that the engine has stopped, and removes the socket. */
  close(): Promise<void>;
}

export interface OperatorSocketOptions {
  readonly runDir: string;
  /** What `ctl status` shows. */
  readonly status: () => Json;
  /** Monotonic milliseconds; a test's, or the machine's. */
  readonly nowMs?: () => number;
}

/** Between two events a look for the kill file costs a system call. */
const KILL_FILE_SPACING_MS = 20;
/** The same look where nobody asks, because nothing happens. */
const KILL_FILE_TIMER_MS = 250;
/** A client that says nothing is let go. */
const IDLE_MS = 10_000;
const MAX_REMEMBERED = 256;

/**
 * Opens the socket that `sametape ctl` speaks to. Whoever may enter the folder may command: its mode is 700, so that is
 * the owner of the run, and root. A socket that a dead process left is replaced.
 * @throws InputError CTL_FOLDER_UNSAFE; ServiceError CTL_IN_USE when another process answers there, CTL_FAILED
 */
export async function openOperatorSocket(options: OperatorSocketOptions): Promise<OperatorSocket> {
  const { runDir, status, nowMs = () => performance.now() } = options;
  const paths = ctlPaths(runDir);
  makePrivateFolder(paths.dir);
  await removeStale(paths);
  const socketPath = placeOfSocket(paths);
  const commands$ = new Subject<OperatorRequest>();
  const desk = createDesk(commands$, () => rmSync(paths.killFile, { recursive: true, force: true }));
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    if (clients.size >= MAX_CLIENTS) {
      answer(client, refused('CTL_BUSY', `${MAX_CLIENTS} clients are connected already; try again`));
      return;
    }
    clients.add(client);
    client.on('close', () => clients.delete(client));
    serve(client, ({ verb, ...request }) => {
      if (verb === 'status') answer(client, statusAnswer(status));
      else desk.take({ ...request, verb }, (reply) => answer(client, reply));
    });
  });
  await listen(server, socketPath);
  chmodSync(socketPath, 0o600);
  if (!paths.isShort) writeFileSync(paths.addressFile, `${socketPath}\n`, { mode: 0o600 });
  const lookForKill = (): void => {
    const left = readKillFile(paths.killFile);
    if (left !== undefined) desk.take(left);
  };
  const timer = setInterval(lookForKill, KILL_FILE_TIMER_MS).unref();
  let lookedMs = Number.NEGATIVE_INFINITY;
  return {
    commands$,
    takeUrgent() {
      const now = nowMs();
      if (now - lookedMs >= KILL_FILE_SPACING_MS) {
        lookedMs = now;
        lookForKill();
      }
      return desk.urgent();
    },
    async close() {
      clearInterval(timer);
      desk.close();
      commands$.complete();
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const client of clients) if (!client.writableEnded) client.destroy();
      await closed;
      rmSync(socketPath, { force: true });
      if (!paths.isShort) {
        rmSync(dirname(socketPath), { recursive: true, force: true });
        rmSync(paths.addressFile, { force: true });
      }
    },
  };
}

type CommandRequest = Omit<CtlRequest, 'verb'> & {
  readonly verb: Exclude<CtlRequest['verb'], 'status'>;
};
type Reply = (answer: CtlAnswer) => void;

interface Desk {
  /** @param reply absent for a kill that was left as a file */
  take(request: CommandRequest, reply?: Reply): void;
  urgent(): OperatorRequest | undefined;
  close(): void;
}

/**
 * Requests on their way to the tape, by id: a kill comes both as a file and over the socket, and is one.
 * @param killRecorded called when a kill is on the tape
 */
function createDesk(commands$: Subject<OperatorRequest>, killRecorded: () => void): Desk {
  const open = new Map<string, { readonly request: OperatorRequest; readonly replies: Reply[] }>();
  const ended = new Map<string, CtlAnswer>();
  const claimed = new Set<string>();
  let isClosed = false;

  function end(id: string, answer: CtlAnswer): void {
    const entry = open.get(id);
    if (entry === undefined) return;
    open.delete(id);
    claimed.delete(id);
    ended.set(id, answer);
    const [oldest] = ended.keys();
    if (ended.size > MAX_REMEMBERED && oldest !== undefined) ended.delete(oldest);
    // one that was never recorded stays for the next start of the engine
    if (answer.ok && isKill(entry.request)) killRecorded();
    for (const reply of entry.replies) reply(answer);
  }

  function requestOf(command: CommandRequest): OperatorRequest {
    const { id } = command;
    return {
      input: inputOf(command),
      claim: () => {
        if (!open.has(id) || claimed.has(id)) return false;
        claimed.add(id);
        return true;
      },
      acknowledge: ({ seq, tUs }) => end(id, { ok: true, recorded: { seq, tUs } }),
      refuse: (reason) => end(id, refused('CTL_REFUSED', reason)),
    };
  }

  return {
    take(command, reply) {
      const answer = ended.get(command.id) ?? (isClosed ? STOPPED : undefined);
      if (answer !== undefined) {
        reply?.(answer);
        return;
      }
      const known = open.get(command.id);
      if (known !== undefined) {
        if (reply !== undefined) known.replies.push(reply);
        return;
      }
      const request = requestOf(command);
      open.set(command.id, { request, replies: reply === undefined ? [] : [reply] });
      commands$.next(request);
    },
    urgent() {
      for (const [id, { request }] of open) {
        if (isKill(request) && !claimed.has(id)) return request;
      }
      return undefined;
    },
    close() {
      isClosed = true;
      for (const id of [...open.keys()]) end(id, STOPPED);
    },
  };
}

function inputOf({ verb, user, uid, why, tightening }: CommandRequest): OperatorInput {
  const who = `${user} (uid ${uid}, as the client says)`;
  if (verb !== 'tighten') return { type: 'OperatorCommanded', command: verb, who, why };
  if (tightening === undefined) throw new InvariantError('a tighten without a limit was not parsed by us');
  return { type: 'ConfigChanged', ...tightening, who, why };
}

function isKill({ input }: OperatorRequest): boolean {
  return input.type === 'OperatorCommanded' && input.command === 'kill';
}

const STOPPED: CtlAnswer = {
  ok: false,
  code: 'CTL_STOPPED',
  message:
    'the engine stopped before the command was on its tape; "sametape flatten" closes what is left at the broker',
};

function refused(code: string, message: string): CtlAnswer {
  return { ok: false, code, message };
}

function statusAnswer(status: () => Json): CtlAnswer {
  try {
    return { ok: true, status: status() };
  } catch {
    return refused('CTL_STATUS_FAILED', 'the engine could not say how it is; look at its output');
  }
}

/** Reads one line from a client, of bounded length. */
function serve(client: Socket, handle: (request: CtlRequest) => void): void {
  let text = '';
  let isDone = false;
  client.setEncoding('utf8');
  client.setTimeout(IDLE_MS, () => client.destroy());
  client.on('error', () => client.destroy());
  client.on('data', (chunk: string) => {
    if (isDone) return;
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && Buffer.byteLength(text) <= MAX_LINE_BYTES) return;
    isDone = true;
    client.setTimeout(0);
    if (end < 0 || Buffer.byteLength(text.slice(0, end)) > MAX_LINE_BYTES) {
      answer(client, refused('CTL_INVALID', `the line is longer than ${MAX_LINE_BYTES} bytes`));
      return;
    }
    const request = parseRequest(text.slice(0, end));
    if (typeof request === 'string') answer(client, refused('CTL_INVALID', request));
    else handle(request);
  });
}

function answer(client: Socket, reply: CtlAnswer): void {
  client.on('error', () => client.destroy());
  // gone once its answer is on its way: one that does not read must not keep the engine from closing
  if (!client.destroyed) client.end(`${JSON.stringify(reply)}\n`, () => client.destroy());
}

/** A kill that was left as a file: it stays until it is on the tape. A broken file counts as a kill. */
function readKillFile(path: string): CommandRequest | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const read = stat.isFile() ? readBounded(path, { maxBytes: MAX_LINE_BYTES }) : undefined;
  const request = read?.kind === 'read' ? parseRequest(read.bytes.toString('utf8')) : 'not a file';
  if (typeof request !== 'string' && request.verb === 'kill') return { ...request, verb: 'kill' };
  // only the owner can write here: what was meant is a kill, whatever became of its words
  const why = 'a kill file that cannot be read';
  return { id: `unreadable-${stat.ino}`, verb: 'kill', user: 'unknown', uid: stat.uid, why };
}

function placeOfSocket(paths: CtlPaths): string {
  if (paths.isShort) return paths.socket;
  return join(mkdtempSync(join(tmpdir(), 'sametape-ctl-')), 'ctl.sock');
}

async function removeStale(paths: CtlPaths): Promise<void> {
  const left = paths.isShort ? paths.socket : readAddress(paths.addressFile);
  if (left === undefined || !existsSync(left)) return;
  if (await answersAt(left)) {
    throw new ServiceError('CTL_IN_USE', `${paths.dir}: another engine answers there; stop it first`, {
      retryable: false,
    });
  }
  rmSync(left, { force: true });
}

function answersAt(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      failed(
        new ServiceError('CTL_FAILED', `${path}: the control socket cannot be opened (${cause.code})`, {
          retryable: false,
          cause,
        }),
      ),
    );
    server.listen(path, done);
  });
}
