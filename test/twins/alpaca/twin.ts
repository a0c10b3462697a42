import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { wallClock } from '../clocks.ts';
import { createBook, type TwinBook } from './book.ts';
import { control } from './control.ts';
import { createDataStream, type TwinDataStream } from './data-stream.ts';
import { createFaultDealer, type FaultDealer, type TwinFault } from './faults.ts';
import { createMarket, type TwinMarket } from './market.ts';
import { createTradingApi, type SeenRequest } from './trading-api.ts';
import { createTradingStream, type StreamKeys, type TwinTradingStream } from './trading-stream.ts';
import { updateJson } from './wire.ts';

export interface TwinOptions {
  readonly keys?: StreamKeys;
  readonly cashMicros?: number;
  readonly faults?: readonly TwinFault[];
  readonly acceptsUsedIds?: boolean;
  readonly nowUs?: () => number;
}

/** Alpaca on this machine: REST and the stream of reports, with books of its own. */
export interface AlpacaTwin {
  readonly port: number;
  readonly tradingUrl: string;
  readonly streamUrl: string;
  readonly keys: StreamKeys;
  readonly book: TwinBook;
  readonly stream: TwinTradingStream;
  readonly dataStreamUrl: string;
  readonly market: TwinMarket;
  readonly dataStream: TwinDataStream;
  readonly dealer: FaultDealer;
  /** Every request, in the order they came. */
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

export const TWIN_KEYS: StreamKeys = { keyId: 'PLANTED-KEY-ID-7f3a', secretKey: 'PLANTED-SECRET-9c1e' };
const START_CASH_MICROS = 1_000_000_000_000;

export async function startAlpacaTwin(options: TwinOptions = {}): Promise<AlpacaTwin> {
  const { keys = TWIN_KEYS, nowUs = wallClock.nowUs } = options;
  const dealer = createFaultDealer(options.faults ?? []);
  const stream = createTradingStream(() => keys);
  const seen: SeenRequest[] = [];
  const book = createBook({
    cashMicros: options.cashMicros ?? START_CASH_MICROS,
    nowUs,
    onUpdate: (update) => stream.deliver(updateJson(update, book.executions), dealer.next('update')),
    piecesOfFill: () => dealer.next('fill')?.count ?? 1,
    ...(options.acceptsUsedIds === undefined ? {} : { acceptsUsedIds: options.acceptsUsedIds }),
  });
  const isKnown = ({ headers }: http.IncomingMessage): boolean =>
    headers['apca-api-key-id'] === keys.keyId && headers['apca-api-secret-key'] === keys.secretKey;
  const api = createTradingApi({
    book,
    dealer,
    seen,
    isHeard: () => stream.wasListenedTo,
    isKnown,
  });
  const dataStream = createDataStream(() => keys);
  const market = createMarket({
    deliver: (message) => dataStream.deliver(message, dealer.next('data')),
    isKnown,
    nowUs,
  });
  const serve = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<boolean> =>
    market.serve(request, response) ||
    (await api(request, response)) ||
    control({ book, dealer, stream, seen }, request, response);
  const server = http.createServer((request, response) => {
    response.on('error', () => undefined);
    void serve(request, response).then((isServed) => {
      if (!isServed) response.writeHead(404).end();
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    if (request.url === '/stream') sockets.handleUpgrade(request, socket, head, stream.accept);
    else if (request.url === '/v2/iex') sockets.handleUpgrade(request, socket, head, dataStream.accept);
    else socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    tradingUrl: `http://127.0.0.1:${port}`,
    streamUrl: `ws://127.0.0.1:${port}/stream`,
    keys,
    book,
    stream,
    dataStreamUrl: `ws://127.0.0.1:${port}/v2/iex`,
    market,
    dataStream,
    dealer,
    seen,
    close: () =>
      new Promise((resolve) => {
        stream.dropAll();
        dataStream.dropAll();
        sockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
