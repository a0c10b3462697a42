import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

/** What a receiver of alerts does with a post. */
export type Behaviour = 'take' | 'hang' | 'reset' | 'drip' | number;

export interface WebhookTwin {
  readonly url: string;
  /** Bodies of posts that were answered with 2xx, in order. */
  readonly taken: readonly Readonly<Record<string, unknown>>[];
  /** Posts in all. */
  readonly posts: () => number;
  readonly authorizations: readonly string[];
  /** Paths and queries that were posted to. */
  readonly targets: readonly string[];
  /** For the next posts, then the last of them for all that follow. */
  behave(...behaviours: readonly Behaviour[]): void;
  close(): Promise<void>;
}

/** A receiver of alerts on this machine, over bare sockets: it can stop in the middle of anything. */
export async function startWebhookTwin(): Promise<WebhookTwin> {
  const taken: Record<string, unknown>[] = [];
  const authorizations: string[] = [];
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  let script: Behaviour[] = ['take'];
  let posts = 0;

  function answer(socket: Socket, body: string): void {
    posts += 1;
    const behaviour = (script.length > 1 ? script.shift() : script[0]) ?? 'take';
    if (behaviour === 'hang') return;
    if (behaviour === 'reset') return void socket.resetAndDestroy();
    if (behaviour === 'drip') return void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na');
    const status = behaviour === 'take' ? 204 : behaviour;
    if (status < 300) taken.push(JSON.parse(body) as Record<string, unknown>);
    socket.write(`HTTP/1.1 ${status} said by the twin\r\ncontent-length: 0\r\n\r\n`);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (part) => {
      text += part.toString('utf8');
      const end = text.indexOf('\r\n\r\n');
      const head = text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (end < 0 || text.length < end + 4 + length) return;
      targets.push(head.split(' ', 2)[1] ?? '');
      const authorization = /authorization: (.*)/i.exec(head)?.[1];
      if (authorization !== undefined) authorizations.push(authorization);
      const body = text.slice(end + 4, end + 4 + length);
      text = text.slice(end + 4 + length);
      answer(socket, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?to=a&to=b`,
    taken,
    posts: () => posts,
    authorizations,
    targets,
    behave: (...behaviours) => {
      script = [...behaviours];
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
