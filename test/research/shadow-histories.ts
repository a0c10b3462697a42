import fc from 'fast-check';
import { universeIndexOf } from '../../src/domain/marks.ts';
import type { Execution, OrderRequest, Side as OrderSide } from '../../src/domain/orders.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { attributeSession, halfE4, type SymbolShortfall } from '../../src/research/shadow/attribute.ts';
import { addBars, createSessionBars } from '../../src/research/shadow/session-bars.ts';
import { createSide, endSession, type Side, takeDerived, takeInput } from '../../src/research/shadow/side.ts';
import { MINUTE_US, OPEN_US, slicesOf, tableOf } from '../exchange/bars.ts';

export const SYMBOLS = ['AAA', 'BBB'] as const;
export type TestSymbol = (typeof SYMBOLS)[number];
const CASH = 1_000_000_000_000;
const MINUTES = 6;
const MINUTES_A_DAY = 1440;

export interface Piece {
  readonly quantity: number;
  readonly priceE4: number;
  readonly feeMicros: number;
  /** Bars that it trades after its cycle. */
  readonly later: number;
  /** A correction that follows at once; quantity 0 takes it back. */
  readonly corrected?: { readonly quantity: number; readonly priceE4: number };
  /** The whole fee, told later. */
  readonly lateFeeMicros?: number;
}

export interface TestOrder {
  readonly side: OrderSide;
  readonly quantity: number;
  readonly end: 'filled' | 'cancelled' | 'rejected';
  /** Bars between its cycle and its acceptance. */
  readonly acceptedLater?: number;
  readonly pieces: readonly Piece[];
}

export interface TestDecision {
  readonly session: 0 | 1;
  /** The bar that its cycle follows, from 1. */
  readonly minute: number;
  readonly symbol: TestSymbol;
  readonly horizon?: string;
  readonly simulated: TestOrder | null;
  readonly actual: TestOrder | null;
}

export interface Extras {
  readonly borrowMicros: number;
  readonly dividendMicros: number;
  readonly adoptedCashMicros: number;
  readonly adoptedShares: number;
  readonly byHand: Pick<Piece, 'quantity' | 'priceE4'> | null;
}

export interface History {
  /** Mid in halves of 1e-4 dollars and half the spread, by session, symbol and minute; null: no bar. */
  readonly quotes: readonly (readonly (readonly (TestQuote | null)[])[])[];
  readonly decisions: readonly TestDecision[];
  readonly extras: { readonly simulated: Extras; readonly actual: Extras };
}

export interface TestQuote {
  readonly bidE4: number;
  readonly askE4: number;
}

const NONE: Extras = {
  borrowMicros: 0,
  dividendMicros: 0,
  adoptedCashMicros: 0,
  adoptedShares: 0,
  byHand: null,
};

/** A history over a market that stands still but for the quotes that are given. */
export function historyOf(
  decisions: readonly TestDecision[],
  quoteAt: (symbol: TestSymbol, minute: number) => TestQuote,
  actual: Partial<Extras> = {},
): History {
  const day = SYMBOLS.map((symbol) =>
    Array.from({ length: MINUTES }, (_, minute) => quoteAt(symbol, minute + 1)),
  );
  return { quotes: [day, day], decisions, extras: { simulated: NONE, actual: { ...NONE, ...actual } } };
}

/** What each side gained by symbol (`cash`: of none), reckoned with its own arithmetic. */
export type Gains = ReadonlyMap<string, bigint>;

export interface Played {
  readonly rows: readonly SymbolShortfall[];
  readonly gains: { readonly simulated: Gains; readonly actual: Gains };
}

