import { describe, expect, it } from 'vitest';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketSlice } from '../../src/domain/market-table.ts';
import type { Execution, OrderRequest } from '../../src/domain/orders.ts';
import type { ExchangeSettings } from '../../src/domain/settings.ts';
import type { OrderReport } from '../../src/events/inputs.ts';
import {
  accountSnapshot,
  applyCorporateAction,
  applySlice,
  cancelOrder,
  closeSession,
  exchangeEquityMicros,
  openSession,
  submitOrder,
} from '../../src/exchange/exchange.ts';
import { createExchange, type ExchangeState } from '../../src/exchange/state.ts';
import {
  type BarRow,
  indexOf,
  MINUTE_US,
  OPEN_US,
  openExchange,
  order,
  SESSION,
  SETTINGS,
  slicesOf,
  sliceTimeUs,
  tableOf,
} from './bars.ts';

const at = (minute: number): number => OPEN_US + minute * MINUTE_US;

function apply(state: ExchangeState, slice: MarketSlice): OrderReport[] {
  return applySlice(state, slice, indexOf(state, slice), sliceTimeUs(slice));
}

function typesOf(reports: readonly OrderReport[]): string[] {
  return reports.map((report) => report.type);
}

function executionsOf(reports: readonly OrderReport[]): Execution[] {
  return reports.flatMap((report) => ('execution' in report ? [report.execution] : []));
}

/** Minute 1 is quoted 100.00/100.10 for the order to be judged by; the order is submitted at its end; then `bars` follow. */
function trade(given: {
  settings?: Partial<ExchangeSettings>;
  cashMicros?: number;
  order: Partial<OrderRequest>;
  bars: readonly Partial<BarRow>[];
}): { state: ExchangeState; reports: OrderReport[]; fills: Execution[] } {
  const state = openExchange(
    given.settings,
    given.cashMicros === undefined ? {} : { cashMicros: given.cashMicros },
  );
  const rows = given.bars.map((row, k) => ({ symbol: 'AAA', minute: k + 2, ...row }));
  const [first, ...rest] = slicesOf(tableOf([{ symbol: 'AAA', minute: 1 }, ...rows]));
  apply(state, first);
  const reports = submitOrder(state, order(given.order), at(1));
  for (const slice of rest) reports.push(...apply(state, slice));
  return { state, reports, fills: executionsOf(reports) };
}

