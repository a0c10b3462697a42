import { createLedger, type Ledger } from '../domain/ledger.ts';
import { createMarks, type Marks } from '../domain/marks.ts';
import type { OrderRequest } from '../domain/orders.ts';
import type { ExchangeSettings } from '../domain/settings.ts';
import type { MoneyMicros, Shares, TimeUs } from '../domain/units.ts';
import { createLending, type Lending } from './lending.ts';

/** An accepted order that is not done. */
export interface WorkingOrder {
  /** Number of the order, rising in the order of submission. */
  readonly ordinal: number;
  readonly request: OrderRequest;
  readonly symbolIx: number;
  readonly submittedUs: TimeUs;
  leavesQuantity: Shares;
  filledNotionalMicros: MoneyMicros;
  /** Fees charged so far: a minimum is charged once over all partial fills. */
  feesMicros: MoneyMicros;
}

/**
 * What working orders claim of buying power, by universe index and side, and the worst price among them. Counted when
 * it is first asked for after the market, the books or the orders moved, and kept while orders only come in.
 */
export interface Claimed {
  isCurrent: boolean;
  /** Equity at the marks, and what positions and orders use of it at the worst, micro-dollars. */
  equityMicros: MoneyMicros;
  usedMicros: MoneyMicros;
  readonly buyShares: Float64Array;
  readonly buyWorstE4: Float64Array;
  readonly sellShares: Float64Array;
  readonly sellWorstE4: Float64Array;
}

/**
 * The whole simulated exchange: plain data, updated in place by the functions of `exchange.ts`. A deep copy of it is
 * a snapshot that keeps working orders, so a crash or a fork goes on as if nothing happened.
 */
export interface ExchangeState {
  readonly settings: ExchangeSettings;
  readonly symbols: readonly string[];
  readonly ledger: Ledger;
  isOpen: boolean;
  /** Opening of the newest session: nights are counted from one to the next. */
  openedUs: TimeUs;
  readonly lending: Lending;
  /** In the order of submission, which is the order they fill in: by rising ordinal. */
  working: WorkingOrder[];
  /** Ordinals of the session's orders by client id. Orders are good for the day, so ids are forgotten at the next opening. */
  sessionOrderIds: Map<string, number>;
  nextOrderOrdinal: number;
  nextExecutionOrdinal: number;
  /** Newest closing quote of the session by universe index; 0 = none, one-sided or crossed. */
  readonly bidE4: Float64Array;
  readonly askE4: Float64Array;
  readonly isHalted: Uint8Array;
  readonly marks: Marks;
  /** Per slice: the row of each symbol (-1 = none) and the shares already taken from it. */
  readonly rowOf: Int32Array;
  readonly takenShares: Float64Array;
  readonly claimed: Claimed;
}

/** @param universe.symbols code-unit order */
export function createExchange(
  settings: ExchangeSettings,
  universe: { readonly symbols: readonly string[]; readonly initialCashMicros: MoneyMicros },
): ExchangeState {
  const { symbols, initialCashMicros } = universe;
  const count = symbols.length;
  return {
    settings,
    symbols,
    ledger: createLedger({ cashMicros: initialCashMicros, symbols }),
    isOpen: false,
    openedUs: 0,
    lending: createLending(symbols, settings.borrow),
    working: [],
    sessionOrderIds: new Map(),
    nextOrderOrdinal: 1,
    nextExecutionOrdinal: 1,
    bidE4: new Float64Array(count),
    askE4: new Float64Array(count),
    isHalted: new Uint8Array(count),
    marks: createMarks(count),
    rowOf: new Int32Array(count),
    takenShares: new Float64Array(count),
    claimed: {
      isCurrent: false,
      equityMicros: 0,
      usedMicros: 0,
      buyShares: new Float64Array(count),
      buyWorstE4: new Float64Array(count),
      sellShares: new Float64Array(count),
      sellWorstE4: new Float64Array(count),
    },
  };
}
