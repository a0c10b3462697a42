import { InvariantError, invariant } from './errors.ts';
import { createJournal, type Journal, recordEntry, takeEarlyFee } from './execution-journal.ts';
import {
  addToTrip,
  type ClosedLot,
  closeLots,
  closeTrip,
  type Lot,
  type OpenTrip,
  openLot,
  openTrip,
  proRataMicros,
  type RoundTrip,
} from './lots.ts';
import { exactMicros, notionalMicros } from './money.ts';
import { type Execution, sideSign } from './orders.ts';
import { indexOfSymbol } from './symbol-index.ts';
import type { MoneyMicros, PriceE4, Shares } from './units.ts';

/**
 * Cash, positions and open lots of one account: plain data, arrays by universe index. Every amount is an integer, so
 * that after every execution, corporate action and fee, exactly:
 * `cash + cost of open lots = initial cash + realised + dividends - fees - borrow fees + adopted`.
 */
export interface Ledger {
  /** Universe, code-unit order. */
  readonly symbols: readonly string[];
  readonly initialCashMicros: MoneyMicros;
  cashMicros: MoneyMicros;
  /** Signed positions. */
  readonly shares: Float64Array;
  /** Signed cost of the open lots, fees not included. */
  readonly costMicros: Float64Array;
  /** Open lots by symbol, oldest first; never more than the position has shares. */
  readonly lots: Lot[][];
  readonly trips: (OpenTrip | null)[];
  /** FIFO price gains of everything closed, before fees. */
  realizedMicros: MoneyMicros;
  /** Dividends received less those paid on short positions. */
  dividendsMicros: MoneyMicros;
  feesMicros: MoneyMicros;
  /** The part of the fees that belongs to closed lots. */
  closedFeesMicros: MoneyMicros;
  /** Charged for borrowed shares; part of no lot, so not among `feesMicros`. */
  borrowFeesMicros: MoneyMicros;
  /** Cash and cost of shares taken over from the broker's books, which no execution explains. */
  adoptedMicros: MoneyMicros;
  /** Null where nothing is ever corrected or repeated. */
  readonly journal: Journal | null;
}

/** What one execution did to the books. */
export interface LedgerChange {
  /** `reversed`: one execution closed the position and opened the other side. */
  readonly kind: 'opened' | 'changed' | 'closed' | 'reversed';
  readonly symbol: string;
  readonly symbolIx: number;
  /** Position after the execution, signed. */
  readonly shares: Shares;
  readonly priceE4: PriceE4;
  /** FIFO price gain of the shares this execution closed, before fees; 0 when it closed none. */
  readonly realizedMicros: MoneyMicros;
  readonly closedLots: readonly ClosedLot[];
  /** Set when the position became flat, or changed sign. */
  readonly roundTrip?: RoundTrip;
}

/**
 * @param options.symbols the universe, code-unit order
 * @param options.keepsJournal whether executions can be corrected; the owner then ages the journal once a session
 */
export function createLedger(options: {
  readonly cashMicros: MoneyMicros;
  readonly symbols: readonly string[];
  readonly keepsJournal?: boolean;
}): Ledger {
  const count = options.symbols.length;
  const cashMicros = exactMicros(options.cashMicros);
  return {
    symbols: options.symbols,
    initialCashMicros: cashMicros,
    cashMicros,
    shares: new Float64Array(count),
    costMicros: new Float64Array(count),
    lots: Array.from({ length: count }, () => []),
    trips: Array.from({ length: count }, () => null),
    realizedMicros: 0,
    dividendsMicros: 0,
    feesMicros: 0,
    closedFeesMicros: 0,
    borrowFeesMicros: 0,
    adoptedMicros: 0,
    journal: options.keepsJournal === true ? createJournal(count) : null,
  };
}

/**
 * Books one execution: cash, fee, lots, position. A lot never mixes directions: an execution through zero closes
 * first and opens the rest, its fee split by shares. With a journal, a fee that was reported before it takes the place of
 * its own.
 * @throws InvariantError on a symbol outside the universe, a quantity, price or fee that is not an exact integer
 */
