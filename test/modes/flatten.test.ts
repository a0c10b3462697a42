import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/domain/errors.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import { flatten } from '../../src/modes/flatten.ts';
import { scaledClock } from '../../src/sources/wall-clock.ts';
import { lockTape } from '../../src/tape/tape-lock.ts';
import { sametape } from '../cli/sametape.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { until, wallClock } from '../twins/clocks.ts';
import { type Behaviour, type ScriptedBroker, scriptedBroker } from './scripted-broker.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function resting(clientOrderId: string, symbol: string): OrderRequest {
  return {
    ...{ clientOrderId, symbol, side: 'sell', type: 'limit', timeInForce: 'day' },
    ...{ quantity: 10, limitPriceE4: 2_000_000, purpose: 'close' },
  };
}

/** An account with 10 AAA, short 5 BBB, and an order at work in AAA. Minutes pass as milliseconds. */
function account(behaviour: Behaviour = {}): {
  broker: ScriptedBroker;
  run: () => ReturnType<typeof flatten>;
} {
  const broker = scriptedBroker(behaviour);
  broker.positions.set('AAA', 10).set('BBB', -5);
  broker.accept(resting('old-1', 'AAA'));
  const clock = scaledClock({ startUs: 0, speed: 60_000 });
  const run = () => flatten({ broker, clock, idPrefix: 'f', withinUs: 1_200_000_000, everyUs: 60_000_000 });
  return { broker, run };
}

describe('flattening an account', () => {
  it('cancels, and closes long and short by market orders only when the cancel has ended', async () => {
    const { broker, run } = account();
    const report = await run();
    expect(broker.log).toEqual(['cancel old-1', 'submit sell 10 AAA', 'submit buy 5 BBB']);
    expect(report).toMatchObject({ isFlat: true, troubles: [], left: { orders: [], positions: {} } });
    expect(report.cancelled.map(({ clientOrderId }) => clientOrderId)).toEqual(['old-1']);
    expect(report.closings.map(({ clientOrderId }) => clientOrderId)).toEqual(['f-0-0', 'f-0-1']);
  });

  it('closes what is held once cancels have ended, not what was held before', async () => {
    const { broker, run } = account({
      onCancel: (id, desk) => {
        // most of it fills on the way to the cancel
        desk.fill(id, 7, 2_000_000);
        desk.end(id);
      },
    });
    expect(await run()).toMatchObject({ isFlat: true });
    expect(broker.log).toContain('submit sell 3 AAA');
    expect(broker.positions.size).toBe(0);
  });

  it('asks again for a cancel that does not end, then leaves its symbol alone and closes the others', async () => {
    const { broker, run } = account({ onCancel: () => undefined });
    const report = await run();
    expect(broker.log).toEqual(['cancel old-1', 'cancel old-1', 'submit buy 5 BBB']);
    expect(report).toMatchObject({ isFlat: false, left: { positions: { AAA: 10 } } });
    expect(report.left.orders).toHaveLength(1);
    expect(report.troubles).toEqual(['AAA: an order works on it still, so that its position is left alone']);
  });

  it('does not cancel what it cannot name, nor wait for it', async () => {
    const { broker, run } = account();
    broker.orders.clear();
    broker.orders.set('', { ...bookOrder(), clientOrderId: '', brokerOrderId: 'by-hand', symbol: 'AAA' });
    const report = await run();
    expect(broker.log).toEqual(['submit buy 5 BBB']);
    expect(report.troubles[0]).toBe('sell order by-hand in AAA was placed elsewhere; cancel it there');
    expect(report.isFlat).toBe(false);
  });

  it('says what was refused, and leaves closing orders that do not fill at work', async () => {
    const { run, broker } = account({
      onSubmit: (order, desk) => {
        const { clientOrderId } = order;
        if (order.symbol === 'AAA') {
          desk.say({ type: 'OrderRejected', clientOrderId, reason: 'halted', detail: 'AAA is halted' });
        } else desk.accept(order);
      },
    });
    const report = await run();
    expect(report.troubles).toEqual(['close of AAA: refused (halted: AAA is halted)']);
    expect(report.left.positions).toEqual({ AAA: 10, BBB: -5 });
    expect(report.left.orders.map(({ symbol }) => symbol)).toEqual(['BBB']);
    expect(broker.log.filter((line) => line.startsWith('submit'))).toHaveLength(2);
  });

  it('looks for an order whose fate is unknown instead of sending it twice', async () => {
    const sent: (boolean | undefined)[] = [];
    const { broker, run } = account();
    const { submitOrder } = broker;
    broker.submitOrder = async (order, how) => {
      sent.push(how?.mayBePlaced);
      if (sent.length === 1) throw new ServiceError('BROKER_SILENT', 'no answer', { retryable: true });
      return submitOrder(order, how);
    };
    expect(await run()).toMatchObject({ isFlat: true, troubles: ['sell of 10 AAA: no answer'] });
    expect(sent).toEqual([false, true, false]);
  });
});