/** Plays a history to both sides and attributes its sessions. */
export function play(history: History): Played {
  const universe = { symbols: SYMBOLS, initialCashMicros: CASH };
  const sides = { simulated: createSide(universe), actual: createSide(universe) };
  const rows: SymbolShortfall[] = [];
  for (const session of [0, 1] as const) {
    const bars = createSessionBars();
    const timeline = new Map<number, Map<'simulated' | 'actual', (() => void)[]>>();
    for (const name of ['simulated', 'actual'] as const) {
      schedule(history, { session, name, side: sides[name] }, (minute, act) => {
        const due = timeline.get(minute) ?? new Map();
        timeline.set(minute, due);
        due.set(name, [...(due.get(name) ?? []), act]);
      });
      openSession(sides[name], { session, extras: history.extras[name] });
    }
    for (let minute = 1; minute <= MINUTES; minute += 1) {
      const slice = sliceOf(history, session, minute);
      if (slice !== undefined) {
        addBars(bars, slice, universeIndexOf(SYMBOLS, slice.table.symbols));
        for (const side of Object.values(sides)) {
          takeInput(side, { type: 'MarketSlice', tUs: timeOf(session, minute), origin: 'inline', slice });
        }
      }
      for (const acts of timeline.get(minute)?.values() ?? []) for (const act of acts) act();
    }
    const markE4 = sides.actual.collector.marks.priceE4.map(halfE4);
    const [simulated, actual] = [endSession(sides.simulated), endSession(sides.actual)];
    rows.push(
      ...attributeSession({ date: dateOf(session), symbols: SYMBOLS, bars, markE4, simulated, actual }),
    );
  }
  const marks = sides.actual.collector.marks.priceE4;
  return {
    rows,
    gains: {
      simulated: gainsOf(history, 'simulated', marks),
      actual: gainsOf(history, 'actual', marks),
    },
  };
}

export function dateOf(session: number): string {
  return `2024-03-0${4 + session}`;
}

function timeOf(session: number, minute: number): number {
  return OPEN_US + (session * MINUTES_A_DAY + minute) * MINUTE_US;
}

function sliceOf({ quotes }: History, session: number, minute: number) {
  const rows = SYMBOLS.flatMap((symbol, i) => {
    const quote = quotes[session]![i]![minute - 1];
    if (quote == null) return [];
    const { bidE4, askE4 } = quote;
    return [{ symbol, minute: session * MINUTES_A_DAY + minute, bidOpenE4: bidE4, askOpenE4: askE4 }];
  });
  return rows.length === 0 ? undefined : slicesOf(tableOf(rows))[0];
}

function openSession(
  side: Side,
  { session, extras }: { readonly session: number; readonly extras: Extras },
): void {
  const openUs = timeOf(session, 0);
  const closeUs = timeOf(session, 390);
  const date = dateOf(session);
  takeInput(side, {
    type: 'SessionOpened',
    tUs: openUs,
    session: { date, openUs, closeUs, isHalfDay: false },
  });
  if (session === 0) return;
  const symbol = 'AAA';
  if (extras.borrowMicros > 0) {
    const charge = { symbol, shares: 1, nights: 1, feeMicros: extras.borrowMicros };
    takeInput(side, { type: 'BorrowFeeCharged', tUs: openUs, ...charge });
  }
  if (extras.dividendMicros > 0) {
    const paid = { kind: 'dividend', symbol, exDate: date, cashMicros: extras.dividendMicros } as const;
    const action = { ...paid, referencePriceE4: 2_000_000 };
    takeInput(side, { type: 'CorporateActionApplied', tUs: openUs, action });
  }
}