export function applyExecution(ledger: Ledger, execution: Execution): LedgerChange {
  const { journal } = ledger;
  if (journal === null) return bookExecution(ledger, execution);
  const feeMicros = takeEarlyFee(journal, execution.executionId);
  const charged = feeMicros === undefined ? execution : { ...execution, feeMicros };
  const change = bookExecution(ledger, charged);
  recordEntry(journal, { kind: 'execution', symbolIx: change.symbolIx, versions: [charged] });
  return change;
}

/** The same, whatever the journal has. */
export function bookExecution(ledger: Ledger, execution: Execution): LedgerChange {
  const { symbol, quantity, priceE4, feeMicros, tradeTimeUs } = execution;
  const symbolIx = indexOfSymbol(ledger.symbols, symbol);
  if (symbolIx < 0) {
    throw new InvariantError(`execution ${execution.executionId}: ${symbol} is not in the universe`);
  }
  if (!(Number.isSafeInteger(quantity) && quantity > 0 && Number.isSafeInteger(priceE4) && priceE4 > 0)) {
    throw new InvariantError(
      `execution ${execution.executionId}: quantity ${quantity} and price ${priceE4} must be positive integers`,
    );
  }
  const sign = sideSign(execution.side);
  const before = ledger.shares[symbolIx];
  const closing = before * sign < 0 ? Math.min(Math.abs(before), quantity) : 0;
  const opening = quantity - closing;
  const closingFee = proRataMicros(feeMicros, closing, quantity);

  ledger.cashMicros = exactMicros(ledger.cashMicros - notionalMicros(priceE4, sign * quantity) - feeMicros);
  ledger.feesMicros = exactMicros(ledger.feesMicros + feeMicros);

  let closedLots: readonly ClosedLot[] = [];
  let roundTrip: RoundTrip | undefined;
  if (closing > 0) {
    const exit = { quantity: closing, priceE4, feeMicros: closingFee, timeUs: tradeTimeUs };
    closedLots = closeLots(ledger.lots[symbolIx], exit);
    bookClosedLots(ledger, symbolIx, closedLots);
    if (closing === Math.abs(before)) {
      roundTrip = closeTrip(ledger.trips[symbolIx]!, symbol, tradeTimeUs);
      ledger.trips[symbolIx] = null;
    }
  }
  if (opening > 0) {
    const lot = { shares: sign * opening, priceE4, feeMicros: feeMicros - closingFee, openedUs: tradeTimeUs };
    openLot(ledger.lots[symbolIx], lot);
    ledger.costMicros[symbolIx] = exactMicros(
      ledger.costMicros[symbolIx] + notionalMicros(priceE4, lot.shares),
    );
    ledger.trips[symbolIx] ??= openTrip(sign > 0 ? 'long' : 'short', tradeTimeUs);
  }
  const after = before + sign * quantity;
  ledger.shares[symbolIx] = after;

  let realizedMicros = 0;
  for (const lot of closedLots) realizedMicros += lot.grossMicros;
  realizedMicros = exactMicros(realizedMicros);
  const kind = kindOf(before, after);
  const shares = after;
  return roundTrip === undefined
    ? { kind, symbol, symbolIx, shares, priceE4, realizedMicros, closedLots }
    : { kind, symbol, symbolIx, shares, priceE4, realizedMicros, closedLots, roundTrip };
}

/** Books a lender's charge. @throws InvariantError on an amount that is not an exact integer, or negative */
export function chargeBorrowFee(ledger: Ledger, feeMicros: MoneyMicros): void {
  invariant(feeMicros >= 0, `borrow fee ${feeMicros} micro-dollars is negative`);
  ledger.cashMicros = exactMicros(ledger.cashMicros - exactMicros(feeMicros));
  ledger.borrowFeesMicros = exactMicros(ledger.borrowFeesMicros + feeMicros);
}

function kindOf(before: Shares, after: Shares): LedgerChange['kind'] {
  if (before === 0) return 'opened';
  if (after === 0) return 'closed';
  return before * after < 0 ? 'reversed' : 'changed';
}