function bookOrder() {
  const broker = scriptedBroker();
  broker.accept(resting('x', 'AAA'));
  return broker.orders.get('x')!;
}

/** Alpaca's twin with 100 SPY held and an order at work. */
async function twinAccount(): Promise<AlpacaTwin> {
  const twin = await startAlpacaTwin();
  closers.push(twin.close);
  twin.book.setQuote('SPY', { bidE4: 1_000_000, askE4: 1_000_500, bidSize: 1000, askSize: 1000 });
  const broker = brokerOf(twin);
  await broker.connect();
  const order = { symbol: 'SPY', timeInForce: 'day', quantity: 100, purpose: 'open', side: 'buy' } as const;
  await broker.submitOrder({ ...order, clientOrderId: 'a', type: 'market' });
  await broker.submitOrder({ ...order, clientOrderId: 'b', type: 'limit', limitPriceE4: 500_000 });
  await until('a position', () => twin.book.positions().SPY === 100);
  await broker.close();
  return twin;
}

describe('flattening at Alpaca', () => {
  it('ends with an account that holds nothing', async () => {
    const twin = await twinAccount();
    const broker = brokerOf(twin);
    closers.push(broker.close);
    await broker.connect();
    const options = { broker, clock: wallClock, idPrefix: 'f', withinUs: 5_000_000, everyUs: 5_000 };
    expect(await flatten(options)).toMatchObject({ isFlat: true });
    expect(twin.book.positions()).toEqual({});
  });

  it('is a command that asks first, keeps off a running engine, and shows no key', async () => {
    const twin = await twinAccount();
    const runs = mkdtempSync(join(tmpdir(), 'sametape-flatten-'));
    closers.push(() => rmSync(runs, { recursive: true }));
    const { keyId, secretKey } = twin.keys;
    const credentials = `{keyId: "$${'{env:FLAT_ID}'}", secretKey: "$${'{env:FLAT_KEY}'}"}`;
    const command = (...more: string[]) =>
      sametape(
        [
          ...['flatten', '--broker', 'alpaca', '--scenario', 'scenarios/quickstart.yaml', '--runs', runs],
          ...['--set', `broker.credentials=${credentials}`],
          ...['--set', `broker.alpaca.tradingUrl=${twin.tradingUrl}`],
          ...['--set', `broker.alpaca.streamUrl=${twin.streamUrl}`],
          ...more,
        ],
        { env: { FLAT_ID: keyId, FLAT_KEY: secretKey } },
      );
    const asked = await command();
    expect(asked.code).toBe(2);
    expect(asked.stdout).toMatch(/order +SPY +buy 100 +b\nposition +SPY +100/);
    expect(asked.stderr).toContain('nobody can be asked; nothing was done. --yes confirms beforehand');
    expect(twin.book.positions()).toEqual({ SPY: 100 });

    mkdirSync(join(runs, 'live-1', 'tape'), { recursive: true });
    const lock = lockTape(join(runs, 'live-1', 'tape'));
    const refused = await command('--yes');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /live-1: its engine .* trades at alpaca; use "sametape ctl .*live-1 flatten"/,
    );
    lock.release();

    const done = await command('--yes');
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('ok: flat\n') });
    expect(twin.book.positions()).toEqual({});
    expect((await command('--yes')).stdout).toBe('ok: no open orders, no positions\n');
    for (const { stdout, stderr } of [asked, refused, done]) {
      for (const key of [keyId, secretKey]) expect(stdout + stderr).not.toContain(key);
    }
  });

  it('refuses a broker it does not know, with the list', async () => {
    const { code, stderr } = await sametape([
      'flatten',
      '--broker',
      'x',
      '--scenario',
      'scenarios/quickstart.yaml',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('--broker: expected one of alpaca, ibkr, found "x"');
  });
});
