import type { WebSocket } from 'ws';
import type { UpdateFault } from './faults.ts';
import { sendCut, sendSplit } from './raw-frames.ts';

/** What a client is sent, in its own way of writing. */
export type Encode = (message: unknown, client: WebSocket) => Buffer | string;

/** Sends messages to whoever listens, as faults have it. */
export interface Delivery {
  readonly listening: Set<WebSocket>;
  deliver(message: unknown, fault: UpdateFault | undefined): void;
  /** Sends what is still held back. */
  settle(): void;
}

const REORDER_MS = 15;
const REPLAYED = 6;

export function createDelivery(encode: Encode): Delivery {
  const listening = new Set<WebSocket>();
  const sent: unknown[] = [];
  const timers = new Map<NodeJS.Timeout, () => void>();
  let swapped: { readonly message: unknown } | undefined;
  let stalled: unknown[] | undefined;

  const later = (ms: number, call: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      call();
    }, ms);
    timers.set(timer, call);
  };
  const bytes = (message: unknown, client: WebSocket): Buffer => Buffer.from(encode(message, client));
  const send = (message: unknown): void => {
    if (stalled !== undefined) {
      stalled.push(message);
      return;
    }
    sent.push(message);
    if (sent.length > REPLAYED) sent.shift();
    for (const client of listening) client.send(encode(message, client));
  };
  const sendSwapped = (): void => {
    const waiting = swapped;
    swapped = undefined;
    if (waiting !== undefined) send(waiting.message);
  };
  const apply = (message: unknown, fault: UpdateFault): void => {
    switch (fault.kind) {
      case 'drop':
        break;
      case 'duplicate':
        send(message);
        send(message);
        break;
      case 'replay':
        for (const one of [message, ...sent]) send(one);
        break;
      case 'reorder':
        sendSwapped();
        swapped = { message };
        later(REORDER_MS, sendSwapped);
        break;
      case 'delay':
        later(fault.ms, () => send(message));
        break;
      case 'stall':
        stalled ??= [];
        stalled.push(message);
        later(fault.ms, () => {
          const waiting = stalled ?? [];
          stalled = undefined;
          for (const one of waiting) send(one);
        });
        break;
      case 'split':
        for (const client of listening) sendSplit(client, bytes(message, client));
        break;
      case 'garbage':
        for (const client of listening) client.send(Buffer.from('{"stream":"trade_upd'));
        break;
      case 'disconnect':
        for (const client of listening) sendCut(client, bytes(message, client), fault.atByte);
        listening.clear();
    }
  };
  return {
    listening,
    deliver: (message, fault) => {
      if (fault === undefined) send(message);
      else apply(message, fault);
      if (fault?.kind !== 'reorder') sendSwapped();
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
