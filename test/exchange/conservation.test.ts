import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyExecution, checkBalance, createLedger } from '../../src/domain/ledger.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketSlice } from '../../src/domain/market-table.ts';
import {
  canMove,
  type OrderRequest,
  type OrderStatus,
  type Side,
  sideSign,
} from '../../src/domain/orders.ts';
import type { ExchangeSettings, FeeModel } from '../../src/domain/settings.ts';
import type { OrderReport } from '../../src/events/inputs.ts';
import {
  bookExecution,
  forgetClaims,
  remainingMicros,
  runningAccount,
} from '../../src/exchange/buying-power.ts';
import {
  accountSnapshot,
  applySlice,
  cancelOrder,
  closeSession,
  openSession,
  submitOrder,
} from '../../src/exchange/exchange.ts';
import { createExchange, type ExchangeState } from '../../src/exchange/state.ts';
import { type BarRow, indexOf, MINUTE_US, OPEN_US, SESSION, slicesOf, sliceTimeUs, tableOf } from './bars.ts';

const SYMBOLS = ['AAA', 'BBB'];
const MINUTES = 12;
const BPS_FEE = { kind: 'bps', bps: 1 } as const;

type Action =
  | { readonly kind: 'submit'; readonly minute: number; readonly order: OrderRequest }
  | { readonly kind: 'cancel'; readonly minute: number; readonly clientOrderId: string };

interface Market {
  readonly cashMicros: number;
  readonly settings: ExchangeSettings;
  readonly rows: readonly BarRow[];
  readonly actions: readonly Action[];
}

const price = fc.integer({ min: 990_000, max: 1_010_000 });
const spread = fc.integer({ min: -50, max: 2_000 });
const row = fc
  .record({
    bidOpenE4: price,
    bidCloseE4: price,
    openSpread: spread,
    closeSpread: spread,
    range: fc.integer({ min: 0, max: 5_000 }),
    closeE4: price,
    volume: fc.integer({ min: 0, max: 2_000 }),
    askSize: fc.integer({ min: 0, max: 300 }),
    bidSize: fc.integer({ min: 0, max: 300 }),
    isPresent: fc.constantFrom(true, true, true, false),
    flags: fc.constantFrom(
      7,
      7,
      7,
      7,
      7,
      7,
      HAS_BID | HAS_ASK,
      HAS_TRADE,
      HAS_ASK | HAS_TRADE,
      7 | IS_HALTED,
    ),
  })
  .map(({ openSpread, closeSpread, range, ...rest }) => {
    const askOpenE4 = rest.bidOpenE4 + openSpread;
    const askCloseE4 = rest.bidCloseE4 + closeSpread;
    const askLowE4 = Math.min(askOpenE4, askCloseE4) - range;
    return {
      ...rest,
      askOpenE4,
      askCloseE4,
      askLowE4,
      bidHighE4: Math.max(rest.bidOpenE4, rest.bidCloseE4) + range,
    };
  });

const fee = fc.oneof<fc.Arbitrary<FeeModel>[]>(
  fc.record({ kind: fc.constant('bps'), bps: fc.integer({ min: 0, max: 30 }) }),
  fc.record({
    kind: fc.constant('per_share'),
    perShareMicros: fc.integer({ min: 0, max: 9_999 }),
    minimumMicros: fc.integer({ min: 0, max: 2_000_000 }),
  }),
);

const settings: fc.Arbitrary<ExchangeSettings> = fc.record({
  decisionAllowanceUs: fc.constantFrom(0, 5_000_000),
  slippageBps: fc.integer({ min: 0, max: 200 }).map((n) => n / 10),
  impactBps: fc.integer({ min: 0, max: 500 }).map((n) => n / 10),
  participationCap: fc.constantFrom(0, 0.07, 0.1, 0.25, 1),
  displayedSizeCap: fc.constantFrom(0.3, 1),
  fee,
  allowShort: fc.boolean(),
  borrow: fc.constant({ annualBps: 0, annualBpsBySymbol: {}, noBorrowSymbols: [] }),
  leverage: fc.constantFrom(1, 2),
});