function schedule(
  { decisions, extras }: History,
  {
    session,
    name,
    side,
  }: { readonly session: number; readonly name: 'simulated' | 'actual'; readonly side: Side },
  at: (minute: number, act: () => void) => void,
): void {
  const input = (event: InputEvent) => takeInput(side, event);
  const derived = (event: DerivedEvent, minute: number) =>
    takeDerived(side, event, {
      tUs: timeOf(session, minute),
      decisionE4: (i) => halfE4(side.collector.marks.priceE4[i]!),
    });
  for (const { minute, symbol, horizon, ...decided } of decisions.filter((one) => one.session === session)) {
    const order = decided[name];
    if (order === null) continue;
    const clientOrderId = `${name}-${session}-${minute}-${symbol}`;
    const request: OrderRequest = {
      ...{ clientOrderId, symbol, side: order.side, quantity: order.quantity },
      ...{ type: 'market', timeInForce: 'day', purpose: 'open' },
    };
    const cycle = session * MINUTES + minute;
    const tUs = timeOf(session, minute);
    at(minute, () => {
      const intended = { order: request, cycle, reason: 'score_best' } as const;
      derived({ type: 'OrderIntended', ...intended, ...(horizon === undefined ? {} : { horizon }) }, minute);
      if (order.acceptedLater === undefined) input({ type: 'OrderAccepted', tUs, clientOrderId });
    });
    if (order.acceptedLater !== undefined) {
      const later = Math.min(MINUTES, minute + order.acceptedLater);
      at(later, () => input({ type: 'OrderAccepted', tUs: timeOf(session, later), clientOrderId }));
    }
    order.pieces.forEach((piece, k) => {
      const told = Math.min(MINUTES, minute + piece.later);
      at(told, () =>
        fill(input, { request, piece, executionId: `${clientOrderId}-${k}`, tUs: timeOf(session, told) }),
      );
    });
    at(MINUTES, () => {
      const end = timeOf(session, MINUTES);
      if (order.end === 'cancelled') input({ type: 'OrderCancelled', tUs: end, clientOrderId });
      if (order.end === 'rejected') {
        input({ type: 'OrderRejected', tUs: end, clientOrderId, reason: 'halted', detail: '' });
      }
    });
  }
  const { adoptedCashMicros, adoptedShares, byHand } = extras[name];
  if (session !== 1) return;
  at(3, () => {
    if (adoptedCashMicros !== 0) derived({ type: 'CashAdopted', cashMicros: adoptedCashMicros }, 3);
    if (adoptedShares !== 0) {
      const shares = side.collector.ledger.shares[1]! + adoptedShares;
      const adopted = { symbol: 'BBB', change: adoptedShares, shares, priceE4: 1_000_000, realizedMicros: 0 };
      derived({ type: 'PositionAdopted', ...adopted }, 3);
    }
    if (byHand !== null) {
      const traded = { clientOrderId: 'by-hand', symbol: 'AAA', side: 'buy', feeMicros: 0 } as const;
      const execution = { ...byHand, ...traded, executionId: 'hand', tradeTimeUs: timeOf(1, 3) };
      input({ type: 'OrderFilled', tUs: timeOf(1, 3), execution });
    }
  });
}

function fill(
  input: (event: InputEvent) => void,
  {
    request,
    piece,
    executionId,
    tUs,
  }: {
    readonly request: OrderRequest;
    readonly piece: Piece;
    readonly executionId: string;
    readonly tUs: number;
  },
): void {
  const { quantity, priceE4, feeMicros, corrected, lateFeeMicros } = piece;
  const { clientOrderId, symbol, side } = request;
  const execution: Execution = {
    ...{ executionId, clientOrderId, symbol, side, quantity, priceE4, feeMicros },
    // within the bar that began when the last one ended
    tradeTimeUs: tUs + 1_000_000,
  };
  const isWhole = quantity === request.quantity;
  const told = isWhole
    ? ({ type: 'OrderFilled' } as const)
    : ({ type: 'OrderPartiallyFilled', leavesQuantity: 1 } as const);
  input({ ...told, tUs, execution });
  // a repeat moves nothing
  input({ ...told, tUs, execution });
  if (lateFeeMicros !== undefined) {
    input({ type: 'CommissionReported', tUs, executionId, feeMicros: lateFeeMicros });
  }
  if (corrected === undefined) return;
  const put = { ...execution, ...corrected, executionId: `${executionId}-c` };
  input({ type: 'ExecutionCorrected', tUs, execution: put, corrects: executionId });
}

/** The same by other means: whole numbers without bound, and no ledger. */
function gainsOf(history: History, name: 'simulated' | 'actual', marks: Float64Array): Gains {
  const cash = new Map<string, bigint>();
  const shares = new Map<string, bigint>();
  const add = (map: Map<string, bigint>, key: string, amount: bigint): void => {
    map.set(key, (map.get(key) ?? 0n) + amount);
  };
  const extras = history.extras[name];
  for (const session of [0, 1]) {
    if (session === 1) {
      add(
        cash,
        'AAA',
        BigInt(extras.dividendMicros) * (shares.get('AAA') ?? 0n) - BigInt(extras.borrowMicros),
      );
      add(cash, 'cash', BigInt(extras.adoptedCashMicros));
      add(shares, 'BBB', BigInt(extras.adoptedShares));
      if (extras.byHand !== null) {
        add(shares, 'AAA', BigInt(extras.byHand.quantity));
        add(cash, 'AAA', BigInt(-extras.byHand.quantity) * BigInt(extras.byHand.priceE4) * 100n);
      }
    }
    for (const decision of history.decisions) {
      const order = decision.session === session ? decision[name] : null;
      for (const piece of order?.pieces ?? []) {
        const { quantity, priceE4 } = piece.corrected ?? piece;
        const isTakenBack = quantity === 0;
        const signed = BigInt(order!.side === 'buy' ? quantity : -quantity);
        add(shares, decision.symbol, signed);
        add(cash, decision.symbol, -signed * BigInt(priceE4) * 100n);
        // the fee of a correction is that of its report
        const fee =
          piece.corrected === undefined ? (piece.lateFeeMicros ?? piece.feeMicros) : piece.feeMicros;
        if (!isTakenBack) add(cash, decision.symbol, BigInt(-fee));
      }
    }
  }
  SYMBOLS.forEach((symbol, i) => {
    add(cash, symbol, (shares.get(symbol) ?? 0n) * BigInt(Math.round(marks[i]! * 100)));
  });
  return cash;
}