describe('market orders', () => {
  it('fill on the next slice at its opening ask (buy) or bid (sell), known at its end, traded at its opening', () => {
    for (const [side, priceE4] of [
      ['buy', 1_020_000],
      ['sell', 1_010_000],
    ] as const) {
      const { reports, fills } = trade({
        order: { side },
        bars: [{ bidOpenE4: 1_010_000, askOpenE4: 1_020_000, bidCloseE4: 900_000, askCloseE4: 900_100 }],
      });
      expect(typesOf(reports)).toEqual(['OrderAccepted', 'OrderFilled']);
      expect(reports[1].tUs).toBe(at(2));
      expect(fills[0]).toMatchObject({ priceE4, quantity: 100, tradeTimeUs: at(1), executionId: 'x1', side });
    }
  });

  it('pay fixed and square-root slippage, rounded to 1e-4 dollars against the trader', () => {
    const settings = { slippageBps: 1, impactBps: 10 };
    const row = { bidOpenE4: 333_333, askOpenE4: 333_334, volume: 10_000 };
    // participation 4 % -> 1 + 10 * 0.2 = 3 bps = 100.0002 units of 1e-4 dollars
    expect(trade({ settings, order: { quantity: 400 }, bars: [row] }).fills[0].priceE4).toBe(333_334 + 101);
    expect(trade({ settings, order: { quantity: 400, side: 'sell' }, bars: [row] }).fills[0].priceE4).toBe(
      333_333 - 100,
    );
  });

  it('take at most the participation cap of a bar, all orders of a symbol together, and keep working', () => {
    const state = openExchange({ participationCap: 0.1 });
    const slices = slicesOf(tableOf([1, 2, 3].map((minute) => ({ symbol: 'AAA', minute, volume: 1_009 }))));
    apply(state, slices[0]);
    submitOrder(state, order({ clientOrderId: 'a', quantity: 150 }), at(1));
    submitOrder(state, order({ clientOrderId: 'b', quantity: 20 }), at(1));
    const first = apply(state, slices[1]);
    expect(first).toMatchObject([
      { type: 'OrderPartiallyFilled', leavesQuantity: 50, execution: { quantity: 100, clientOrderId: 'a' } },
    ]);
    const second = apply(state, slices[2]);
    expect(second).toMatchObject([
      { type: 'OrderFilled', execution: { quantity: 50, clientOrderId: 'a', executionId: 'x2' } },
      { type: 'OrderFilled', execution: { quantity: 20, clientOrderId: 'b', executionId: 'x3' } },
    ]);
  });

  it('IOC takes what the first slice gives and cancels the rest, or all when the symbol has no bar in it', () => {
    const filled = trade({ order: { timeInForce: 'ioc', quantity: 150 }, bars: [{ volume: 1_000 }] });
    expect(typesOf(filled.reports)).toEqual(['OrderAccepted', 'OrderPartiallyFilled', 'OrderCancelled']);
    expect(filled.state.working).toEqual([]);
    const absent = trade({ order: { timeInForce: 'ioc' }, bars: [{ symbol: 'ZZZ' }, {}] });
    expect(typesOf(absent.reports)).toEqual(['OrderAccepted', 'OrderCancelled']);
  });

  it.each<[string, Partial<BarRow>]>([
    ['no ask', { flags: HAS_BID | HAS_TRADE }],
    ['no bid', { flags: HAS_ASK | HAS_TRADE }],
    ['no quote', { flags: HAS_TRADE }],
    ['a halt', { flags: HAS_BID | HAS_ASK | HAS_TRADE | IS_HALTED }],
    ['a crossed opening', { bidOpenE4: 1_000_001, askOpenE4: 1_000_000 }],
    ['an opening quote of zero', { bidOpenE4: 0, askOpenE4: 1_000_000 }],
    ['no volume', { volume: 0 }],
    ['less than one share under the cap', { volume: 9 }],
    ['no displayed size in a row of quotes only', { flags: HAS_BID | HAS_ASK, askSize: 0 }],
  ])('do not fill on %s and keep working', (_name, row) => {
    const { reports, fills } = trade({ order: {}, bars: [row, {}] });
    expect(typesOf(reports)).toEqual(['OrderAccepted', 'OrderFilled']);
    expect(fills[0].tradeTimeUs).toBe(at(2));
  });

  it('may take the whole displayed size of a row without trades, with impact by its share of it', () => {
    const settings = { impactBps: 10 };
    const { reports, fills } = trade({
      settings,
      order: { quantity: 300 },
      bars: [{ flags: HAS_BID | HAS_ASK, bidOpenE4: 999_000, askOpenE4: 1_000_000, askSize: 200, volume: 0 }],
    });
    expect(typesOf(reports)).toEqual(['OrderAccepted', 'OrderPartiallyFilled']);
    expect(fills[0]).toMatchObject({ quantity: 200, priceE4: 1_001_000 });
  });

  it('takes no more than the cap of a displayed size, shared by all orders in the bar', () => {
    const state = openExchange({ displayedSizeCap: 0.25 });
    apply(state, slicesOf(tableOf([{ symbol: 'AAA', minute: 1 }]))[0]);
    submitOrder(state, order({ quantity: 30 }), at(1));
    submitOrder(state, order({ quantity: 30 }), at(1));
    const row = { symbol: 'AAA', minute: 2, flags: HAS_BID | HAS_ASK, askSize: 200, volume: 0 };
    const reports = apply(state, slicesOf(tableOf([row]))[0]);
    expect(typesOf(reports)).toEqual(['OrderFilled', 'OrderPartiallyFilled']);
    expect(accountSnapshot(state).positions).toEqual({ AAA: 50 });
  });

  it('a locked opening quote fills', () => {
    expect(
      trade({ order: {}, bars: [{ bidOpenE4: 1_000_000, askOpenE4: 1_000_000 }] }).fills[0].priceE4,
    ).toBe(1_000_000);
  });

  it('wait for a bar that opens after them: a bar that was running when they came shows older prices', () => {
    const state = openExchange();
    const slices = slicesOf(
      tableOf([1, 2, 3].map((minute) => ({ symbol: 'AAA', minute, askOpenE4: 1_001_000 + minute }))),
    );
    apply(state, slices[0]);
    submitOrder(state, order({ timeInForce: 'ioc' }), at(1) + 1);
    expect(apply(state, slices[1])).toEqual([]);
    expect(executionsOf(apply(state, slices[2]))).toMatchObject([{ priceE4: 1_001_003, tradeTimeUs: at(2) }]);
  });
});