const submit = fc.record({
  minute: fc.integer({ min: 0, max: MINUTES - 1 }),
  side: fc.constantFrom<Side>('buy', 'sell'),
  symbol: fc.constantFrom(...SYMBOLS),
  type: fc.constantFrom('market', 'limit', 'marketable_limit'),
  timeInForce: fc.constantFrom('day', 'ioc'),
  quantity: fc.integer({ min: 1, max: 250 }),
  limitPriceE4: price,
});

const market: fc.Arbitrary<Market> = fc
  .record({
    settings,
    cashMicros: fc.constantFrom(20_000_000_000, 60_000_000_000, 20_000_000_000_000),
    rows: fc.array(row, { minLength: MINUTES * 2, maxLength: MINUTES * 2 }),
    orders: fc.array(submit, { maxLength: 25, size: 'max' }),
    cancels: fc.array(fc.record({ minute: fc.integer({ min: 0, max: MINUTES }), of: fc.nat(25) }), {
      maxLength: 6,
    }),
  })
  .map(({ settings, cashMicros, rows, orders, cancels }) => ({
    settings,
    cashMicros,
    rows: rows.flatMap(({ isPresent, ...rest }, k) =>
      isPresent ? [{ ...rest, symbol: SYMBOLS[k % 2], minute: 1 + (k >> 1) }] : [],
    ),
    actions: [
      ...orders.map(({ minute, limitPriceE4, ...rest }, k): Action => {
        const base = { ...rest, clientOrderId: `o${k}`, purpose: 'open' } as const;
        return { kind: 'submit', minute, order: rest.type === 'market' ? base : { ...base, limitPriceE4 } };
      }),
      ...cancels.map(({ minute, of }): Action => ({ kind: 'cancel', minute, clientOrderId: `o${of}` })),
    ],
  }));

type Step = { readonly tUs: number } & ({ readonly slice: MarketSlice } | { readonly action: Action });

/** The inputs in logical order: the slice of a minute, then what was decided at its end. */
function stepsOf({ rows, actions }: Market): Step[] {
  const slices = rows.length === 0 ? [] : slicesOf(tableOf(rows));
  const steps: Step[] = [];
  for (let minute = 0; minute <= MINUTES; minute += 1) {
    const tUs = OPEN_US + minute * MINUTE_US;
    for (const slice of slices) if (sliceTimeUs(slice) === tUs) steps.push({ tUs, slice });
    for (const action of actions) if (action.minute === minute) steps.push({ tUs, action });
  }
  return steps;
}

function take(state: ExchangeState, step: Step): OrderReport[] {
  if ('slice' in step) return applySlice(state, step.slice, indexOf(state, step.slice), step.tUs);
  const { action, tUs } = step;
  return action.kind === 'submit'
    ? submitOrder(state, action.order, tUs)
    : cancelOrder(state, action.clientOrderId, tUs);
}

function start({ settings, cashMicros }: Market): ExchangeState {
  const state = createExchange(settings, { symbols: SYMBOLS, initialCashMicros: cashMicros });
  openSession(state, SESSION);
  return state;
}

function run(given: Market): { state: ExchangeState; reports: OrderReport[] } {
  const state = start(given);
  const reports = stepsOf(given).flatMap((step) => take(state, step));
  reports.push(...closeSession(state, SESSION.closeUs));
  return { state, reports };
}

function orderOf(given: Market, id: string): OrderRequest & { readonly submittedUs: number } {
  const action = given.actions.find((a) => a.kind === 'submit' && a.order.clientOrderId === id);
  if (action?.kind !== 'submit') throw new Error(`no order ${id}`);
  return { ...action.order, submittedUs: OPEN_US + action.minute * MINUTE_US };
}

