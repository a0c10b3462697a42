import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createIbkrBroker } from '../../../src/brokers/ibkr/broker.ts';
import { ibkrBrokerSchema, toIbkrSettings } from '../../../src/config/sections/ibkr.ts';
import { fastClock, manualClock, until } from '../../twins/clocks.ts';
import { TwsTwin } from '../../twins/tws/twin.ts';
import { buy, type Desk, openDesk, quoteAt, SPEED, settingsFor } from './desk.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function desk(...options: Parameters<typeof openDesk>): Promise<Desk> {
  const opened = await openDesk(...options);
  open.push(opened);
  return opened;
}

it('sends nothing before the gateway is ready, and says so', async () => {
  const { broker, twin } = await desk({}, {}, false);
  await expect(broker.submitOrder(buy('c1'))).rejects.toMatchObject({ code: 'IBKR_NOT_CONNECTED' });
  await broker.connect();
  await broker.submitOrder(buy('c1'));
  expect(twin.complaints).toEqual([]);
  expect(twin.books.orders).toHaveLength(1);
});

it('asks for the account where there are several, and checks the one it is given', async () => {
  const accounts = ['DU1000001', 'DU1000002'];
  const several = await desk({ accounts }, {}, false);
  await expect(several.broker.connect()).rejects.toMatchObject({ code: 'IBKR_ACCOUNT' });
  const other = await desk({ accounts }, { account: 'DU9' }, false);
  await expect(other.broker.connect()).rejects.toMatchObject({ code: 'IBKR_ACCOUNT' });
  const named = await desk({ accounts }, { account: 'DU1000001' });
  await named.broker.submitOrder(buy('c1'));
  expect(named.twin.books.orders[0]?.account).toBe('DU1000001');
});

it('takes no account with money for one without, nor the other way round', async () => {
  const live = await desk({ accounts: ['U1000001'] }, {}, false);
  await expect(live.broker.connect()).rejects.toThrow(
    'is a live account and broker.ibkr.environment is paper',
  );
  const paper = await desk({}, { environment: 'live' }, false);
  await expect(paper.broker.connect()).rejects.toMatchObject({ code: 'IBKR_ACCOUNT' });
  const meant = await desk({ accounts: ['U1000001'] }, { environment: 'live' });
  await meant.broker.submitOrder(buy('c1'));
  expect(meant.twin.books.orders).toHaveLength(1);
});

it('fails with a reason, and without hanging, at a gateway that is not there, is too new, or says nothing', async () => {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
  const { port } = dead.address() as { port: number };
  await new Promise((resolve) => dead.close(resolve));
  const broker = createIbkrBroker({ settings: settingsFor(port), clock: fastClock(SPEED), random: () => 0 });
  await expect(broker.connect()).rejects.toMatchObject({ code: 'IBKR_CONNECTION', retryable: true });
  await broker.close();
  const tooNew = await desk({ serverVersion: 194 }, {}, false);
  await expect(tooNew.broker.connect()).rejects.toThrow('Unsupported Version 194');
  const mute = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const patient = createIbkrBroker({
    settings: settingsFor((mute.address() as { port: number }).port),
    clock: fastClock(SPEED),
    random: () => 0,
  });
  await expect(patient.connect()).rejects.toMatchObject({ code: 'IBKR_SILENT' });
  await patient.close();
  await new Promise((resolve) => mute.close(resolve));
});

it.each(['10.0.0.5', 'example.com', '0.0.0.0'])('refuses host %s unless it is allowed by name', (host) => {
  const make = (allowedHosts: string[]) =>
    createIbkrBroker({
      settings: { ...settingsFor(1), host, allowedHosts },
      clock: fastClock(SPEED),
      random: () => 0,
    });
  expect(() => make([])).toThrow(expect.objectContaining({ code: 'IBKR_HOST' }));
  expect(() => make([host])).not.toThrow();
});