describe('limit orders', () => {
  const resting = { type: 'limit', limitPriceE4: 1_000_500 } as const;

  it('fill at the opening when it is better, slippage capped by the limit', () => {
    const open = { bidOpenE4: 999_000, askOpenE4: 1_000_000 };
    const price = (slippageBps: number): number =>
      trade({ settings: { slippageBps }, order: resting, bars: [open] }).fills[0].priceE4;
    expect([0, 4, 5, 6, 100].map(price)).toEqual([1_000_000, 1_000_400, 1_000_500, 1_000_500, 1_000_500]);
  });

  it('fill at the limit, at the end of the bar, when the bar trades through later', () => {
    const buy = trade({ order: resting, bars: [{ askLowE4: 1_000_501 }, { askLowE4: 1_000_500 }] });
    expect(buy.fills).toMatchObject([{ priceE4: 1_000_500, tradeTimeUs: at(3) }]);
    const sell = trade({
      order: { type: 'limit', side: 'sell', limitPriceE4: 1_000_700 },
      bars: [{ bidHighE4: 1_000_699 }, { bidHighE4: 1_000_700 }],
    });
    expect(sell.fills).toMatchObject([{ priceE4: 1_000_700, tradeTimeUs: at(3) }]);
    const sellAtOpen = trade({
      settings: { slippageBps: 5 },
      order: { type: 'limit', side: 'sell', limitPriceE4: 999_000 },
      bars: [{}],
    });
    expect(sellAtOpen.fills).toMatchObject([{ priceE4: 999_500, tradeTimeUs: at(1) }]);
  });

  it('an IOC limit sees the opening only; a marketable limit within its collar fills there', () => {
    const ioc = trade({ order: { ...resting, timeInForce: 'ioc' }, bars: [{ askLowE4: 1_000_000 }] });
    expect(typesOf(ioc.reports)).toEqual(['OrderAccepted', 'OrderCancelled']);
    const collar = { type: 'marketable_limit', limitPriceE4: 1_001_500, timeInForce: 'ioc' } as const;
    expect(trade({ order: collar, bars: [{}] }).fills).toMatchObject([{ priceE4: 1_001_000 }]);
  });

  it('a missing low (0) is not a price the bar traded at', () => {
    expect(trade({ order: resting, bars: [{ askLowE4: 0 }] }).fills).toEqual([]);
  });
});

describe('fees', () => {
  it('per share with a minimum: the minimum once an order, over its partial fills', () => {
    const fee = { kind: 'per_share', perShareMicros: 5_000, minimumMicros: 1_000_000 } as const;
    const { fills } = trade({
      settings: { fee },
      order: { quantity: 300 },
      bars: [{ volume: 1_000 }, { volume: 1_500 }, { volume: 500 }],
    });
    expect(fills.map((fill) => fill.quantity)).toEqual([100, 150, 50]);
    expect(fills.map((fill) => fill.feeMicros)).toEqual([1_000_000, 250_000, 250_000]);
  });

  it('bps of notional, rounded up to a micro-dollar once an order', () => {
    const fee = { kind: 'bps', bps: 0.3 } as const;
    const row = { askOpenE4: 333_333, bidOpenE4: 333_332, volume: 10 };
    const { fills } = trade({ settings: { fee }, order: { quantity: 2 }, bars: [row, row] });
    // one share is 33,333,300 micro-dollars: 999.999 for it, 1,999.998 for both
    expect(fills.map((fill) => fill.feeMicros)).toEqual([1_000, 1_000]);
  });
});

