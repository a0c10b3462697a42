import { checkBalance, equityMicros } from '../../../src/domain/ledger.ts';
import type { OrderRequest, Side } from '../../../src/domain/orders.ts';
import type { ExchangeSettings } from '../../../src/domain/settings.ts';
import type { OrderReport } from '../../../src/events/inputs.ts';
import { applySlice, openSession, submitOrder } from '../../../src/exchange/exchange.ts';
import { unroundedFeeMicros } from '../../../src/exchange/fees.ts';
import { slippageBpsAt, slippedPriceE4 } from '../../../src/exchange/prices.ts';
import { createExchange, type ExchangeState } from '../../../src/exchange/state.ts';
import { indexOf, MINUTE_US, OPEN_US, SESSION, slicesOf, sliceTimeUs, tableOf } from '../../exchange/bars.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';

interface QuoteOp {
  readonly op: 'quote';
  readonly symbol: string;
  readonly bid: number;
  readonly ask: number;
}

interface OrderOp {
  readonly op: 'order';
  readonly symbol: string;
  readonly side: string;
  readonly qty: number;
  readonly type?: 'limit';
  readonly limit?: number;
}

export type Op = QuoteOp | OrderOp | { readonly op: 'reset' };

interface BrokerInput {
  readonly initial_cash: number;
  readonly slippage_bps: number | null;
  readonly fee_bps: number | null;
  readonly slippage_model: string | null;
  readonly ops: readonly Op[];
}

/** The volume at which the earlier engine's volume model reached eleven times its fixed slippage. */
const REFERENCE_VOLUME = 5_000_000;

function settingsOf(input: BrokerInput): ExchangeSettings {
  const slippageBps = input.slippage_bps ?? 5;
  return {
    decisionAllowanceUs: 0,
    slippageBps,
    impactBps: input.slippage_model === 'volume_based' ? slippageBps * 10 : 0,
    participationCap: 1,
    displayedSizeCap: 1,
    fee: { kind: 'bps', bps: input.fee_bps ?? 1 },
    allowShort: false,
    borrow: { annualBps: 0, annualBpsBySymbol: {}, noBorrowSymbols: [] },
    leverage: 1,
  };
}

/** The account under test: the exchange, and what the vectors count beside it. */
interface Account {
  readonly state: ExchangeState;
  readonly quotes: Map<string, QuoteOp>;
  orders: number;
  fills: number;
  fillsSinceMinute3: number;
}

function newAccount(input: BrokerInput): Account {
  const symbols = [...new Set(input.ops.flatMap((op) => ('symbol' in op ? [op.symbol] : [])))].sort();
  const state = createExchange(settingsOf(input), {
    symbols,
    initialCashMicros: Math.round(input.initial_cash * 1e6),
  });
  openSession(state, SESSION);
  return { state, quotes: new Map(), orders: 0, fills: 0, fillsSinceMinute3: 0 };
}

/** Shows the exchange a bar that is quoted at one bid and ask from end to end. */
function showQuote({ state }: Account, quote: QuoteOp, minute: number): OrderReport[] {
  const [slice] = slicesOf(
    tableOf([
      {
        symbol: quote.symbol,
        minute,
        bidOpenE4: Math.round(quote.bid * 1e4),
        askOpenE4: Math.round(quote.ask * 1e4),
        volume: REFERENCE_VOLUME,
      },
    ]),
  );
  return applySlice(state, slice, indexOf(state, slice), sliceTimeUs(slice));
}

function portfolioValue({ state }: Account): number {
  return equityMicros(state.ledger, state.marks.priceE4) / 1e6;
}

const WHY: Readonly<Record<string, string>> = {
  no_quote: 'no_quote',
  insufficient_buying_power: 'funds',
  short_not_allowed: 'shares',
};

/**
 * One order: submitted, then shown a bar that repeats the standing quote, because here an order meets the next bar,
 * there it met the quote it saw. Orders are IOC: what does not fill at once was a rejection there.
 */
