import type { AlpacaCredentials, StreamSettings } from '../../domain/alpaca-settings.ts';
import { US_PER_MINUTE } from '../../domain/units.ts';
import { createReconnectingSocket } from '../../net/reconnecting-socket.ts';
import { isRecord } from '../../net/wire-text.ts';
import type { Clock } from '../../ports/clock.ts';

const MAX_MESSAGE_BYTES = 1 << 20;
/** Keys that were refused once are not tried again at once. */
const REFUSED_HOLD_US = US_PER_MINUTE;

export interface TradingStreamOptions {
  readonly url: URL;
  readonly credentials: () => AlpacaCredentials;
  readonly settings: StreamSettings;
  readonly clock: Clock;
  readonly random: () => number;
  /** Reports on orders are heard from now on. */
  readonly onListening: () => void;
  readonly onUpdate: (data: unknown) => void;
  /** A message that is none: something may have been missed. */
  readonly onUnreadable: () => void;
  readonly onDown: (reason: string) => void;
  readonly onKeysRefused: () => void;
}

export interface TradingStream {
  open(): void;
  close(): void;
}

/** `trade_updates`: keys first, then the wish to listen, then reports; as text or as binary frames of the same JSON. */
export function createTradingStream(options: TradingStreamOptions): TradingStream {
  const { settings } = options;
  const socket = createReconnectingSocket({
    url: options.url,
    clock: options.clock,
    random: options.random,
    backoff: { firstUs: settings.firstDelayUs, maxUs: settings.maxDelayUs, jitterFrac: settings.jitterFrac },
    times: { answerUs: settings.answerUs, pingUs: settings.pingUs },
    maxMessageBytes: MAX_MESSAGE_BYTES,
    onOpen: () => {
      const { keyId, secretKey } = options.credentials();
      const data = { key_id: keyId, secret_key: secretKey };
      socket.send(JSON.stringify({ action: 'authenticate', data }));
    },
    onMessage: (bytes) => take(parsed(bytes)),
    onDown: options.onDown,
  });
  const take = (message: unknown): void => {
    const data = isRecord(message) ? message.data : undefined;
    if (!isRecord(message) || !isRecord(data)) {
      options.onUnreadable();
      return;
    }
    switch (message.stream) {
      case 'authorization':
        if (data.status === 'authorized') {
          socket.send(JSON.stringify({ action: 'listen', data: { streams: ['trade_updates'] } }));
        } else {
          options.onKeysRefused();
          socket.drop('the keys were refused', REFUSED_HOLD_US);
        }
        break;
      case 'listening':
        if (Array.isArray(data.streams) && data.streams.includes('trade_updates')) {
          socket.ready();
          options.onListening();
        } else {
          socket.drop('trade_updates is not listened to');
        }
        break;
      case 'trade_updates':
        options.onUpdate(data);
        break;
      default:
        options.onUnreadable();
    }
  };
  return { open: socket.open, close: socket.close };
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