describe('admission', () => {
  const reject = (state: ExchangeState, rest: Partial<OrderRequest>): unknown => {
    const [report] = submitOrder(state, order(rest), at(1));
    return report.type === 'OrderRejected' ? report.reason : report.type;
  };
  const opened = (
    settings: Partial<ExchangeSettings> = {},
    cashMicros = 1_000_000_000_000,
  ): ExchangeState => {
    const state = openExchange(settings, { symbols: ['AAA', 'HLT', 'NOQ'], cashMicros });
    const flags = HAS_BID | HAS_ASK | IS_HALTED;
    apply(
      state,
      slicesOf(
        tableOf([
          { symbol: 'AAA', minute: 1 },
          { symbol: 'HLT', minute: 1, flags },
        ]),
      )[0],
    );
    return state;
  };

  it('says why an order is refused', () => {
    const state = opened();
    expect(reject(state, { symbol: 'ZZZ' })).toBe('unknown_symbol');
    for (const quantity of [0, -1, 1.5, Number.NaN, 2 ** 52])
      expect(reject(state, { quantity })).toBe('invalid_quantity');
    expect(reject(state, { type: 'limit' })).toBe('invalid_price');
    expect(reject(state, { limitPriceE4: 1_000_000 })).toBe('invalid_price');
    expect(reject(state, { type: 'limit', limitPriceE4: 0 })).toBe('invalid_price');
    expect(reject(state, { symbol: 'HLT' })).toBe('halted');
    expect(reject(state, { symbol: 'NOQ' })).toBe('no_quote');
    expect(reject(state, { symbol: 'NOQ', type: 'limit', limitPriceE4: 1_000_000 })).toBe('OrderAccepted');
    expect(reject(state, { clientOrderId: 'twice' })).toBe('OrderAccepted');
    expect(reject(state, { clientOrderId: 'twice' })).toBe('duplicate_client_order_id');
    closeSession(state, at(390));
    expect(reject(state, {})).toBe('market_closed');
  });

  it('a crossed or one-sided quote is no quote to price a market order by', () => {
    const state = openExchange();
    apply(
      state,
      slicesOf(tableOf([{ symbol: 'AAA', minute: 1, bidOpenE4: 2_000_000, askOpenE4: 1_000_000 }]))[0],
    );
    expect(reject(state, {})).toBe('no_quote');
  });

  it('shorts only with the flag; open sell orders count', () => {
    const state = opened({ allowShort: false });
    expect(reject(state, { side: 'sell' })).toBe('short_not_allowed');
    submitOrder(state, order({ quantity: 100 }), at(1));
    apply(state, slicesOf(tableOf([{ symbol: 'AAA', minute: 2 }]))[0]);
    expect(reject(state, { side: 'sell', quantity: 60 })).toBe('OrderAccepted');
    expect(reject(state, { side: 'sell', quantity: 41 })).toBe('short_not_allowed');
    expect(reject(state, { side: 'sell', quantity: 40 })).toBe('OrderAccepted');
  });

  it('buying power is equity times leverage less positions and open orders at their worst', () => {
    // 10,000 dollars, ask 100.10: 99 shares fit in a cash account, 199 with leverage 2
    const cash = 10_000_000_000;
    expect(reject(opened({ leverage: 1 }, cash), { quantity: 100 })).toBe('insufficient_buying_power');
    expect(reject(opened({ leverage: 1 }, cash), { quantity: 99 })).toBe('OrderAccepted');
    expect(reject(opened({ leverage: 2 }, cash), { quantity: 200 })).toBe('insufficient_buying_power');
    const state = opened({ leverage: 2 }, cash);
    expect(reject(state, { quantity: 199 })).toBe('OrderAccepted');
    expect(reject(state, { quantity: 1 })).toBe('insufficient_buying_power');
    expect(reject(state, { symbol: 'NOQ', quantity: 1, type: 'limit', limitPriceE4: 2_000_000 })).toBe(
      'insufficient_buying_power',
    );
    // the other side of the same symbol never fills on top of this one
    expect(reject(state, { side: 'sell', quantity: 190 })).toBe('OrderAccepted');
  });

  it('names the numbers of a refusal', () => {
    const [report] = submitOrder(opened({ leverage: 1 }, 5_000_000_000), order({ quantity: 100 }), at(1));
    expect(report).toMatchObject({ detail: 'needs 10010 dollars, 5000 are left' });
  });

  it('a sale of what is held needs no buying power, even when there is none', () => {
    const state = opened({ leverage: 1, fee: { kind: 'bps', bps: 1 } }, 10_011_001_000);
    expect(reject(state, { quantity: 100 })).toBe('OrderAccepted');
    apply(state, slicesOf(tableOf([{ symbol: 'AAA', minute: 2 }]))[0]);
    expect(accountSnapshot(state)).toEqual({ cashMicros: 0, positions: { AAA: 100 }, openOrders: [] });
    expect(reject(state, { quantity: 1 })).toBe('insufficient_buying_power');
    expect(reject(state, { side: 'sell' })).toBe('OrderAccepted');
  });

  it('a market that opens beyond the buying power rejects the order instead of overdrawing the account', () => {
    const gap = { askOpenE4: 1_100_000, bidOpenE4: 1_099_000 };
    const whole = trade({ settings: { leverage: 1 }, cashMicros: 10_010_000_000, order: {}, bars: [gap] });
    expect(typesOf(whole.reports)).toEqual(['OrderAccepted', 'OrderRejected']);
    expect(whole.reports[1]).toMatchObject({
      reason: 'insufficient_buying_power',
      detail: 'needs 11000 dollars, 10010 are left',
    });
    const partly = trade({
      settings: { leverage: 1 },
      cashMicros: 10_010_000_000,
      order: {},
      bars: [{ volume: 500 }, gap],
    });
    expect(typesOf(partly.reports)).toEqual(['OrderAccepted', 'OrderPartiallyFilled', 'OrderCancelled']);
    expect(partly.state.ledger.cashMicros).toBeGreaterThanOrEqual(0);
    expect(partly.state.working).toEqual([]);
  });

  it('a purchase that covers a short and goes long is reckoned by what it opens', () => {
    const state = opened({ leverage: 1 }, 10_000_000_000);
    submitOrder(state, order({ side: 'sell', quantity: 90 }), at(1));
    apply(state, slicesOf(tableOf([{ symbol: 'AAA', minute: 2 }]))[0]);
    expect(accountSnapshot(state).positions).toEqual({ AAA: -90 });
    expect(reject(state, { quantity: 250 })).toBe('insufficient_buying_power');
    expect(reject(state, { quantity: 180 })).toBe('OrderAccepted');
    apply(state, slicesOf(tableOf([{ symbol: 'AAA', minute: 3 }]))[0]);
    expect(accountSnapshot(state).positions).toEqual({ AAA: 90 });
  });
});