function stepOrder(account: Account, op: OrderOp, minute: number): object {
  const { state } = account;
  account.orders += 1;
  const side: Side = op.side.toUpperCase() === 'BUY' ? 'buy' : 'sell';
  const base = {
    clientOrderId: `c${account.orders}`,
    symbol: op.symbol,
    side,
    timeInForce: 'ioc',
    quantity: op.qty,
    purpose: 'open',
  } as const;
  const request: OrderRequest =
    op.type === 'limit'
      ? {
          ...base,
          type: 'limit',
          ...(op.limit === undefined ? {} : { limitPriceE4: Math.round(op.limit * 1e4) }),
        }
      : { ...base, type: 'market' };
  const reports = submitOrder(state, request, OPEN_US + 2 * minute * MINUTE_US);
  const quote = account.quotes.get(op.symbol);
  if (quote !== undefined) reports.push(...showQuote(account, quote, 2 * minute + 1));
  checkBalance(state.ledger);
  const fill = reports.find((report) => report.type === 'OrderFilled');
  const refusal = reports.find((report) => report.type === 'OrderRejected');
  if (fill !== undefined) {
    account.fills += 1;
    if (minute >= 3) account.fillsSinceMinute3 += 1;
  }
  const i = state.symbols.indexOf(op.symbol);
  const position = state.ledger.shares[i];
  return {
    status: fill === undefined ? 'rejected' : 'filled',
    order_number: account.orders,
    why:
      fill !== undefined ? null : refusal === undefined ? 'limit' : (WHY[refusal.reason] ?? refusal.reason),
    fill_price: null,
    fee: null,
    ...(fill === undefined ? {} : fillFigures(account, { side, op, quote: quote! })),
    cash: state.ledger.cashMicros / 1e6,
    position,
    average_cost: position === 0 ? 0 : state.ledger.costMicros[i] / position / 1e6,
  };
}

/** Price and fee by our formulas before they are rounded to units of money: those are what the vectors hold. */
function fillFigures(
  { state }: Account,
  fill: { side: Side; op: OrderOp; quote: QuoteOp },
): { fill_price: number; fee: number; slippage_bps: number } {
  const { side, op, quote } = fill;
  const touch = side === 'buy' ? quote.ask : quote.bid;
  const bps = slippageBpsAt(state.settings, op.qty / REFERENCE_VOLUME);
  const price = slippedPriceE4(side, touch, bps);
  const filled = { shares: op.qty, notionalMicros: price * op.qty * 1e6 };
  return { fill_price: price, fee: unroundedFeeMicros(state.settings.fee, filled) / 1e6, slippage_bps: bps };
}

function finalOf(account: Account): object {
  const { state } = account;
  const held = state.symbols.flatMap((symbol, i) => (state.ledger.shares[i] === 0 ? [] : [{ symbol, i }]));
  return {
    cash: state.ledger.cashMicros / 1e6,
    positions: Object.fromEntries(held.map(({ symbol, i }) => [symbol, state.ledger.shares[i]])),
    portfolio_value: portfolioValue(account),
    unrealized: Object.fromEntries(
      held.map(({ symbol, i }) => [
        symbol,
        (state.ledger.shares[i] * state.marks.priceE4[i] * 100 - state.ledger.costMicros[i]) / 1e6,
      ]),
    ),
    quirk_realized: state.ledger.realizedMicros / 1e6,
    total_fees: state.ledger.feesMicros / 1e6,
    n_fills: account.fills,
    fills_since_minute_3: account.fillsSinceMinute3,
  };
}

const ROUNDING =
  'money is integer: prices round to 1e-4 dollars against the trader, fees up to a micro-dollar';

const FIFO = 'lots close first in, first out: there is no average cost';

const REALIZED = 'realised P&L is that of closed lots; there, it lost the starting cash twice';

export const vectorComponent: VectorComponent = {
  component: 'backtest_broker',
  run(input: BrokerInput) {
    let account = newAccount(input);
    const steps = input.ops.map((op, minute) => {
      if (op.op === 'order') return stepOrder(account, op, minute);
      if (op.op === 'reset') {
        account = newAccount(input);
        return null;
      }
      account.quotes.set(op.symbol, op);
      showQuote(account, op, 2 * minute);
      return { portfolio_value: portfolioValue(account) };
    });
    return { steps, final: finalOf(account) };
  },
  deviates: reasonToDeviate,
  restate: restateLots,
  deviatingFields: ({ input }) => {
    const rounding = { reason: ROUNDING, within: roundingOf(input as BrokerInput) };
    const rounded = ['steps.*.cash', 'steps.*.portfolio_value', 'steps.*.average_cost', 'final.cash'];
    const finals = ['portfolio_value', 'unrealized', 'quirk_realized', 'total_fees'].map(
      (name) => `final.${name}`,
    );
    return Object.fromEntries([...rounded, ...finals].map((path) => [path, rounding]));
  },
};

interface Lot {
  readonly price: number;
  shares: number;
}

interface BrokerOutput {
  readonly steps: readonly ({ readonly status: string; readonly fill_price: number } | null)[];
  readonly final: { readonly unrealized: Readonly<Record<string, number>> };
}

