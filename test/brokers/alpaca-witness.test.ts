import { Alpaca, streaming } from '@alpacahq/alpaca-trade-api';
import { expect, it } from 'vitest';
import { startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { until } from '../twins/clocks.ts';

/** The twin is ours, as the adapter is: that both speak Alpaca's language, and not one of their own, its client witnesses. */
it('is understood by the official client: keys, reports on orders, orders, positions and fills', async () => {
  const twin = await startAlpacaTwin();
  twin.book.setQuote('SPY', { bidE4: 1_000_000, askE4: 1_000_100, bidSize: 60, askSize: 60 });
  const credentials = { keyId: twin.keys.keyId, secret: twin.keys.secretKey };
  const stream = new streaming.TradingStream({ credentials, url: twin.streamUrl, reconnect: false });
  const updates: streaming.TradeUpdate[] = [];
  stream.onTradeUpdate((update) => updates.push(update));
  stream.subscribeTradeUpdates();
  let isListening = false;
  stream.on(streaming.EVENT.SUBSCRIPTION, () => {
    isListening = true;
  });
  stream.connect();
  const client = new Alpaca({
    ...credentials,
    paper: true,
    fetchApi: (input, init) => {
      const url = new URL(String(input));
      return fetch(`${twin.tradingUrl}${url.pathname}${url.search}`, init);
    },
  });
  try {
    await until('listening', () => isListening);
    const placed = await client.trading.orders.postOrder({
      postOrderRequest: {
        symbol: 'SPY',
        qty: '100',
        side: 'buy',
        type: 'limit',
        timeInForce: 'day',
        limitPrice: '100.01',
        clientOrderId: 'witness',
      },
    });
    expect(placed).toMatchObject({ clientOrderId: 'witness', symbol: 'SPY', qty: '100' });
    twin.book.setQuote('SPY', { bidE4: 1_000_000, askE4: 1_000_100, bidSize: 60, askSize: 60 });
    await until('the fill', () => updates.some(({ event }) => event === 'fill'));
    expect(updates.map(({ event }) => event)).toEqual(['pending_new', 'new', 'partial_fill', 'fill']);
    expect(updates[3]).toMatchObject({ price: '100.01', qty: '40', positionQty: '100' });
    expect(updates[3].order).toMatchObject({ filledQty: '100', status: 'filled' });
    expect(await client.trading.positions.getAllOpenPositions()).toMatchObject([
      { symbol: 'SPY', qty: '100' },
    ]);
    expect(await client.trading.account.getAccount()).toMatchObject({
      currency: 'USD',
      tradingBlocked: false,
    });
  } finally {
    stream.disconnect();
    await twin.close();
  }
});
