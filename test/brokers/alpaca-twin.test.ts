import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { BrokerNews } from '../../src/ports/broker.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import { until } from '../twins/clocks.ts';

const main = fileURLToPath(new URL('../twins/alpaca/main.ts', import.meta.url));

it('runs as a process of its own, is moved from outside, and stops with its input', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', main, '--seconds', '60'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { port, keyId, secretKey } = JSON.parse(line) as { port: number; keyId: string; secretKey: string };
  const base = `http://127.0.0.1:${port}`;
  const move = (path: string, body: unknown) =>
    fetch(`${base}/_twin/${path}`, { method: 'POST', body: JSON.stringify(body) });
  await move('quote', { symbol: 'SPY', bidE4: 1_000_000, askE4: 1_000_100, bidSize: 100, askSize: 100 });
  await move('faults', [{ on: 'order', nth: 0, do: { kind: 'error_after' } }]);
  const broker = brokerOf({
    tradingUrl: base,
    streamUrl: `ws://127.0.0.1:${port}/stream`,
    keys: { keyId, secretKey },
  });
  const news: BrokerNews[] = [];
  broker.news$.subscribe((one) => news.push(one));
  await broker.connect();
  await broker.submitOrder({
    clientOrderId: 'a',
    symbol: 'SPY',
    side: 'buy',
    type: 'market',
    timeInForce: 'day',
    quantity: 10,
    purpose: 'open',
  });
  await until('the fill', () => news.some(({ type }) => type === 'OrderFilled'));
  const book = (await (await fetch(`${base}/_twin/book`)).json()) as {
    positions: unknown;
    orders: unknown[];
  };
  expect(book).toMatchObject({
    positions: { SPY: 10 },
    orders: [{ client_order_id: 'a', status: 'filled' }],
  });
  await broker.close();
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});
