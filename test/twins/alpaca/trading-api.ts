import type { IncomingMessage, ServerResponse } from 'node:http';
import { timeUsOf } from '../../../src/net/wire-text.ts';
import { isRefused, isWorking, type Refused, type TwinBook, type TwinOrder } from './book.ts';
import type { FaultDealer, FaultPlace, RequestFault } from './faults.ts';
import { accountJson, activityJson, orderJson, positionsJson } from './wire.ts';

/** One request as it came, for looking at what a client did. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly clientOrderId?: string;
  /** Whether reports had been listened to before. */
  readonly isHeard: boolean;
  /** What went wrong with it. */
  readonly fault?: RequestFault['kind'];
}

export interface TradingApiOptions {
  readonly book: TwinBook;
  readonly dealer: FaultDealer;
  readonly isKnown: (request: IncomingMessage) => boolean;
  readonly seen: SeenRequest[];
  readonly isHeard: () => boolean;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

type Raw = Readonly<Record<string, unknown>>;

/** Serves `/v2/...` of the trading host. @returns false for a path that is not its own */
export function createTradingApi(options: TradingApiOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const url = new URL(request.url ?? '/', 'http://twin');
    if (!url.pathname.startsWith('/v2/') || url.pathname.startsWith('/v2/stocks')) return false;
    const body = await readBody(request);
    const method = request.method ?? 'GET';
    const clientOrderId = url.searchParams.get('client_order_id') ?? body.client_order_id;
    const isKnown = options.isKnown(request);
    const fault = isKnown ? options.dealer.next(placeOf(method, url.pathname)) : undefined;
    options.seen.push({
      method,
      path: url.pathname,
      isHeard: options.isHeard(),
      ...(typeof clientOrderId === 'string' ? { clientOrderId } : {}),
      ...(fault === undefined ? {} : { fault: fault.kind }),
    });
    if (!isKnown) {
      reply(response, { status: 401, body: { code: 40_110_000, message: 'request is not authorized' } });
      return true;
    }
    serve({
      response,
      fault,
      answer: () => answerTo(options, { method, url, body, headers: request.headers }),
    });
    return true;
  };
}

function placeOf(
  method: string,
  path: string,
): Extract<FaultPlace, 'order' | 'cancel' | 'lookup' | 'question'> {
  if (method === 'POST' || method === 'PATCH') return 'order';
  if (method === 'DELETE') return 'cancel';
  return path.startsWith('/v2/orders') ? 'lookup' : 'question';
}

interface Serve {
  readonly response: ServerResponse;
  readonly fault: RequestFault | undefined;
  readonly answer: () => Reply;
}

/** Before or after what was asked for has been done, something else is said, or nothing, or half of it. */
function serve({ response, fault, answer }: Serve): void {
  const unavailable: Reply = { status: 503, body: { code: 50_310_000, message: 'service unavailable' } };
  switch (fault?.kind) {
    case undefined:
      reply(response, answer());
      break;
    case 'error_before':
      reply(response, unavailable);
      break;
    case 'error_after':
      answer();
      reply(response, unavailable);
      break;
    case 'too_many':
      response.setHeader('X-RateLimit-Limit', '200');
      response.setHeader('X-RateLimit-Remaining', '0');
      response.setHeader(
        'X-RateLimit-Reset',
        String(Math.floor(Date.now() / 1000) + (fault.forSeconds ?? 0)),
      );
      reply(response, { status: 429, body: { code: 42_910_000, message: 'too many requests.' } });
      break;
    case 'silence_before':
      break;
    case 'silence_after':
      answer();
      break;
    case 'empty_after':
      reply(response, { status: answer().status, body: undefined });
      break;
    case 'other_after': {
      const { status, body } = answer();
      const other = { id: 'of-somebody-else', client_order_id: 'of-somebody-else' };
      reply(response, { status, body: { ...(body as object), ...other } });
      break;
    }
    case 'cut_before':
      cut(response, { status: 200, body: {} }, fault.atByte);
      break;
    case 'cut_after':
      cut(response, answer(), fault.atByte);
      break;
  }
}