function bookClosedLots(ledger: Ledger, symbolIx: number, closedLots: readonly ClosedLot[]): void {
  addToTrip(ledger.trips[symbolIx]!, closedLots);
  for (const lot of closedLots) {
    const signed = lot.direction === 'long' ? lot.quantity : -lot.quantity;
    const cost = notionalMicros(lot.entryPriceE4, signed);
    ledger.costMicros[symbolIx] = exactMicros(ledger.costMicros[symbolIx] - cost);
    ledger.realizedMicros = exactMicros(ledger.realizedMicros + lot.grossMicros);
    ledger.closedFeesMicros = exactMicros(ledger.closedFeesMicros + lot.feesMicros);
  }
}

/**
 * Cash plus positions at their marks.
 * @param marksE4 by universe index, 1e-4 dollars, doubles: a mid may end in .5, which is still exact in micro-dollars
 * @throws InvariantError when a held symbol has no mark: equity must never be guessed
 */
export function equityMicros(ledger: Ledger, marksE4: ArrayLike<number>): MoneyMicros {
  let equity = ledger.cashMicros;
  for (let i = 0; i < ledger.shares.length; i += 1) {
    if (ledger.shares[i] !== 0) equity += markedMicros(ledger, marksE4, i);
  }
  return exactMicros(equity);
}

/** Sum of the absolute market values of all positions. */
export function grossMicros(ledger: Ledger, marksE4: ArrayLike<number>): MoneyMicros {
  let gross = 0;
  for (let i = 0; i < ledger.shares.length; i += 1) {
    if (ledger.shares[i] !== 0) gross += Math.abs(markedMicros(ledger, marksE4, i));
  }
  return exactMicros(gross);
}

/** Market value of one position, signed. */
export function markedMicros(ledger: Ledger, marksE4: ArrayLike<number>, symbolIx: number): MoneyMicros {
  const shares = ledger.shares[symbolIx];
  if (shares === 0) return 0;
  const mark = marksE4[symbolIx];
  // the message is made only when it is needed: this runs for every position of every slice
  if (!(mark > 0)) {
    throw new InvariantError(`${ledger.symbols[symbolIx]}: a position of ${shares} shares has no mark`);
  }
  return exactMicros(Math.round(shares * mark * 100));
}

/**
 * The books, added up again from their parts.
 * @throws InvariantError naming the sum that does not balance
 */
export function checkBalance(ledger: Ledger): void {
  let costMicros = 0;
  let openFeesMicros = 0;
  for (let i = 0; i < ledger.symbols.length; i += 1) {
    let lotShares = 0;
    let lotCostMicros = 0;
    for (const lot of ledger.lots[i]) {
      lotShares += lot.shares;
      lotCostMicros += notionalMicros(lot.priceE4, lot.shares);
      openFeesMicros += lot.feeMicros;
    }
    const symbol = ledger.symbols[i];
    invariant(
      lotShares === ledger.shares[i],
      `${symbol}: lots hold ${lotShares}, position ${ledger.shares[i]}`,
    );
    invariant(
      lotCostMicros === ledger.costMicros[i],
      `${symbol}: lots cost ${lotCostMicros}, booked ${ledger.costMicros[i]} micro-dollars`,
    );
    costMicros += lotCostMicros;
  }
  const left = ledger.cashMicros + costMicros;
  const { initialCashMicros, realizedMicros, dividendsMicros, adoptedMicros } = ledger;
  const feesMicros = ledger.feesMicros + ledger.borrowFeesMicros;
  const right = initialCashMicros + realizedMicros + dividendsMicros - feesMicros + adoptedMicros;
  invariant(
    left === right,
    `cash + cost ${left} is not initial + realised + dividends - fees + adopted ${right} micro-dollars`,
  );
  invariant(
    openFeesMicros + ledger.closedFeesMicros === ledger.feesMicros,
    `fees of lots ${openFeesMicros} + ${ledger.closedFeesMicros} are not all fees ${ledger.feesMicros}`,
  );
}