describe('session', () => {
  it('cancels a working order once; a done or unknown one gives no report', () => {
    const state = openExchange();
    submitOrder(state, order({ clientOrderId: 'w', type: 'limit', limitPriceE4: 10_000 }), at(1));
    expect(cancelOrder(state, 'w', at(1))).toEqual([
      { type: 'OrderCancelled', tUs: at(1), clientOrderId: 'w' },
    ]);
    expect(cancelOrder(state, 'w', at(1))).toEqual([]);
  });

  it('expires orders of the day at the close, in the order of submission, and forgets ids and quotes', () => {
    const { state } = trade({ order: { clientOrderId: 'z', type: 'limit', limitPriceE4: 10_000 }, bars: [] });
    submitOrder(state, order({ clientOrderId: 'a', type: 'limit', limitPriceE4: 10_000 }), at(1));
    submitOrder(state, order({ clientOrderId: 'i', timeInForce: 'ioc' }), at(1));
    expect(closeSession(state, at(390))).toEqual([
      { type: 'OrderExpired', tUs: at(390), clientOrderId: 'z' },
      { type: 'OrderExpired', tUs: at(390), clientOrderId: 'a' },
      { type: 'OrderCancelled', tUs: at(390), clientOrderId: 'i' },
    ]);
    openSession(state, SESSION);
    expect(submitOrder(state, order({ clientOrderId: 'z' }), at(0))).toMatchObject([{ reason: 'no_quote' }]);
  });

  it('keeps equity at its own marks: mids, or the last trade where no quote was seen', () => {
    const { state } = trade({ order: {}, bars: [{ bidCloseE4: 1_004_000, askCloseE4: 1_004_101 }] });
    expect(exchangeEquityMicros(state)).toBe(1_000_000_000_000 + 100 * 100 * (1_004_050.5 - 1_001_000));
    const [slice] = slicesOf(tableOf([{ symbol: 'AAA', minute: 3, flags: HAS_TRADE, closeE4: 1 }]));
    apply(state, slice);
    expect(exchangeEquityMicros(state)).toBe(1_000_000_000_000 + 100 * 100 * (1_004_050.5 - 1_001_000));
  });

  it('a limit order that fills before any closing quote is marked at its own price', () => {
    const state = createExchange(SETTINGS, { symbols: ['AAA'], initialCashMicros: 1_000_000_000 });
    openSession(state, SESSION);
    submitOrder(state, order({ type: 'limit', limitPriceE4: 1_001_000, quantity: 1 }), at(0));
    const [slice] = slicesOf(
      tableOf([{ symbol: 'AAA', minute: 1, askCloseE4: 1, closeE4: 0, flags: HAS_BID | HAS_ASK }]),
    );
    expect(typesOf(apply(state, slice))).toEqual(['OrderFilled']);
    expect(exchangeEquityMicros(state)).toBe(1_000_000_000);
  });
});

