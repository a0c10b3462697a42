import { describe, expect, it } from 'vitest';
import { type DryFireReport, dryFire } from '../../src/modes/dry-fire.ts';
import { scaledClock } from '../../src/sources/wall-clock.ts';
import { type Behaviour, type ScriptedBroker, scriptedBroker } from './scripted-broker.ts';

const HOUR_US = 3_600_000_000;

/** Minutes pass as milliseconds. */
function fire(behaviour: Behaviour = {}, prepare?: (broker: ScriptedBroker) => void) {
  const broker = scriptedBroker(behaviour);
  prepare?.(broker);
  const report = dryFire({
    broker,
    clock: scaledClock({ startUs: 0, speed: 60_000 }),
    symbol: 'AAA',
    priceE4: 1_234_567,
    clientOrderId: 'dry-1',
    withinUs: HOUR_US / 60,
  });
  return { broker, report: report as Promise<DryFireReport> };
}

describe('a dry fire', () => {
  it('places one share at half the price, sees it work, cancels it and sees it end', async () => {
    const { broker, report } = fire();
    expect(await report).toMatchObject({ broker: 'scripted', symbol: 'AAA', limitPriceE4: 617_200 });
    expect(broker.log).toEqual(['connect', 'submit buy 1 AAA', 'cancel dry-1', 'close']);
  });

  it.each<[string, Behaviour, string]>([
    [
      'is refused',
      {
        onSubmit: (order, broker) =>
          broker.say({
            type: 'OrderRejected',
            clientOrderId: order.clientOrderId,
            reason: 'insufficient_buying_power',
            detail: 'no money',
          }),
      },
      'refused the order (insufficient_buying_power: no money)',
    ],
    [
      'fills',
      {
        onSubmit: (order, broker) => {
          broker.accept(order);
          broker.fill(order.clientOrderId, 1, 600_000);
        },
        onCancel: () => undefined,
      },
      'filled an order that bids half the price',
    ],
    [
      'is accepted and not listed',
      { onSubmit: (order, broker) => say(broker, order.clientOrderId) },
      'does not list',
    ],
    [
      'is cancelled and listed still',
      { onCancel: (clientOrderId, broker) => broker.say({ type: 'OrderCancelled', clientOrderId }) },
      'still lists the order',
    ],
    ['is not heard of', { onSubmit: () => undefined }, 'the order working was not heard of in 60 s'],
    ['does not end', { onCancel: () => undefined }, 'the order cancelled was not heard of in 60 s'],
    [
      'goes with a position that moves',
      {
        onCancel: (clientOrderId, broker) => {
          broker.positions.set('BBB', 5);
          broker.end(clientOrderId);
        },
      },
      'the position in BBB at scripted went from 0 to 5 shares',
    ],
  ])(
    'whose order %s has failed, and leaves nothing at work that it could cancel',
    async (_, behaviour, message) => {
      const { broker, report } = fire(behaviour);
      await expect(report).rejects.toThrow(message);
      expect(broker.log.at(-1)).toBe('close');
      expect(broker.log).toContain('cancel dry-1');
    },
  );
});

function say(broker: ScriptedBroker, clientOrderId: string): void {
  broker.say({ type: 'OrderAccepted', clientOrderId });
}
