import type { Socket } from 'node:net';
import type { FaultScript } from './faults.ts';
import { frame } from './frames.ts';

/** One client's connection, as the gateway writes to it: faults of the line itself happen here. */
export class TwinConnection {
  clientId = -1;
  /** Whether the client has been told the first order id that it may use. */
  isReady = false;
  isMute = false;
  /** Executions there were when it was told. */
  executionsAtReady = 0;
  readonly #socket: Socket;
  readonly #script: FaultScript;
  readonly #count: (bytes: number) => number;
  #pieces: { readonly bytes: number; left: number } | undefined;

  constructor(socket: Socket, script: FaultScript, count: (bytes: number) => number) {
    this.#socket = socket;
    this.#script = script;
    this.#count = count;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(fields: readonly (string | number)[]): void {
    if (this.isMute || !this.isOpen) return;
    const bytes = frame(fields);
    const sentBefore = this.#count(0);
    const cut = this.#script.due(
      'disconnect',
      ({ afterBytes }) => afterBytes >= sentBefore && afterBytes < sentBefore + bytes.length,
    );
    const split = this.#script.due('split', () => true);
    if (split !== undefined) this.#pieces = { bytes: split.pieceBytes, left: split.forBytes };
    if (cut === undefined) this.#write(bytes);
    else {
      this.#write(bytes.subarray(0, cut.afterBytes - sentBefore));
      this.#socket.end();
      this.isMute = true;
    }
    this.#count(bytes.length);
  }

  /** The line dies; what is on its way may be lost. */
  hangUp(): void {
    this.isMute = true;
    this.#socket.destroy();
  }

  stopReading(milliseconds: number): void {
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), milliseconds);
  }

  #write(bytes: Buffer): void {
    let rest = bytes;
    while (this.#pieces !== undefined && this.#pieces.left > 0 && rest.length > 0) {
      this.#socket.write(rest.subarray(0, this.#pieces.bytes));
      this.#pieces.left -= Math.min(this.#pieces.bytes, rest.length);
      rest = rest.subarray(this.#pieces.bytes);
    }
    if (rest.length > 0) this.#socket.write(rest);
  }
}
