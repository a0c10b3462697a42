import { createInterface } from 'node:readline';
import type { TwinQuote } from './books.ts';
import { TwsTwin, type TwsTwinOptions } from './twin.ts';

/**
 * A TWS as a process of its own: `node --import tsx test/twins/tws/main.ts '{"seconds": 60}'` prints `{"port": …}`. It
 * takes commands as lines of JSON and answers each with a line, and ends with its input, or when its time is over.
 */
interface MainOptions extends Omit<TwsTwinOptions, 'now'> {
  /** Longest life; 60 by default. */
  readonly seconds?: number;
}

type Command =
  | { readonly quote: TwinQuote }
  | { readonly heal: true }
  | { readonly hangUp: true }
  | { readonly books: true };

const MOST_SECONDS = 3_600;

const { seconds = 60, ...options } = JSON.parse(process.argv[2] ?? '{}') as MainOptions;
const twin = new TwsTwin(options);
const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};
const stop = (): void => {
  clearTimeout(timer);
  lines.close();
  void twin.stop();
};
const timer = setTimeout(stop, Math.min(seconds, MOST_SECONDS) * 1_000);
const lines = createInterface({ input: process.stdin });
lines.on('close', stop);
lines.on('line', (line) => {
  const command = JSON.parse(line) as Command;
  if ('quote' in command) twin.quote(command.quote);
  if ('heal' in command) twin.heal();
  if ('hangUp' in command) twin.hangUpAll();
  say('books' in command ? booksOf(twin) : {});
});
say({ port: await twin.start() });

function booksOf({ books, complaints }: TwsTwin): unknown {
  return {
    cashMicros: books.cashMicros(),
    positions: books.positions(),
    orders: books.orders,
    executions: books.newest().map(({ order, ...execution }) => ({ ...execution, orderRef: order.orderRef })),
    complaints,
  };
}
