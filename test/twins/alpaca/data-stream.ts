import type { IncomingMessage } from 'node:http';
import { decode, EXT_TIMESTAMP, ExtensionCodec, encode, encodeTimeSpecToTimestamp } from '@msgpack/msgpack';
import type { WebSocket } from 'ws';
import { createDelivery, type Delivery } from './delivery.ts';
import type { StreamKeys } from './trading-stream.ts';

/** A time of the market data, which a binary message has to the nanosecond and a text one as RFC 3339. */
export class TwinTime {
  readonly tUs: number;

  constructor(tUs: number) {
    this.tUs = tUs;
  }

  toJSON(): string {
    const ms = Math.floor(this.tUs / 1000);
    return new Date(ms).toISOString().replace('Z', `${String(this.tUs % 1000).padStart(3, '0')}000Z`);
  }
}

const codec = new ExtensionCodec();
codec.register({
  type: EXT_TIMESTAMP,
  encode: (value) =>
    value instanceof TwinTime
      ? encodeTimeSpecToTimestamp({ sec: Math.floor(value.tUs / 1e6), nsec: (value.tUs % 1e6) * 1000 })
      : null,
  decode: () => null,
});

/** The server's side of `/v2/{feed}`. */
export interface TwinDataStream extends Pick<Delivery, 'deliver' | 'settle'> {
  accept(client: WebSocket, request: IncomingMessage): void;
  /** Greets the next clients with an error in place of what they ask for. */
  refuse(code: number, message: string, count?: number): void;
  readonly listeners: number;
  dropAll(): void;
}

export function createDataStream(keys: () => StreamKeys): TwinDataStream {
  const binary = new WeakSet<WebSocket>();
  const write = (message: unknown, client: WebSocket): Buffer | string =>
    binary.has(client) ? Buffer.from(encode(message, { extensionCodec: codec })) : JSON.stringify(message);
  const { listening, deliver, settle } = createDelivery(write);
  const clients = new Set<WebSocket>();
  let refusal: { readonly code: number; readonly message: string; left: number } | undefined;

  const say = (client: WebSocket, message: unknown): void => client.send(write([message], client));
  const auth = (client: WebSocket, message: Record<string, unknown>): void => {
    const { keyId, secretKey } = keys();
    if (refusal !== undefined && refusal.left > 0) {
      refusal.left -= 1;
      say(client, { T: 'error', code: refusal.code, msg: refusal.message });
    } else if (message.key !== keyId || message.secret !== secretKey) {
      say(client, { T: 'error', code: 402, msg: 'auth failed' });
    } else {
      say(client, { T: 'success', msg: 'authenticated' });
    }
  };
  return {
    deliver,
    settle,
    get listeners() {
      return listening.size;
    },
    refuse: (code, message, count = 1) => {
      refusal = { code, message, left: count };
    },
    accept: (client, request) => {
      clients.add(client);
      if (request.headers['content-type'] === 'application/msgpack') binary.add(client);
      client.on('error', () => undefined);
      client.on('close', () => {
        clients.delete(client);
        listening.delete(client);
      });
      client.on('message', (bytes) => {
        const raw = bytes as Buffer;
        const text = binary.has(client) ? decode(raw) : JSON.parse(raw.toString('utf8'));
        const message = text as Record<string, unknown>;
        if (message.action === 'auth') auth(client, message);
        else if (message.action === 'subscribe') {
          const { action: _, ...channels } = message;
          listening.add(client);
          say(client, { T: 'subscription', trades: [], quotes: [], bars: [], statuses: [], ...channels });
        }
      });
      say(client, { T: 'success', msg: 'connected' });
    },
    dropAll: () => {
      for (const client of clients) client.terminate();
      listening.clear();
    },
  };
}
