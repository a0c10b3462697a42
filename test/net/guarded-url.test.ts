import { expect, it } from 'vitest';
import { guardedUrl } from '../../src/net/guarded-url.ts';

const guard = { what: 'broker.alpaca.tradingUrl', allowedHosts: ['api.alpaca.markets'] } as const;

it.each([
  ['https://api.alpaca.markets', 'http'],
  ['https://api.alpaca.markets/v2', 'http'],
  ['http://127.0.0.1:8080', 'http'],
  ['http://localhost:8080', 'http'],
  ['http://[::1]:8080', 'http'],
  ['wss://api.alpaca.markets/stream', 'websocket'],
  ['ws://127.0.0.1:8080/stream', 'websocket'],
] as const)('accepts %s as %s', (text, kind) => {
  expect(guardedUrl(text, { ...guard, kind }).href).toContain(new URL(text).host);
});

it.each([
  ['http://api.alpaca.markets', 'http', /URL_SCHEME|not encrypted; use https/],
  ['ws://api.alpaca.markets/stream', 'websocket', /not encrypted; use wss/],
  ['https://api.alpaca.markets', 'websocket', /not encrypted|use wss/],
  ['ftp://127.0.0.1', 'http', /use https/],
  ['http://127.0.0.1.evil.example', 'http', /not encrypted/],
  ['http://127.1@evil.example', 'http', /with a user/],
  ['https://evil.example', 'http', /host evil\.example is not one of api\.alpaca\.markets/],
  ['https://api.alpaca.markets.evil.example', 'http', /is not one of/],
  ['https://API.alpaca.markets@evil.example/', 'http', /with a user/],
  ['https://api.alpaca.markets/?key=PLANTED', 'http', /a query or a fragment/],
  ['nonsense PLANTED', 'http', /not an address/],
] as const)('refuses %s as %s, on one line that quotes no secret', (text, kind, message) => {
  const call = () => guardedUrl(text, { ...guard, kind });
  expect(call).toThrow(message);
  expect(call).toThrow(/^broker\.alpaca\.tradingUrl: [^\n]+$/);
  expect(call).not.toThrow(/PLANTED/);
});
