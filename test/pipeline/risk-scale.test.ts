import { describe, expect, it } from 'vitest';
import type { OrderRequest } from '../../src/domain/orders.ts';
import { openSession, submitOrder } from '../../src/exchange/exchange.ts';
import { createExchange } from '../../src/exchange/state.ts';
import { assessOrder, orderRequestOf } from '../../src/pipeline/6-risk/assess-order.ts';
import { createCheckLog } from '../../src/pipeline/6-risk/check-log.ts';
import { createOpenOrders, openRiskBook, recordIntent } from '../../src/pipeline/6-risk/risk-book.ts';
import { createRiskMemory } from '../../src/pipeline/6-risk/risk-memory.ts';
import { symbolRules } from '../../src/pipeline/6-risk/symbol-rules.ts';
import { createMarketState } from '../../src/pipeline/market-state.ts';
import { SESSION, SETTINGS } from '../exchange/bars.ts';
import { WIDE_LIMITS } from './risk-limits.ts';

const EQUITY_MICROS = 1e12;
const NOW = SESSION.openUs + 60_000_000;

/** A cycle in which every symbol wants an order while an older one of it works: the most stage 6 is ever asked. */
function stageOver(symbolCount: number) {
  const symbols = Array.from({ length: symbolCount }, (_, i) => `S${String(i).padStart(4, '0')}`);
  const market = createMarketState(symbolCount);
  market.bidE4.fill(999_900);
  market.askE4.fill(1_000_000);
  market.midE4.fill(999_950);
  market.dataUs.fill(NOW);
  market.quoteUs.fill(NOW);
  const settings = { ...WIDE_LIMITS, sectors: [{ name: 'all', symbols }] };
  const rules = symbolRules(symbols, settings);
  const open = createOpenOrders(symbolCount, 1);
  const log = createCheckLog(symbolCount);
  const positionShares = new Float64Array(symbolCount).fill(10);
  const advDollars = new Float64Array(symbolCount).fill(1e9);
  const working = symbols.map((_, symbolIx) => ({ symbolIx, side: 'buy', leavesQuantity: 1 }) as const);
  return (): OrderRequest[] => {
    const memory = createRiskMemory(symbolCount);
    const facts = {
      tUs: NOW,
      isSessionOpen: true,
      isKilled: false,
      isPaused: false,
      isDisconnected: false,
      unreconciled: new Uint8Array(symbols.length),
      isCashUnreconciled: false,
      equityMicros: EQUITY_MICROS,
    };
    const book = openRiskBook({ ...facts, market, positionShares, advDollars, rules, working }, open, {
      leverage: 4,
    });
    return symbols.map((symbol, symbolIx) => {
      const verdict = assessOrder(
        {
          ...{ symbolIx, symbol, side: 'buy', type: 'market', timeInForce: 'day' },
          ...{ quantity: 2, purpose: 'increase' },
        },
        { book, memory, settings, log },
      );
      if (verdict.kind === 'refused') throw new Error(`${symbol}: ${verdict.check}`);
      recordIntent(book, memory, verdict);
      return orderRequestOf(verdict, symbol);
    });
  };
}

/** The exchange's door, with every symbol at it. */
function doorOf(requests: readonly OrderRequest[]) {
  const symbols = requests.map(({ symbol }) => symbol);
  const state = createExchange(SETTINGS, { symbols, initialCashMicros: EQUITY_MICROS });
  return (): void => {
    openSession(state, SESSION);
    state.working = [];
    state.bidE4.fill(999_900);
    state.askE4.fill(1_000_000);
    state.marks.priceE4.fill(999_950);
    for (const request of requests) {
      const [report] = submitOrder(state, request, NOW);
      if (report!.type !== 'OrderAccepted') throw new Error(JSON.stringify(report));
    }
  };
}

/** Nanoseconds a symbol, the best of several: what else the machine does only ever adds. */
function nanosecondsPerSymbol(run: () => unknown, symbolCount: number): number {
  const repeats = 2_000 / symbolCount;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round += 1) {
    const start = process.hrtime.bigint();
    for (let k = 0; k < repeats; k += 1) run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (repeats * symbolCount));
  }
  return best;
}

describe('cost a symbol from 10 to 500 symbols, every one of them with an order', () => {
  // flat is 1; a scan of the book or of the orders for each order makes it 20 to 50
  const FLAT = 4;

  it('stays flat in stage 6', () => {
    const [few, many] = [10, 500].map((n) => nanosecondsPerSymbol(stageOver(n), n));
    expect(many! / few!).toBeLessThan(FLAT);
  });

  it('stays flat at the door of the exchange', () => {
    const [few, many] = [10, 500].map((n) => nanosecondsPerSymbol(doorOf(stageOver(n)()), n));
    expect(many! / few!).toBeLessThan(FLAT);
  });
});
