import http from 'node:http';
import https from 'node:https';
import type { DurationUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { RequestBudget, RequestLane } from './request-budget.ts';

export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the base address: `/v2/orders`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | URLSearchParams;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly lane?: RequestLane;
  /** Calls it back while it waits for its turn. */
  readonly signal?: AbortSignal;
}

/**
 * What came of a request. `unknown`: it may have been dealt with, or not. `not_sent`: no connection came about, so it
 * certainly was not.
 */
export type JsonAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Undefined where there was none, or no JSON. */
      readonly body: unknown;
      readonly headers: http.IncomingHttpHeaders;
    }
  | { readonly kind: 'unknown' | 'not_sent'; readonly detail: string };

export interface JsonClientOptions {
  /** Guarded already. */
  readonly baseUrl: URL;
  /** Asked for with every request, so that no header with a secret is kept here. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly budget: RequestBudget;
  readonly timeoutUs: DurationUs;
  readonly maxBodyBytes: number;
  /** What others wrote, made fit to be shown. */
  readonly redact: (text: string) => string;
}

export interface JsonClient {
  /** Sends once, within the budget; never throws for what the other side or the network does. */
  send(request: JsonRequest): Promise<JsonAnswer>;
  close(): void;
}

/** HTTP with JSON on both ways: connections are kept, nothing is followed, retried or cached. */
export function createJsonClient(options: JsonClientOptions): JsonClient {
  const { baseUrl, budget } = options;
  const isPlain = baseUrl.protocol === 'http:';
  const agent = new (isPlain ? http : https).Agent({ keepAlive: true, maxSockets: 8, scheduling: 'lifo' });
  return {
    send: async (request) => {
      const maySend = await budget.take(request.lane ?? 'ordinary', request.signal);
      if (!maySend) return { kind: 'not_sent', detail: 'it was called back before it was sent' };
      return sendOnce({ ...options, agent, start: isPlain ? http.request : https.request }, request);
    },
    close: () => agent.destroy(),
  };
}

interface SendOptions extends JsonClientOptions {
  readonly agent: http.Agent;
  readonly start: typeof http.request;
}

function sendOnce(options: SendOptions, request: JsonRequest): Promise<JsonAnswer> {
  const { agent, start, clock, timeoutUs, redact } = options;
  const text = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve) => {
    let isConnected = false;
    const outgoing = start(addressOf(options.baseUrl, request), {
      agent,
      method: request.method,
      headers: {
        ...options.headers(),
        accept: 'application/json',
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    });
    const untime = clock.at(clock.nowUs() + timeoutUs, () =>
      outgoing.destroy(new Error(`no answer within ${timeoutUs / 1000} ms`)),
    );
    const settle = (answer: JsonAnswer): void => {
      untime();
      resolve(answer);
    };
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) isConnected = true;
      else
        socket.once(options.baseUrl.protocol === 'http:' ? 'connect' : 'secureConnect', () => {
          isConnected = true;
        });
    });
    outgoing.on('error', (error) =>
      settle({ kind: isConnected ? 'unknown' : 'not_sent', detail: redact(error.message) }),
    );
    outgoing.on('response', (incoming) => readAnswer({ incoming, options, settle }));
    outgoing.end(text);
  });
}

interface ReadAnswer {
  readonly incoming: http.IncomingMessage;
  readonly options: SendOptions;
  readonly settle: (answer: JsonAnswer) => void;
}

function readAnswer({ incoming, options, settle }: ReadAnswer): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  incoming.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes > options.maxBodyBytes)
      incoming.destroy(new Error(`an answer of more than ${options.maxBodyBytes} bytes`));
    else parts.push(part);
  });
  incoming.on('error', (error) => settle({ kind: 'unknown', detail: options.redact(error.message) }));
  incoming.on('close', () => settle({ kind: 'unknown', detail: 'the answer was cut short' }));
  incoming.on('end', () => {
    const { statusCode: status = 0, headers } = incoming;
    settle({ kind: 'answered', status, headers, body: parsed(Buffer.concat(parts).toString('utf8')) });
  });
}

function addressOf(baseUrl: URL, { path, query }: JsonRequest): URL {
  const url = new URL(baseUrl);
  url.pathname = `${baseUrl.pathname.replace(/\/$/, '')}${path}`;
  url.search = query === undefined ? '' : new URLSearchParams(query).toString();
  return url;
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
