import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TwinQuote } from './book.ts';
import type { TwinFault } from './faults.ts';
import type { AlpacaTwin } from './twin.ts';
import { orderJson } from './wire.ts';

/**
 * How a test in another process moves the twin: `POST /_twin/quote {symbol, bidE4, askE4, bidSize, askSize}`,
 * `POST /_twin/faults [...]` (counted from then on), `POST /_twin/drop`, `GET /_twin/book`.
 * @returns false for a path that is not its own
 */
export async function control(
  twin: Pick<AlpacaTwin, 'book' | 'dealer' | 'stream' | 'seen'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const { url = '' } = request;
  if (!url.startsWith('/_twin/')) return false;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body: unknown = parts.length === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString('utf8'));
  const { book } = twin;
  if (url === '/_twin/quote') {
    const { symbol, ...quote } = body as TwinQuote & { readonly symbol: string };
    book.setQuote(symbol, quote);
  } else if (url === '/_twin/faults') {
    twin.dealer.deal(body as readonly TwinFault[]);
  } else if (url === '/_twin/drop') {
    twin.stream.dropAll();
  }
  const state = {
    cashMicros: book.cashMicros,
    positions: book.positions(),
    orders: book.orders.map((order) => orderJson(order, book.executions)),
    executions: book.executions.map(({ order, ...rest }) => ({
      ...rest,
      clientOrderId: order.clientOrderId,
    })),
    requests: twin.seen.length,
  };
  response
    .setHeader('Content-Type', 'application/json')
    .end(JSON.stringify(url === '/_twin/book' ? state : {}));
  return true;
}
