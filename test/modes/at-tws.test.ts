import { afterEach, describe, expect, it } from 'vitest';
import { dryFire } from '../../src/modes/dry-fire.ts';
import { flatten } from '../../src/modes/flatten.ts';
import { buy, type Desk, openDesk, quoteAt, SPEED } from '../brokers/ibkr/desk.ts';
import { fastClock, until } from '../twins/clocks.ts';

const SECOND = 1_000_000;
const open: Desk[] = [];

afterEach(async () => {
  for (const desk of open.splice(0)) await desk.close();
});

async function given(isConnected = true): Promise<Desk> {
  const desk = await openDesk({}, {}, isConnected);
  desk.twin.quote(quoteAt(10));
  open.push(desk);
  return desk;
}

describe('at TWS', () => {
  it('a dry fire leaves one order, cancelled, and no position', async () => {
    const { broker, twin } = await given(false);
    const options = { broker, clock: fastClock(SPEED), symbol: 'AAA', priceE4: 100_000 };
    const report = await dryFire({ ...options, clientOrderId: 'dry-1', withinUs: 60 * SECOND });
    expect(report).toMatchObject({ broker: 'ibkr', symbol: 'AAA', limitPriceE4: 50_000 });
    expect(twin.books.orders).toHaveLength(1);
    expect(twin.books.orders[0]).toMatchObject({ orderRef: 'dry-1' });
  });

  it('flattening cancels what works and sells what is held', async () => {
    const { broker, news } = await given();
    await broker.submitOrder(buy('c1'));
    await broker.submitOrder(buy('c2', { limitPriceE4: 90_000 }));
    await until('a position', () => news.some(({ type }) => type === 'OrderFilled'));
    const options = { broker, clock: fastClock(SPEED), idPrefix: 'f', withinUs: 60 * SECOND };
    const report = await flatten(options);
    expect(report).toMatchObject({ isFlat: true, troubles: [] });
    expect(report.closings).toMatchObject([{ symbol: 'AAA', side: 'sell', quantity: 100 }]);
    expect(await broker.getPositions()).toEqual({});
  });
});