/** Costs and profits of lots closed first in, first out, from the vector's own fills. */
function restateLots({ input, output }: VectorFacts): Restated {
  const theirs = output as BrokerOutput;
  let lots = new Map<string, Lot[]>();
  let spent = new Map<string, number>();
  let realized = 0;
  const costOf = (symbol: string) =>
    (lots.get(symbol) ?? []).reduce((sum, lot) => sum + lot.shares * lot.price, 0);
  const steps = theirs.steps.map((step, k) => {
    const op = (input as BrokerInput).ops[k]!;
    if (op.op === 'reset') [lots, spent, realized] = [new Map(), new Map(), 0];
    if (op.op !== 'order' || step === null) return step;
    const { symbol, qty } = op;
    const held = lots.get(symbol) ?? [];
    lots.set(symbol, held);
    if (step.status === 'filled') {
      if (op.side.toUpperCase() === 'BUY') held.push({ price: step.fill_price, shares: qty });
      else realized += qty * step.fill_price - closeLots(held, qty);
    }
    const shares = held.reduce((sum, lot) => sum + lot.shares, 0);
    const average = shares === 0 ? 0 : costOf(symbol) / shares;
    spent.set(symbol, shares * (step as unknown as { readonly average_cost: number }).average_cost);
    return { ...step, average_cost: average };
  });
  // their unrealised profit counts from their average cost
  const unrealized = Object.entries(theirs.final.unrealized).map(([symbol, profit]) => [
    symbol,
    profit + spent.get(symbol)! - costOf(symbol),
  ]);
  const final = { ...theirs.final, unrealized: Object.fromEntries(unrealized), quirk_realized: realized };
  return { output: { steps, final }, reasons: [FIFO, REALIZED] };
}

/** @returns what the closed shares had cost */
function closeLots(lots: Lot[], quantity: number): number {
  let cost = 0;
  for (let left = quantity; left > 0 && lots.length > 0; ) {
    const closed = Math.min(left, lots[0]!.shares);
    cost += closed * lots[0]!.price;
    lots[0]!.shares -= closed;
    left -= closed;
    if (lots[0]!.shares === 0) lots.shift();
  }
  return cost;
}

/** Most that rounding can move: 1e-4 dollars a share and its fee, and a micro-dollar a fee. */
export function roundingOf({ ops, fee_bps }: Pick<BrokerInput, 'ops' | 'fee_bps'>): number {
  const orders = ops.filter((op): op is OrderOp => op.op === 'order');
  const shares = orders.reduce((sum, op) => sum + Math.abs(op.qty), 0);
  return shares * 1e-4 * (1 + (fee_bps ?? 1) / 1e4) + (orders.length + 1) * 1e-6;
}

function reasonToDeviate(facts: VectorFacts): string | undefined {
  const input = facts.input as BrokerInput;
  const orders = input.ops.filter((op): op is OrderOp => op.op === 'order');
  if (input.slippage_bps === 0 || input.fee_bps === 0) return 'a cost of 0 is 0, not the default';
  if (orders.some((op) => op.qty <= 0)) return 'an order of no shares is refused';
  if (orders.some((op) => !Number.isInteger(op.qty))) return 'shares are whole numbers';
  if (orders.some((op) => op.type === 'limit' && op.limit === undefined)) {
    return 'a limit order without a price is refused, not made a market order';
  }
  if (orders.some((op) => op.limit !== undefined && !isWholeE4(op.limit))) {
    return 'limit prices are whole numbers of 1e-4 dollars';
  }
  if (hasLimitInsideSlippage(input)) {
    return 'a limit that the touch meets caps the slippage; there, it refused the order when slippage went beyond it';
  }
  return undefined;
}

function hasLimitInsideSlippage(input: BrokerInput): boolean {
  const quotes = new Map<string, QuoteOp>();
  for (const op of input.ops) {
    if (op.op === 'quote') quotes.set(op.symbol, op);
    const quote = op.op === 'order' ? quotes.get(op.symbol) : undefined;
    if (op.op !== 'order' || op.limit === undefined || quote === undefined) continue;
    const sign = op.side.toUpperCase() === 'BUY' ? 1 : -1;
    const touch = sign > 0 ? quote.ask : quote.bid;
    const bps = slippageBpsAt(settingsOf(input), op.qty / REFERENCE_VOLUME);
    const slipped = touch * (1 + (sign * bps) / 1e4);
    if ((op.limit - touch) * sign >= 0 && (slipped - op.limit) * sign > 0) return true;
  }
  return false;
}

function isWholeE4(price: number): boolean {
  return Math.abs(price * 1e4 - Math.round(price * 1e4)) < 1e-6;
}
