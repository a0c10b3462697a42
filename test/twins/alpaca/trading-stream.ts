import type { WebSocket } from 'ws';
import type { UpdateFault } from './faults.ts';
import { sendCut, sendSplit } from './raw-frames.ts';

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

const REORDER_MS = 15;

export function createTradingStream(keys: () => StreamKeys): TwinTradingStream {
  const listening = new Set<WebSocket>();
  const clients = new Set<WebSocket>();
  const sent: Buffer[] = [];
  let wasListenedTo = false;
  let swapped: Buffer | undefined;
  let stalled: Buffer[] | undefined;
  const timers = new Map<NodeJS.Timeout, () => void>();

  const later = (ms: number, call: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      call();
    }, ms);
    timers.set(timer, call);
  };
  const send = (payload: Buffer): void => {
    if (stalled !== undefined) {
      stalled.push(payload);
      return;
    }
    sent.push(payload);
    // the paper environment sends binary frames
    for (const client of listening) client.send(payload, { binary: true });
  };
  const sendSwapped = (): void => {
    const payload = swapped;
    swapped = undefined;
    if (payload !== undefined) send(payload);
  };
  const apply = (payload: Buffer, fault: UpdateFault): void => {
    switch (fault.kind) {
      case 'drop':
        return;
      case 'duplicate':
        send(payload);
        send(payload);
        return;
      case 'replay':
        send(payload);
        for (const earlier of sent.slice(-6)) send(earlier);
        return;
      case 'reorder':
        sendSwapped();
        swapped = payload;
        later(REORDER_MS, sendSwapped);
        return;
      case 'delay':
        later(fault.ms, () => send(payload));
        return;
      case 'stall':
        stalled ??= [];
        stalled.push(payload);
        later(fault.ms, () => {
          const waiting = stalled ?? [];
          stalled = undefined;
          for (const one of waiting) send(one);
        });
        return;
      case 'split':
        for (const client of listening) sendSplit(client, payload);
        return;
      case 'garbage':
        for (const client of listening) client.send(Buffer.from('{"stream":"trade_upd'), { binary: true });
        return;
      case 'disconnect':
        for (const client of listening) sendCut(client, payload, fault.atByte);
        listening.clear();
    }
  };
  return {
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
    deliver: (message, fault) => {
      const payload = Buffer.from(JSON.stringify(message));
      if (fault === undefined) send(payload);
      else apply(payload, fault);
      if (fault?.kind !== 'reorder') sendSwapped();
    },
    dropAll: () => {
      for (const client of clients) client.terminate();
      listening.clear();
    },
    settle: () => {
      for (const [timer, call] of [...timers]) {
        clearTimeout(timer);
        timers.delete(timer);
        call();
      }
    },
  };
}
