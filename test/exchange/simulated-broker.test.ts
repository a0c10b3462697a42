import { describe, expect, it } from 'vitest';
import { SimulatedBroker } from '../../src/brokers/simulated/broker.ts';
import type { BrokerReport } from '../../src/events/inputs.ts';
import { createExchange } from '../../src/exchange/state.ts';
import { OPEN_US, order, SESSION, SETTINGS, slicesOf, sliceTimeUs, tableOf } from './bars.ts';

function brokerWithQuote(): { broker: SimulatedBroker; trade: () => void } {
  const broker = new SimulatedBroker(
    createExchange(SETTINGS, { symbols: ['AAA'], initialCashMicros: 1_000_000_000_000 }),
  );
  const [quote, next] = slicesOf(tableOf([1, 2].map((minute) => ({ symbol: 'AAA', minute }))));
  broker.openSession(SESSION);
  broker.applySlice(quote, sliceTimeUs(quote));
  return { broker, trade: () => broker.applySlice(next, sliceTimeUs(next)) };
}

const summary = (report: BrokerReport): string =>
  `${report.type} ${'execution' in report ? report.execution.clientOrderId : report.clientOrderId}`;

describe('simulated broker', () => {
  it('reports synchronously, over the same port as a live broker', async () => {
    const { broker, trade } = brokerWithQuote();
    const seen: string[] = [];
    broker.reports$.subscribe({
      next: (report) => seen.push(summary(report)),
      complete: () => seen.push('done'),
    });
    broker.submit(order({ clientOrderId: 'a' }), OPEN_US + 60_000_000);
    broker.submit(order({ clientOrderId: 'b', type: 'limit', limitPriceE4: 1 }), OPEN_US + 60_000_000);
    expect(seen).toEqual(['OrderAccepted a', 'OrderAccepted b']);
    trade();
    broker.cancel('b', OPEN_US + 120_000_000);
    broker.submit(order({ clientOrderId: 'c' }), OPEN_US + 120_000_000);
    broker.closeSession(SESSION.closeUs);
    await broker.close();
    expect(seen.slice(2)).toEqual([
      'OrderFilled a',
      'OrderCancelled b',
      'OrderAccepted c',
      'OrderExpired c',
      'done',
    ]);
    expect(broker.account().positions).toEqual({ AAA: 100 });
  });

  it('an order sent from inside a report is answered after the reports under way', () => {
    const { broker, trade } = brokerWithQuote();
    const seen: string[] = [];
    broker.reports$.subscribe((report) => {
      if (summary(report) === 'OrderFilled a')
        broker.submit(order({ clientOrderId: 'c' }), OPEN_US + 120_000_000);
      seen.push(summary(report));
    });
    broker.submit(order({ clientOrderId: 'a' }), OPEN_US + 60_000_000);
    broker.submit(order({ clientOrderId: 'b' }), OPEN_US + 60_000_000);
    trade();
    expect(seen).toEqual([
      'OrderAccepted a',
      'OrderAccepted b',
      'OrderFilled a',
      'OrderFilled b',
      'OrderAccepted c',
    ]);
  });
});