function reply(response: ServerResponse, { status, body }: Reply): void {
  response.statusCode = status;
  if (body === undefined) {
    response.end();
    return;
  }
  response.setHeader('Content-Type', 'application/json; charset=UTF-8');
  response.end(JSON.stringify(body));
}

/** The first bytes of the answer, and then the connection is gone. */
function cut(response: ServerResponse, { status, body }: Reply, bytes: number): void {
  const text = JSON.stringify(body ?? {});
  const whole = `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const socket = response.socket;
  socket?.write(whole.slice(0, Math.min(bytes, whole.length - 1)), () => socket.destroy());
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: Raw;
  readonly headers: IncomingMessage['headers'];
}

function answerTo(options: TradingApiOptions, asked: Asked): Reply {
  const { method, url, body } = asked;
  const { book, dealer } = options;
  const path = url.pathname;
  const shown = (order: TwinOrder): Raw => orderJson(order, book.executions);
  if (path === '/v2/account') return { status: 200, body: accountJson(book) };
  if (path === '/v2/positions') return { status: 200, body: positionsJson(book) };
  if (path === '/v2/account/activities/FILL') return { status: 200, body: fillsOf(book, url.searchParams) };
  if (path === '/v2/orders:by_client_order_id') {
    const order = book.byClientId(url.searchParams.get('client_order_id') ?? '');
    return order === undefined ? notFound() : { status: 200, body: shown(order) };
  }
  if (path === '/v2/orders' && method === 'POST') {
    if (dealer.next('place') !== undefined) {
      // and what some gateway before it echoes
      const message = `potential wash trade detected (${JSON.stringify(asked.headers)})`;
      return refusalReply({ status: 403, code: 40_310_000, message });
    }
    return outcome(book.place(body), shown);
  }
  if (path === '/v2/orders') return { status: 200, body: listOf(book, url.searchParams).map(shown) };
  const id = /^\/v2\/orders\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined) return notFound();
  if (method === 'DELETE') return cancelled(options, id);
  if (method === 'PATCH') return outcome(book.replace(id, body), shown);
  const order = book.byId(id);
  return order === undefined ? notFound() : { status: 200, body: shown(order) };
}

function cancelled({ book, dealer }: TradingApiOptions, id: string): Reply {
  const result = book.cancel(id);
  if (isRefused(result)) return refusalReply(result);
  const late = dealer.next('cancelled');
  if (late !== undefined) book.fillLate(id, late.quantity);
  return { status: 204 };
}

function notFound(): Reply {
  return refusalReply({ status: 404, code: 40_410_000, message: 'order not found' });
}

function refusalReply({ status, code, message }: Refused): Reply {
  return { status, body: { code, message } };
}

function outcome(result: TwinOrder | Refused, shown: (order: TwinOrder) => Raw): Reply {
  return isRefused(result) ? refusalReply(result) : { status: 200, body: shown(result) };
}

function listOf(book: TwinBook, query: URLSearchParams): TwinOrder[] {
  const limit = Number(query.get('limit') ?? '50');
  const status = query.get('status') ?? 'open';
  const after = query.get('after_order_id');
  const from = after === null ? 0 : book.orders.findIndex(({ id }) => id === after) + 1;
  const wanted = book.orders
    .slice(from)
    .filter((order) => status === 'all' || isWorking(order) === (status === 'open'));
  return (query.get('direction') === 'asc' ? wanted : wanted.reverse()).slice(0, limit);
}

function fillsOf(book: TwinBook, query: URLSearchParams): Raw[] {
  const afterUs = timeUsOf(query.get('after') ?? '') ?? 0;
  const size = Number(query.get('page_size') ?? '100');
  const rows = book.executions.filter(({ tUs }) => tUs > afterUs).map(activityJson);
  const token = query.get('page_token');
  const from = token === null ? 0 : rows.findIndex(({ id }) => id === token) + 1;
  return rows.slice(from, from + size);
}

async function readBody(request: IncomingMessage): Promise<Raw> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString('utf8');
  try {
    return text === '' ? {} : (JSON.parse(text) as Raw);
  } catch {
    return {};
  }
}
