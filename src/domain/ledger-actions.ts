import type { CorporateAction, DividendAction, SplitAction } from './corporate-actions.ts';
import { assertNever, InvariantError } from './errors.ts';
import { recordEntry } from './execution-journal.ts';
import type { Ledger } from './ledger.ts';
import { closeTrip, type OpenTrip, type RoundTrip } from './lots.ts';
import { exactMicros } from './money.ts';
import { type LeftFraction, splitLots } from './split-lots.ts';
import { indexOfSymbol } from './symbol-index.ts';
import type { MoneyMicros, Shares, TimeUs } from './units.ts';

/** What a corporate action did to the books. */
export interface LedgerAdjustment {
  readonly symbolIx: number;
  /** Position after the action, signed. */
  readonly shares: Shares;
  /** What cash changed by: the dividend, or the money for a fraction of a share. */
  readonly cashMicros: MoneyMicros;
  /** Gain on the fraction of a share that was paid out; 0 for a dividend. */
  readonly realizedMicros: MoneyMicros;
  /** Set when a reverse split left no whole share. */
  readonly roundTrip?: RoundTrip;
}

/**
 * Books a corporate action on a position. A dividend is paid to longs and taken from shorts. A split keeps the cost of
 * the position and of its lots; whole shares remain, and a fraction is paid out at the reference price, rounded to a
 * micro-dollar against the account.
 * @returns undefined when nothing of the symbol is held: there is nothing to book
 * @throws InvariantError for a symbol outside the universe
 */
export function applyCorporateAction(
  ledger: Ledger,
  action: CorporateAction,
  tUs: TimeUs,
): LedgerAdjustment | undefined {
  const symbolIx = indexOfSymbol(ledger.symbols, action.symbol);
  if (symbolIx < 0) {
    throw new InvariantError(`${action.kind} of ${action.exDate}: ${action.symbol} is not in the universe`);
  }
  if (ledger.journal !== null) recordEntry(ledger.journal, { kind: 'action', symbolIx, action, tUs });
  if (ledger.shares[symbolIx] === 0) return undefined;
  switch (action.kind) {
    case 'dividend':
      return payDividend(ledger, symbolIx, action);
    case 'split':
      return split(ledger, symbolIx, action, tUs);
    default:
      return assertNever(action);
  }
}

function payDividend(ledger: Ledger, symbolIx: number, { cashMicros }: DividendAction): LedgerAdjustment {
  const shares = ledger.shares[symbolIx];
  const paidMicros = exactMicros(shares * cashMicros);
  ledger.cashMicros = exactMicros(ledger.cashMicros + paidMicros);
  ledger.dividendsMicros = exactMicros(ledger.dividendsMicros + paidMicros);
  const trip = ledger.trips[symbolIx]!;
  trip.dividendsMicros = exactMicros(trip.dividendsMicros + paidMicros);
  return { symbolIx, shares, cashMicros: paidMicros, realizedMicros: 0 };
}

function split(ledger: Ledger, symbolIx: number, action: SplitAction, tUs: TimeUs): LedgerAdjustment {
  const sign = Math.sign(ledger.shares[symbolIx]);
  const { lots, fraction } = splitLots(ledger.lots[symbolIx], action);
  let shares = 0;
  for (const lot of lots) shares += lot.shares;
  const paid = payFraction(fraction, action, sign);
  ledger.lots[symbolIx] = lots;
  ledger.shares[symbolIx] = shares;
  ledger.costMicros[symbolIx] = exactMicros(ledger.costMicros[symbolIx] - sign * paid.costMicros);
  ledger.cashMicros = exactMicros(ledger.cashMicros + paid.cashMicros);
  ledger.realizedMicros = exactMicros(ledger.realizedMicros + paid.realizedMicros);
  ledger.closedFeesMicros = exactMicros(ledger.closedFeesMicros + fraction.feeMicros);
  const trip = ledger.trips[symbolIx]!;
  splitTrip(trip, action, { fraction, paid, tUs });
  const { cashMicros, realizedMicros } = paid;
  if (shares !== 0) return { symbolIx, shares, cashMicros, realizedMicros };
  ledger.trips[symbolIx] = null;
  return {
    symbolIx,
    shares,
    cashMicros,
    realizedMicros,
    roundTrip: closeTrip(trip, action.symbol, tUs),
  };
}

interface PaidFraction {
  readonly costMicros: MoneyMicros;
  readonly valueMicros: MoneyMicros;
  /** Signed: a short position pays. */
  readonly cashMicros: MoneyMicros;
  readonly realizedMicros: MoneyMicros;
}

/** A new share is worth `reference * oldShares / newShares`, and there are `units / oldShares` of one. */
function payFraction(
  { units, costE4 }: LeftFraction,
  { referencePriceE4, newShares }: SplitAction,
  sign: number,
): PaidFraction {
  const exact = (units * referencePriceE4 * 100) / newShares;
  const valueMicros = exactMicros(sign > 0 ? Math.floor(exact) : Math.ceil(exact));
  const costMicros = exactMicros(costE4 * 100);
  return {
    costMicros,
    valueMicros,
    cashMicros: exactMicros(sign * valueMicros),
    realizedMicros: exactMicros(sign * (valueMicros - costMicros)),
  };
}

/** What a trip counted in old shares, in new ones; the fraction paid out is a part of it that was closed. */
function splitTrip(
  trip: OpenTrip,
  { oldShares, newShares }: SplitAction,
  closed: { readonly fraction: LeftFraction; readonly paid: PaidFraction; readonly tUs: TimeUs },
): void {
  const { fraction, paid, tUs } = closed;
  const fractionShares = fraction.units / oldShares;
  trip.closedShares = (trip.closedShares * newShares) / oldShares + fractionShares;
  trip.shareUs = (trip.shareUs * newShares) / oldShares + fractionShares * (tUs - fraction.openedUs);
  trip.entryNotionalMicros = exactMicros(trip.entryNotionalMicros + paid.costMicros);
  trip.exitNotionalMicros = exactMicros(trip.exitNotionalMicros + paid.valueMicros);
  trip.grossMicros = exactMicros(trip.grossMicros + paid.realizedMicros);
  trip.feesMicros = exactMicros(trip.feesMicros + fraction.feeMicros);
}
