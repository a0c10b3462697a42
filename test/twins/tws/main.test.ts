import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createIbkrBroker } from '../../../src/brokers/ibkr/broker.ts';
import { buy, quoteAt, SPEED, settingsFor } from '../../brokers/ibkr/desk.ts';
import { fastClock } from '../clocks.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

it('is a process of its own that says its port, takes commands, and ends with its input', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', main, '{"seconds": 30}'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown>> => JSON.parse((await lines.next()).value as string);
  const ask = (command: unknown): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    return next();
  };
  const { port } = await next();
  const settings = settingsFor(port as number);
  const broker = createIbkrBroker({ settings, clock: fastClock(SPEED / 10), random: () => 0.5 });
  await broker.connect();
  await ask({ quote: quoteAt(10) });
  await broker.submitOrder(buy('c1'));
  expect(await ask({ books: true })).toMatchObject({ positions: { AAA: 100 }, complaints: [] });
  await broker.close();
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});