const quoteArb = fc
  .tuple(fc.integer({ min: 900_000, max: 1_100_000 }), fc.integer({ min: 0, max: 501 }))
  .map(([bidE4, widthE4]) => ({ bidE4, askE4: bidE4 + widthE4 }));

const dayArb = fc.tuple(
  ...SYMBOLS.map(() =>
    fc
      .tuple(
        quoteArb,
        fc.array(fc.option(quoteArb, { freq: 4 }), { minLength: MINUTES - 1, maxLength: MINUTES - 1 }),
      )
      .map(([first, rest]) => [first, ...rest]),
  ),
);

const pieceArb = fc.record(
  {
    share: fc.integer({ min: 1, max: 100 }),
    priceE4: fc.integer({ min: 890_000, max: 1_110_000 }),
    feeMicros: fc.integer({ min: 0, max: 2_000_000 }),
    later: fc.integer({ min: 0, max: 3 }),
    corrected: fc.record({
      share: fc.integer({ min: 0, max: 100 }),
      priceE4: fc.integer({ min: 890_000, max: 1_110_000 }),
    }),
    lateFeeMicros: fc.integer({ min: -5_000, max: 3_000_000 }),
  },
  { requiredKeys: ['share', 'priceE4', 'feeMicros', 'later'] },
);

const orderArb: fc.Arbitrary<TestOrder> = fc
  .record({
    side: fc.constantFrom<OrderSide>('buy', 'sell'),
    quantity: fc.integer({ min: 1, max: 999 }),
    end: fc.constantFrom('filled' as const, 'cancelled' as const, 'rejected' as const),
    acceptedLater: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    raw: fc.array(pieceArb, { maxLength: 3 }),
  })
  .map(({ raw, acceptedLater, ...order }) => {
    let left = order.quantity;
    const pieces: Piece[] = [];
    for (const { share, corrected, ...piece } of raw) {
      const quantity = Math.floor((left * share) / 100);
      if (quantity === 0) continue;
      left -= quantity;
      const put = corrected && { ...corrected, quantity: Math.floor((quantity * corrected.share) / 100) };
      pieces.push({ ...piece, quantity, ...(put === undefined ? {} : { corrected: put }) });
    }
    return { ...order, pieces, ...(acceptedLater === undefined ? {} : { acceptedLater }) };
  });

const extrasArb: fc.Arbitrary<Extras> = fc.record({
  borrowMicros: fc.constantFrom(0, 1_234_567),
  dividendMicros: fc.constantFrom(0, 250_000),
  adoptedCashMicros: fc.constantFrom(0, -7_654_321),
  adoptedShares: fc.constantFrom(0, 13, -13),
  byHand: fc.option(fc.constant({ quantity: 5, priceE4: 1_000_100 })),
});

/** Two days of two symbols, and what two sides made of them: the same decisions now and then, and other fills. */
export const historyArb: fc.Arbitrary<History> = fc.record({
  quotes: fc.tuple(dayArb, dayArb),
  decisions: fc.uniqueArray(
    fc
      .record({
        session: fc.constantFrom(0 as const, 1 as const),
        minute: fc.integer({ min: 1, max: MINUTES - 1 }),
        symbol: fc.constantFrom(...SYMBOLS),
        horizon: fc.constantFrom('5m', '15m'),
        simulated: fc.option(orderArb),
        actual: fc.option(orderArb),
        isSameSide: fc.boolean(),
      })
      .map(({ isSameSide, ...decision }) => {
        const { simulated, actual } = decision;
        if (!isSameSide || simulated === null || actual === null) return decision;
        return { ...decision, actual: { ...actual, side: simulated.side } };
      }),
    { selector: ({ session, minute, symbol }) => `${session} ${minute} ${symbol}`, maxLength: 12 },
  ),
  extras: fc.record({ simulated: extrasArb, actual: extrasArb }),
});
