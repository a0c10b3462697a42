import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../domain/errors.ts';
import { isLoopback } from '../net/guarded-url.ts';
import { DASHBOARD_HTML, DASHBOARD_POLICY } from './dashboard.ts';
import type { Health } from './run-view.ts';

export interface MetricsServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined before the run stands. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string } | undefined>;
  readonly health: () => Health;
  /** What the dashboard shows, as JSON; undefined before the run stands. */
  readonly state: () => string | undefined;
  /** Told of what went wrong in an answer. */
  readonly onError: (error: unknown) => void;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const MAX_CONNECTIONS = 32;
const TIMEOUT_MS = 10_000;
const PLAIN = 'text/plain; charset=utf-8';

/**
 * Answers /metrics, /healthz and the dashboard at / on this machine and nowhere else. It reads, and takes no command.
 * @throws InputError METRICS_PORT when the port cannot be had
 */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      options.onError(error);
      if (!response.headersSent) send(response, { status: 500, text: 'telemetry failed\n' });
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  await listen(server, options.port);
  server.on('error', options.onError);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, health, state }: MetricsServerOptions,
): Promise<void> {
  if (!isAskedHere(request))
    return send(response, { status: 421, text: 'expected a host of this machine\n' });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, { status: 405, text: 'expected GET\n' });
  }
  switch (request.url?.split('?', 1)[0]) {
    case '/metrics': {
      const page = await metrics();
      return page === undefined
        ? send(response, { status: 503, text: 'starting\n' })
        : send(response, { status: 200, type: page.contentType, text: page.text });
    }
    case '/healthz': {
      const { isOk, reasons } = health();
      return send(response, { status: isOk ? 200 : 503, text: isOk ? 'ok\n' : `${reasons.join('\n')}\n` });
    }
    case '/state.json': {
      const text = state();
      return text === undefined
        ? send(response, { status: 503, text: 'starting\n' })
        : send(response, { status: 200, type: 'application/json', text });
    }
    case '/':
      response.setHeader('content-security-policy', DASHBOARD_POLICY);
      return send(response, { status: 200, type: 'text/html; charset=utf-8', text: DASHBOARD_HTML });
    default:
      return send(response, { status: 404, text: 'expected /, /metrics or /healthz\n' });
  }
}

/** A page of the web that had its name point here would send its own: it is not answered. */
function isAskedHere({ headers: { host = '' } }: IncomingMessage): boolean {
  return URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`).hostname);
}

function send(
  response: ServerResponse,
  { status, text, type = PLAIN }: { readonly status: number; readonly text: string; readonly type?: string },
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${cause.code})`;
      reject(
        new InputError(
          'METRICS_PORT',
          `--metrics-port ${port}: the port ${why}; choose another, or 0 for a free one`,
          { cause },
        ),
      );
    });
    server.listen(port, HOST, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
