import { WebSocket } from 'ws';
import type { DurationUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { type BackoffSettings, createBackoff } from './backoff.ts';

export interface SocketTimes {
  /** From the start of a connection to `ready`, and for a ping to be answered. */
  readonly answerUs: DurationUs;
  /** Between pings. */
  readonly pingUs: DurationUs;
}

export interface ReconnectingSocketOptions {
  /** Guarded already. */
  readonly url: URL;
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff: BackoffSettings;
  readonly times: SocketTimes;
  readonly maxMessageBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection stands; what it asks for (keys, subscriptions) is sent from here. */
  readonly onOpen: () => void;
  /** A whole message, text or binary. It must not throw. */
  readonly onMessage: (data: Buffer) => void;
  /** The connection is gone, or did not come about; the next attempt follows by itself. */
  readonly onDown: (reason: string) => void;
}

export interface ReconnectingSocket {
  open(): void;
  /** The other side speaks as expected: the next wait after a loss is the shortest again. */
  ready(): void;
  send(text: string): void;
  /** Drops the connection, as if it had been lost. @param holdUs at least so long until the next attempt */
  drop(reason: string, holdUs?: DurationUs): void;
  close(): void;
}

/**
 * A websocket that comes back: with growing, drawn delays, a limit on how long an attempt may take, and pings that
 * find a connection that is open in name only. One connection at a time; a message of an older one is never given.
 */
export function createReconnectingSocket(options: ReconnectingSocketOptions): ReconnectingSocket {
  const { clock, times } = options;
  const backoff = createBackoff(options.backoff, options.random);
  let socket: WebSocket | undefined;
  let isClosed = false;
  const timers = new Set<() => void>();
  let unretry: (() => void) | undefined;

  const later = (spanUs: DurationUs, call: () => void): (() => void) => {
    const untime = clock.at(clock.nowUs() + spanUs, () => {
      timers.delete(forget);
      call();
    });
    const forget = (): void => {
      timers.delete(forget);
      untime();
    };
    timers.add(forget);
    return forget;
  };
  const down = (reason: string, holdUs = 0): void => {
    const gone = socket;
    if (gone === undefined) return;
    socket = undefined;
    for (const forget of [...timers]) forget();
    gone.removeAllListeners();
    gone.on('error', () => undefined);
    gone.terminate();
    if (isClosed) return;
    options.onDown(reason);
    unretry = clock.at(clock.nowUs() + Math.max(holdUs, backoff.nextUs()), open);
  };
  const keepAlive = (): void => {
    later(times.pingUs, () => {
      const current = socket;
      const unwait = later(times.answerUs, () => down('no answer to a ping'));
      current?.once('pong', () => {
        unwait();
        if (socket === current) keepAlive();
      });
      current?.ping();
    });
  };
  let unready: (() => void) | undefined;
  const open = (): void => {
    if (isClosed || socket !== undefined) return;
    const opened = new WebSocket(options.url, {
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      followRedirects: false,
      ...(options.headers === undefined ? {} : { headers: { ...options.headers } }),
    });
    socket = opened;
    unready = later(times.answerUs, () => down('no connection in time'));
    opened.on('open', () => {
      keepAlive();
      options.onOpen();
    });
    opened.on('message', (data) => options.onMessage(bytesOf(data)));
    opened.on('error', (error) => down(error.message));
    opened.on('close', (code) => down(`closed by the other side (${code})`));
  };
  return {
    open,
    ready: () => {
      unready?.();
      backoff.reset();
    },
    send: (text) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(text);
    },
    drop: down,
    close: () => {
      isClosed = true;
      unretry?.();
      down('closed');
    },
  };
}

function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
