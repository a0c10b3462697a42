import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** Frames by hand, for what a well-behaved server never sends: halves, fragments, and nothing after them. */

const BINARY = 2;
const CONTINUATION = 0;
const FIN = 0x80;

function frame({ opcode, isLast, payload }: { opcode: number; isLast: boolean; payload: Buffer }): Buffer {
  const first = opcode | (isLast ? FIN : 0);
  if (payload.length < 126) return Buffer.concat([Buffer.from([first, payload.length]), payload]);
  const head = Buffer.alloc(4);
  head[0] = first;
  head[1] = 126;
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

function socketOf(client: WebSocket): Socket | undefined {
  return (client as unknown as { readonly _socket?: Socket })._socket;
}

/** The message in three fragments, the bytes of which come in small writes. */
export function sendSplit(client: WebSocket, payload: Buffer): void {
  const third = Math.ceil(payload.length / 3);
  const bytes = Buffer.concat([
    frame({ opcode: BINARY, isLast: false, payload: payload.subarray(0, third) }),
    frame({ opcode: CONTINUATION, isLast: false, payload: payload.subarray(third, 2 * third) }),
    frame({ opcode: CONTINUATION, isLast: true, payload: payload.subarray(2 * third) }),
  ]);
  const socket = socketOf(client);
  for (let at = 0; at < bytes.length; at += 37) socket?.write(bytes.subarray(at, at + 37));
}

/** The first bytes of the message, and then the connection is gone. */
export function sendCut(client: WebSocket, payload: Buffer, bytes: number): void {
  const whole = frame({ opcode: BINARY, isLast: true, payload });
  const socket = socketOf(client);
  socket?.write(whole.subarray(0, Math.min(bytes, whole.length - 1)), () => socket.destroy());
}
