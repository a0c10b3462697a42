import type { WebSocket } from 'ws';
import { createDelivery } from './delivery.ts';
import type { UpdateFault } from './faults.ts';

export interface StreamKeys {
  readonly keyId: string;
  readonly secretKey: string;
}

/** The server's side of `/stream`. */
export interface TwinTradingStream {
  accept(client: WebSocket): void;
  /** Sends a message to whoever listens, as the fault has it. */
  deliver(message: Readonly<Record<string, unknown>>, fault: UpdateFault | undefined): void;
  readonly wasListenedTo: boolean;
  dropAll(): void;
  /** Sends what is still held back. */
  settle(): void;
}

export function createTradingStream(keys: () => StreamKeys): TwinTradingStream {
  // the paper environment sends binary frames
  const { listening, deliver, settle } = createDelivery((message) => Buffer.from(JSON.stringify(message)));
  const clients = new Set<WebSocket>();
  let wasListenedTo = false;
  return {
    deliver,
    settle,
    get wasListenedTo() {
      return wasListenedTo;
    },
    accept: (client) => {
      clients.add(client);
      let isAuthorized = false;
      const say = (stream: string, data: unknown): void =>
        client.send(Buffer.from(JSON.stringify({ stream, data })), { binary: true });
      client.on('close', () => {
        clients.delete(client);
        listening.delete(client);
      });
      client.on('error', () => undefined);
      client.on('message', (bytes) => {
        const message = JSON.parse(String(bytes)) as { action?: string; data?: Record<string, unknown> };
        if (message.action === 'authenticate') {
          const { keyId, secretKey } = keys();
          isAuthorized = message.data?.key_id === keyId && message.data.secret_key === secretKey;
          say('authorization', {
            action: 'authenticate',
            status: isAuthorized ? 'authorized' : 'unauthorized',
          });
        } else if (message.action === 'listen' && isAuthorized) {
          const streams = Array.isArray(message.data?.streams) ? message.data.streams : [];
          if (streams.includes('trade_updates')) {
            wasListenedTo = true;
            listening.add(client);
          }
          say('listening', { streams: streams.filter((stream) => stream === 'trade_updates') });
        }
      });
    },
    dropAll: () => {
      for (const client of clients) client.terminate();
      listening.clear();
    },
  };
}