it('comes back after its line dies, again and again, and tells of it once each way', async () => {
  const { broker, twin, news } = await desk();
  for (const round of [1, 2, 3]) {
    twin.hangUpAll();
    await until('a restored connection', () => news.length === round * 2);
    expect(news.slice(-2).map(({ type }) => type)).toEqual(['ConnectionLost', 'ConnectionRestored']);
    await broker.submitOrder(buy(`c${round}`, { limitPriceE4: 1_000 }));
    news.splice(round * 2);
  }
  expect(twin.books.orders).toHaveLength(3);
});

it('notices a gateway that has fallen silent, and dials again', async () => {
  const { broker, twin, news } = await desk({ faults: [{ kind: 'silence', on: 'time', nth: 1 }] });
  await until('a lost connection', () => news.some(({ type }) => type === 'ConnectionLost'));
  await until('a restored one', () => news.some(({ type }) => type === 'ConnectionRestored'));
  await broker.submitOrder(buy('c1'));
  expect(twin.books.orders).toHaveLength(1);
});

it('holds orders back while the gateway has lost its server, and catches up when it is back', async () => {
  const { broker, twin, news } = await desk();
  twin.quote(quoteAt(20));
  await broker.submitOrder(buy('c1'));
  twin.announce(1100, 'Connectivity between IB and TWS has been lost.');
  await until('the loss', () => news.some(({ type }) => type === 'ConnectionLost'));
  await expect(broker.submitOrder(buy('c2'))).rejects.toMatchObject({ code: 'IBKR_NOT_CONNECTED' });
  twin.announce(1101, 'Connectivity has been restored, data lost.');
  await until('the return', () => news.some(({ type }) => type === 'ConnectionRestored'));
  await broker.submitOrder(buy('c2'));
  expect(twin.books.orders.map(({ orderRef }) => orderRef)).toEqual(['c1', 'c2']);
});

it('keeps to the number of messages a second, and a share of it for cancels', async () => {
  const twin = new TwsTwin();
  const settings = settingsFor(await twin.start(), { messagesPerSecond: 10, reservedForCancels: 3 });
  const clock = manualClock(1_700_000_000_000_000);
  const broker = createIbkrBroker({ settings, clock, random: () => 0.5 });
  open.push({
    close: async () => {
      await broker.close();
      await twin.stop();
    },
  });
  const sent = (kind: string): number => twin.requests.filter((request) => request.kind === kind).length;
  // four lists are asked for
  await broker.connect();
  const orders = ['c1', 'c2', 'c3', 'c4', 'c5'].map((id) =>
    broker.submitOrder(buy(id, { limitPriceE4: 1_000 })),
  );
  await Promise.all(orders.slice(0, 3));
  const cancels = ['c1', 'c2', 'c3'].map((id) => broker.cancelOrder(id));
  await Promise.all(cancels);
  expect([sent('place'), sent('cancel')]).toEqual([3, 3]);
  clock.advance(999_999);
  expect(sent('place')).toBe(3);
  clock.advance(1);
  await Promise.all(orders);
  expect(sent('place')).toBe(5);
});

it('has settings for all that it needs, in human units', () => {
  const settings = toIbkrSettings(ibkrBrokerSchema.parse({}));
  expect(Object.keys(settings).sort()).toEqual(Object.keys(settingsFor(1)).sort());
  expect(Object.keys(settings.timing).sort()).toEqual(Object.keys(settingsFor(1).timing).sort());
  expect(settings.timing.answerUs).toBe(10_000_000);
  expect(ibkrBrokerSchema.safeParse({ messagesPerSecond: 10, reservedForCancels: 10 }).success).toBe(false);
});

it('reads no file and no variable of its own: the library would take its settings from .env', async () => {
  const { broker } = await desk({}, {}, false);
  const before = { ...process.env };
  await broker.connect();
  expect(process.env).toEqual(before);
});