const STATUS: Readonly<Record<OrderReport['type'], OrderStatus>> = {
  OrderAccepted: 'accepted',
  OrderRejected: 'rejected',
  OrderPartiallyFilled: 'partially_filled',
  OrderFilled: 'filled',
  OrderCancelled: 'cancelled',
  OrderExpired: 'expired',
};

describe('the simulated exchange, any orders in any market', () => {
  it('every order moves legally, ends, and never fills more than it asked for', () => {
    fc.assert(
      fc.property(market, (given) => {
        const { reports, state } = run(given);
        const status = new Map<string, OrderStatus>();
        const filled = new Map<string, number>();
        for (const report of reports) {
          const id = 'execution' in report ? report.execution.clientOrderId : report.clientOrderId;
          const from = status.get(id) ?? 'intended';
          expect(canMove(from, STATUS[report.type]), `${id}: ${from} -> ${report.type}`).toBe(true);
          status.set(id, STATUS[report.type]);
          if (!('execution' in report)) continue;
          filled.set(id, (filled.get(id) ?? 0) + report.execution.quantity);
          const leaves = report.type === 'OrderFilled' ? 0 : report.leavesQuantity;
          expect(filled.get(id)! + leaves).toBe(orderOf(given, id).quantity);
        }
        expect(state.working).toEqual([]);
        for (const [id, last] of status) expect(['accepted', 'partially_filled'], id).not.toContain(last);
      }),
    );
  });

  it('no fill before the slice after the submit, none better than the touch or worse than the limit, none beyond the volume', () => {
    fc.assert(
      fc.property(market, (given) => {
        const { reports } = run(given);
        const taken = new Map<string, number>();
        for (const report of reports) {
          if (!('execution' in report)) continue;
          const { execution, tUs } = report;
          const { side, symbol, quantity, priceE4 } = execution;
          const asked = orderOf(given, execution.clientOrderId);
          const bar = given.rows.find((r) => r.symbol === symbol && OPEN_US + r.minute * MINUTE_US === tUs)!;
          const flags = bar.flags!;
          expect(tUs).toBeGreaterThan(asked.submittedUs);
          expect(execution.tradeTimeUs).toBeGreaterThanOrEqual(asked.submittedUs);
          expect(flags & (HAS_BID | HAS_ASK | IS_HALTED)).toBe(HAS_BID | HAS_ASK);
          expect(bar.bidOpenE4).toBeLessThanOrEqual(bar.askOpenE4!);
          const sign = sideSign(side);
          const touch = side === 'buy' ? bar.askOpenE4! : bar.bidOpenE4!;
          const best = side === 'buy' ? Math.min(touch, bar.askLowE4!) : Math.max(touch, bar.bidHighE4!);
          expect((priceE4 - (asked.type === 'market' ? touch : best)) * sign).toBeGreaterThanOrEqual(0);
          if (asked.limitPriceE4 !== undefined)
            expect((asked.limitPriceE4 - priceE4) * sign).toBeGreaterThanOrEqual(0);
          expect(Number.isInteger(priceE4) && Number.isInteger(execution.feeMicros)).toBe(true);
          expect(execution.feeMicros).toBeGreaterThanOrEqual(0);
          const key = `${symbol} ${tUs}`;
          taken.set(key, (taken.get(key) ?? 0) + quantity);
          const size = side === 'buy' ? bar.askSize! : bar.bidSize!;
          const most = (flags & HAS_TRADE) === 0 ? size : bar.volume! * given.settings.participationCap;
          if ((flags & HAS_TRADE) !== 0) expect(taken.get(key)).toBeLessThanOrEqual(most);
          else expect(quantity).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  it('its books balance and equal a ledger kept from the reports', () => {
    fc.assert(
      fc.property(market, (given) => {
        const state = start(given);
        const mirror = createLedger({ cashMicros: given.cashMicros, symbols: SYMBOLS });
        for (const step of stepsOf(given)) {
          for (const report of take(state, step)) {
            if ('execution' in report) applyExecution(mirror, report.execution);
          }
          checkBalance(state.ledger);
          expect(mirror).toEqual(state.ledger);
        }
      }),
    );
  });

  it('counts claims on buying power once, and to the same sum as counting them all again', () => {
    fc.assert(
      fc.property(market, (given) => {
        const state = start(given);
        for (const step of stepsOf(given)) {
          take(state, step);
          const kept = remainingMicros(state);
          forgetClaims(state);
          expect(kept).toBe(remainingMicros(state));
        }
      }),
    );
  });

  it('keeps equity and gross over executions to the same sums as adding them up again', () => {
    const trade = fc.record({
      symbolIx: fc.constantFrom(0, 1),
      side: fc.constantFrom<Side>('buy', 'sell'),
      quantity: fc.integer({ min: 1, max: 500 }),
      priceE4: price,
      feeMicros: fc.nat(1e6),
    });
    fc.assert(
      fc.property(market, fc.array(trade, { maxLength: 12 }), (given, trades) => {
        const state = start(given);
        for (const step of stepsOf(given)) if ('slice' in step) take(state, step);
        const account = runningAccount(state);
        trades.forEach(({ symbolIx, ...rest }, k) => {
          const ids = { executionId: `t${k}`, clientOrderId: 'o', tradeTimeUs: OPEN_US };
          const execution = { ...rest, ...ids, symbol: SYMBOLS[symbolIx]! };
          bookExecution(state, account, { execution, symbolIx });
          expect(account).toEqual(runningAccount(state));
        });
      }),
    );
  });

  it('a cash account is never short and never overdrawn, whatever the market opens at', () => {
    const cash = market.map(({ rows, ...rest }) => ({
      ...rest,
      cashMicros: 20_000_000_000,
      rows: rows.map((r) => ({
        ...r,
        flags: 7,
        volume: 2_000,
        askOpenE4: r.askOpenE4! + (r.minute % 3) * 200_000,
      })),
      settings: { ...rest.settings, allowShort: false, leverage: 1, participationCap: 1, fee: BPS_FEE },
    }));
    fc.assert(
      fc.property(cash, (given) => {
        const state = start(given);
        for (const step of stepsOf(given)) {
          take(state, step);
          const { positions, cashMicros } = accountSnapshot(state);
          expect(Math.min(0, ...Object.values(positions))).toBe(0);
          expect(cashMicros).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('the same inputs give the same reports; a snapshot in the middle goes on as if nothing happened', () => {
    fc.assert(
      fc.property(market, fc.nat(), (given, seed) => {
        const { reports, state: finished } = run(given);
        const steps = stepsOf(given);
        const cut = steps.length === 0 ? 0 : seed % steps.length;
        let state = start(given);
        const again: OrderReport[] = [];
        steps.forEach((step, k) => {
          if (k === cut) state = structuredClone(state);
          again.push(...take(state, step));
        });
        again.push(...closeSession(state, SESSION.closeUs));
        expect(again).toEqual(reports);
        expect(state).toEqual(finished);
      }),
    );
  });

  it('what comes after an order was done does not change its fills: no look-ahead', () => {
    fc.assert(
      fc.property(market, fc.integer({ min: 1, max: MINUTES }), (given, minute) => {
        const cutUs = OPEN_US + minute * MINUTE_US;
        const changed = given.rows.map((r) =>
          r.minute <= minute
            ? r
            : { ...r, askOpenE4: r.askOpenE4! + 7_777, volume: r.volume! + 100, bidHighE4: 1 },
        );
        const reportsToCut = (all: readonly OrderReport[]): OrderReport[] =>
          all.filter((report) => report.tUs <= cutUs);
        expect(reportsToCut(run({ ...given, rows: changed }).reports)).toEqual(
          reportsToCut(run(given).reports),
        );
      }),
    );
  });
});