describe('a corporate action', () => {
  it('moves books and mark to the new terms, ends the orders of its symbol, and leaves no quote', () => {
    const state = createExchange(SETTINGS, { symbols: ['AAA', 'BBB'], initialCashMicros: 1e12 });
    openSession(state, SESSION);
    const rows = [1, 2].map((minute) => ({ symbol: 'AAA', minute }));
    const [first, second] = slicesOf(tableOf([...rows, { symbol: 'BBB', minute: 1 }]));
    apply(state, first);
    submitOrder(state, order({ quantity: 105 }), at(1));
    apply(state, second);
    expect(accountSnapshot(state).positions).toEqual({ AAA: 105 });
    const before = exchangeEquityMicros(state);
    const resting = order({ clientOrderId: 'rests', type: 'limit', limitPriceE4: 900_000 });
    const other = order({ clientOrderId: 'stays', symbol: 'BBB', type: 'limit', limitPriceE4: 900_000 });
    submitOrder(state, resting, at(3));
    submitOrder(state, other, at(3));
    const mark = state.marks.priceE4[0];
    const action = { symbol: 'AAA', exDate: '2024-03-05', referencePriceE4: mark } as const;
    const split = applyCorporateAction(
      state,
      { kind: 'split', ...action, oldShares: 20, newShares: 1 },
      at(4),
    );
    expect(split).toEqual([{ type: 'OrderCancelled', tUs: at(4), clientOrderId: 'rests' }]);
    expect(state.working.map(({ request }) => request.clientOrderId)).toEqual(['stays']);
    expect(accountSnapshot(state).positions).toEqual({ AAA: 5 });
    expect([state.bidE4[0], state.askE4[0], state.marks.priceE4[0]]).toEqual([0, 0, mark * 20]);
    expect(exchangeEquityMicros(state)).toBe(before);
    applyCorporateAction(state, { kind: 'dividend', ...action, cashMicros: 2_000_000 }, at(5));
    expect(state.marks.priceE4[0]).toBe(mark * 20 - 20_000);
    expect(exchangeEquityMicros(state)).toBe(before);
  });
});
