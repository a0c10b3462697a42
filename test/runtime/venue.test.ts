import { describe, expect, it } from 'vitest';
import { sessionOn } from '../../src/data/calendar.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketTable } from '../../src/domain/market-table.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import { createExchange } from '../../src/exchange/state.ts';
import { simulatedVenue } from '../../src/runtime/venue.ts';

const SESSION = sessionOn('2024-01-08')!;
const MINUTE_US = 60_000_000;
const SETTINGS = {
  ...{
    decisionAllowanceUs: 0,
    slippageBps: 0,
    impactBps: 0,
    participationCap: 1,
    displayedSizeCap: 1,
    allowShort: true,
    leverage: 2,
  },
  borrow: { annualBps: 0, annualBpsBySymbol: {}, noBorrowSymbols: [] },
  fee: { kind: 'bps', bps: 0 },
} as const;

function venueOf(symbols: readonly string[]) {
  const state = createExchange(SETTINGS, { symbols, initialCashMicros: 1e12 });
  return { state, venue: simulatedVenue(state) };
}

/** One minute of quotes for the symbols of a table, each at 100 times its place from 1, in dollars. */
function barOf(symbols: readonly string[], minute: number): MarketTable {
  const table = createMarketTable({
    session: SESSION.date,
    barSeconds: 60,
    symbols,
    rowCount: symbols.length,
  });
  symbols.forEach((_, s) => {
    table.endUs[s] = SESSION.openUs + minute * MINUTE_US;
    table.symbolIx[s] = s;
    table.flags[s] = HAS_BID | HAS_ASK | HAS_TRADE;
    for (const column of ['bidOpenE4', 'bidHighE4', 'bidLowE4', 'bidCloseE4'] as const) {
      table[column][s] = (s + 1) * 1_000_000;
    }
    for (const column of ['askOpenE4', 'askHighE4', 'askLowE4', 'askCloseE4', 'closeE4'] as const) {
      table[column][s] = (s + 1) * 1_000_000 + 100;
    }
    table.volume[s] = 1000;
  });
  return table;
}

function order(symbol: string, over: Partial<OrderRequest> = {}): OrderRequest {
  return {
    ...{ clientOrderId: `buy-${symbol}`, symbol, side: 'buy', type: 'market' },
    ...{ timeInForce: 'day', quantity: 10, purpose: 'open' },
    ...over,
  } as OrderRequest;
}

describe('the simulated venue', () => {
  it('accepts, fills with the next slice and reports at the time it is asked', () => {
    const { venue } = venueOf(['AAA', 'BBB']);
    venue.openSession(SESSION);
    const first = barOf(['AAA', 'BBB'], 1);
    expect(venue.applySlice({ table: first, from: 0, to: 2 }, first.endUs[0]!)).toEqual([]);
    const tUs = first.endUs[0]!;
    expect(venue.submit(order('BBB'), tUs)).toEqual([
      { type: 'OrderAccepted', tUs, clientOrderId: 'buy-BBB' },
    ]);
    const second = barOf(['AAA', 'BBB'], 2);
    expect(venue.applySlice({ table: second, from: 0, to: 2 }, second.endUs[0]!)).toMatchObject([
      {
        type: 'OrderFilled',
        tUs: second.endUs[0],
        execution: { symbol: 'BBB', quantity: 10, priceE4: 2_000_100, tradeTimeUs: tUs },
      },
    ]);
  });

  it('finds its symbols in every table by name, whatever else the table holds', () => {
    const { venue, state } = venueOf(['BBB', 'DDD']);
    venue.openSession(SESSION);
    const wide = barOf(['AAA', 'BBB', 'CCC', 'DDD'], 1);
    venue.applySlice({ table: wide, from: 0, to: 4 }, wide.endUs[0]!);
    expect(Array.from(state.bidE4)).toEqual([2_000_000, 4_000_000]);
    const narrow = barOf(['BBB', 'EEE'], 2);
    venue.applySlice({ table: narrow, from: 0, to: 2 }, narrow.endUs[0]!);
    expect(Array.from(state.bidE4)).toEqual([1_000_000, 4_000_000]);
  });

  it('cancels what works and has nothing to say of what does not', () => {
    const { venue } = venueOf(['AAA']);
    venue.openSession(SESSION);
    const table = barOf(['AAA'], 1);
    const tUs = table.endUs[0]!;
    venue.applySlice({ table, from: 0, to: 1 }, tUs);
    venue.submit(order('AAA'), tUs);
    expect(venue.cancel('buy-AAA', tUs)).toEqual([{ type: 'OrderCancelled', tUs, clientOrderId: 'buy-AAA' }]);
    expect(venue.cancel('buy-AAA', tUs)).toEqual([]);
  });

  it('ends a session with the orders that do not outlive it, then the account', () => {
    const { venue } = venueOf(['AAA', 'BBB']);
    venue.openSession(SESSION);
    const first = barOf(['AAA', 'BBB'], 1);
    venue.applySlice({ table: first, from: 0, to: 2 }, first.endUs[0]!);
    venue.submit(order('AAA', { side: 'sell' }), first.endUs[0]!);
    const second = barOf(['AAA', 'BBB'], 2);
    venue.applySlice({ table: second, from: 0, to: 2 }, second.endUs[0]!);
    const limit = { type: 'limit', limitPriceE4: 1_000_000 } as const;
    venue.submit(order('BBB', limit), second.endUs[0]!);
    expect(venue.account(second.endUs[0]!).openOrders).toEqual([
      { clientOrderId: 'buy-BBB', symbol: 'BBB', side: 'buy', leavesQuantity: 10 },
    ]);
    expect(venue.closeSession(SESSION.closeUs)).toEqual([
      { type: 'OrderExpired', tUs: SESSION.closeUs, clientOrderId: 'buy-BBB' },
      {
        type: 'BrokerSnapshot',
        tUs: SESSION.closeUs,
        cashMicros: 1e12 + 10 * 1_000_000 * 100,
        positions: { AAA: -10 },
        openOrders: [],
      },
    ]);
    expect(venue.submit(order('AAA'), SESSION.closeUs)).toMatchObject([
      { type: 'OrderRejected', reason: 'market_closed' },
    ]);
  });
});
